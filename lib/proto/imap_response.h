/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What kind of response it is, and what a server may say to the client of a
 * proxy that understands less than the server does. Pure.
 */
#ifndef PROTO_IMAP_RESPONSE_H
#define PROTO_IMAP_RESPONSE_H

#include "proto/imap_token.h"

enum imap_response_kind {
	IMAP_CONTINUE, /* + ... */
	IMAP_TAGGED,   /* tag OK | NO | BAD ... */
	IMAP_STATUS,   /* * OK | NO | BAD | BYE | PREAUTH ... */
	IMAP_DATA,     /* * [number] WORD ... */
};

struct imap_response {
	enum imap_response_kind kind;
	const uint8_t *tag; /* IMAP_TAGGED */
	size_t tag_len;
	uint32_t number;     /* IMAP_DATA; 0 = none */
	const uint8_t *word; /* OK, FETCH, CAPABILITY, ... */
	size_t word_len;
	const uint8_t *code; /* within the brackets of a status; NULL = none */
	size_t code_len;
	const uint8_t *rest; /* behind the word (and the code) and a blank */
	size_t rest_len;
};

/* ERR_PROTO when it is none. */
int imap_response_parse(const void *text, size_t n, struct imap_response *out,
    struct err *err) must_check;

bool imap_response_is(const struct imap_response *r, const char *word);

/* Is the response code this one ("UIDVALIDITY")? Then its argument. */
bool imap_code_is(const struct imap_response *r, const char *name,
    struct imap_value *argument);

/*
 * The items of a FETCH response, one by one: into the list of r->rest once,
 * then name and value until 0. -1 ERR_PROTO.
 */
int imap_fetch_open(const struct imap_response *r, struct imap_cursor *items,
    struct err *err) must_check;
int imap_fetch_next(struct imap_cursor *items, struct imap_value *name,
    struct imap_value *value, struct err *err) must_check;

/* Is it an item that says nothing about the octets of a message? */
bool imap_item_passes(const void *name, size_t n);

#endif

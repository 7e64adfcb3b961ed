/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* A client's command: tag, name, what follows. Pure; borrows from the text. */
#ifndef PROTO_IMAP_COMMAND_H
#define PROTO_IMAP_COMMAND_H

#include "proto/imap_token.h"

enum { IMAP_TAG_SIZE = 128 };

struct imap_command {
	char tag[IMAP_TAG_SIZE]; /* "*" when there is no usable one */
	bool uid;                /* "UID FETCH": the name is FETCH */
	const uint8_t *name;
	size_t name_len;
	const uint8_t *arguments; /* without the blank before them */
	size_t arguments_len;
};

/* ERR_PROTO with a sentence; the tag is set in any case. */
int imap_command_parse(const void *text, size_t n, struct imap_command *out,
    struct err *err) must_check;

bool imap_command_is(const struct imap_command *c, const char *name);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * One message on its way through the milter, without libmilter: recipients,
 * header fields and body octets in, an outcome and its edits out.
 *
 * Order of calls: message_new, message_recipient..., message_field...,
 * message_end_of_header, message_body..., message_finish.
 */
#ifndef MILTER_MESSAGE_H
#define MILTER_MESSAGE_H

#include "milter/decision.h"
#include "milter/settings.h"
#include "openpgp/seal.h"

struct message;

enum outcome {
	OUTCOME_SEALED,
	OUTCOME_ALREADY_SEALED,
	OUTCOME_PLAINTEXT,
	OUTCOME_DEFERRED,
	OUTCOME_REFUSED,
};

/* settings is borrowed for the life of the message. */
int message_new(const struct settings *settings, struct message **out,
    struct err *err) must_check;
void message_free(struct message **mp);

/* As the MTA wrote it, angle brackets included. */
int message_recipient(struct message *m, const char *address, struct err *err)
    must_check;

/*
 * A field as libmilter gives it: value with its leading blanks
 * (SMFIP_HDR_LEADSPC), folded with LF.
 */
int message_field(struct message *m, const char *name, const char *value,
    struct err *err) must_check;

/*
 * Looks the recipient up and decides. 0: go on; -1: the message ends here with
 * err->kind: ERR_TEMP defer, ERR_PERM refuse. Blocks on the directory.
 */
int message_end_of_header(struct message *m, struct directory *directory,
    int64_t now, struct err *err) must_check;

int message_body(struct message *m, const void *data, size_t n,
    struct err *err) must_check;

/* 0 and the outcome, one of the first three; -1 as above. */
int message_finish(struct message *m, enum outcome *outcome, struct err *err)
    must_check;

/* What the edits need; valid after message_finish(). */
const struct header *message_header(const struct message *m);
bool message_removes(const struct message *m, size_t field);
struct seal *message_seal(struct message *m); /* NULL: no other edits */

/* What the log and the counters need; "" or 0 while unknown. */
const char *message_account(const struct message *m); /* normal form */
const char *message_address(const struct message *m); /* as given */
const char *message_key(const struct message *m); /* fingerprint of the subkey */
/* Postfix has probably cut a header field: that cannot be given back. */
bool message_is_cut(const struct message *m);
uint64_t message_size(const struct message *m); /* octets of header and body */

#endif

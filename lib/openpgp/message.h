/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Reads one encrypted OpenPGP message (binary) whose session key is known: the
 * way back from encrypt.h. Streaming, in constant memory (up to 8 MiB where
 * the sender chose chunks of 4 MiB). AES only; no compression; signatures
 * in it are skipped, not checked.
 */
#ifndef OPENPGP_MESSAGE_H
#define OPENPGP_MESSAGE_H

#include <stdbool.h>

#include "base/sink.h"
#include "crypt/aes.h"

struct message_reader;

/*
 * crypt is borrowed, the session key is copied. The plaintext goes into `to`;
 * NOTHING of it may be used before message_reader_finish() has returned 0:
 * SEIPD version 1 proves its integrity only at the end, and version 2 only
 * there that nothing is missing. When anything fails, throw away what came out.
 */
int message_reader_new(const struct crypt *c, struct aes_key session_key,
    struct sink to, struct message_reader **out, struct err *err) must_check;
/*
 * ERR_PROTO: not one encrypted message. ERR_PERM: it was changed, is for
 * another session key, or has something that is not read here (another cipher,
 * compression). After a failure every call fails.
 */
int message_reader_feed(struct message_reader *r, const void *data, size_t n,
    struct err *err) must_check;
int message_reader_finish(struct message_reader *r, struct err *err) must_check;
/*
 * Is there something in it that is for GPGME to judge: a signature, or
 * compression (which made reading fail)?
 */
bool message_reader_needs_gpg(const struct message_reader *r);
/* Wipes what it held. */
void message_reader_free(struct message_reader **rp);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What sasl.c and the mechanisms share. */
#ifndef PROTO_SASL_PRIVATE_H
#define PROTO_SASL_PRIVATE_H

#include "base/buf.h"
#include "base/limits.h"
#include "proto/sasl.h"

struct sasl_mechanism {
	const char *name;
	const char *properties;
	bool plaintext;
	const char *first_challenge; /* when there is no initial response */
	/* As sasl_answer(); may count its steps in s->state, 0 at first. */
	int (*answer)(struct sasl *s, const uint8_t *in, size_t n,
	    enum sasl_step *next, struct err *err);
	/* As sasl_give_verifier(); NULL when it never asks. */
	int (*give_verifier)(struct sasl *s, enum sasl_step *next,
	    struct err *err);
};

struct sasl {
	const struct sasl_mechanism *mechanism;
	const struct crypt *crypt;
	unsigned state;
	bool ended;
	char user[LIMIT_ADDRESS + 1];
	struct buf challenge;
	struct buf password;
	/* SCRAM */
	char own_nonce[LIMIT_SASL_NONCE + 1];
	struct buf gs2;   /* the header of the client's first message */
	struct buf nonce; /* the client's and ours */
	struct buf said;  /* AuthMessage of RFC 5802, as it comes about */
	struct verifier verifier;
	bool allowed;
};

extern const struct sasl_mechanism sasl_plain, sasl_login, sasl_scram_sha_256;

/*
 * Takes the name the client gives itself. 0 it is none (empty, too long, no
 * UTF-8, control characters), 1.
 */
int sasl_take_user(struct sasl *s, const void *name, size_t n) must_check;
/* The same for the password; -1 when memory is short. */
int sasl_take_password(struct sasl *s, const void *password, size_t n,
    struct err *err) must_check;

#endif

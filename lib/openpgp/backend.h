/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: what stands behind the interface of encrypt.h. There
 * are two backends, chosen by the subkey's algorithm: `native` does the work
 * in-process, `gpgme` starts a gpg for each message.
 *
 * Lifetimes, errors and return values are those of encrypt.h. A session and an
 * encryption are opaque to the caller; each backend casts its own.
 */
#ifndef OPENPGP_BACKEND_H
#define OPENPGP_BACKEND_H

#include <stdbool.h>

#include "openpgp/encrypt.h"

struct pgp_backend {
	/* Can it seal to a subkey of this algorithm and version? Pure. */
	bool (*handles)(const struct pgp_subkey *subkey);

	/*
	 * crypt, cert and subkey are borrowed for the life of the session.
	 * ERR_PERM when the subkey is damaged, ERR_TEMP when it cannot be done
	 * now. *session is set on success only.
	 */
	int (*session_new)(const struct crypt *crypt,
	    const struct pgp_cert *cert, const struct pgp_subkey *subkey,
	    void **session, struct err *err) must_check;
	/* Takes what session_new gave; NULL is fine; sets NULL. */
	void (*session_free)(void **session);

	/*
	 * Starts a message whose octets (binary OpenPGP, no armor) go into
	 * `to` (copied), at any time until finish has returned. Several may
	 * run at once in one session, in one thread.
	 */
	int (*encryption_new)(void *session, struct sink to, void **encryption,
	    struct err *err) must_check;
	/* n may be 0. After a failure only encryption_free is called. */
	int (*feed)(void *encryption, const void *data, size_t n,
	    struct err *err) must_check;
	/* 0 only when the whole message went into the sink. Called once. */
	int (*finish)(void *encryption, struct err *err) must_check;
	/* At any time, also in the middle: ends what runs, waits for it. */
	void (*encryption_free)(void **encryption);
};

extern const struct pgp_backend pgp_backend_native; /* encrypt_native.c */
extern const struct pgp_backend pgp_backend_gpgme;  /* encrypt_gpgme.c */

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Decryption of one OpenPGP message through GPGME, with the keys of the
 * user's own GnuPG (smart cards and agents included). Starts gpg and may ask
 * for a passphrase; blocks.
 */
#ifndef OPENPGP_DECRYPT_H
#define OPENPGP_DECRYPT_H

#include "base/buf.h"

/*
 * Puts the plaintext of the message (armored or binary) into `out` (which
 * should be .secret) only after its integrity was proven; on error `out` is
 * empty. ERR_PERM: not for any key here, or damaged; ERR_TEMP: gpg cannot be
 * run, or the passphrase was not given. gnupg_home NULL is the user's own.
 */
int pgp_decrypt(const char *gnupg_home, const void *data, size_t n,
    struct buf *out, struct err *err) must_check;

/* What gpg says of the signatures in a message. */
enum pgp_verdict {
	PGP_UNSIGNED,
	PGP_GOOD,        /* by a key in the keyring, which may have expired */
	PGP_BAD,         /* of something else, or its key is revoked */
	PGP_UNKNOWN_KEY, /* its key is not in the keyring */
};

struct pgp_signature {
	enum pgp_verdict verdict; /* of several, the worst */
	char key[2 * 32 + 1]; /* fingerprint or ID of its key; "" unknown */
};

struct pgp_decryption {
	const char *gnupg_home;
	/*
	 * As pgp_secret_for_gpg() writes it: no secret key is asked for
	 * then. NULL: the keyring's.
	 */
	const char *session_key;
	/* how long gpg may give no sign of life; 0: as long as it likes */
	int timeout_ms;
};

/* pgp_decrypt(), and what the signatures in the message are worth. */
int pgp_decrypt_more(const struct pgp_decryption *how, const void *data,
    size_t n, struct buf *out, struct pgp_signature *signature,
    struct err *err) must_check;

/*
 * A detached signature (armored or binary) of n octets of text. ERR_TEMP when
 * gpg cannot be run; what is no signature is PGP_BAD.
 */
int pgp_verify(const char *gnupg_home, const void *text, size_t n,
    const void *sig, size_t sig_len, struct pgp_signature *signature,
    struct err *err) must_check;

#endif

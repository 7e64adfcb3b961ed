/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * An unlocked private key: decrypts in-process what was encrypted to it (RSA,
 * ECDH over Curve25519, NIST and brainpool curves, X25519 of RFC 9580). While
 * it is unlocked the secret lies in locked memory, and then in OpenSSL (see
 * crypt_lock_private_keys()); it is wiped. Constant after it was made: threads
 * may share it.
 */
#ifndef OPENPGP_SECRET_H
#define OPENPGP_SECRET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/sink.h"
#include "crypt/crypt.h"

struct pgp_secret;
struct spool;

/*
 * Reads a transferable secret key (armored or binary; version 4 or 6) and
 * unlocks its encryption keys with the passphrase (S2K simple, salted,
 * iterated, Argon2 where OpenSSL has it; AES in CFB with a checksum, AES in
 * OCB; unprotected keys as well). That the public parts belong to the secrets
 * is proven. crypt is borrowed for the life of the key. 1 and *out; 0 when
 * the passphrase is wrong; -1 ERR_PERM when it is no secret key or has no
 * encryption key that can be used here, ERR_TEMP. Costs what the S2K costs, for
 * each encryption key; blocks on nothing.
 */
int pgp_secret_unlock(const struct crypt *crypt, const void *key, size_t n,
    const char *passphrase, size_t passphrase_len, struct pgp_secret **out,
    struct err *err) must_check;
void pgp_secret_free(struct pgp_secret **sp);

/*
 * Was every key in it protected by the passphrase? A file that somebody else
 * keeps for us may be believed only then: anybody could have made another.
 */
bool pgp_secret_was_protected(const struct pgp_secret *s);

/* Fingerprint of the primary key; hexadecimal through pgp_fingerprint_hex(). */
const uint8_t *pgp_secret_fingerprint(
    const struct pgp_secret *s, size_t *len);

/*
 * A key (32 octets) for something else that only the owner may read, made of
 * the secret parts: the same whatever the passphrase is. `purpose` tells one
 * from another.
 */
enum { PGP_DERIVED_LEN = 32 };
int pgp_secret_derive(const struct pgp_secret *s, const char *purpose,
    uint8_t out[PGP_DERIVED_LEN], struct err *err) must_check;

/* Can it decrypt what is encrypted to the (sub)key with this fingerprint? */
bool pgp_secret_has(
    const struct pgp_secret *s, const uint8_t *fingerprint, size_t len);

/*
 * The public part (a transferable public key, binary) into `out`: what
 * pgp_vet() takes.
 */
int pgp_secret_public(const struct pgp_secret *s, struct buf *out,
    struct err *err) must_check;

/*
 * Decrypts one message (binary: PKESK..., one SEIPD). 1: the plaintext went
 * into `to`, complete and proven. 0: not for this key, or it has something that
 * only GPGME reads (compression, a signature, another cipher): nothing may be
 * used of what went into `to`. -1: ERR_PERM it was tampered with or is broken,
 * ERR_TEMP. Nothing that went into `to` may be used before it has returned 1.
 * An error of `to` is returned as it is.
 */
int pgp_secret_decrypt(const struct pgp_secret *s, const void *data, size_t n,
    struct sink to, struct err *err) must_check;

/*
 * The session key of one message, for the next one that has the very same
 * recipients' packets: the two of a sealed message (header record and body)
 * share it, and the second needs no public-key operation. { 0 } at first.
 */
struct pgp_last {
	struct buf recipients; /* empty: nothing is known */
	unsigned data_tag, data_version;
	unsigned cipher;
	uint8_t key[32];
	size_t key_len;
};
void pgp_last_reset(struct pgp_last *last);

/* As pgp_secret_decrypt(). */
int pgp_secret_decrypt_next(const struct pgp_secret *s, struct pgp_last *last,
    const void *data, size_t n, struct sink to, struct err *err) must_check;

/* The same of a message in a spool, which may be decrypted again. */
int pgp_secret_decrypt_spool(const struct pgp_secret *s, struct pgp_last *last,
    struct spool *message, struct sink to, struct err *err) must_check;

/*
 * For GPGME (pgp_decrypt_more()) when pgp_secret_decrypt() has returned 0: the
 * session key as gpg --override-session-key takes it, in `key` (to be wiped).
 * `message` stays empty when it is for the message as it is, else it gets the
 * message in a form that every gpg reads. 1; 0 the message is not for this key;
 * -1 as above.
 */
enum { PGP_SESSION_KEY_TEXT_SIZE = 8 + 2 * 32 + 1 };
int pgp_secret_for_gpg(const struct pgp_secret *s, const void *data, size_t n,
    char key[PGP_SESSION_KEY_TEXT_SIZE], struct buf *message, struct err *err)
    must_check;

#endif

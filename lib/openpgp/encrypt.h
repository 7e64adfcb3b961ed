/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Encryption to one subkey, streaming. A pgp_session is one session key and
 * its PKESK packet (one public-key operation); each pgp_encryption in it is one
 * complete OpenPGP message: PKESK, then one SEIPD packet (version 2 with OCB
 * where the certificate announces it, else version 1) around one literal
 * packet. AES-256, no compression, partial body lengths (RFC 9580).
 *
 * Native (OpenSSL): RSA, ECDH over Curve25519, NIST and brainpool curves,
 * X25519. Any other algorithm goes through GPGME (a gpg process a message, in a
 * throw-away GNUPGHOME that holds only the certificate; the plaintext goes
 * through a pipe) behind the same interface; its messages share no session key.
 */
#ifndef OPENPGP_ENCRYPT_H
#define OPENPGP_ENCRYPT_H

#include "base/sink.h"
#include "crypt/crypt.h"
#include "openpgp/cert.h"

struct pgp_session;
struct pgp_encryption;

/*
 * cert and subkey are borrowed for the life of the session, as is crypt.
 * ERR_PERM when the stored subkey is damaged.
 */
int pgp_session_new(const struct crypt *crypt, const struct pgp_cert *cert,
    const struct pgp_subkey *subkey, struct pgp_session **out,
    struct err *err) must_check;
/* Wipes the session key. NULL and half-built are fine. */
void pgp_session_free(struct pgp_session **sp);

/*
 * Starts a message whose octets (binary OpenPGP) go into `to` (copied). The
 * session is borrowed until pgp_encryption_free(). Several may run at once.
 */
int pgp_encryption_new(struct pgp_session *s, struct sink to,
    struct pgp_encryption **out, struct err *err) must_check;
int pgp_encryption_feed(struct pgp_encryption *e, const void *data, size_t n,
    struct err *err) must_check;
/* Ends the message. Only after it has returned 0 is the output a message. */
int pgp_encryption_finish(struct pgp_encryption *e, struct err *err) must_check;
void pgp_encryption_free(struct pgp_encryption **ep);

#endif

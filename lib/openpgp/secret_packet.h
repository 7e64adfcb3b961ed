/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: one Secret-Key or Secret-Subkey packet (RFC 9580,
 * section 5.5.3), and the key that comes out of it.
 */
#ifndef OPENPGP_SECRET_PACKET_H
#define OPENPGP_SECRET_PACKET_H

#include "crypt/ecdh.h"
#include "crypt/rsa.h"
#include "openpgp/cert.h"
#include "openpgp/cursor.h"
#include "openpgp/pubkey.h"
#include "openpgp/s2k.h"

enum secret_usage {
	SECRET_PLAIN = 0,
	SECRET_AEAD = 253,
	SECRET_SHA1 = 254,
	SECRET_SUM = 255,
};

/* All octets are borrowed from the packet. */
struct secret_packet {
	unsigned tag;
	struct octets public_part; /* the body of the public packet */
	uint8_t version;
	uint8_t usage;
	uint8_t cipher;
	struct s2k s2k;
	struct octets iv;
	struct octets data; /* what is encrypted, with its checksum or tag */
	const char *unusable; /* why it cannot be unlocked here; else NULL */
};

/*
 * Takes the body of a packet apart. ERR_PERM when it is damaged, or its public
 * part has no known end.
 */
int secret_packet_read(unsigned tag, struct octets body,
    struct secret_packet *out, struct err *err) must_check;

enum { SECRET_SEED_LEN = 32 };

/* A private key that decrypts; constant. */
struct secret_key {
	struct pgp_subkey subkey; /* its packet is owned */
	struct pubkey pubkey;     /* borrows from subkey.packet */
	struct ecdh_key *ecdh;    /* one of the two */
	struct rsa_key *rsa;
	uint8_t seed[SECRET_SEED_LEN]; /* a hash of the secret numbers */
};

/*
 * 1 and *out (whose public part was proven to belong to the secret), 0 when the
 * passphrase is wrong, -1 ERR_PERM damaged or not to be unlocked here
 * (p->unusable), ERR_TEMP. Costs what the S2K costs.
 */
int secret_packet_unlock(const struct crypt *c, const struct secret_packet *p,
    struct crypt_bytes passphrase, struct secret_key **out, struct err *err)
    must_check;
void secret_key_free(struct secret_key **kp);

/* A session key, as it came out of a PKESK packet. To be wiped. */
struct session_key {
	unsigned cipher; /* 0: whatever the encrypted data says (version 6) */
	uint8_t key[32];
	size_t len;
};

/*
 * Opens the body of a PKESK packet of version 3 or 6 behind its algorithm
 * octet. ERR_PERM when it is not for this key, ERR_TEMP.
 */
int pkesk_open(const struct crypt *c, const struct secret_key *k,
    unsigned version, struct octets body, struct session_key *out,
    struct err *err) must_check;

#endif

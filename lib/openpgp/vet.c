/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/vet.h"

#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "crypt/crypt.h"
#include "mail/address.h"
#include "openpgp/backend.h"
#include "openpgp/gpgme_door.h"
#include "openpgp/keyblock.h"
#include "openpgp/packet.h"
#include "openpgp/selfsig.h"

enum { WEAKEST_BITS = 2048, DATE_SIZE = 32, LIMIT_USER_IDS = 64 << 10 };

/* One vetting. What was left out is remembered for the sentence that says so.
 */
struct vetting {
	struct crypt *crypt;
	struct keyblock *kb;
	struct keyblock_key primary;
	struct pgp_cert *cert;
	size_t weak_bits;  /* of the strongest weak key that was left out */
	size_t encrypting; /* keys in the file whose algorithm can encrypt */
};

static void
free_vetting(struct vetting *v)
{
	crypt_close(&v->crypt);
	keyblock_free(&v->kb);
	pgp_cert_free(&v->cert);
}

static bool
can_encrypt(uint8_t algorithm)
{
	switch (algorithm) {
	case PGP_RSA:
	case PGP_RSA_ENCRYPT:
	case PGP_ELGAMAL:
	case PGP_ECDH:
	case PGP_X25519:
	case PGP_X448:
		return true;
	default:
		return false;
	}
}

static bool
is_key(const struct keyblock_packet *p)
{
	return p->tag == PGP_TAG_PUBLIC_KEY || p->tag == PGP_TAG_PUBLIC_SUBKEY;
}

/* 1 found, 0 no such key in this keyblock, -1 with *err set. */
static int
find_key(const struct crypt *crypt, const struct keyblock *kb,
    const char *fingerprint, struct keyblock_key *out, struct octets *body,
    struct err *err)
{
	for (size_t i = 0; i < kb->count; i++) {
		char hex[PGP_FINGERPRINT_HEX_SIZE];
		struct err ignored = { 0 };

		if (!is_key(&kb->packets[i]))
			continue;
		*body = kb->packets[i].body;
		if (keyblock_key_read(crypt, *body, out, &ignored) < 0) {
			if (ignored.kind == ERR_PERM)
				continue; /* of a version that is unknown */
			*err = ignored;
			return -1;
		}
		pgp_fingerprint_hex(
		    out->fingerprint, out->fingerprint_len, hex);
		if (strcmp(hex, fingerprint) == 0)
			return 1;
	}
	return 0;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

static int
add_gpg_subkey(struct vetting *v, const struct keyblock *exported,
    const struct _gpgme_subkey *k, bool seipd2, struct err *err)
{
	struct keyblock_key key;
	struct octets body;
	int found = find_key(v->crypt, exported, k->fpr, &key, &body, err);

	if (found < 0)
		return -1;
	if (found == 0 || !can_encrypt(key.algorithm))
		return 0;

	struct pgp_subkey subkey = { .version = key.version,
		.algorithm = key.algorithm,
		.fingerprint_len = key.fingerprint_len,
		.created = key.created,
		.expires = earlier(k->expires, v->cert->expires),
		.revoked = k->revoked || v->cert->revoked,
		.seipd2 = seipd2,
		.packet_len = body.n };
	cleanup(free_bytes) uint8_t *packet = malloc(body.n + 1);

	if (packet == NULL)
		return err_nomem(err);
	memcpy(packet, body.p, body.n);
	memcpy(subkey.fingerprint, key.fingerprint, key.fingerprint_len);
	subkey.packet = packet;
	return pgp_cert_add_subkey(v->cert, &subkey, err);
}

static int
take_user_ids(struct vetting *v, gpgme_key_t key, struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_USER_IDS };

	for (gpgme_user_id_t u = key->uids; u != NULL; u = u->next)
		if (!u->revoked && !u->invalid && u->uid != NULL &&
		    keyblock_put_user_id(&b, u->uid, strlen(u->uid), err) < 0)
			return -1;
	if (buf_str(&b, err) == NULL)
		return -1;

	size_t len;

	v->cert->user_ids = (char *)buf_steal(&b, &len);
	return 0;
}

static int
take_data(struct pgp_cert *cert, const struct buf *from, struct err *err)
{
	cert->data = malloc(from->len + 1);
	if (cert->data == NULL)
		return err_nomem(err);
	memcpy(cert->data, from->data, from->len);
	cert->data_len = from->len;
	return 0;
}

static bool
has_subkey(const struct pgp_cert *c, const struct pgp_subkey *k)
{
	for (size_t i = 0; i < c->subkey_count; i++)
		if (c->subkeys[i].fingerprint_len == k->fingerprint_len &&
		    memcmp(c->subkeys[i].fingerprint, k->fingerprint,
			k->fingerprint_len) == 0)
			return true;
	return false;
}

/*
 * X25519 of RFC 9580: gpg 2.2 and 2.4 import such a subkey and keep it when its
 * binding verifies, but list it as invalid, since they cannot use it. We can.
 */
static int
add_subkeys_new_to_gpg(
    struct vetting *v, const struct keyblock *exported, struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *own = pgp_cert_new();
	struct err ignored = { 0 };

	if (own == NULL)
		return err_nomem(err);
	if (selfsig_vet(v->crypt, exported, own, &ignored) < 0)
		return ignored.kind == ERR_PERM
			   ? 0
			   : err_set(err, ignored.kind, "%s", ignored.text);
	for (size_t i = 0; i < own->subkey_count; i++) {
		struct pgp_subkey k = own->subkeys[i];

		if (k.algorithm != PGP_X25519 || has_subkey(v->cert, &k))
			continue;
		k.expires = earlier(k.expires, v->cert->expires);
		k.revoked = k.revoked || v->cert->revoked;
		if (pgp_cert_add_subkey(v->cert, &k, err) < 0)
			return -1;
	}
	return 0;
}

/* Fills v->cert from what gpg lists and what it exports. */
static int
take_gpg_key(struct vetting *v, gpgme_key_t key,
    const struct keyblock *exported, struct err *err)
{
	struct pgp_cert *c = v->cert;
	bool seipd2 = false;

	c->created = v->primary.created;
	c->expires = key->subkeys->expires;
	c->revoked = key->revoked || key->subkeys->revoked;
	if (selfsig_seipd2(v->crypt, exported, &seipd2, err) < 0 ||
	    take_data(c, &exported->data, err) < 0 ||
	    take_user_ids(v, key, err) < 0)
		return -1;

	for (gpgme_subkey_t k = key->subkeys; k != NULL; k = k->next)
		if (!k->invalid && k->fpr != NULL && k->can_encrypt &&
		    add_gpg_subkey(v, exported, k, seipd2, err) < 0)
			return -1;
	return add_subkeys_new_to_gpg(v, exported, err);
}

/* Debian 13's gpg also imports what has no user ID that its key has signed. */
static bool
has_signed_user_id(gpgme_key_t key)
{
	for (gpgme_user_id_t u = key->uids; u != NULL; u = u->next)
		if (!u->invalid)
			return true;
	return false;
}

/*
 * What gpg made of the certificate: 1 and it is in v->cert, 0 when it is
 * nothing, -1 with *err set. gpg's export is kept, not the bytes that came in:
 * gpg has verified what is in it, it is imported again for each message
 * sealed through gpg, and strangers' signatures cannot fill the store.
 */
static int
read_back(struct vetting *v, struct gpg *g, const char *fingerprint,
    struct err *err)
{
	cleanup(free_gpg_key) gpgme_key_t key = NULL;
	cleanup(keyblock_free) struct keyblock *exported = NULL;
	cleanup(buf_reset) struct buf b = { .limit = LIMIT_CERTIFICATE };
	gpgme_error_t code = gpgme_get_key(gpg_ctx(g), fingerprint, &key, 0);

	if (code != 0)
		return gpg_failed(err, code, "list the certificate");
	if (key->subkeys == NULL || key->subkeys->fpr == NULL ||
	    strcmp(key->subkeys->fpr, fingerprint) != 0)
		return err_set(err, ERR_TEMP, "gpg lists another certificate");
	if (key->invalid)
		return err_set(err, ERR_PERM,
		    "the certificate %s is invalid for gpg", fingerprint);
	if (!has_signed_user_id(key))
		return 0;
	if (gpg_export(g, fingerprint, &b, err) < 0)
		return -1;
	if (keyblock_read(b.data, b.len, &exported, err) < 0)
		return err_set(err, ERR_TEMP, "gpg exports no certificate");
	return take_gpg_key(v, key, exported, err) < 0 ? -1 : 1;
}

/* 1 vetted, 0 gpg cannot take such a certificate, -1 with *err set. */
static int
vet_by_gpg(struct vetting *v, struct err *err)
{
	cleanup(gpg_home_free) struct gpg_home *home = NULL;
	cleanup(gpg_close) struct gpg *g = NULL;
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];

	if (gpg_home_new(GPG_HOME_FOR_VETTING, &home, err) < 0 ||
	    gpg_open(gpg_home_path(home), &g, err) < 0)
		return -1;

	int taken = gpg_import(g, v->kb->data.data, v->kb->data.len, err);

	if (taken <= 0)
		return taken;
	pgp_fingerprint_hex(
	    v->primary.fingerprint, v->primary.fingerprint_len, fingerprint);
	return read_back(v, g, fingerprint, err);
}

/* What no gpg of today takes, whatever its signatures are worth. */
static bool
is_beyond_gpg(const struct vetting *v)
{
	if (v->primary.version == 6 || v->primary.algorithm >= PGP_X25519)
		return true;
	for (size_t i = 0; i < v->kb->count; i++)
		if (v->kb->packets[i].tag == PGP_TAG_USER_ID)
			return false;
	return true;
}

/*
 * What gpg cannot take (version 6, primary keys of RFC 9580, no user ID) is
 * vetted by our own verification alone, and kept as it came.
 */
static int
vet_by_selfsig(struct vetting *v, struct err *err)
{
	cleanup(pgp_cert_free) struct pgp_cert *own = pgp_cert_new();

	if (!is_beyond_gpg(v))
		return err_set(err, ERR_PERM,
		    "the certificate has no user ID with a valid signature "
		    "of its own primary key");
	if (own == NULL)
		return err_nomem(err);
	if (selfsig_vet(v->crypt, v->kb, own, err) < 0)
		return -1;

	struct pgp_cert *c = v->cert;

	c->created = own->created;
	c->expires = own->expires;
	c->revoked = own->revoked;
	c->user_ids = steal(&own->user_ids);
	for (size_t i = 0; i < own->subkey_count; i++)
		if (pgp_backend_native.handles(&own->subkeys[i]) &&
		    pgp_cert_add_subkey(c, &own->subkeys[i], err) < 0)
			return -1;
	return take_data(c, &v->kb->data, err);
}

/* Looks at every key of the file; the first one is the primary. */
static int
look_at_keys(struct vetting *v, struct err *err)
{
	for (size_t i = 0; i < v->kb->count; i++) {
		struct keyblock_key key;
		struct err ignored = { 0 };

		if (!is_key(&v->kb->packets[i]))
			continue;
		if (keyblock_key_read(
			v->crypt, v->kb->packets[i].body, &key, &ignored) < 0) {
			if (i > 0 && ignored.kind == ERR_PERM)
				continue;
			return err_set(err, ignored.kind, "%s", ignored.text);
		}
		if (i == 0)
			v->primary = key;
		v->encrypting += can_encrypt(key.algorithm);
	}
	return 0;
}

static bool
is_weak(struct vetting *v, const struct keyblock_key *key)
{
	size_t bits =
	    can_encrypt(key->algorithm) ? keyblock_key_bits(key) : SIZE_MAX;

	if (bits >= WEAKEST_BITS)
		return false;
	if (bits > v->weak_bits)
		v->weak_bits = bits;
	return true;
}

/* Leaves out weak subkeys; all of them when the primary key is weak. */
static int
drop_weak(struct vetting *v, struct err *err)
{
	struct pgp_cert *c = v->cert;
	bool all = is_weak(v, &v->primary);
	size_t kept = 0;

	for (size_t i = 0; i < c->subkey_count; i++) {
		struct keyblock_key key;
		struct octets body = { c->subkeys[i].packet,
			c->subkeys[i].packet_len };

		if (keyblock_key_read(v->crypt, body, &key, err) < 0)
			return -1;
		if (all || is_weak(v, &key))
			free(c->subkeys[i].packet);
		else
			c->subkeys[kept++] = c->subkeys[i];
	}
	c->subkey_count = kept;
	return 0;
}

static int
vet(struct vetting *v, const uint8_t *data, size_t len, struct err *err)
{
	if (crypt_open(&v->crypt, err) < 0 ||
	    keyblock_read(data, len, &v->kb, err) < 0 ||
	    look_at_keys(v, err) < 0)
		return -1;
	v->cert = pgp_cert_new();
	if (v->cert == NULL)
		return err_nomem(err);
	memcpy(v->cert->fingerprint, v->primary.fingerprint,
	    v->primary.fingerprint_len);
	v->cert->fingerprint_len = v->primary.fingerprint_len;

	int by_gpg = v->primary.version == 6 ? 0 : vet_by_gpg(v, err);

	if (by_gpg < 0 || (by_gpg == 0 && vet_by_selfsig(v, err) < 0))
		return -1;
	return drop_weak(v, err);
}

static const char *
date(int64_t when, char out[DATE_SIZE])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		return "an unknown date";
	return out;
}

/* Why there is no usable subkey at all. */
static int
refuse_without_subkey(
    const struct vetting *v, const char *name, struct err *err)
{
	if (v->weak_bits > 0)
		return err_set(err, ERR_PERM,
		    "the certificate %s is too weak: a key of %zu bits; at "
		    "least %d are needed",
		    name, v->weak_bits, WEAKEST_BITS);
	if (v->encrypting == 0)
		return err_set(err, ERR_PERM,
		    "the certificate %s can only sign: it has no encryption "
		    "subkey",
		    name);
	return err_set(err, ERR_PERM,
	    "the certificate %s has no valid encryption subkey: none is "
	    "signed by its primary key for encryption",
	    name);
}

static int
refuse_if_unusable(const struct vetting *v, int64_t now, struct err *err)
{
	const struct pgp_cert *c = v->cert;
	const struct pgp_cert *used;
	enum pgp_unusable why;
	char name[PGP_FINGERPRINT_HEX_SIZE];
	char when[DATE_SIZE];

	if (pgp_usable_subkey(&v->cert, 1, now, &used, &why) != NULL)
		return 0;
	pgp_fingerprint_hex(c->fingerprint, c->fingerprint_len, name);
	if (why == PGP_NO_ENCRYPTION_SUBKEY)
		return refuse_without_subkey(v, name, err);

	const struct pgp_subkey *k =
	    c->subkey_count > 0 ? &c->subkeys[0] : NULL;
	int64_t expires = k == NULL ? c->expires : k->expires;
	int64_t created = k == NULL ? c->created : k->created;

	if (why == PGP_EXPIRED)
		return err_set(err, ERR_PERM,
		    "the certificate %s expired on %s", name,
		    date(expires, when));
	if (why == PGP_NOT_YET_VALID)
		return err_set(err, ERR_PERM,
		    "the certificate %s is not valid before %s", name,
		    date(created, when));
	return err_set(err, ERR_PERM, "the certificate %s is %s", name,
	    c->revoked ? "revoked" : "without a subkey that is not revoked");
}

/* The address in a user ID: between the last angle brackets, or all of it. */
static bool
user_id_names(const char *line, size_t len, const char *address)
{
	char text[ADDRESS_SIZE];
	char normal[ADDRESS_SIZE];
	const char *open = memrchr(line, '<', len);

	if (open != NULL) {
		const char *close =
		    memchr(open, '>', len - (size_t)(open - line));

		if (close == NULL)
			return false;
		line = open + 1;
		len = (size_t)(close - line);
	}
	if (len >= sizeof text)
		return false;
	memcpy(text, line, len);
	text[len] = '\0';
	return address_normalize(text, normal, NULL) == 0 &&
	       strcmp(normal, address) == 0;
}

static bool
names(const struct pgp_cert *c, const char *address)
{
	for (const char *at = c->user_ids; *at != '\0';) {
		size_t len = strcspn(at, "\n");

		if (user_id_names(at, len, address))
			return true;
		at += len + (at[len] == '\n');
	}
	return false;
}

static void
warn(const struct pgp_cert *c, const char *address, char warning[ERR_TEXT_SIZE])
{
	size_t len = strcspn(c->user_ids, "\n");

	warning[0] = '\0';
	if (names(c, address))
		return;
	if (len == 0)
		(void)snprintf(warning, ERR_TEXT_SIZE,
		    "the certificate has no user ID that names %s", address);
	else
		(void)snprintf(warning, ERR_TEXT_SIZE,
		    "no user ID of the certificate names %s; the first is "
		    "\"%.*s\"",
		    address, (int)(len < 100 ? len : 100), c->user_ids);
}

int
pgp_vet(const uint8_t *data, size_t len, const char *address, int64_t now,
    struct pgp_cert **out, char warning[ERR_TEXT_SIZE], struct err *err)
{
	cleanup(free_vetting) struct vetting v = { 0 };

	if (vet(&v, data, len, err) < 0 || refuse_if_unusable(&v, now, err) < 0)
		return -1;
	warn(v.cert, address, warning);
	*out = steal(&v.cert);
	return 0;
}

int
pgp_vet_again(const uint8_t *data, size_t len, int64_t now,
    struct pgp_cert **out, struct err *err)
{
	cleanup(free_vetting) struct vetting v = { 0 };

	(void)now; /* the caller judges, with pgp_usable_subkey() */
	if (vet(&v, data, len, err) < 0)
		return -1;
	*out = steal(&v.cert);
	return 0;
}

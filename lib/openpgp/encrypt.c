/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/encrypt.h"

#include "openpgp/backend.h"
#include "openpgp/encrypt_native.h"
#include "openpgp/fingerprint.h"
#include "openpgp/session_key.h"

struct pgp_session {
	const struct pgp_backend *backend;
	void *impl;
};

struct pgp_encryption {
	const struct pgp_backend *backend;
	void *impl;
	bool over; /* finished or failed: nothing more is taken */
};

int
pgp_session_new(const struct crypt *crypt, const struct pgp_cert *cert,
    const struct pgp_subkey *subkey, struct pgp_session **out, struct err *err)
{
	cleanup(pgp_session_free) struct pgp_session *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	if (pgp_subkey_check(crypt, subkey, err) < 0)
		return -1;
	s->backend = pgp_backend_native.handles(subkey) ? &pgp_backend_native
							: &pgp_backend_gpgme;
	if (!s->backend->handles(subkey))
		return err_set(err, ERR_PERM,
		    "cannot encrypt to a key of algorithm %u",
		    (unsigned)subkey->algorithm);
	if (s->backend->session_new(crypt, cert, subkey, &s->impl, err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

void
pgp_session_free(struct pgp_session **sp)
{
	struct pgp_session *s = steal(sp);

	if (s == NULL)
		return;
	if (s->impl != NULL)
		s->backend->session_free(&s->impl);
	free(s);
}

int
pgp_encryption_new(struct pgp_session *s, struct sink to,
    struct pgp_encryption **out, struct err *err)
{
	cleanup(pgp_encryption_free) struct pgp_encryption *e =
	    calloc(1, sizeof *e);

	if (e == NULL)
		return err_nomem(err);
	e->backend = s->backend;
	if (s->backend->encryption_new(s->impl, to, &e->impl, err) < 0)
		return -1;
	*out = steal(&e);
	return 0;
}

void
pgp_encryption_free(struct pgp_encryption **ep)
{
	struct pgp_encryption *e = steal(ep);

	if (e == NULL)
		return;
	if (e->impl != NULL)
		e->backend->encryption_free(&e->impl);
	free(e);
}

static int
refuse(struct err *err)
{
	return err_set(err, ERR_TEMP, "this encryption is over or has failed");
}

int
pgp_encryption_feed(
    struct pgp_encryption *e, const void *data, size_t n, struct err *err)
{
	if (e->over)
		return refuse(err);
	if (e->backend->feed(e->impl, data, n, err) == 0)
		return 0;
	e->over = true;
	return -1;
}

int
pgp_encryption_finish(struct pgp_encryption *e, struct err *err)
{
	if (e->over)
		return refuse(err);
	e->over = true;
	return e->backend->finish(e->impl, err);
}

bool
pgp_session_key(const struct pgp_session *s, uint8_t out[SESSION_KEY_LEN])
{
	if (s->backend != &pgp_backend_native)
		return false;
	native_session_key(s->impl, out);
	return true;
}

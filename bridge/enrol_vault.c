/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "enrol_vault.h"

#include <string.h>

#include "base/limits.h"
#include "mail/address.h"
#include "state.h"
#include "store/enrolment.h"
#include "upstream.h"

int
enrol_vault_read(const char *text, size_t n, const char *address,
    struct buf *out, struct err *err)
{
	cleanup(enrolment_free) struct enrolment *e = NULL;
	char is[ADDRESS_SIZE];

	if (n == 0 || text[0] != '{')
		return buf_put(out, text, n, err);
	if (enrolment_parse(text, n, &e, err) < 0 ||
	    address_normalize(e->address, is, err) < 0)
		return -1;
	if (strcmp(is, address) != 0)
		return err_set(err, ERR_PERM, "it is of %s", is);
	return buf_puts(out, e->vault, err);
}

struct session {
	struct bridge_conf *conf;
	struct credentials *credentials;
	struct net_stream *imap;
	struct buf capabilities;
};

static void
session_end(struct session *s)
{
	net_stream_free(&s->imap);
	credentials_free(&s->credentials);
	bridge_conf_free(&s->conf);
	buf_reset(&s->capabilities);
}

static int
log_in(struct session *s, const struct crypt *crypt, const char *address,
    struct crypt_bytes password, struct err *err)
{
	const struct account *a = bridge_conf_account(s->conf, address);
	struct bridge bridge = { .conf = s->conf, .crypt = crypt };
	enum login_result result;

	if (a == NULL)
		return err_set(err, ERR_PERM,
		    "the configuration has no account %s; use --vault",
		    address);
	if (state_directory_make(s->conf->state_directory, err) < 0 ||
	    credentials_derive(crypt, a, password.data, password.len,
	        &s->credentials, err) < 0 ||
	    upstream_imap(&bridge, a, s->credentials, &result, &s->imap,
	        &s->capabilities, err) < 0)
		return -1;
	if (result != LOGIN_OK)
		return err_set(err, ERR_PERM,
		    "the server refuses the present password");
	return 0;
}

int
enrol_vault_fetch(const char *conf_file, const struct crypt *crypt,
    const char *address, struct crypt_bytes password, struct buf *out,
    struct err *err)
{
	cleanup(session_end) struct session s = {
		.capabilities = { .limit = LIMIT_IMAP_LINE }
	};

	if (bridge_conf_load(conf_file, &s.conf, err) < 0 ||
	    log_in(&s, crypt, address, password, err) < 0)
		return -1;

	int rc = upstream_fetch_vault(s.imap, out, err);

	if (rc == 0)
		return err_set(err, ERR_PERM, "the server has no vault of %s",
		    address);
	return rc < 0 ? -1 : 0;
}

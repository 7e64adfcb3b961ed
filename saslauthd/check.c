/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "saslauthd/check.h"

#include <string.h>

#include "base/clock.h"
#include "crypt/kdf.h"
#include "saslauthd/request.h"

enum { PATIENCE_MS = 7000 }; /* of Postfix's 10 s */

/* The work that this failure has cost less than another. */
static int
make_up(const struct crypt *c, const struct request *r, struct err *err)
{
	const struct verifier *v = &r->login.verifier;
	uint8_t unused[VERIFIER_KEY_LEN];
	size_t len;
	const char *password = sasl_password(r->sasl, &len);

	if (v->iterations >= r->iterations_usual)
		return 0;
	return pbkdf2_sha256(c, (struct crypt_bytes){ password, len },
	    (struct crypt_bytes){ v->salt, v->salt_len },
	    r->iterations_usual - v->iterations, unused, sizeof unused, err);
}

void
check_run(void *ctx)
{
	struct request *r = ctx;
	const struct crypt *c = r->session->daemon->crypt;
	size_t len;
	const char *password = sasl_password(r->sasl, &len);

	if (clock_ms() - r->active_ms > PATIENCE_MS) {
		r->right = err_set(&r->check_err, ERR_TEMP,
		    "it waited for too long");
		return;
	}
	r->right = verifier_check(c, &r->login.verifier, password, len,
	    &r->check_err);
	if ((r->right == 0 || r->refusal != REFUSAL_NONE) && r->right >= 0 &&
	    make_up(c, r, &r->check_err) < 0)
		r->right = -1;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sealpost-sealed.h"

#include "mail/pgpmime.h"

/* The message's body is not looked at. */
static int
no_armor(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	(void)ctx, (void)data, (void)n;
	return err_set(err, ERR_PROTO, "nobody asked for this");
}

int
sealpost_is_sealed_type(const char *content_type, size_t len)
{
	cleanup(pgpmime_free) struct pgpmime *p = NULL;

	return pgpmime_new(content_type, len,
	    (struct sink){ .put = no_armor }, &p, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/hidden_spool.h"

#include <string.h>

#include "base/spool.h"
#include "crypt/aes.h"

enum { PIECE = 16384 };

struct hidden_spool {
	struct spool *spool;
	struct cfb *in, *out;
	uint64_t at; /* read so far */
};

void
hidden_spool_free(struct hidden_spool **hp)
{
	struct hidden_spool *h = steal(hp);

	if (h == NULL)
		return;
	cfb_free(&h->in);
	cfb_free(&h->out);
	spool_free(&h->spool);
	free(h);
}

int
hidden_spool_new(const struct crypt *crypt, const char *directory,
    struct hidden_spool **out, struct err *err)
{
	cleanup(hidden_spool_free) struct hidden_spool *h =
	    calloc(1, sizeof *h);
	uint8_t secret[AES256_KEY_LEN];
	const struct aes_key key = { secret, sizeof secret };

	if (h == NULL)
		return err_nomem(err);

	int rc = crypt_random(crypt, secret, sizeof secret, err) < 0 ||
			 cfb_new(crypt, key, AES_ENCRYPT, &h->in, err) < 0 ||
			 cfb_new(crypt, key, AES_DECRYPT, &h->out, err) < 0 ||
			 spool_new(directory, &h->spool, err) < 0
		     ? -1
		     : 0;

	explicit_bzero(secret, sizeof secret);
	if (rc == 0)
		*out = steal(&h);
	return rc;
}

int
hidden_spool_put(
    struct hidden_spool *h, const void *data, size_t n, struct err *err)
{
	const uint8_t *at = data;
	uint8_t hidden[PIECE];

	while (n > 0) {
		size_t piece = n < sizeof hidden ? n : sizeof hidden;

		if (cfb_feed(h->in, at, piece, hidden, err) < 0 ||
		    spool_put(h->spool, hidden, piece, err) < 0)
			return -1;
		at += piece;
		n -= piece;
	}
	return 0;
}

ssize_t
hidden_spool_read(struct hidden_spool *h, void *out, size_t n, struct err *err)
{
	uint8_t hidden[PIECE];
	ssize_t got = spool_read(h->spool, h->at, hidden,
	    n < sizeof hidden ? n : sizeof hidden, err);

	if (got <= 0)
		return got;
	if (cfb_feed(h->out, hidden, (size_t)got, out, err) < 0)
		return -1;
	h->at += (uint64_t)got;
	return got;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sealer.h"

#include <string.h>
#include <time.h>

#include "crypt/hidden_spool.h"
#include "mail/lineend.h"
#include "openpgp/seal.h"
#include "user_private.h"

enum { PIECE = 16384 };

/* ---- sealing ---- */

struct sealer {
	struct user *user;
	const char *spool_directory;
	struct pgp_cert *certs[1]; /* borrowed */
	struct lineend_filter in;
	struct header header;
	struct header_reader reader;
	bool begun; /* the header is complete */
	bool failed;
	struct seal *seal;
	/* the body while it may prove to be sealed already; until then it may
	   as well be plaintext */
	struct hidden_spool *original;
	struct spool *stored;
};

static const char *
spool_directory(void)
{
	const char *folder = getenv("TMPDIR");

	return folder != NULL && folder[0] == '/' ? folder : "/var/tmp";
}

static int
body(struct sealer *s, const uint8_t *data, size_t n, struct err *err)
{
	if (seal_body(s->seal, data, n, err) < 0)
		return -1;
	if (!seal_maybe_already(s->seal))
		hidden_spool_free(&s->original);
	return s->original == NULL
		   ? 0
		   : hidden_spool_put(s->original, data, n, err);
}

static int
begin(struct sealer *s, struct err *err)
{
	size_t rest;
	const uint8_t *start = header_reader_rest(&s->reader, &rest);

	s->begun = true;
	for (size_t i = 0; i < s->header.count; i++)
		if (seal_field(s->seal, s->header.fields[i].raw,
			s->header.fields[i].raw_len, err) < 0)
			return -1;
	if (seal_end_of_header(s->seal, s->reader.separated, err) < 0)
		return -1;
	if (seal_maybe_already(s->seal) &&
	    hidden_spool_new(
		user_crypt(s->user), s->spool_directory, &s->original, err) < 0)
		return -1;
	return rest == 0 ? 0 : body(s, start, rest, err);
}

/* CRLF by now. */
static int
put_line_octets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct sealer *s = ctx;
	size_t used = 0;

	if (!s->begun) {
		if (header_reader_feed(&s->reader, data, n, &used, err) < 0)
			return -1;
		if (!s->reader.done)
			return 0;
		if (begin(s, err) < 0)
			return -1;
	}
	return used == n ? 0 : body(s, data + used, n - used, err);
}

static int
start(struct sealer *s, struct err *err)
{
	const struct pgp_cert *cert = NULL;
	const struct pgp_subkey *subkey = NULL;

	if (user_certificate(
		s->user, (int64_t)time(NULL), &cert, &subkey, err) < 0)
		return -1;
	s->certs[0] = s->user->cert;

	const struct seal_request request = {
		.crypt = user_crypt(s->user),
		.certs = s->certs,
		.cert_count = 1,
		.cert = cert,
		.subkey = subkey,
		.spool_directory = s->spool_directory,
	};

	return seal_new(&request, &s->seal, err);
}

int
sealer_new(struct user *u, struct sealer **out, struct err *err)
{
	cleanup(sealer_free) struct sealer *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->user = u;
	s->spool_directory = spool_directory();
	header_reader_init(&s->reader, &s->header);
	s->reader.pending.secret = true;
	lineend_in_init(
	    &s->in, (struct sink){ .put = put_line_octets, .ctx = s });
	if (start(s, err) < 0)
		return -1;
	*out = steal(&s);
	return 0;
}

void
sealer_free(struct sealer **sp)
{
	struct sealer *s = steal(sp);

	if (s == NULL)
		return;
	lineend_reset(&s->in);
	hidden_spool_free(&s->original);
	seal_free(&s->seal);
	spool_free(&s->stored);
	header_reader_reset(&s->reader);
	header_reset(&s->header);
	free(s);
}

static int
ended(struct sealer *s, int rc)
{
	if (rc < 0)
		s->failed = true;
	return rc;
}

int
sealer_feed(struct sealer *s, const void *data, size_t n, struct err *err)
{
	if (s->failed)
		return err_set(err, ERR_TEMP, "sealing has failed before");
	return ended(s, lineend_in_put(&s->in, data, n, err));
}

static int
put_fields(struct sealer *s, const struct header *h, struct err *err)
{
	for (size_t i = 0; i < h->count; i++)
		if (spool_put(s->stored, h->fields[i].raw,
			h->fields[i].raw_len, err) < 0)
			return -1;
	return 0;
}

static int
put_kept_fields(struct sealer *s, struct err *err)
{
	const struct header *h = seal_header(s->seal);

	for (size_t i = 0; i < h->count; i++)
		if (!seal_removes(s->seal, i) &&
		    spool_put(s->stored, h->fields[i].raw,
			h->fields[i].raw_len, err) < 0)
			return -1;
	return 0;
}

/* It is proven to be ciphertext now. */
static int
put_original(struct sealer *s, struct err *err)
{
	uint8_t piece[PIECE];
	ssize_t n;

	while (
	    (n = hidden_spool_read(s->original, piece, sizeof piece, err)) > 0)
		if (spool_put(s->stored, piece, (size_t)n, err) < 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int
put_stored(struct sealer *s, enum seal_outcome outcome, struct err *err)
{
	const struct sink to = spool_sink(s->stored);

	if (outcome == SEAL_ALREADY) {
		if (s->original == NULL)
			return err_set(err, ERR_TEMP, "the original is lost");
		return put_kept_fields(s, err) < 0 ||
			       spool_put(s->stored, "\r\n", 2, err) < 0 ||
			       put_original(s, err) < 0
			   ? -1
			   : 0;
	}
	if (put_fields(s, seal_marker(s->seal), err) < 0 ||
	    put_kept_fields(s, err) < 0 ||
	    put_fields(s, seal_added(s->seal), err) < 0 ||
	    spool_put(s->stored, "\r\n", 2, err) < 0)
		return -1;
	return spool_replay(seal_body_spool(s->seal), PIECE, &to, err);
}

static int
finish(struct sealer *s, struct err *err)
{
	enum seal_outcome outcome;

	if (lineend_in_finish(&s->in, err) < 0)
		return -1;
	if (!s->begun && (header_reader_finish(&s->reader, err) < 0 ||
			     begin(s, err) < 0))
		return -1;
	if (seal_finish(s->seal, &outcome, err) < 0 ||
	    spool_new(s->spool_directory, &s->stored, err) < 0)
		return -1;
	return put_stored(s, outcome, err);
}

int
sealer_finish(struct sealer *s, struct spool **stored, struct err *err)
{
	if (s->failed)
		return err_set(err, ERR_TEMP, "sealing has failed before");
	if (finish(s, err) < 0) {
		spool_free(&s->stored);
		return ended(s, -1);
	}
	s->failed = true; /* nothing may follow */
	*stored = s->stored;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/seal.h"

#include <string.h>

#include "base/limits.h"
#include "openpgp/armor.h"
#include "openpgp/encrypt.h"
#include "openpgp/proof.h"

/* Each stage may follow only the one before it; STAGE_FAILED ends all. */
enum stage { STAGE_HEADER, STAGE_BODY, STAGE_FINISHED, STAGE_FAILED };

struct seal {
	struct seal_request request;
	enum stage stage;
	enum seal_outcome outcome;
	struct header header;
	struct sealed_plan plan;
	struct pgp_session *session;
	struct spool *spool;
	struct armor_writer *armor;
	struct pgp_encryption *encryption;
	struct pgp_proof *proof; /* NULL: ruled out */
	uint64_t body_octets;
	struct header marker;
};

int
seal_new(const struct seal_request *request, struct seal **out,
    struct err *err)
{
	struct seal *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->request = *request;
	*out = s;
	return 0;
}

void
seal_free(struct seal **sp)
{
	struct seal *s = steal(sp);

	if (s == NULL)
		return;
	pgp_proof_free(&s->proof);
	pgp_encryption_free(&s->encryption);
	armor_writer_free(&s->armor);
	spool_free(&s->spool);
	pgp_session_free(&s->session);
	sealed_plan_reset(&s->plan);
	header_reset(&s->header);
	header_reset(&s->marker);
	free(s);
}

/* Every public step goes through here: out of order or failed stays failed. */
static int
step(struct seal *s, enum stage needed, struct err *err)
{
	if (s->stage == needed)
		return 0;
	s->stage = STAGE_FAILED;
	return err_set(err, ERR_TEMP, "sealing was called out of order");
}

static int
ended(struct seal *s, int rc)
{
	if (rc < 0)
		s->stage = STAGE_FAILED;
	return rc;
}

int
seal_field(struct seal *s, const void *raw, size_t n, struct err *err)
{
	if (step(s, STAGE_HEADER, err) < 0)
		return -1;
	return ended(s, header_add_raw(&s->header, raw, n, err));
}

/*
 * A message can be sealed already only if one Content-Type says so and no
 * password is in its Subject, Thread-Topic or the like: it would stay outside.
 */
static const struct header_field *
find_type(const struct header *h)
{
	size_t count;
	const struct header_field *type =
	    header_find(h, "Content-Type", &count);

	if (count != 1)
		return NULL;
	for (size_t i = 0; i < h->count; i++)
		if (sealed_field_has_password(&h->fields[i]))
			return NULL;
	return type;
}

int
seal_proof_new(const struct header *h, struct pgp_cert *const *certs,
    size_t cert_count, struct pgp_proof **out, struct err *err)
{
	const struct header_field *type = find_type(h);
	size_t len;

	if (type == NULL)
		return 0;

	const uint8_t *value = header_field_value(type, &len);

	return pgp_proof_new(
	    (const char *)value, len, certs, cert_count, out, err);
}

int
seal_proof_new_for_anyone(
    const struct header *h, struct pgp_proof **out, struct err *err)
{
	const struct header_field *type = find_type(h);
	size_t len;

	if (type == NULL)
		return 0;

	const uint8_t *value = header_field_value(type, &len);

	return pgp_proof_new_for_anyone((const char *)value, len, out, err);
}

static int
put_preamble(struct seal *s, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = 4096 };

	if (sealed_put_preamble(&s->plan, &text, err) < 0)
		return -1;
	return spool_put(s->spool, text.data, text.len, err);
}

static int
start_encryption(struct seal *s, struct err *err)
{
	const struct seal_request *r = &s->request;

	if (pgp_session_new(r->crypt, r->cert, r->subkey, &s->session, err) <
		0 ||
	    spool_new(r->spool_directory, &s->spool, err) < 0 ||
	    put_preamble(s, err) < 0 ||
	    armor_writer_new(spool_sink(s->spool), &s->armor, err) < 0)
		return -1;
	return pgp_encryption_new(s->session, armor_writer_sink(s->armor),
	    &s->encryption, err);
}

static int
start_proof(struct seal *s, struct err *err)
{
	return seal_proof_new(&s->header, s->request.certs,
		   s->request.cert_count, &s->proof, err) < 0
	    ? -1
	    : 0;
}

static int
choose_seed(struct seal *s, uint8_t seed[SEALED_SEED_SIZE], struct err *err)
{
	if (s->request.boundary_seed == NULL)
		return crypt_random(
		    s->request.crypt, seed, SEALED_SEED_SIZE, err);
	memcpy(seed, s->request.boundary_seed, SEALED_SEED_SIZE);
	return 0;
}

static int
end_of_header(struct seal *s, bool separated, struct err *err)
{
	struct sealed_options options = {
		.protect_subject = s->request.protect_subject,
		.unseparated = !separated,
	};

	if (choose_seed(s, options.boundary_seed, err) < 0 ||
	    sealed_plan_make(&s->header, &options, &s->plan, err) < 0 ||
	    start_proof(s, err) < 0 || start_encryption(s, err) < 0)
		return -1;
	return pgp_encryption_feed(s->encryption, s->plan.entity.data,
	    s->plan.entity.len, err);
}

int
seal_end_of_header(struct seal *s, bool separated, struct err *err)
{
	if (step(s, STAGE_HEADER, err) < 0 ||
	    ended(s, end_of_header(s, separated, err)) < 0)
		return -1;
	s->stage = STAGE_BODY;
	return 0;
}

static int
feed_proof(struct seal *s, const void *data, size_t n, struct err *err)
{
	if (s->proof == NULL)
		return 0;

	int rc = pgp_proof_feed(s->proof, data, n, err);

	if (rc == 0)
		pgp_proof_free(&s->proof);
	return rc < 0 ? -1 : 0;
}

int
seal_body(struct seal *s, const void *data, size_t n, struct err *err)
{
	if (step(s, STAGE_BODY, err) < 0)
		return -1;
	s->body_octets += n;
	if (feed_proof(s, data, n, err) < 0)
		return ended(s, -1);
	return ended(s, pgp_encryption_feed(s->encryption, data, n, err));
}

bool
seal_maybe_already(const struct seal *s)
{
	return s->proof != NULL;
}

/* 1 sealed already, 0 not. */
static int
finish_proof(struct seal *s, struct err *err)
{
	const char *reason;

	return s->proof == NULL ? 0
				: pgp_proof_finish(s->proof, &reason, err);
}

static int
put_epilogue(struct seal *s, struct err *err)
{
	cleanup(buf_reset) struct buf text = { .limit = 4096 };

	if (sealed_put_epilogue(&s->plan, &text, err) < 0)
		return -1;
	return spool_put(s->spool, text.data, text.len, err);
}

static int
make_marker(struct seal *s, struct err *err)
{
	cleanup(buf_reset) struct buf head = { .limit = LIMIT_HEAD + 65536 };
	cleanup(pgp_encryption_free) struct pgp_encryption *e = NULL;

	if (pgp_encryption_new(s->session, sink_to_buf(&head), &e, err) < 0 ||
	    pgp_encryption_feed(e, s->plan.head.data, s->plan.head.len, err) <
		0 ||
	    pgp_encryption_finish(e, err) < 0)
		return -1;
	return sealed_put_marker(s->body_octets, head.data, head.len,
	    &s->marker, err);
}

static int
finish_sealing(struct seal *s, struct err *err)
{
	if (pgp_encryption_finish(s->encryption, err) < 0 ||
	    armor_writer_finish(s->armor, err) < 0 || put_epilogue(s, err) < 0)
		return -1;
	return make_marker(s, err);
}

int
seal_finish(struct seal *s, enum seal_outcome *outcome, struct err *err)
{
	if (step(s, STAGE_BODY, err) < 0)
		return -1;

	int proven = finish_proof(s, err);

	if (proven < 0 || (proven == 0 && finish_sealing(s, err) < 0))
		return ended(s, -1);
	s->outcome = proven == 1 ? SEAL_ALREADY : SEAL_SEALED;
	s->stage = STAGE_FINISHED;
	*outcome = s->outcome;
	return 0;
}

const struct header *
seal_header(const struct seal *s)
{
	return &s->header;
}

bool
seal_removes(const struct seal *s, size_t i)
{
	if (s->outcome == SEAL_ALREADY)
		return header_field_begins(&s->header.fields[i],
		    SEALED_MARKER);
	return s->plan.taken[i];
}

const struct header *
seal_marker(const struct seal *s)
{
	return &s->marker;
}

const struct header *
seal_added(const struct seal *s)
{
	return &s->plan.added;
}

struct spool *
seal_body_spool(struct seal *s)
{
	return s->stage == STAGE_FINISHED && s->outcome == SEAL_SEALED
	    ? s->spool
	    : NULL;
}

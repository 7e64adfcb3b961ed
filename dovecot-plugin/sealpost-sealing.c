/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sealpost-sealing.h"

#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "crypt/hidden_spool.h"
#include "openpgp/seal.h"
#include "store/directory.h"

static int
failed(const struct err *err, struct sealpost_error *error)
{
	(void)snprintf(error->text, sizeof error->text, "%s", err->text);
	return -1;
}

/* ---- the account ---- */

struct sealpost_owner {
	struct recipient *recipient;
	const struct pgp_cert *cert;
	const struct pgp_subkey *subkey; /* NULL: none is usable */
	enum pgp_unusable why;
	struct crypt *crypt;
};

void
sealpost_owner_free(struct sealpost_owner **op)
{
	struct sealpost_owner *o = steal(op);

	if (o == NULL)
		return;
	crypt_close(&o->crypt);
	recipient_free(&o->recipient);
	free(o);
}

/* 1 found, 0 no such account. */
static int
look_up(struct sealpost_owner *o, const char *directory, const char *address,
    struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;

	if (directory_open(directory, STORE_READ, &d, err) < 0)
		return -1;

	/* no extension: Dovecot has taken it off, or it is of the name */
	int rc = directory_recipient_find(d, address, "", &o->recipient, err);

	if (rc <= 0)
		return rc;
	o->subkey = pgp_usable_subkey(o->recipient->certs.certs,
	    o->recipient->certs.count, (int64_t)time(NULL), &o->cert,
	    &o->why);
	return crypt_open(&o->crypt, err) < 0 ? -1 : 1;
}

int
sealpost_owner_find(const char *directory, const char *address,
    struct sealpost_owner **out, struct sealpost_error *error)
{
	cleanup(sealpost_owner_free) struct sealpost_owner *o =
	    calloc(1, sizeof *o);
	struct err err = { 0 };
	int rc = o == NULL ? err_nomem(&err)
			   : look_up(o, directory, address, &err);

	if (rc < 0)
		return failed(&err, error);
	if (rc > 0)
		*out = steal(&o);
	return rc;
}

const char *
sealpost_owner_unusable(const struct sealpost_owner *o)
{
	return o->subkey != NULL ? NULL : pgp_unusable_text(o->why);
}

/* ---- header and body of what comes in pieces ---- */

struct intake {
	struct header header;
	struct header_reader reader;
	/* the header is complete; then the body, piece by piece */
	int (*begin)(void *ctx, struct err *err);
	int (*body)(void *ctx, const void *data, size_t n, struct err *err);
	void *ctx;
	bool begun;
};

static void
intake_init(struct intake *in, void *ctx)
{
	in->ctx = ctx;
	header_reader_init(&in->reader, &in->header);
}

static void
intake_reset(struct intake *in)
{
	header_reader_reset(&in->reader);
	header_reset(&in->header);
}

static int
intake_begin(struct intake *in, struct err *err)
{
	size_t rest;
	const uint8_t *start = header_reader_rest(&in->reader, &rest);

	in->begun = true;
	if (in->begin(in->ctx, err) < 0)
		return -1;
	return rest == 0 ? 0 : in->body(in->ctx, start, rest, err);
}

static int
intake_put(struct intake *in, const uint8_t *data, size_t n, struct err *err)
{
	size_t used = 0;

	if (!in->begun) {
		if (header_reader_feed(&in->reader, data, n, &used, err) < 0)
			return -1;
		if (!in->reader.done)
			return 0;
		if (intake_begin(in, err) < 0)
			return -1;
	}
	return used == n ? 0 : in->body(in->ctx, data + used, n - used, err);
}

static int
intake_finish(struct intake *in, struct err *err)
{
	if (in->begun)
		return 0;
	if (header_reader_finish(&in->reader, err) < 0)
		return -1;
	return intake_begin(in, err);
}

/* ---- proof alone ---- */

struct sealpost_proof {
	const struct sealpost_owner *owner; /* NULL: anyone */
	struct intake in;
	struct pgp_proof *proof;
	bool ruled_out;
};

static int
proof_begin(void *ctx, struct err *err)
{
	struct sealpost_proof *p = ctx;
	int rc;

	if (p->owner == NULL)
		rc = seal_proof_new_for_anyone(&p->in.header, &p->proof, err);
	else {
		const struct cert_list *certs = &p->owner->recipient->certs;

		rc = seal_proof_new(&p->in.header, certs->certs, certs->count,
		    &p->proof, err);
	}
	p->ruled_out = rc == 0;
	return rc < 0 ? -1 : 0;
}

static int
proof_body(void *ctx, const void *data, size_t n, struct err *err)
{
	struct sealpost_proof *p = ctx;

	if (p->ruled_out)
		return 0;

	int rc = pgp_proof_feed(p->proof, data, n, err);

	p->ruled_out = rc == 0;
	return rc < 0 ? -1 : 0;
}

static int
proof_new(const struct sealpost_owner *owner, struct sealpost_proof **out,
    struct sealpost_error *error)
{
	struct sealpost_proof *p = calloc(1, sizeof *p);
	struct err err = { 0 };

	if (p == NULL) {
		(void)err_nomem(&err);
		return failed(&err, error);
	}
	p->owner = owner;
	p->in.begin = proof_begin;
	p->in.body = proof_body;
	intake_init(&p->in, p);
	*out = p;
	return 0;
}

int
sealpost_proof_new(const struct sealpost_owner *owner,
    struct sealpost_proof **out, struct sealpost_error *error)
{
	struct err err = { .text = "whose message is it?" };

	return owner == NULL ? failed(&err, error)
			     : proof_new(owner, out, error);
}

int
sealpost_proof_new_for_anyone(
    struct sealpost_proof **out, struct sealpost_error *error)
{
	return proof_new(NULL, out, error);
}

bool
sealpost_proof_has_marker(const struct sealpost_proof *p)
{
	size_t count;

	return header_find(&p->in.header, SEALED_MARKER, &count) != NULL;
}

void
sealpost_proof_free(struct sealpost_proof **pp)
{
	struct sealpost_proof *p = steal(pp);

	if (p == NULL)
		return;
	pgp_proof_free(&p->proof);
	intake_reset(&p->in);
	free(p);
}

/* A header that is over the limits proves nothing either. */
static int
not_proven(struct sealpost_proof *p, const struct err *err,
    struct sealpost_error *error)
{
	if (err->kind == ERR_TEMP)
		return failed(err, error);
	p->ruled_out = true;
	return 0;
}

int
sealpost_proof_put(struct sealpost_proof *p, const void *data, size_t n,
    struct sealpost_error *error)
{
	struct err err = { 0 };

	if (!p->ruled_out && intake_put(&p->in, data, n, &err) < 0)
		return not_proven(p, &err, error);
	return !p->ruled_out;
}

int
sealpost_proof_finish(struct sealpost_proof *p, struct sealpost_error *error)
{
	struct err err = { 0 };
	const char *reason;

	if (!p->ruled_out && intake_finish(&p->in, &err) < 0)
		return not_proven(p, &err, error);
	if (p->ruled_out)
		return 0;

	int rc = pgp_proof_finish(p->proof, &reason, &err);

	return rc < 0 ? failed(&err, error) : rc;
}

/* ---- sealing ---- */

_Static_assert(sizeof(struct sealpost_label) == SEALED_SEED_SIZE,
    "a label is what makes the boundary");

bool
sealpost_label_read(const char *content_type, struct sealpost_label *label)
{
	return sealed_boundary_seed(content_type, label->octets);
}

struct sealpost_sealing {
	const struct sealpost_owner *owner;
	const char *spool_directory;
	bool labelled;
	struct sealpost_label label;
	struct intake in;
	struct seal *seal;
	/* the body while it may prove to be sealed already; until then it may as
	   well be plaintext */
	struct hidden_spool *original;
	struct buf head; /* of the sealed message, its empty line included */
	uint64_t at;     /* what has been read of the sealed message */
	bool finished;
};

static int
sealing_begin(void *ctx, struct err *err)
{
	struct sealpost_sealing *s = ctx;

	for (size_t i = 0; i < s->in.header.count; i++)
		if (seal_field(s->seal, s->in.header.fields[i].raw,
			s->in.header.fields[i].raw_len, err) < 0)
			return -1;
	if (seal_end_of_header(s->seal, s->in.reader.separated, err) < 0)
		return -1;
	return !seal_maybe_already(s->seal)
	    ? 0
	    : hidden_spool_new(s->owner->crypt, s->spool_directory, &s->original,
		  err);
}

static int
sealing_body(void *ctx, const void *data, size_t n, struct err *err)
{
	struct sealpost_sealing *s = ctx;

	if (seal_body(s->seal, data, n, err) < 0)
		return -1;
	if (!seal_maybe_already(s->seal))
		hidden_spool_free(&s->original);
	return s->original == NULL ? 0
				   : hidden_spool_put(s->original, data, n, err);
}

static int
sealing_new(struct sealpost_sealing *s, struct err *err)
{
	const struct sealpost_owner *o = s->owner;
	const struct seal_request request = {
		.crypt = o->crypt,
		.certs = o->recipient->certs.certs,
		.cert_count = o->recipient->certs.count,
		.cert = o->cert,
		.subkey = o->subkey,
		.protect_subject = o->recipient->account->protect_subject,
		.spool_directory = s->spool_directory,
		.boundary_seed = s->labelled ? s->label.octets : NULL,
	};

	if (o->subkey == NULL)
		return err_set(err, ERR_TEMP, "%s has no usable key: %s",
		    o->recipient->account->address,
		    pgp_unusable_text(o->why));
	return seal_new(&request, &s->seal, err);
}

int
sealpost_sealing_new(const struct sealpost_owner *owner,
    const struct sealpost_label *label, const char *spool_directory,
    struct sealpost_sealing **out, struct sealpost_error *error)
{
	cleanup(sealpost_sealing_free) struct sealpost_sealing *s =
	    calloc(1, sizeof *s);
	struct err err = { 0 };

	if (s == NULL) {
		(void)err_nomem(&err);
		return failed(&err, error);
	}
	s->owner = owner;
	s->spool_directory = spool_directory;
	s->labelled = label != NULL;
	if (label != NULL)
		s->label = *label;
	s->head.limit = 2 * (LIMIT_HEADER + LIMIT_HEAD);
	s->in.begin = sealing_begin;
	s->in.body = sealing_body;
	intake_init(&s->in, s);
	if (sealing_new(s, &err) < 0)
		return failed(&err, error);
	*out = steal(&s);
	return 0;
}

void
sealpost_sealing_free(struct sealpost_sealing **sp)
{
	struct sealpost_sealing *s = steal(sp);

	if (s == NULL)
		return;
	hidden_spool_free(&s->original);
	seal_free(&s->seal);
	intake_reset(&s->in);
	buf_reset(&s->head);
	free(s);
}

int
sealpost_sealing_put(struct sealpost_sealing *s, const void *data, size_t n,
    struct sealpost_error *error)
{
	struct err err = { 0 };

	return intake_put(&s->in, data, n, &err) < 0 ? failed(&err, error)
						     : 0;
}

static int
put_fields(struct buf *out, const struct header *h, struct err *err)
{
	for (size_t i = 0; i < h->count; i++)
		if (buf_put(out, h->fields[i].raw, h->fields[i].raw_len,
			err) < 0)
			return -1;
	return 0;
}

/*
 * What is sealed already comes mostly from the milter: its marker is true, and
 * taken off would be lost. To take off forged ones is for the milter, at the
 * border.
 */
static int
make_head(struct sealpost_sealing *s, bool sealed, struct err *err)
{
	const struct header *h = seal_header(s->seal);

	if (sealed && put_fields(&s->head, seal_marker(s->seal), err) < 0)
		return -1;
	for (size_t i = 0; i < h->count; i++)
		if (!(sealed && seal_removes(s->seal, i)) &&
		    buf_put(&s->head, h->fields[i].raw,
			h->fields[i].raw_len, err) < 0)
			return -1;
	if (sealed && put_fields(&s->head, seal_added(s->seal), err) < 0)
		return -1;
	return sealed || s->in.reader.separated
	    ? buf_puts(&s->head, "\r\n", err)
	    : 0;
}

static int
sealing_finish(struct sealpost_sealing *s, bool *changed, struct err *err)
{
	enum seal_outcome outcome;

	if (intake_finish(&s->in, err) < 0 ||
	    seal_finish(s->seal, &outcome, err) < 0)
		return -1;
	*changed = outcome == SEAL_SEALED;
	if (*changed)
		hidden_spool_free(&s->original);
	else if (s->original == NULL)
		return err_set(err, ERR_TEMP, "a sealed message was not kept");
	if (make_head(s, *changed, err) < 0)
		return -1;
	s->finished = true;
	return 0;
}

int
sealpost_sealing_finish(struct sealpost_sealing *s, bool *changed,
    struct sealpost_error *error)
{
	struct err err = { 0 };

	return sealing_finish(s, changed, &err) < 0 ? failed(&err, error) : 0;
}

static ssize_t
read_body(struct sealpost_sealing *s, uint64_t at, void *out, size_t n,
    struct err *err)
{
	if (s->original != NULL)
		return hidden_spool_read(s->original, out, n, err);
	return spool_read(seal_body_spool(s->seal), at, out, n, err);
}

ssize_t
sealpost_sealing_read(struct sealpost_sealing *s, void *out, size_t n,
    struct sealpost_error *error)
{
	struct err err = { .text = "the message is not sealed yet" };
	ssize_t got = -1;

	if (s->finished && s->at < s->head.len) {
		if (n > s->head.len - s->at)
			n = s->head.len - (size_t)s->at;
		memcpy(out, s->head.data + s->at, n);
		got = (ssize_t)n;
	} else if (s->finished)
		got = read_body(s, s->at - s->head.len, out, n, &err);
	if (got < 0)
		return failed(&err, error);
	s->at += (uint64_t)got;
	return got;
}

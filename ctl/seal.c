/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost seal: the milter's work as a filter. Nothing is written before the
 * whole message is sealed, and plaintext never is.
 */
#include "openpgp/seal.h"

#include <string.h>

#include "base/limits.h"
#include "message.h"
#include "shared.h"

/* A message in memory, with CRLF line ends. */
struct message {
	struct buf text;
	enum lineend form; /* of the input */
	struct message_parts parts; /* of the text */
};

static void
message_reset(struct message *m)
{
	message_parts_reset(&m->parts);
	buf_reset(&m->text);
}

static int
load(struct message *m, struct err *err)
{
	m->text = (struct buf){ .limit = LIMIT_MESSAGE_FILE, .secret = true };
	if (message_read(STDIN_FILENO, &m->text, &m->form, err) < 0)
		return -1;
	return header_split(m->text.data, m->text.len, &m->parts, err);
}

/* ---- who it is for ---- */

static enum err_kind
kind_of(enum conf_policy policy)
{
	return policy == POLICY_DEFER ? ERR_TEMP : ERR_PERM;
}

/* The recipient as the milter finds it; 0 or -1 with the policy's kind. */
static int
find_recipient(struct ctl *ctl, const char *address, struct recipient **out,
    struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	const struct conf *c = ctl->conf;

	if (open_directory(ctl, STORE_READ, &d, err) < 0)
		return -1;

	int rc = directory_recipient_find(d, address,
	    c->accounts.recipient_delimiter, out, err);

	/* unenrolled = pass is for the milter: a filter that seals seals */
	if (rc == 0)
		return err_set(err, kind_of(c->milter.unenrolled),
		    "there is no account %s", address);
	return rc < 0 ? -1 : 0;
}

static int
choose_key(struct ctl *ctl, const struct recipient *r,
    struct seal_request *request, struct err *err)
{
	enum pgp_unusable why;

	request->certs = r->certs.certs;
	request->cert_count = r->certs.count;
	request->protect_subject = r->account->protect_subject;
	request->spool_directory = ctl->conf->milter.spool_directory;
	request->subkey = pgp_usable_subkey(r->certs.certs, r->certs.count,
	    now(), &request->cert, &why);
	if (request->subkey == NULL)
		return err_set(err, kind_of(ctl->conf->milter.missing_key),
		    "%s has no usable key: %s", r->account->address,
		    pgp_unusable_text(why));
	return 0;
}

/* ---- sealing ---- */

static int
run(struct seal *s, const struct message *m, enum seal_outcome *outcome,
    struct err *err)
{
	for (size_t i = 0; i < m->parts.header.count; i++)
		if (seal_field(s, m->parts.header.fields[i].raw,
			m->parts.header.fields[i].raw_len, err) < 0)
			return -1;
	if (seal_end_of_header(s, m->parts.separated, err) < 0) {
		/* a key that cannot be used is for us to mend */
		err->kind = ERR_TEMP;
		return -1;
	}
	if (seal_body(s, m->parts.body, m->parts.body_len, err) < 0)
		return -1;
	return seal_finish(s, outcome, err);
}

/* ---- output ---- */

static int
put_into_filter(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return lineend_out_put(ctx, data, n, err);
}

static int
write_fields(const struct header *h, const struct sink *to, struct err *err)
{
	for (size_t i = 0; i < h->count; i++)
		if (sink_put(to, h->fields[i].raw, h->fields[i].raw_len,
			err) < 0)
			return -1;
	return 0;
}

static int
write_header(const struct seal *s, enum seal_outcome outcome,
    const struct sink *to, struct err *err)
{
	const struct header *h = seal_header(s);
	bool sealed = outcome == SEAL_SEALED;

	if (sealed && write_fields(seal_marker(s), to, err) < 0)
		return -1;
	for (size_t i = 0; i < h->count; i++)
		if (!seal_removes(s, i) &&
		    sink_put(to, h->fields[i].raw, h->fields[i].raw_len,
			err) < 0)
			return -1;
	if (sealed && write_fields(seal_added(s), to, err) < 0)
		return -1;
	return sink_put(to, "\r\n", 2, err);
}

static int
write_result(struct seal *s, enum seal_outcome outcome,
    const struct message *m, struct err *err)
{
	struct message_writer writer = { STDOUT_FILENO };
	cleanup(lineend_reset) struct lineend_filter filter;
	struct sink out = { .put = put_into_filter, .ctx = &filter };

	lineend_out_init(&filter, m->form, message_sink(&writer));
	if (write_header(s, outcome, &out, err) < 0)
		return -1;

	int rc = outcome == SEAL_SEALED
	    ? spool_replay(seal_body_spool(s), 0, &out, err)
	    : sink_put(&out, m->parts.body, m->parts.body_len, err);

	return rc < 0 ? -1 : lineend_out_finish(&filter, err);
}

static int
seal(struct ctl *ctl, const char *text, struct err *err)
{
	cleanup(recipient_free) struct recipient *r = NULL;
	cleanup(crypt_close) struct crypt *crypt = NULL;
	cleanup(message_reset) struct message m = { .text = { 0 } };
	cleanup(seal_free) struct seal *s = NULL;
	struct seal_request request = { .crypt = NULL };
	enum seal_outcome outcome;

	if (find_recipient(ctl, text, &r, err) < 0 ||
	    choose_key(ctl, r, &request, err) < 0 ||
	    crypt_open(&crypt, err) < 0 || load(&m, err) < 0)
		return -1;
	request.crypt = crypt;
	if (seal_new(&request, &s, err) < 0 ||
	    run(s, &m, &outcome, err) < 0)
		return -1;
	return write_result(s, outcome, &m, err);
}

int
cmd_seal(struct ctl *ctl, int argc, char **argv)
{
	struct err err;

	if (ctl_arguments(ctl, argc, argv, NULL, 0, 1, 1) < 0)
		return CTL_USAGE;
	if (seal(ctl, argv[1], &err) < 0)
		return ctl_fail(ctl, &err);
	return CTL_DONE;
}

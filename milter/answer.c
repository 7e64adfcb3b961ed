/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "milter/answer.h"

#include <string.h>

#include "base/log.h"

struct smtp_answer {
	const char *code;
	const char *enhanced;
	const char *text;
	sfsistat status;
};

static const struct smtp_answer answer_for[] = {
	[ERR_NONE] = { "451", "4.3.0", "Internal error, try again later",
	    SMFIS_TEMPFAIL },
	[ERR_TEMP] = { "451", "4.7.1", "Cannot encrypt now, try again later",
	    SMFIS_TEMPFAIL },
	[ERR_PERM] = { "550", "5.7.1",
	    "Mail to this recipient must be encrypted and cannot be",
	    SMFIS_REJECT },
	[ERR_PROTO] = { "451", "4.3.0", "Internal error, try again later",
	    SMFIS_TEMPFAIL },
};

/* libmilter's prototypes lack const; it does not write to these. */
static char *
unconst(const char *s)
{
	return (char *)(uintptr_t)s;
}

sfsistat
answer_failure(SMFICTX *ctx, const struct err *err)
{
	const struct smtp_answer *a = &answer_for[err->kind];

	/* without the text the status alone still fails the message */
	(void)smfi_setreply(ctx, unconst(a->code), unconst(a->enhanced),
	    unconst(a->text));
	return a->status;
}

enum outcome
answer_outcome(const struct err *err)
{
	return err->kind == ERR_PERM ? OUTCOME_REFUSED : OUTCOME_DEFERRED;
}

static int
edit_failed(const char *what, struct err *err)
{
	return err_set(err, ERR_TEMP, "Postfix did not take an edit (%s)",
	    what);
}

static char *
field_name(const struct header_field *f)
{
	return strndup((const char *)f->raw, f->name_len);
}

/* The value as libmilter wants it: folded with LF, no final line end. */
static char *
field_value(const struct header_field *f)
{
	size_t n, len = 0;
	const uint8_t *value = header_field_value(f, &n);
	char *out = malloc(n + 1);

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (value[i] != '\r' || i + 1 == n || value[i + 1] != '\n')
			out[len++] = (char)value[i];
	out[len] = '\0';
	return out;
}

static bool
same_name(const struct header_field *a, const struct header_field *b)
{
	return a->name_len == b->name_len &&
	    strncasecmp((const char *)a->raw, (const char *)b->raw,
		a->name_len) == 0;
}

/* How many fields up to and including `i` have its name. */
static int
occurrence_of(const struct header *h, size_t i)
{
	int n = 0;

	for (size_t k = 0; k <= i; k++)
		n += same_name(&h->fields[k], &h->fields[i]);
	return n;
}

/*
 * From the last to the first: whether or not a deletion renumbers the fields
 * of the same name that follow, those that precede keep their number.
 */
static int
remove_fields(SMFICTX *ctx, const struct message *m, struct err *err)
{
	const struct header *h = message_header(m);

	for (size_t i = h->count; i-- > 0;) {
		if (!message_removes(m, i))
			continue;

		cleanup(free_str) char *name = field_name(&h->fields[i]);

		if (name == NULL)
			return err_nomem(err);
		if (smfi_chgheader(ctx, name, occurrence_of(h, i), NULL) !=
		    MI_SUCCESS)
			return edit_failed("remove a header field", err);
	}
	return 0;
}

static int
add_field(SMFICTX *ctx, const struct header_field *f, struct err *err)
{
	cleanup(free_str) char *name = field_name(f);
	cleanup(free_str) char *value = field_value(f);

	if (name == NULL || value == NULL)
		return err_nomem(err);
	if (smfi_addheader(ctx, name, value) != MI_SUCCESS)
		return edit_failed("add a header field", err);
	return 0;
}

/*
 * Index 1 is right above what the milter saw: below the Received field that
 * the hop itself has added, which is no part of the message (index 0 would be
 * above it).
 */
static int
insert_marker(SMFICTX *ctx, const struct header *marker, struct err *err)
{
	for (size_t i = marker->count; i-- > 0;) {
		const struct header_field *f = &marker->fields[i];
		cleanup(free_str) char *name = field_name(f);
		cleanup(free_str) char *value = field_value(f);

		if (name == NULL || value == NULL)
			return err_nomem(err);
		if (smfi_insheader(ctx, 1, name, value) != MI_SUCCESS)
			return edit_failed("insert the marker", err);
	}
	return 0;
}

static int
put_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	if (smfi_replacebody(ctx, (unsigned char *)(uintptr_t)data, (int)n) !=
	    MI_SUCCESS)
		return edit_failed("replace the body", err);
	return 0;
}

int
answer_edits(SMFICTX *ctx, struct message *m, struct err *err)
{
	enum { BODY_CHUNK = 65535 };
	const struct sink body = { .put = put_body, .ctx = ctx };
	struct seal *seal = message_seal(m);

	if (remove_fields(ctx, m, err) < 0)
		return -1;
	if (seal == NULL)
		return 0;

	const struct header *added = seal_added(seal);

	for (size_t i = 0; i < added->count; i++)
		if (add_field(ctx, &added->fields[i], err) < 0)
			return -1;
	if (insert_marker(ctx, seal_marker(seal), err) < 0)
		return -1;

	struct spool *spool = seal_body_spool(seal);

	if (spool == NULL)
		return err_set(err, ERR_TEMP, "a sealed message has no body");
	return spool_replay(spool, BODY_CHUNK, &body, err);
}

static const char *const outcome_text[] = {
	[OUTCOME_SEALED] = "sealed",
	[OUTCOME_ALREADY_SEALED] = "already sealed",
	[OUTCOME_PLAINTEXT] = "passed in plaintext",
	[OUTCOME_DEFERRED] = "deferred",
	[OUTCOME_REFUSED] = "refused",
};

void
answer_log(const char *queue_id, const struct message *m,
    enum outcome outcome, double delay, const struct err *err)
{
	char id[LOG_TEXT_SIZE], rcpt[LOG_TEXT_SIZE];
	unsigned long long size = message_size(m);

	(void)log_text(id, queue_id);
	(void)log_text(rcpt, message_address(m));
	if (err == NULL && message_is_cut(m))
		log_warning("%s: a header field of 59,000 octets or more: "
			    "Postfix cuts such fields, rcpt=<%s>",
		    id, rcpt);
	if (err != NULL)
		log_warning("%s: %s, rcpt=<%s>, size=%llu, delay=%.2f, "
			    "reason=%s",
		    id, outcome_text[outcome], rcpt, size, delay, err->text);
	else if (outcome == OUTCOME_PLAINTEXT)
		log_warning("%s: %s, rcpt=<%s>, size=%llu, delay=%.2f, "
			    "reason=no such account",
		    id, outcome_text[outcome], rcpt, size, delay);
	else
		log_info("%s: %s, rcpt=<%s>, key=%s, size=%llu, delay=%.2f",
		    id, outcome_text[outcome], rcpt, message_key(m), size,
		    delay);
}

struct stats_counters
answer_counters(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_SEALED:
		return (struct stats_counters){ .received = 1, .sealed = 1 };
	case OUTCOME_ALREADY_SEALED:
		return (struct stats_counters){ .received = 1,
			.already_sealed = 1 };
	case OUTCOME_PLAINTEXT:
		return (struct stats_counters){ .received = 1,
			.plaintext = 1 };
	case OUTCOME_DEFERRED:
		return (struct stats_counters){ .deferred = 1 };
	case OUTCOME_REFUSED:
		return (struct stats_counters){ .refused = 1 };
	}
	return (struct stats_counters){ 0 };
}

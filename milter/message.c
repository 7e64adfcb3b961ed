/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "milter/message.h"

#include <string.h>

#include "base/limits.h"

struct message {
	const struct settings *settings;
	char *address;
	size_t recipients;
	struct recipient *recipient; /* NULL: no account */
	struct decision decision;
	struct header header;
	struct seal *seal;
	enum seal_outcome seal_outcome;
	uint64_t body_octets;
	char key[PGP_FINGERPRINT_HEX_SIZE];
};

int
message_new(const struct settings *settings, struct message **out,
    struct err *err)
{
	struct message *m = calloc(1, sizeof *m);

	if (m == NULL)
		return err_nomem(err);
	m->settings = settings;
	*out = m;
	return 0;
}

void
message_free(struct message **mp)
{
	struct message *m = steal(mp);

	if (m == NULL)
		return;
	seal_free(&m->seal);
	recipient_free(&m->recipient);
	header_reset(&m->header);
	free(m->address);
	free(m);
}

static char *
without_brackets(const char *address)
{
	size_t n = strlen(address);

	if (n >= 2 && address[0] == '<' && address[n - 1] == '>')
		return strndup(address + 1, n - 2);
	return strdup(address);
}

int
message_recipient(struct message *m, const char *address, struct err *err)
{
	m->recipients++;
	if (m->address != NULL)
		return 0;
	m->address = without_brackets(address);
	return m->address == NULL ? err_nomem(err) : 0;
}

/* "Name:" value, every line end of the folding as CRLF. */
static int
put_field(struct buf *raw, const char *name, const char *value,
    struct err *err)
{
	if (buf_puts(raw, name, err) < 0 || buf_putc(raw, ':', err) < 0)
		return -1;
	while (*value != '\0') {
		size_t n = strcspn(value, "\n");
		bool has_cr = n > 0 && value[n - 1] == '\r';

		if (buf_put(raw, value, n, err) < 0)
			return -1;
		value += n;
		if (*value == '\0')
			break;
		value++;
		if (buf_puts(raw, has_cr ? "\n" : "\r\n", err) < 0)
			return -1;
	}
	return buf_puts(raw, "\r\n", err);
}

int
message_field(struct message *m, const char *name, const char *value,
    struct err *err)
{
	cleanup(buf_reset) struct buf raw = { .limit = LIMIT_HEADER };

	if (put_field(&raw, name, value, err) < 0)
		return -1;
	return header_add_raw(&m->header, raw.data, raw.len, err);
}

static int
look_up(struct message *m, struct directory *directory, struct err *err)
{
	/* libmilter has seen no RCPT, or several: decide() says what follows */
	if (m->recipients != 1)
		return 0;
	if (directory_recipient_find(directory, m->address,
		m->settings->conf->accounts.recipient_delimiter,
		&m->recipient, err) >= 0)
		return 0;
	/* whatever the store says: it is no fault of the sender */
	err->kind = ERR_TEMP;
	return -1;
}

static int
start_sealing(struct message *m, struct err *err)
{
	const struct recipient *to = m->recipient;
	struct seal_request request = {
		.crypt = m->settings->crypt,
		.certs = to->certs.certs,
		.cert_count = to->certs.count,
		.cert = m->decision.cert,
		.subkey = m->decision.subkey,
		.protect_subject = to->account->protect_subject,
		.spool_directory = m->settings->conf->milter.spool_directory,
	};

	(void)pgp_fingerprint_hex(request.subkey->fingerprint,
	    request.subkey->fingerprint_len, m->key);
	if (seal_new(&request, &m->seal, err) < 0)
		return -1;
	for (size_t i = 0; i < m->header.count; i++)
		if (seal_field(m->seal, m->header.fields[i].raw,
			m->header.fields[i].raw_len, err) < 0)
			return -1;
	if (seal_end_of_header(m->seal, true, err) == 0)
		return 0;
	/* a key that cannot be used is for us to mend, not the sender's fault */
	err->kind = ERR_TEMP;
	return -1;
}

int
message_end_of_header(struct message *m, struct directory *directory,
    int64_t now, struct err *err)
{
	const struct conf *conf = m->settings->conf;

	if (look_up(m, directory, err) < 0)
		return -1;
	m->decision = decide(m->recipient, m->recipients,
	    conf->milter.missing_key, conf->milter.unenrolled, now);
	switch (m->decision.action) {
	case ACTION_SEAL:
		return start_sealing(m, err);
	case ACTION_PASS:
		return 0;
	case ACTION_DEFER:
		return err_set(err, ERR_TEMP, "%s", m->decision.reason);
	case ACTION_REFUSE:
		return err_set(err, ERR_PERM, "%s", m->decision.reason);
	}
	return err_set(err, ERR_TEMP, "no decision");
}

int
message_body(struct message *m, const void *data, size_t n, struct err *err)
{
	m->body_octets += n;
	return m->seal == NULL ? 0 : seal_body(m->seal, data, n, err);
}

int
message_finish(struct message *m, enum outcome *outcome, struct err *err)
{
	if (m->seal == NULL && m->decision.action == ACTION_PASS &&
	    m->decision.reason != NULL) {
		*outcome = OUTCOME_PLAINTEXT;
		return 0;
	}
	if (m->seal == NULL)
		return err_set(err, ERR_TEMP, "message without a decision");
	if (seal_finish(m->seal, &m->seal_outcome, err) < 0)
		return -1;
	*outcome = m->seal_outcome == SEAL_ALREADY ? OUTCOME_ALREADY_SEALED
						   : OUTCOME_SEALED;
	return 0;
}

const struct header *
message_header(const struct message *m)
{
	return &m->header;
}

bool
message_removes(const struct message *m, size_t field)
{
	if (m->seal != NULL)
		return seal_removes(m->seal, field);
	return header_field_begins(&m->header.fields[field], SEALED_MARKER);
}

struct seal *
message_seal(struct message *m)
{
	return m->seal_outcome == SEAL_SEALED ? m->seal : NULL;
}

const char *
message_account(const struct message *m)
{
	return m->recipient == NULL ? "" : m->recipient->account->address;
}

const char *
message_address(const struct message *m)
{
	return m->address == NULL ? "" : m->address;
}

const char *
message_key(const struct message *m)
{
	return m->key;
}

uint64_t
message_size(const struct message *m)
{
	return m->header.octets + m->body_octets;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* main.cf, and what lines of master.cf make of it. */
#include <string.h>

#include "doctor_postfix.h"
#include "postfix_file.h"
#include "postfix_render.h"

/* What a setting is there for, and whether a service may have another. */
static const struct doctor_setting_kind kinds[] = {
	{ "virtual_transport",
	    { "postfix.transport", DOCTOR_ERROR,
		"mail for mailboxes does not pass the milter, and is stored as "
		"plaintext" } },
	{ "mailbox_transport",
	    { "postfix.transport", DOCTOR_ERROR,
		"mail for users of the machine does not pass the milter, and "
		"is stored as plaintext" } },
	{ "transport_maps",
	    { "postfix.transport", DOCTOR_ERROR,
		"where this map is not the first, another entry for a domain "
		"can lead its mail around the milter, as plaintext" } },
	{ "seal_destination_recipient_limit",
	    { "postfix.one_recipient", DOCTOR_ERROR,
		"a message that is sealed for several recipients tells each of "
		"them about the others; the milter defers it" } },
	{ "seal-lmtp_destination_recipient_limit",
	    { "postfix.one_recipient", DOCTOR_ERROR,
		"a copy of one recipient's mail must not be stored for "
		"another" } },
	{ "bounce_size_limit",
	    { "postfix.bounce", DOCTOR_ERROR,
		"a bounce carries the body of the message, as plaintext, to "
		"wherever the sender is" } },
	{ "smtpd_recipient_restrictions",
	    { "postfix.unusable", DOCTOR_WARNING,
		"mail for an account without a usable key is taken and "
		"bounced late, instead of being turned away at once" } },
	{ NULL,
	    { "postfix.maps", DOCTOR_ERROR,
		"Postfix does not know the accounts and domains as sealpost "
		"does, or keeps a pace that is not meant for the hop" } },
};

/* ---- a line of the template ---- */

enum how { SET, SET_IF_NOT, APPEND, APPEND_IF_ANY, PREPEND };

struct wanted {
	enum how how;
	char name[100];
	char value[2000];
};

static bool
read_wanted(const char *line, size_t len, struct wanted *out)
{
	static const struct {
		const char *sign;
		enum how how;
	} signs[] = { { "?=", SET_IF_NOT }, { "+=", APPEND },
		{ "+?=", APPEND_IF_ANY }, { "=+", PREPEND }, { "=", SET } };
	char text[2200], sign[4] = "";
	int at = 0;

	(void)snprintf(text, sizeof text, "%.*s", (int)len, line);
	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%99s %3s%n", out->name, sign, &at) != 2)
		return false;
	(void)snprintf(out->value, sizeof out->value, "%s",
	    text + at + strspn(text + at, " "));
	for (size_t i = 0; i < countof(signs); i++)
		if (strcmp(signs[i].sign, sign) == 0) {
			out->how = signs[i].how;
			return true;
		}
	return false;
}

static bool
holds(const struct wanted *w, const char *value)
{
	switch (w->how) {
	case SET:
		return doctor_same_value(value, w->value);
	case SET_IF_NOT:
		return true;
	case APPEND:
		return doctor_list_has(value, w->value, false);
	case APPEND_IF_ANY:
		return value[0] == '\0' ||
		       doctor_list_has(value, w->value, false);
	case PREPEND:
		return doctor_list_has(value, w->value, true);
	}
	return false;
}

static const char *
must_be(const struct wanted *w)
{
	return w->how == SET       ? "must be"
	       : w->how == PREPEND ? "must begin with"
				   : "must have";
}

static int
judge_parameter(const struct doctor_postfix *p, const struct wanted *w,
    struct doctor_report *r, struct err *err)
{
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	char mend[DOCTOR_COMMAND_SIZE];
	bool own;

	if (doctor_effective(p, NULL, w->name, &is, &own, err) < 0)
		return -1;
	if (holds(w, (char *)is.data))
		return 0;
	return doctor_put(r, doctor_kind_of(kinds, w->name),
	    w->how == SET ? doctor_mend_set(p, NULL, w->name, w->value, mend)
			  : doctor_mend_apply(p, mend),
	    err, "main.cf: %s is \"%s\", and %s \"%s\"", w->name,
	    (char *)is.data, must_be(w), w->value);
}

/*
 * A service that takes mail from this machine alone (what a content filter
 * hands back): its mail was checked when it came in.
 */
static bool
is_for_own_networks(const char *name, const char *value)
{
	return strcmp(name, "smtpd_recipient_restrictions") == 0 &&
	       doctor_same_value(value, "permit_mynetworks, reject");
}

/* A list keeps what the service has of its own; a single value goes. */
static const char *
mend_override(const struct doctor_postfix *p, const struct wanted *w,
    const struct doctor_option *o, const char *is,
    char out[DOCTOR_COMMAND_SIZE])
{
	char value[DOCTOR_COMMAND_SIZE / 2];
	bool first = w->how == PREPEND;

	if (w->how == SET)
		return doctor_mend_unset(p, o->service, o->name, out);
	(void)snprintf(value, sizeof value, "%.740s, %.740s",
	    first ? w->value : is, first ? is : w->value);
	return doctor_mend_set(p, o->service, o->name, value, out);
}

/* A service of master.cf that has an own value for it. */
static int
judge_overrides(const struct doctor_postfix *p, const struct wanted *w,
    struct doctor_report *r, struct err *err)
{
	const char *at = p->options;
	struct doctor_option o;

	while (doctor_next_option(&at, &o)) {
		char mend[DOCTOR_COMMAND_SIZE];

		if (strcmp(o.name, w->name) != 0 || doctor_is_hop(p, o.service))
			continue;

		cleanup(free_str) char *is = strndup(o.value, o.len);

		if (is == NULL)
			return err_nomem(err);
		if (holds(w, is) || is_for_own_networks(o.name, is))
			continue;
		if (doctor_put(r, doctor_kind_of(kinds, w->name),
			mend_override(p, w, &o, is, mend), err,
			"master.cf: for %s %s is \"%s\", and %s \"%s\"",
			o.service, o.name, is, must_be(w), w->value) < 0)
			return -1;
	}
	return 0;
}

/* ---- ways around the hop ---- */

/* Would it put messages into mailboxes? */
static bool
is_delivery(const struct doctor_postfix *p, const char *filter)
{
	static const char *const transports[] = {
		"lmtp:", "seal-lmtp:", "local:", "virtual:"
	};

	for (size_t i = 0; i < countof(transports); i++)
		if (strncmp(filter, transports[i], strlen(transports[i])) == 0)
			return true;
	return strcmp(filter, p->conf->hop.deliver) == 0;
}

/* Is the transport of "transport:nexthop" in master.cf? */
static bool
is_transport(const struct doctor_postfix *p, const char *filter)
{
	const char *at = p->services;
	size_t len = strcspn(filter, ":");
	struct doctor_service s;

	while (doctor_next_service(&at, &s))
		if (strncmp(s.id, filter, len) == 0 &&
		    strcmp(s.id + len, "/unix") == 0)
			return true;
	return false;
}

static int
judge_missing_filter(const struct doctor_postfix *p, const char *service,
    const char *filter, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.content_filter",
		DOCTOR_ERROR, "mail stays in the queue" };
	int len = (int)strcspn(filter, ":");
	char unset[DOCTOR_COMMAND_SIZE], mend[DOCTOR_COMMAND_SIZE];

	(void)doctor_mend_unset(p, service, "content_filter", unset);
	(void)snprintf(mend, sizeof mend, "add %.*s to master.cf, or: %.2000s",
	    len > 200 ? 200 : len, filter, unset);
	return doctor_put(r, &kind, mend, err,
	    "%s: content_filter is \"%s\", and master.cf has no such "
	    "transport",
	    service == NULL ? "main.cf" : service, filter);
}

static int
judge_filter(const struct doctor_postfix *p, const char *service,
    const char *filter, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.content_filter",
		DOCTOR_ERROR,
		"it delivers around the hop, and mail is stored as plaintext" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (filter[0] == '\0')
		return 0;
	if (!is_delivery(p, filter))
		return is_transport(p, filter)
			   ? 0
			   : judge_missing_filter(p, service, filter, r, err);
	return doctor_put(r, &kind,
	    doctor_mend_unset(p, service, "content_filter", mend), err,
	    "%s: content_filter is \"%s\"",
	    service == NULL ? "main.cf" : service, filter);
}

static int
judge_copies(const struct doctor_postfix *p, const char *service,
    const char *name, const char *value, struct doctor_report *r,
    struct err *err)
{
	static const struct doctor_kind kind = { "postfix.copies",
		DOCTOR_WARNING,
		"a copy of each message leaves unsealed, unless it goes to an "
		"account" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (value[0] == '\0')
		return 0;
	return doctor_put(r, &kind, doctor_mend_unset(p, service, name, mend),
	    err, "%s: %s is \"%s\"", service == NULL ? "main.cf" : service,
	    name, value);
}

static bool
makes_copies(const char *name)
{
	static const char *const names[] = { "always_bcc", "sender_bcc_maps",
		"recipient_bcc_maps" };

	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* A milter in front of the queue sees neither aliases nor one recipient. */
static int
judge_order(const struct doctor_postfix *p, const char *service,
    const char *name, const char *value, struct doctor_report *r,
    struct err *err)
{
	static const struct doctor_kind kind = { "postfix.order", DOCTOR_ERROR,
		"sealed in front of the queue, spam filters and DKIM see "
		"ciphertext only, and a message with several recipients is "
		"refused: the milter belongs into the hop alone" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (strstr(value, p->conf->milter.listen) == NULL)
		return 0;
	return doctor_put(r, &kind, doctor_mend_unset(p, service, name, mend),
	    err, "%s: %s has sealpost's milter",
	    service == NULL ? "main.cf" : service, name);
}

/* One setting of main.cf (service NULL) or of a service that is not ours. */
static int
judge_setting(const struct doctor_postfix *p, const char *service,
    const char *name, const char *value, struct doctor_report *r,
    struct err *err)
{
	if (strcmp(name, "content_filter") == 0)
		return judge_filter(p, service, value, r, err);
	if (strcmp(name, "smtpd_milters") == 0 ||
	    strcmp(name, "non_smtpd_milters") == 0)
		return judge_order(p, service, name, value, r, err);
	if (makes_copies(name))
		return judge_copies(p, service, name, value, r, err);
	return 0;
}

static int
judge_main_settings(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	static const char *const names[] = { "content_filter", "smtpd_milters",
		"non_smtpd_milters", "always_bcc", "sender_bcc_maps",
		"recipient_bcc_maps" };

	for (size_t i = 0; i < countof(names); i++) {
		cleanup(
		    buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
		bool own;

		if (doctor_effective(p, NULL, names[i], &is, &own, err) < 0 ||
		    judge_setting(p, NULL, names[i], (char *)is.data, r, err) <
			0)
			return -1;
	}
	return 0;
}

static int
judge_service_settings(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	const char *at = p->options;
	struct doctor_option o;

	while (doctor_next_option(&at, &o)) {
		cleanup(free_str) char *is = strndup(o.value, o.len);

		if (is == NULL)
			return err_nomem(err);
		if (!doctor_is_hop(p, o.service) &&
		    judge_setting(p, o.service, o.name, is, r, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- single settings of main.cf ---- */

static int
judge_delimiter(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.delimiter",
		DOCTOR_ERROR,
		"Postfix and sealpost take different addresses for the same "
		"account: mail to ann+lists is deferred" };
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	const char *ours = p->conf->accounts.recipient_delimiter;
	char mend[DOCTOR_COMMAND_SIZE];
	bool own;

	if (doctor_effective(p, NULL, "recipient_delimiter", &is, &own, err) <
	    0)
		return -1;
	if (strcmp((char *)is.data, ours) == 0)
		return 0;
	return doctor_put(r, &kind,
	    doctor_mend_set(p, NULL, "recipient_delimiter", ours, mend), err,
	    "recipient_delimiter of main.cf is \"%s\", that of sealpost.conf "
	    "\"%s\"",
	    (char *)is.data, ours);
}

static int
fine_ones(struct doctor_report *r, size_t from, struct err *err)
{
	static const struct {
		const char *check, *what;
	} fine[] = {
		{ "postfix.transport", "mail for mailboxes is led to the hop" },
		{ "postfix.one_recipient", "one recipient a message" },
		{ "postfix.bounce", "a bounce carries no body" },
		{ "postfix.maps", "the maps of the databases are in force" },
		{ "postfix.unusable",
		    "accounts without a usable key are turned away at once" },
		{ "postfix.order",
		    "the milter stands behind spam and DKIM milters" },
		{ "postfix.content_filter", "no filter leads around the hop" },
		{ "postfix.copies", "no copies of all mail are made" },
		{ "postfix.delimiter",
		    "recipient_delimiter is that of sealpost.conf" },
	};

	for (size_t i = 0; i < countof(fine); i++)
		if (doctor_fine(r, from, fine[i].check, fine[i].what, err) < 0)
			return -1;
	return 0;
}

int
doctor_judge_main(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	struct render_lines lines = { p->main_wanted };
	size_t from = r->count;
	const char *line;
	size_t len;

	while (render_next(&lines, &line, &len)) {
		struct wanted w;

		if (!read_wanted(line, len, &w))
			continue;
		if (judge_parameter(p, &w, r, err) < 0 ||
		    judge_overrides(p, &w, r, err) < 0)
			return -1;
	}
	if (judge_main_settings(p, r, err) < 0 ||
	    judge_service_settings(p, r, err) < 0 ||
	    judge_delimiter(p, r, err) < 0)
		return -1;
	return fine_ones(r, from, err);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The hop's own services: is every setting of the template in force? */
#include <string.h>

#include "doctor_postfix.h"
#include "postfix_file.h"
#include "postfix_render.h"

/* What certain settings are there for; all others share the last entry. */
static const struct doctor_setting_kind kinds[] = {
	{ "smtpd_milters",
	    { "postfix.hop.milter", DOCTOR_ERROR,
		"this milter does the sealing: without it, or with another "
		"default_action than tempfail, mail is stored as plaintext" } },
	{ "milter_default_action",
	    { "postfix.hop.milter", DOCTOR_ERROR,
		"with another one than tempfail, mail is stored as plaintext "
		"when the milter fails" } },
	{ "smtpd_milter_maps",
	    { "postfix.hop.milter", DOCTOR_ERROR,
		"it can switch the milter off for a client, and mail is stored "
		"as plaintext" } },
	{ "content_filter",
	    { "postfix.hop.deliver", DOCTOR_ERROR,
		"what has been sealed leaves the hop this way; any other way "
		"leads it around in circles, or elsewhere" } },
	{ "cleanup_service_name",
	    { "postfix.hop.deliver", DOCTOR_ERROR,
		"the usual cleanup service may change a message that was "
		"sealed already" } },
	{ "smtpd_end_of_data_restrictions",
	    { "postfix.policy", DOCTOR_ERROR,
		"behind the queue each message would be counted a second "
		"time" } },
	{ "smtpd_sasl_auth_enable",
	    { "postfix.sasl", DOCTOR_ERROR,
		"nobody logs in here; with the auth server down the hop would "
		"stop answering" } },
	{ "smtpd_client_restrictions",
	    { "postfix.hop.access", DOCTOR_ERROR,
		"only this machine's queue may hand mail to the hop" } },
	{ "smtpd_relay_restrictions",
	    { "postfix.hop.access", DOCTOR_ERROR,
		"only this machine's queue may hand mail to the hop" } },
	{ "mynetworks",
	    { "postfix.hop.access", DOCTOR_ERROR,
		"only this machine's queue may hand mail to the hop" } },
	{ NULL,
	    { "postfix.hop.settings", DOCTOR_ERROR,
		"it is set for the hop, so that nothing in main.cf touches a "
		"sealed message, breaks it, or leads around the milter" } },
};

/* ---- one option of the template ---- */

struct wanted {
	char name[200];
	char value[2000];
};

static void
trim_end(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\n'))
		s[--n] = '\0';
}

/* `-o name=value` or `-o { name = value }`; false for another line. */
static bool
read_wanted(const char *line, size_t len, struct wanted *out)
{
	char text[2500];

	(void)snprintf(text, sizeof text, "%.*s", (int)len, line);
	trim_end(text);

	char *s = text + strspn(text, " \t");

	if (strncmp(s, "-o ", 3) != 0)
		return false;
	s += 3;
	s += strspn(s, " ");
	if (*s == '{') {
		text[strlen(text) - 1] = '\0'; /* its closing brace */
		trim_end(text);
		s++;
		s += strspn(s, " ");
	}

	size_t n = strcspn(s, " =");
	const char *value = s + n + strspn(s + n, " ");

	value += *value == '=';
	value += strspn(value, " ");
	(void)snprintf(out->name, sizeof out->name, "%.*s", (int)n, s);
	(void)snprintf(out->value, sizeof out->value, "%s", value);
	return true;
}

/* Postfix versions differ: what this one does not know was left out. */
static int
is_known(const struct doctor_postfix *p, const char *name, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };

	return postconf_find(p->parameters[POSTCONF_VALUE], name, &value, err);
}

static int
judge_wanted(const struct doctor_postfix *p, const char *service,
    const struct wanted *w, struct doctor_report *r, struct err *err)
{
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	char mend[DOCTOR_COMMAND_SIZE];
	bool own = false;
	int known = is_known(p, w->name, err);

	if (known <= 0)
		return known;
	if (doctor_effective(p, service, w->name, &is, &own, err) < 0)
		return -1;
	if (doctor_same_value((char *)is.data, w->value))
		return 0;
	return doctor_put(r, doctor_kind_of(kinds, w->name),
	    doctor_mend_set(p, service, w->name, w->value, mend), err,
	    "%s: %s is \"%s\"%s, and must be \"%s\"", service, w->name,
	    (char *)is.data, own ? "" : " (from main.cf)", w->value);
}

/* ---- options that the template has not ---- */

static bool
template_has(const char *entry, size_t len, const char *name)
{
	for (size_t at = 0; at < len;) {
		size_t n = strcspn(entry + at, "\n");
		struct wanted w;

		if (n > len - at)
			n = len - at;
		if (read_wanted(entry + at, n, &w) && strcmp(w.name, name) == 0)
			return true;
		at += n + 1;
	}
	return false;
}

static int
judge_extra(const struct doctor_postfix *p, const char *service,
    const char *entry, size_t len, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.hop.extra",
		DOCTOR_WARNING,
		"sealpost has not put it there and does not know what it does "
		"to sealed mail" };
	const char *at = p->options;
	struct doctor_option o;

	while (doctor_next_option(&at, &o)) {
		char mend[DOCTOR_COMMAND_SIZE];

		if (strcmp(o.service, service) != 0 ||
		    template_has(entry, len, o.name))
			continue;
		if (doctor_put(r, &kind,
			doctor_mend_unset(p, service, o.name, mend), err,
			"%s has %s = %.*s", service, o.name, (int)o.len,
			o.value) < 0)
			return -1;
	}
	return 0;
}

/* ---- one service ---- */

static bool
has_service(const struct doctor_postfix *p, const struct doctor_service *s)
{
	const char *at = p->services;
	struct doctor_service found;

	while (doctor_next_service(&at, &found))
		if (strcmp(found.id, s->id) == 0 &&
		    strcmp(found.program, s->program) == 0)
			return true;
	return false;
}

static int
judge_service(const struct doctor_postfix *p, const char *entry, size_t len,
    struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind missing = { "postfix.hop.service",
		DOCTOR_ERROR,
		"without all four services of the hop no mail for accounts is "
		"delivered" };
	const char *at = entry;
	struct doctor_service s;
	char mend[DOCTOR_COMMAND_SIZE];

	if (!doctor_next_service(&at, &s))
		return 0;
	if (!has_service(p, &s))
		return doctor_put(r, &missing, doctor_mend_apply(p, mend), err,
		    "master.cf has no service %s that runs %s", s.id,
		    s.program);
	for (; at < entry + len; at += strcspn(at, "\n") + 1) {
		struct wanted w;

		if (read_wanted(at, strcspn(at, "\n"), &w) &&
		    judge_wanted(p, s.id, &w, r, err) < 0)
			return -1;
	}
	return judge_extra(p, s.id, entry, len, r, err);
}

int
doctor_judge_hop(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	struct render_lines lines = { p->master_wanted };
	size_t from = r->count;
	const char *entry;
	size_t len;

	while (render_next(&lines, &entry, &len))
		if (judge_service(p, entry, len, r, err) < 0)
			return -1;
	if (doctor_has(r, from, "postfix."))
		return 0;
	return doctor_fine(r, from, "postfix.hop",
	    "the hop's services are as sealpost has made them", err);
}

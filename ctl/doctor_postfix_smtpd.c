/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The smtpd services: where users log in, and where is it counted? */
#include <string.h>

#include "doctor_postfix.h"
#include "postfix_file.h"
#include "postfix_list.h"

static const char *const restrictions[] = { "smtpd_client_restrictions",
	"smtpd_helo_restrictions", "smtpd_sender_restrictions",
	"smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_data_restrictions", "smtpd_end_of_data_restrictions",
	"smtpd_etrn_restrictions" };

static int
is_set(const struct doctor_postfix *p, const char *service, const char *name,
    const char *value, bool *answer, bool *own, struct err *err)
{
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };

	if (doctor_effective(p, service, name, &is, own, err) < 0)
		return -1;
	*answer = strcmp((char *)is.data, value) == 0;
	return 0;
}

/* ---- logins ---- */

static const struct doctor_kind sasl = { "postfix.sasl", DOCTOR_ERROR,
	"an smtpd with SASL stops answering when the auth server is down, and "
	"a port for strangers must not; passwords without TLS can be read on "
	"the way" };

/* What it means for one service. */
struct logins {
	bool enabled, own, needs_tls;
	bool strangers; /* other servers come here, whatever it insists on */
};

/* Port 25, and what postscreen passes on from there. */
static bool
is_for_strangers(const char *service)
{
	size_t len = strcspn(service, "/");
	const char *colon = memrchr(service, ':', len);
	const char *port = colon == NULL ? service : colon + 1;

	return strncmp(port, "25/", 3) == 0 || strncmp(port, "smtp/", 5) == 0 ||
	       strcmp(service + len, "/pass") == 0;
}

static int
find_logins(const struct doctor_postfix *p, const char *service,
    struct logins *out, struct err *err)
{
	bool encrypt, wrapper, own;

	if (is_set(p, service, "smtpd_sasl_auth_enable", "yes", &out->enabled,
		&out->own, err) < 0 ||
	    is_set(p, service, "smtpd_tls_security_level", "encrypt", &encrypt,
		&own, err) < 0 ||
	    is_set(p, service, "smtpd_tls_wrappermode", "yes", &wrapper, &own,
		err) < 0)
		return -1;
	out->needs_tls = encrypt || wrapper;
	out->strangers = is_for_strangers(service);
	return 0;
}

static int
judge_sasl_main(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	char mend[DOCTOR_COMMAND_SIZE];
	bool enabled, own;

	if (is_set(p, NULL, "smtpd_sasl_auth_enable", "yes", &enabled, &own,
		err) < 0)
		return -1;
	if (!enabled)
		return 0;
	return doctor_put(r, &sasl,
	    doctor_mend_set(p, NULL, "smtpd_sasl_auth_enable", "no", mend), err,
	    "main.cf: smtpd_sasl_auth_enable is yes for every service, port 25 "
	    "among them");
}

static int
judge_sasl_service(const struct doctor_postfix *p, const char *service,
    const struct logins *l, struct doctor_report *r, struct err *err)
{
	char mend[DOCTOR_COMMAND_SIZE];

	if (!l->enabled || !l->own || (l->needs_tls && !l->strangers))
		return 0;
	return doctor_put(r, &sasl,
	    doctor_mend_unset(p, service, "smtpd_sasl_auth_enable", mend), err,
	    "%s takes logins%s: a port for strangers must not have SASL",
	    service, l->needs_tls ? "" : " and does not insist on TLS");
}

static int
judge_sasl_path(const struct doctor_postfix *p, const char *service,
    struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.sasl_path",
		DOCTOR_WARNING,
		"another server checks the passwords there: logins are not "
		"counted, and an account's mechanisms may not bind it" };
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	const char *ours = p->conf->saslauthd.listen;
	char mend[DOCTOR_COMMAND_SIZE];
	bool own;

	if (doctor_effective(p, service, "smtpd_sasl_path", &is, &own, err) < 0)
		return -1;
	if (doctor_same_value((char *)is.data, ours))
		return 0;
	return doctor_put(r, &kind,
	    doctor_mend_set(p, service, "smtpd_sasl_path", ours, mend), err,
	    "%s: smtpd_sasl_path is \"%s\", and sealpost-saslauthd listens on "
	    "%s",
	    service, (char *)is.data, ours);
}

/* ---- counting ---- */

/* The list has `check_policy_service` with sealpost-policyd. */
static const char *
find_policy(const struct doctor_postfix *p, const char *list, size_t *len)
{
	static const char check[] = "check_policy_service";
	const char *word;
	bool next = false;

	while (list_next(&list, &word, len)) {
		if (next && memmem(word, *len, p->conf->policyd.listen,
				strlen(p->conf->policyd.listen)) != NULL)
			return word;
		next =
		    *len == sizeof check - 1 && strncmp(word, check, *len) == 0;
	}
	return NULL;
}

static void
wanted_policy(const struct doctor_postfix *p, char *out, size_t size)
{
	(void)snprintf(out, size,
	    "check_policy_service { %s, default_action=DUNNO, timeout=2s }",
	    p->conf->policyd.listen);
}

/* A submission service must count, at the end of the message. */
static int
judge_counting(const struct doctor_postfix *p, const char *service,
    struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind none = { "postfix.policy", DOCTOR_ERROR,
		"what users send there is not counted" };
	static const struct doctor_kind action = { "postfix.policy",
		DOCTOR_ERROR,
		"without default_action=DUNNO nobody can send mail while "
		"sealpost-policyd is down" };
	static const char name[] = "smtpd_end_of_data_restrictions";
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	char mend[DOCTOR_COMMAND_SIZE], wanted[500];
	bool own;
	size_t len;

	if (doctor_effective(p, service, name, &is, &own, err) < 0)
		return -1;
	wanted_policy(p, wanted, sizeof wanted);
	(void)doctor_mend_set(p, service, name, wanted, mend);

	const char *policy = find_policy(p, (char *)is.data, &len);

	if (policy == NULL)
		return doctor_put(r, &none, mend, err,
		    "%s takes logins, and %s does not ask sealpost-policyd",
		    service, name);
	if (memmem(policy, len, "default_action=DUNNO", 20) == NULL)
		return doctor_put(r, &action, mend, err,
		    "%s asks sealpost-policyd without default_action=DUNNO",
		    service);
	return 0;
}

/* The list without the question. */
static int
without_policy(const struct doctor_postfix *p, const char *list,
    struct buf *out, struct err *err)
{
	size_t policy_len, len;
	const char *policy = find_policy(p, list, &policy_len);
	const char *at = list, *word, *before = NULL;

	while (list_next(&at, &word, &len)) {
		const char *following = at;
		const char *next;
		size_t next_len;

		if (word == policy ||
		    (list_next(&following, &next, &next_len) && next == policy))
			continue;
		if ((before != NULL && buf_puts(out, " ", err) < 0) ||
		    buf_put(out, word, len, err) < 0)
			return -1;
		before = word;
	}
	return buf_str(out, err) == NULL ? -1 : 0;
}

/* Elsewhere it must not be asked. service NULL: main.cf. */
static int
judge_not_counting(const struct doctor_postfix *p, const char *service,
    const char *name, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.policy", DOCTOR_ERROR,
		"only what users hand in is to be counted, once each message, "
		"at its end: the question belongs to "
		"smtpd_end_of_data_restrictions of the submission services" };
	cleanup(buf_reset) struct buf is = { .limit = LIMIT_POSTFIX_FILE };
	cleanup(buf_reset) struct buf rest = { .limit = LIMIT_POSTFIX_FILE };
	char mend[DOCTOR_COMMAND_SIZE];
	bool own;
	size_t len;

	if (doctor_effective(p, service, name, &is, &own, err) < 0)
		return -1;
	if ((service != NULL && !own) ||
	    find_policy(p, (char *)is.data, &len) == NULL)
		return 0;
	if (without_policy(p, (char *)is.data, &rest, err) < 0)
		return -1;
	return doctor_put(r, &kind,
	    doctor_mend_set(p, service, name, (char *)rest.data, mend), err,
	    "%s: %s asks sealpost-policyd",
	    service == NULL ? "main.cf" : service, name);
}

static int
judge_all_not_counting(const struct doctor_postfix *p, const char *service,
    bool submission, struct doctor_report *r, struct err *err)
{
	for (size_t i = 0; i < countof(restrictions); i++) {
		if (submission && strcmp(restrictions[i],
				      "smtpd_end_of_data_restrictions") == 0)
			continue;
		if (judge_not_counting(p, service, restrictions[i], r, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- all of them ---- */

/* *submissions counts those where users log in. */
static int
judge_one(const struct doctor_postfix *p, const char *service,
    size_t *submissions, struct doctor_report *r, struct err *err)
{
	struct logins l;

	if (find_logins(p, service, &l, err) < 0 ||
	    judge_sasl_service(p, service, &l, r, err) < 0)
		return -1;

	bool submission = l.enabled && l.needs_tls && !l.strangers;

	if (judge_all_not_counting(p, service, submission, r, err) < 0)
		return -1;
	if (!submission)
		return 0;
	(*submissions)++;
	if (judge_counting(p, service, r, err) < 0)
		return -1;
	return judge_sasl_path(p, service, r, err);
}

static int
judge_submissions(const struct doctor_postfix *p, size_t submissions,
    struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "postfix.submission",
		DOCTOR_WARNING, "users cannot hand in mail here" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (submissions > 0)
		return doctor_fine(r, 0, "postfix.submission",
		    "users log in on services of their own, with TLS", err);
	return doctor_put(r, &kind, doctor_mend_apply(p, mend), err,
	    "master.cf has no service where users log in");
}

int
doctor_judge_smtpd(
    const struct doctor_postfix *p, struct doctor_report *r, struct err *err)
{
	const char *at = p->services;
	struct doctor_service s;
	size_t submissions = 0;

	if (judge_sasl_main(p, r, err) < 0 ||
	    judge_all_not_counting(p, NULL, false, r, err) < 0)
		return -1;
	while (doctor_next_service(&at, &s)) {
		if (strcmp(s.program, "smtpd") != 0 || doctor_is_hop(p, s.id))
			continue;
		if (judge_one(p, s.id, &submissions, r, err) < 0)
			return -1;
	}
	if (doctor_fine(r, 0, "postfix.sasl",
		"nobody logs in on a port for strangers", err) < 0 ||
	    doctor_fine(r, 0, "postfix.policy",
		"what users send is counted once", err) < 0)
		return -1;
	return judge_submissions(p, submissions, r, err);
}

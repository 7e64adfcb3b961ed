/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* sealpost doctor: looks at everything, and says what is wrong. */
#include "doctor.h"

#include <string.h>

#include "shared.h"

enum { USUAL_WAIT = 60, LONGEST_WAIT = 3600 };

int
doctor_untried(struct doctor_site *s, const char *check, const struct err *why,
    struct err *err)
{
	const struct doctor_kind kind = { check, DOCTOR_UNTRIED,
		"what is wrong there is not known" };

	return doctor_put(s->report, &kind,
	    geteuid() == 0 ? NULL : "run it as root", err, "%s", why->text);
}

static int
site_init(struct doctor_site *s, struct err *err)
{
	const char *file = s->ctl->conf_file;
	bool usual = file == NULL || strcmp(file, CONF_DEFAULT_FILE) == 0;

	if (snprintf(s->sealpost, sizeof s->sealpost, "sealpost%s%s",
		usual ? "" : " -c ",
		usual ? "" : file) >= (int)sizeof s->sealpost)
		return err_set(err, ERR_PERM, "the path is too long");
	return 0;
}

static int
look_at_conf(struct doctor_site *s, struct err *err)
{
	static const struct doctor_kind pass = { "conf.unenrolled",
		DOCTOR_WARNING,
		"mail for addresses that are no accounts is stored as "
		"plaintext: this is for a gradual roll-out" };

	if (s->ctl->conf->milter.unenrolled != POLICY_PASS)
		return 0;
	return doctor_put(s->report, &pass,
	    "set unenrolled = defer in sealpost.conf, then: sealpost-milter -n "
	    "&& systemctl reload sealpost-milter",
	    err, "unenrolled = pass in sealpost.conf");
}

static int
examine(struct doctor_site *s, struct err *err)
{
	static int (*const looks[])(struct doctor_site *, struct err *) = {
		look_at_conf, doctor_look_at_postfix, doctor_look_at_dovecot,
		doctor_look_at_sockets, doctor_look_at_files,
		doctor_look_at_keys, doctor_look_at_machine
	};

	if (site_init(s, err) < 0)
		return -1;
	for (size_t i = 0; i < countof(looks); i++)
		if (looks[i](s, err) < 0)
			return -1;
	return s->options->probe == NULL ? 0 : doctor_send_probe(s, err);
}

static int
read_wait(struct ctl *ctl, const char *text, unsigned *out)
{
	char *end;
	unsigned long n;

	*out = USUAL_WAIT;
	if (text == NULL)
		return 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n == 0 ||
	    n > LONGEST_WAIT) {
		(void)ctl_usage(ctl,
		    "--wait: \"%s\" is no number of seconds "
		    "from 1 to %d",
		    text, LONGEST_WAIT);
		return -1;
	}
	*out = (unsigned)n;
	return 0;
}

int
cmd_doctor(struct ctl *ctl, int argc, char **argv)
{
	cleanup(doctor_report_reset) struct doctor_report report = { 0 };
	struct doctor_options o = { 0 };
	struct doctor_site site = {
		.ctl = ctl, .options = &o, .report = &report
	};
	const char *wait = NULL;
	bool json = false, quiet = false;
	const struct ctl_option options[] = {
		{ "--json", &json, NULL },
		{ "--quiet", &quiet, NULL },
		{ "--probe", NULL, &o.probe },
		{ "--wait", NULL, &wait },
		{ "--config-directory", NULL, &o.config_directory },
		{ "--config-file", NULL, &o.config_file },
		{ "--templates", NULL, &o.templates },
		{ "--submission", NULL, &o.submission },
		{ "--submissions", NULL, &o.submissions },
	};
	struct err err;

	if (ctl_arguments(ctl, argc, argv, options, countof(options), 0, 0) <
		0 ||
	    read_wait(ctl, wait, &o.wait) < 0)
		return CTL_USAGE;
	if (examine(&site, &err) < 0)
		return ctl_fail(ctl, &err);
	if (json)
		doctor_print_json(&report, now(), ctl->out);
	else
		doctor_print_text(&report, ctl->out, !quiet, ctl->colour);

	int rc = ctl_done(ctl);

	return rc == CTL_DONE ? doctor_status(&report) : rc;
}

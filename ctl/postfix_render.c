/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_render.h"

#include <string.h>

#include "template.h"

/* Puts the value of one @name@. */
typedef int (*render_put)(
    const struct render *r, struct buf *out, struct err *err);

/* ---- values ---- */

/* A value from sealpost.conf or the command line, into a file of Postfix. */
static int
put_checked(
    struct buf *out, const char *what, const char *value, struct err *err)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("${},%\"#", *p) != NULL)
			return err_set(err, ERR_PERM,
			    "%s \"%s\": Postfix cannot be given a '%c'", what,
			    value, *p);
	return buf_puts(out, value, err);
}

static int
hop_socket(const struct render *r, struct conf_socket *out, struct err *err)
{
	char text[300];

	(void)snprintf(text, sizeof text, "inet:%s", r->conf->hop.listen);
	return conf_socket_parse(text, out, err);
}

static int
put_config_directory(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "configuration folder", r->config_directory, err);
}

static int
put_directory_db(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "[accounts] directory", r->conf->accounts.directory, err);
}

static int
put_delimiter(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(out, "[accounts] recipient_delimiter",
	    r->conf->accounts.recipient_delimiter, err);
}

static int
put_milter(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(out, "[milter] listen", r->conf->milter.listen, err);
}

static int
put_hop_listen(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(out, "[hop] listen", r->conf->hop.listen, err);
}

static int
put_hop_nexthop(const struct render *r, struct buf *out, struct err *err)
{
	struct conf_socket s;

	if (hop_socket(r, &s, err) < 0)
		return -1;
	return buf_putf(out, err, "[%s]:%u", s.host, (unsigned)s.port);
}

static int
put_if_ipv6(const struct render *r, bool wanted, const char *yes,
    struct buf *out, struct err *err)
{
	struct conf_socket s;

	if (hop_socket(r, &s, err) < 0)
		return -1;
	bool is_ipv6 = strchr(s.host, ':') != NULL;

	return is_ipv6 == wanted ? buf_puts(out, yes, err) : 0;
}

static int
put_bind_ipv4(const struct render *r, struct buf *out, struct err *err)
{
	return put_if_ipv6(r, false, "127.0.0.1", out, err);
}

static int
put_bind_ipv6(const struct render *r, struct buf *out, struct err *err)
{
	return put_if_ipv6(r, true, "::1", out, err);
}

static int
put_protocol(const struct render *r, struct buf *out, struct err *err)
{
	if (put_if_ipv6(r, false, "ipv4", out, err) < 0)
		return -1;
	return put_if_ipv6(r, true, "ipv6", out, err);
}

/* [hop] deliver; the stock lmtp client is replaced by the hop's own. */
static int
put_hop_filter(const struct render *r, struct buf *out, struct err *err)
{
	const char *deliver = r->conf->hop.deliver;

	if (strncmp(deliver, "lmtp:", 5) == 0 &&
	    buf_puts(out, "seal-", err) < 0)
		return -1;
	return put_checked(out, "[hop] deliver", deliver, err);
}

static int
put_sasl_path(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "[saslauthd] listen", r->conf->saslauthd.listen, err);
}

/* A dead or slow daemon delays no mail and decides about none. */
static int
put_policy_check(const struct render *r, struct buf *out, struct err *err)
{
	if (buf_puts(out, "check_policy_service { ", err) < 0 ||
	    put_checked(out, "[policyd] listen", r->conf->policyd.listen, err) <
		0)
		return -1;
	return buf_puts(out, ", default_action=DUNNO, timeout=2s }", err);
}

static int
put_unusable_check(const struct render *r, struct buf *out, struct err *err)
{
	if (buf_puts(out, "check_recipient_access proxy:sqlite:", err) < 0 ||
	    put_config_directory(r, out, err) < 0)
		return -1;
	return buf_puts(out, "/sealpost/unusable.cf", err);
}

static int
put_missing_key(const struct render *r, struct buf *out, struct err *err)
{
	static const char *const reply[] = {
		[POLICY_DEFER] = "450 4.7.1 Mail to the recipient cannot be "
				 "encrypted now, try again later",
		[POLICY_REJECT] = "550 5.7.1 Mail to the recipient cannot be "
				  "encrypted",
		[POLICY_PASS] = "DUNNO", /* conf.c refuses it */
	};

	return buf_puts(out, reply[r->conf->milter.missing_key], err);
}

static int
put_system_users(const struct render *r, struct buf *out, struct err *err)
{
	return buf_puts(out, r->conf->hop.system_users ? "yes" : "no", err);
}

static int
put_submission(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(out, "--submission", r->submission, err);
}

static int
put_submissions(const struct render *r, struct buf *out, struct err *err)
{
	return put_checked(out, "--submissions", r->submissions, err);
}

static const struct {
	const char *name;
	render_put put;
} variables[] = {
	{ "config_directory", put_config_directory },
	{ "directory_db", put_directory_db },
	{ "recipient_delimiter", put_delimiter },
	{ "milter", put_milter },
	{ "hop_listen", put_hop_listen },
	{ "hop_nexthop", put_hop_nexthop },
	{ "hop_bind_ipv4", put_bind_ipv4 },
	{ "hop_bind_ipv6", put_bind_ipv6 },
	{ "hop_protocol", put_protocol },
	{ "hop_filter", put_hop_filter },
	{ "system_users", put_system_users },
	{ "sasl_path", put_sasl_path },
	{ "unusable_check", put_unusable_check },
	{ "policy_check", put_policy_check },
	{ "missing_key_reply", put_missing_key },
	{ "submission", put_submission },
	{ "submissions", put_submissions },
};

/* ---- filling in ---- */

static int
put_variable(const void *context, const char *name, size_t len,
    struct buf *out, struct err *err)
{
	const struct render *r = context;

	for (size_t i = 0; i < countof(variables); i++)
		if (strlen(variables[i].name) == len &&
		    memcmp(variables[i].name, name, len) == 0)
			return variables[i].put(r, out, err);
	return template_unknown(name, len, err);
}

int
render_template(
    const struct render *r, const char *name, struct buf *out, struct err *err)
{
	return template_fill(r->templates, name, put_variable, r, out, err);
}

/* ---- logical lines ---- */

static const char *
end_of_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s == '\n' ? s + 1 : s;
}

bool
render_next(struct render_lines *l, const char **line, size_t *len)
{
	const char *s = l->at;

	while (*s == '#' || *s == '\n')
		s = end_of_line(s);
	if (*s == '\0')
		return false;
	*line = s;
	do {
		s = end_of_line(s);
	} while (*s == ' ' || *s == '\t');
	*len = (size_t)(s - *line);
	l->at = s;
	return true;
}

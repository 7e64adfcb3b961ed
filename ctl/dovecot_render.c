/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "dovecot_render.h"

#include <ctype.h>
#include <string.h>

#include "template.h"

/* Puts the value of one @name@. */
typedef int (*facts_put)(
    const struct dovecot_facts *f, struct buf *out, struct err *err);

/* A value that stands in a file of Dovecot, also within an SQL string. */
static int
put_checked(
    struct buf *out, const char *what, const char *value, struct err *err)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("{}$%'\"#\\<", *p) != NULL)
			return err_set(err, ERR_PERM,
			    "%s \"%s\": Dovecot cannot be given a '%c'", what,
			    value, *p);
	return buf_puts(out, value, err);
}

static int
put_directory(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "configuration folder", f->run->directory, err);
}

static int
put_directory_db(
    const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "[accounts] directory", f->run->conf->accounts.directory, err);
}

static int
put_secrets_db(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "[accounts] secrets", f->run->conf->accounts.secrets, err);
}

static int
put_delimiter(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "[accounts] recipient_delimiter",
	    f->run->conf->accounts.recipient_delimiter, err);
}

/* Dovecot lists them in lower case. */
static int
put_mechanisms(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	for (const char *p = f->run->conf->saslauthd.mechanisms; *p != '\0';
	     p++)
		if (buf_putc(out, (uint8_t)tolower((unsigned char)*p), err) < 0)
			return -1;
	return 0;
}

static int
put_protocols(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return buf_put(out, f->protocols.data, f->protocols.len, err);
}

static int
put_first_valid_uid(
    const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return buf_putf(out, err, "%u", f->first_valid_uid);
}

static int
put_mail_directory(
    const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(
	    out, "--mail-directory", f->run->mail_directory, err);
}

static int
put_mail_user(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "--mail-user", f->mail_user, err);
}

static int
put_mail_group(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "group", f->mail_group, err);
}

static int
put_reader_user(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "default_internal_user", f->reader_user, err);
}

static int
put_reader_group(
    const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "group", f->reader_group, err);
}

/* The setting replaces its default, so that is named, too. */
static int
put_imap_groups(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	if (put_checked(out, "default_internal_group", f->internal_group, err) <
	    0)
		return -1;
	if (f->reader_is_root)
		return 0;
	return buf_puts(out,
		   f->run->version == DOVECOT_2_3 ? "," : " ", err) < 0
	    ? -1
	    : put_reader_group(f, out, err);
}

static int
put_lmtp_socket(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "[hop] deliver", f->lmtp_socket, err);
}

static int
put_lmtp_user(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "mail_owner", f->lmtp_user, err);
}

static int
put_lmtp_group(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return put_checked(out, "group", f->lmtp_group, err);
}

/* Words of mail_plugins, each with a blank before it. */
static int
put_sealpost(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->plugin ? buf_puts(out, " sealpost", err) : 0;
}

static int
put_imap_sealpost(
    const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->plugin ? buf_puts(out, " sealpost imap_sealpost", err) : 0;
}

/* Parts that are not always there. */
static int
put_plugin(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->plugin ? dovecot_render(f, "plugin.conf", out, err) : 0;
}

static int
put_attributes(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->own_attributes ? dovecot_render(f, "attributes.conf", out, err)
				 : 0;
}

static int
put_mailboxes(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->own_mailboxes ? dovecot_render(f, "mailboxes.conf", out, err)
				: 0;
}

static int
put_lmtp(const struct dovecot_facts *f, struct buf *out, struct err *err)
{
	return f->lmtp_socket[0] != '\0'
		   ? dovecot_render(f, "lmtp.conf", out, err)
		   : 0;
}

static const struct {
	const char *name;
	facts_put put;
} variables[] = {
	{ "directory", put_directory },
	{ "directory_db", put_directory_db },
	{ "secrets_db", put_secrets_db },
	{ "recipient_delimiter", put_delimiter },
	{ "mechanisms", put_mechanisms },
	{ "protocols", put_protocols },
	{ "first_valid_uid", put_first_valid_uid },
	{ "mail_directory", put_mail_directory },
	{ "mail_user", put_mail_user },
	{ "mail_group", put_mail_group },
	{ "reader_user", put_reader_user },
	{ "reader_group", put_reader_group },
	{ "imap_groups", put_imap_groups },
	{ "lmtp_socket", put_lmtp_socket },
	{ "lmtp_user", put_lmtp_user },
	{ "lmtp_group", put_lmtp_group },
	{ "sealpost", put_sealpost },
	{ "imap_sealpost", put_imap_sealpost },
	{ "plugin", put_plugin },
	{ "attributes", put_attributes },
	{ "mailboxes", put_mailboxes },
	{ "lmtp", put_lmtp },
};

static int
put_variable(const void *context, const char *name, size_t len, struct buf *out,
    struct err *err)
{
	const struct dovecot_facts *f = context;

	for (size_t i = 0; i < countof(variables); i++)
		if (strlen(variables[i].name) == len &&
		    memcmp(variables[i].name, name, len) == 0)
			return variables[i].put(f, out, err);
	return template_unknown(name, len, err);
}

int
dovecot_render(const struct dovecot_facts *f, const char *name, struct buf *out,
    struct err *err)
{
	return template_fill(
	    f->run->templates, name, put_variable, f, out, err);
}

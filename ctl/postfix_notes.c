/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "postfix_notes.h"

#include <string.h>
#include <unistd.h>

#include "postfix_file.h"
#include "postfix_list.h"
#include "store/directory.h"

/* ---- filters ---- */

/* Would it put messages into mailboxes? */
static bool
is_delivery(const struct render *r, const char *filter)
{
	static const char *const transports[] = { "lmtp", "seal-lmtp", "local",
		"virtual" };
	size_t len = strcspn(filter, ":");

	for (size_t i = 0; i < countof(transports); i++)
		if (strlen(transports[i]) == len &&
		    strncmp(filter, transports[i], len) == 0)
			return true;
	return strcmp(filter, r->conf->hop.deliver) == 0;
}

static int
check_filter(const struct render *r, const char *where, const char *filter,
    struct buf *notes, struct err *err)
{
	if (filter[0] == '\0')
		return 0;
	if (is_delivery(r, filter))
		return err_set(err, ERR_PERM,
		    "%s = %s delivers around the hop, unsealed: take it out "
		    "first (a filter that speaks LMTP needs a service by a "
		    "name of its own)",
		    where, filter);
	return buf_putf(notes, err,
	    "%s = %s: only what the filter hands back to Postfix passes the "
	    "hop\n",
	    where, filter);
}

/* A line of postconf -P: smtp/inet/content_filter = VALUE. */
static int
check_option(const struct render *r, const char *line, size_t len,
    struct buf *notes, struct err *err)
{
	static const char name[] = "/content_filter";
	char text[1000];

	if (snprintf(text, sizeof text, "%.*s", (int)len, line) >=
	    (int)sizeof text)
		return 0;

	size_t n = strcspn(text, " ");
	const char *value = text + n + strspn(text + n, " =");

	text[n] = '\0';
	if (n < sizeof name || strcmp(text + n - (sizeof name - 1), name) != 0)
		return 0;
	return check_filter(r, text, value, notes, err);
}

int
notes_filters(const struct render *r, const struct view *v, struct buf *notes,
    struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };
	const char *s = (const char *)v->options.data;

	if (view_get(v, POSTCONF_EXPANDED, "content_filter", &value, err) < 0)
		return -1;
	if (value.len > 0 && check_filter(r, "content_filter",
				 (char *)value.data, notes, err) < 0)
		return -1;
	while (*s != '\0') {
		size_t len = strcspn(s, "\n");

		if (check_option(r, s, len, notes, err) < 0)
			return -1;
		s += len;
		s += *s == '\n';
	}
	return 0;
}

/* ---- domains in two classes ---- */

struct overlap {
	const struct view *view;
	const struct render *render;
	struct buf *notes;
};

static const struct {
	const char *name, *text;
} classes[] = {
	{ "mydestination",
	    "its mail goes to the hop, and no user of the machine and no "
	    "entry of\naliases(5) has a mailbox there" },
	{ "relay_domains", "its mail goes to the hop all the same" },
	{ "virtual_alias_domains",
	    "Postfix refuses mail for its accounts until you take it out" },
};

static int
note_domain(void *ctx, const char *domain, const char *unused, struct err *err)
{
	const struct overlap *o = ctx;

	(void)unused;
	for (size_t i = 0; i < countof(classes); i++) {
		cleanup(buf_reset) struct buf list = { .limit =
							   LIMIT_POSTFIX_FILE };

		/* With system users, mydestination is where accounts are. */
		if (o->render->conf->hop.system_users && i == 0)
			continue;
		if (view_get(o->view, POSTCONF_EXPANDED, classes[i].name, &list,
			err) < 0)
			return -1;
		if (list.len == 0 || !list_has_name((char *)list.data, domain))
			continue;
		if (buf_putf(o->notes, err, "%s is in %s, too: %s\n", domain,
			classes[i].name, classes[i].text) < 0)
			return -1;
	}
	return 0;
}

/* The domains as they are now; before `sealpost init` there are none. */
static int
note_overlaps(const struct render *r, const struct view *v, struct buf *notes,
    struct err *err)
{
	const char *path = r->conf->accounts.directory;
	struct overlap o = { .view = v, .render = r, .notes = notes };
	cleanup(directory_close) struct directory *d = NULL;
	struct err why;

	if (access(path, F_OK) < 0)
		return 0;
	if (directory_open(path, STORE_READ, &d, &why) < 0)
		return buf_putf(notes, err,
		    "whether main.cf has a domain of yours twice is not "
		    "known: %s\n",
		    why.text);
	return directory_domain_list(d, note_domain, &o, err);
}

/* ---- single settings ---- */

static const char copies[] =
    "the copies leave unsealed, unless they go to an account";

static const struct {
	const char *name, *text;
} settings[] = {
	{ "smtpd_sasl_auth_enable",
	    "port 25 stops answering when the auth server is down; the "
	    "submission services enable it for themselves" },
	{ "always_bcc", copies },
	{ "sender_bcc_maps", copies },
	{ "recipient_bcc_maps", copies },
};

static int
note_if(const struct view *v, const char *name, const char *text,
    struct buf *notes, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };

	if (view_get(v, POSTCONF_SET, name, &value, err) < 0)
		return -1;
	if (value.len == 0 || strcmp((char *)value.data, "no") == 0)
		return 0;
	return buf_putf(notes, err, "%s is set: %s\n", name, text);
}

static int
note_delimiter(const struct render *r, const struct view *v, struct buf *notes,
    struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };
	const char *ours = r->conf->accounts.recipient_delimiter;

	int set = view_get(v, POSTCONF_SET, "recipient_delimiter", &value, err);

	if (set <= 0) /* apply sets it */
		return set;
	const char *theirs = value.len > 0 ? (char *)value.data : "";

	if (strcmp(ours, theirs) == 0)
		return 0;
	return buf_putf(notes, err,
	    "recipient_delimiter of main.cf is \"%s\", that of sealpost.conf "
	    "\"%s\"\n",
	    theirs, ours);
}

static int
note_certificate(const struct view *v, struct buf *notes, struct err *err)
{
	cleanup(buf_reset) struct buf value = { .limit = LIMIT_POSTFIX_FILE };
	static const char *const names[] = { "smtpd_tls_chain_files",
		"smtpd_tls_cert_file", "smtpd_tls_eccert_file" };

	for (size_t i = 0; i < countof(names); i++) {
		if (view_get(v, POSTCONF_SET, names[i], &value, err) < 0)
			return -1;
		if (value.len > 0)
			return 0;
	}
	return buf_puts(notes,
	    "main.cf names no certificate (smtpd_tls_chain_files): submission "
	    "needs one\n",
	    err);
}

static int
note_system_users(const struct view *v, struct buf *notes, struct err *err)
{
	if (buf_puts(notes,
		"[hop] system_users: aliases(5) that name files or commands, "
		"and .forward files, no longer work;\nwhat they deliver would "
		"not be sealed\n",
		err) < 0)
		return -1;
	return note_if(v, "transport_maps",
	    "mail for users of the machine without an account that it sends "
	    "elsewhere does not pass the hop",
	    notes, err);
}

int
notes_put(const struct render *r, const struct view *v, struct buf *notes,
    struct err *err)
{
	for (size_t i = 0; i < countof(settings); i++)
		if (note_if(v, settings[i].name, settings[i].text, notes, err) <
		    0)
			return -1;
	if (r->conf->hop.system_users && note_system_users(v, notes, err) < 0)
		return -1;
	if (note_certificate(v, notes, err) < 0 ||
	    note_overlaps(r, v, notes, err) < 0)
		return -1;
	return note_delimiter(r, v, notes, err);
}

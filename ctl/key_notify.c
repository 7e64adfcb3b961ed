/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost key check --notify: each step is told once. It is remembered before
 * the mail is sent, and forgotten when it could not be: whoever is killed in
 * between rather loses one mail than sends it every day.
 */
#include "key_check.h"

#include <string.h>

#include "backup.h"
#include "store/notices.h"
#include "tool.h"

enum {
	LIMIT_MAIL = 4 << 20,
	SECONDS_AN_HOUR = 3600,
	KEPT_FOR = 400 * 24 * SECONDS_AN_HOUR,
};

struct notifier {
	struct ctl *ctl;
	const struct key_report *report;
	struct notices *notices;
	bool *for_admin; /* by finding: it is in the mail to the admin */
	struct key_mailed mailed;
	bool failed;
	struct err why; /* of the last one that failed */
};

static void
notifier_reset(struct notifier *n)
{
	notices_close(&n->notices);
	free(n->for_admin);
}

/* ---- sending ---- */

static int
send_mail(const struct notifier *n, const char *to, const struct buf *mail,
    struct err *err)
{
	const struct conf *c = n->ctl->conf;
	const struct tool sendmail = { "sendmail", c->notify.sendmail,
		"Postfix" };
	const char *const words[] = { "-i", "-f", c->notify.sender, "--", to };
	cleanup(args_reset) struct args args = { 0 };

	if (access(c->notify.sendmail, X_OK) < 0)
		return err_set(
		    err, ERR_TEMP, "%s cannot be run: %m", c->notify.sendmail);
	for (size_t i = 0; i < countof(words); i++)
		if (args_put(&args, words[i], err) < 0)
			return -1;
	return tool_feed(&sendmail, &args, mail->data, mail->len, err);
}

static int
put_head(const struct notifier *n, const char *to, const char *subject,
    struct buf *out, struct err *err)
{
	return buf_putf(out, err,
	    "From: sealpost <%s>\n"
	    "To: <%s>\n"
	    "Subject: %s\n"
	    "Auto-Submitted: auto-generated\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=us-ascii\n\n",
	    n->ctl->conf->notify.sender, to, subject);
}

static void
remember_failure(struct notifier *n, const char *to, const struct err *why)
{
	n->failed = true;
	(void)err_set(&n->why, ERR_TEMP, "mail to %s: %s", to, why->text);
}

/* What became of a claim. */
static int
settle_claim(
    struct notifier *n, const struct notice *what, bool sent, struct err *err)
{
	return sent ? notices_sent(n->notices, what, err)
		    : notices_give_back(n->notices, what, err);
}

static struct notice
notice_of(const struct key_finding *f, const char *role, int days)
{
	return (struct notice){ .address = f->address,
		.role = role,
		.days = days,
		.until = f->until };
}

/* ---- to an owner ---- */

static int
put_owner_mail(const struct notifier *n, const struct key_finding *f, int days,
    struct buf *out, struct err *err)
{
	char until[TIME_TEXT_SIZE], subject[100];

	(void)snprintf(subject, sizeof subject, "Your mail key ends on %s",
	    date_text(f->until, until));
	if (put_head(n, f->address, subject, out, err) < 0)
		return -1;
	return buf_putf(out, err,
	    "The key that mail for %s is encrypted to ends on\n%s (within %d "
	    "%s).\n\n"
	    "From then on no mail can be stored for you: it waits, or is "
	    "returned to its\nsenders. Please extend your key, or make a new "
	    "one, and send the PUBLIC key to\nyour administrator%s%s. Keep the "
	    "old key: your stored mail needs it.\n\n"
	    "Never send your private key or its passphrase to anybody.\n",
	    f->address, time_text(f->until, until), days,
	    days == 1 ? "day" : "days",
	    n->ctl->conf->notify.admin[0] == '\0' ? "" : ", ",
	    n->ctl->conf->notify.admin);
}

static int
tell_owner(
    struct notifier *n, const struct key_finding *f, int days, struct err *err)
{
	cleanup(buf_reset) struct buf mail = { .limit = LIMIT_MAIL };
	const struct notice what = notice_of(f, "owner", days);
	struct err why;

	/* mail to an account whose key is over could not be stored */
	if (f->why != PGP_USABLE || !f->enabled)
		return 0;
	if (put_owner_mail(n, f, days, &mail, err) < 0)
		return -1;

	int rc = notices_claim(n->notices, &what, n->report->now, err);

	if (rc <= 0)
		return rc;
	bool sent = send_mail(n, f->address, &mail, &why) == 0;

	if (!sent)
		remember_failure(n, f->address, &why);
	n->mailed.owners += sent;
	return settle_claim(n, &what, sent, err);
}

/* ---- to the admin: one mail for all ---- */

static int
put_line(const struct notifier *n, size_t i, struct buf *out, struct err *err)
{
	const struct key_finding *f = &n->report->findings[i];
	char until[TIME_TEXT_SIZE];
	int days = 0;

	(void)key_step(n->report, f, &days);
	if (days == 0)
		return buf_putf(out, err,
		    "  %s: ended on %s: nothing can be sealed to it;\n"
		    "      its owner gets no mail, this one neither\n",
		    f->address, time_text(f->until, until));
	return buf_putf(out, err, "  %s: ends on %s, within %d %s%s\n",
	    f->address, time_text(f->until, until), days,
	    days == 1 ? "day" : "days", f->enabled ? "" : " (disabled)");
}

static int
put_admin_mail(const struct notifier *n, struct buf *out, struct err *err)
{
	if (put_head(n, n->ctl->conf->notify.admin, "Mail keys that end", out,
		err) < 0 ||
	    buf_puts(out,
		"Mail for these accounts is encrypted to a key that ends or "
		"has ended:\n\n",
		err) < 0)
		return -1;
	for (size_t i = 0; i < n->report->accounts.count; i++)
		if (n->for_admin[i] && put_line(n, i, out, err) < 0)
			return -1;
	return buf_puts(out,
	    "\nFrom then on their mail is turned away, or waits in the queue. "
	    "The owner makes a\nrenewed certificate; this puts it in "
	    "force:\n\n  sealpost key import ADDRESS FILE\n",
	    err);
}

static int
claim_for_admin(struct notifier *n, size_t *count, struct err *err)
{
	for (size_t i = 0; i < n->report->accounts.count; i++) {
		const struct key_finding *f = &n->report->findings[i];
		int days;

		if (!key_step(n->report, f, &days))
			continue;

		const struct notice what = notice_of(f, "admin", days);
		int rc = notices_claim(n->notices, &what, n->report->now, err);

		if (rc < 0)
			return -1;
		n->for_admin[i] = rc > 0;
		*count += rc > 0;
	}
	return 0;
}

static int
settle_for_admin(struct notifier *n, bool sent, struct err *err)
{
	for (size_t i = 0; i < n->report->accounts.count; i++) {
		const struct key_finding *f = &n->report->findings[i];
		int days;

		if (!n->for_admin[i] || !key_step(n->report, f, &days))
			continue;

		const struct notice what = notice_of(f, "admin", days);

		if (settle_claim(n, &what, sent, err) < 0)
			return -1;
	}
	return 0;
}

static int
tell_admin(struct notifier *n, struct err *err)
{
	cleanup(buf_reset) struct buf mail = { .limit = LIMIT_MAIL };
	const char *admin = n->ctl->conf->notify.admin;
	size_t count = 0;
	struct err why;

	if (admin[0] == '\0')
		return 0;
	if (claim_for_admin(n, &count, err) < 0)
		return -1;
	if (count == 0)
		return 0;
	bool sent = put_admin_mail(n, &mail, &why) == 0 &&
		    send_mail(n, admin, &mail, &why) == 0;

	if (!sent)
		remember_failure(n, admin, &why);
	n->mailed.told += sent ? count : 0;
	return settle_for_admin(n, sent, err);
}

/* ---- all of it ---- */

static int
notifier_open(struct notifier *n, struct err *err)
{
	char path[PATH_MAX];
	size_t lost = 0;

	n->for_admin =
	    calloc(n->report->accounts.count + 1, sizeof *n->for_admin);
	if (n->for_admin == NULL)
		return err_nomem(err);
	if (notices_path(n->ctl->conf, path, err) < 0 ||
	    notices_open(path, &n->notices, err) < 0 ||
	    notices_settle(
		n->notices, n->report->now - SECONDS_AN_HOUR, &lost, err) < 0)
		return -1;
	if (lost > 0)
		ctl_warn(n->ctl,
		    "an earlier run was stopped: %zu of its mails may not have "
		    "been sent, and are not sent again",
		    lost);
	return notices_expire(n->notices, n->report->now - KEPT_FOR, err);
}

static int
tell_owners(struct notifier *n, struct err *err)
{
	for (size_t i = 0; i < n->report->accounts.count; i++) {
		const struct key_finding *f = &n->report->findings[i];
		int days;

		if (key_step(n->report, f, &days) &&
		    tell_owner(n, f, days, err) < 0)
			return -1;
	}
	return 0;
}

int
key_notify(struct ctl *ctl, const struct key_report *r, struct key_mailed *out,
    struct err *err)
{
	cleanup(notifier_reset) struct notifier n = { .ctl = ctl, .report = r };

	if (notifier_open(&n, err) < 0 || tell_owners(&n, err) < 0 ||
	    tell_admin(&n, err) < 0)
		return -1;
	*out = n.mailed;
	if (n.failed)
		return err_set(err, ERR_TEMP, "%s", n.why.text);
	return 0;
}

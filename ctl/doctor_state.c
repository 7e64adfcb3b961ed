/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_state.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "shared.h"

enum { SECONDS_A_DAY = 86400, CLOCK_SLACK = 600 };

/* ---- files ---- */

static const char folder_why[] =
    "whoever may write a database's folder can put another database, or a "
    "forged journal, in its place";

static const struct {
	const char *check;
	mode_t forbidden, needed; /* bits */
	mode_t right;
	bool roots; /* else of any owner */
	const char *why;
} files[DOCTOR_FILE_KINDS] = {
	[DOCTOR_DIRECTORY_DB] = { "permissions.directory", 0022, 0440, 0644,
	    true,
	    "whoever writes it decides whom mail is sealed to; Postfix and "
	    "Dovecot must be able to read it" },
	[DOCTOR_SECRETS_DB] = { "permissions.secrets", 0037, 0440, 0640, true,
	    "it holds the verifiers of passwords and the vaults: only its "
	    "group (saslauthd and Dovecot) may read it, only root write it" },
	[DOCTOR_STATS_DB] = { "permissions.stats", 0007, 0660, 0660, false,
	    "it tells who writes how much; the daemons, its group, write it" },
	[DOCTOR_FOLDER] = { "permissions.folder", 0002, 0, 0755, true,
	    folder_why },
	[DOCTOR_STATS_FOLDER] = { "permissions.folder", 0002, 0, 0755, false,
	    folder_why },
};

static int
put_missing(
    const struct doctor_file *f, struct doctor_report *r, struct err *err)
{
	const struct doctor_kind kind = { files[f->kind].check,
		f->error == EACCES || f->error == EPERM ? DOCTOR_UNTRIED
							: DOCTOR_ERROR,
		"without it no mail is delivered and nobody logs in" };

	return doctor_put(r, &kind,
	    kind.severity == DOCTOR_UNTRIED ? "run it as root"
					    : "sealpost init",
	    err, "%s: %s", f->path, strerror(f->error));
}

/* An owner can change the mode, and what is in it. */
static int
judge_owner(const struct doctor_file *f, const struct doctor_kind *kind,
    struct doctor_report *r, struct err *err)
{
	char mend[DOCTOR_COMMAND_SIZE];

	if (!files[f->kind].roots || f->uid == 0)
		return 0;
	(void)snprintf(mend, sizeof mend, "chown root '%s'", f->path);
	return doctor_put(r, kind, mend, err,
	    "%s belongs to the user %u, and must be root's", f->path,
	    (unsigned)f->uid);
}

static int
judge_reader(
    const struct doctor_file *f, struct doctor_report *r, struct err *err)
{
	const struct doctor_kind kind = { files[f->kind].check, DOCTOR_ERROR,
		"sealpost-saslauthd runs as that user: nobody can log in" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (f->shut_out == NULL)
		return 0;
	if (f->gid == 0)
		(void)snprintf(
		    mend, sizeof mend, "chgrp '%s' '%s'", f->group, f->path);
	else
		(void)snprintf(mend, sizeof mend,
		    "usermod -aG '%s' '%s' && systemctl restart "
		    "sealpost-saslauthd",
		    f->group, f->shut_out);
	return doctor_put(
	    r, &kind, mend, err, "%s cannot read %s", f->shut_out, f->path);
}

int
doctor_judge_file(
    const struct doctor_file *f, struct doctor_report *r, struct err *err)
{
	const struct doctor_kind kind = { files[f->kind].check, DOCTOR_ERROR,
		files[f->kind].why };
	mode_t mode = f->mode & 0777;
	char mend[DOCTOR_COMMAND_SIZE];
	size_t from = r->count;

	if (f->error != 0)
		return put_missing(f, r, err);
	(void)snprintf(mend, sizeof mend, "chmod %03o '%s'",
	    (unsigned)((mode | files[f->kind].needed) &
		       ~files[f->kind].forbidden),
	    f->path);
	if (((mode & files[f->kind].forbidden) != 0 ||
		(mode & files[f->kind].needed) != files[f->kind].needed) &&
	    doctor_put(r, &kind, mend, err,
		"%s has the mode %03o, usual is %03o", f->path, (unsigned)mode,
		(unsigned)files[f->kind].right) < 0)
		return -1;
	if (judge_owner(f, &kind, r, err) < 0 || judge_reader(f, r, err) < 0)
		return -1;
	return doctor_fine(r, from, files[f->kind].check,
	    "only those who must can use it", err);
}

/* ---- sockets ---- */

/* Length, 'O' for option negotiation, version 6, all actions, no steps. */
static const char milter_offer[] =
    "\0\0\0\015O\0\0\0\006\0\0\001\377\0\037\377\377";

static const char policy_question[] =
    "request=smtpd_access_policy\nprotocol_state=RCPT\n"
    "protocol_name=ESMTP\ninstance=sealpost-doctor\nsasl_username=\n"
    "sender=\nrecipient=\n\n";

static const char auth_hello[] = "VERSION\t1\t1\nCPID\t1\n";

static const struct {
	const char *check;
	const char *name;
	const char *hello;
	size_t hello_len;
	const char *speaks;
	const char *why;
	const char *mend;
} peers[DOCTOR_PEERS] = {
	[DOCTOR_MILTER] = { "socket.milter", "sealpost-milter", milter_offer,
	    sizeof milter_offer - 1, "a milter",
	    "mail for accounts is deferred until it answers",
	    "systemctl restart sealpost-milter" },
	[DOCTOR_POLICYD] = { "socket.policyd", "sealpost-policyd",
	    policy_question, sizeof policy_question - 1, "a policy server",
	    "what users send is not counted until it answers",
	    "systemctl restart sealpost-policyd" },
	[DOCTOR_SASLAUTHD] = { "socket.saslauthd", "sealpost-saslauthd",
	    auth_hello, sizeof auth_hello - 1, "a Dovecot auth server",
	    "nobody can log in to hand in mail, and Postfix's submission "
	    "services stop until it answers",
	    "systemctl restart sealpost-saslauthd" },
	[DOCTOR_HOP] = { "socket.hop", "the hop", "", 0, "an SMTP server",
	    "mail for accounts stays in the queue", "postfix start" },
	[DOCTOR_DOVECOT_LMTP] = { "socket.lmtp", "Dovecot's LMTP", "", 0,
	    "an LMTP server",
	    "sealed mail cannot be stored and stays in the "
	    "queue",
	    "sealpost dovecot apply && systemctl restart dovecot" },
};

size_t
doctor_greeting(enum doctor_peer peer, const char **text)
{
	*text = peers[peer].hello;
	return peers[peer].hello_len;
}

static size_t
big_endian(const uint8_t *p)
{
	return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
	       p[3];
}

static bool
has_text(const uint8_t *reply, size_t len, const char *text)
{
	return len > 0 && memmem(reply, len, text, strlen(text)) != NULL;
}

bool
doctor_reply_is_whole(enum doctor_peer peer, const uint8_t *reply, size_t len)
{
	switch (peer) {
	case DOCTOR_MILTER:
		return len >= 4 && (big_endian(reply) > 1000 ||
				       len >= 4 + big_endian(reply));
	case DOCTOR_POLICYD:
		return has_text(reply, len, "\n\n");
	case DOCTOR_SASLAUTHD:
		return has_text(reply, len, "\nDONE\n");
	case DOCTOR_HOP:
	case DOCTOR_DOVECOT_LMTP:
	case DOCTOR_PEERS:
		break;
	}
	return has_text(reply, len, "\n");
}

static bool
speaks_milter(const uint8_t *reply, size_t len)
{
	return len >= 17 && big_endian(reply) == 13 && reply[4] == 'O' &&
	       big_endian(reply + 5) >= 2 && big_endian(reply + 5) <= 6;
}

static bool
speaks_right(const struct doctor_socket *s)
{
	const uint8_t *reply = s->reply;
	size_t len = s->reply_len;

	switch (s->peer) {
	case DOCTOR_MILTER:
		return speaks_milter(reply, len);
	case DOCTOR_POLICYD:
		return len > 7 && memcmp(reply, "action=", 7) == 0;
	case DOCTOR_SASLAUTHD:
		return len > 10 && memcmp(reply, "VERSION\t1\t", 10) == 0 &&
		       has_text(reply, len, "\nDONE\n");
	case DOCTOR_HOP:
	case DOCTOR_DOVECOT_LMTP:
	case DOCTOR_PEERS:
		break;
	}
	return len > 4 && memcmp(reply, "220", 3) == 0;
}

/* A mechanism that sealpost.conf offers and the server does not. */
static int
judge_mechanisms(
    const struct doctor_socket *s, struct doctor_report *r, struct err *err)
{
	static const struct doctor_kind kind = { "socket.saslauthd",
		DOCTOR_WARNING,
		"it was started with another configuration than is in "
		"force" };
	const char *at = s->mechanisms;

	while (*(at += strspn(at, " \t")) != '\0') {
		size_t n = strcspn(at, " \t");
		char line[100];

		(void)snprintf(line, sizeof line, "\nMECH\t%.*s\t", (int)n, at);
		if (!has_text(s->reply, s->reply_len, line))
			return doctor_put(r, &kind, peers[s->peer].mend, err,
			    "sealpost-saslauthd does not offer %.*s, as "
			    "sealpost.conf says",
			    (int)n, at);
		at += n;
	}
	return 0;
}

int
doctor_judge_socket(
    const struct doctor_socket *s, struct doctor_report *r, struct err *err)
{
	const struct doctor_kind kind = { peers[s->peer].check, DOCTOR_ERROR,
		peers[s->peer].why };
	size_t from = r->count;

	if (s->error != NULL)
		return doctor_put(r, &kind, peers[s->peer].mend, err,
		    "%s does not answer on %s: %s", peers[s->peer].name,
		    s->address, s->error);
	if (!speaks_right(s))
		return doctor_put(r, &kind, peers[s->peer].mend, err,
		    "what answers on %s does not speak as %s does", s->address,
		    peers[s->peer].speaks);
	if (s->peer == DOCTOR_SASLAUTHD && judge_mechanisms(s, r, err) < 0)
		return -1;
	return doctor_fine(
	    r, from, peers[s->peer].check, "it answers, as it must", err);
}

/* ---- who may connect ---- */

static int
judge_socket_file(const struct doctor_listener *l, const char *check,
    struct doctor_report *r, struct err *err)
{
	const struct doctor_kind open_kind = { check, DOCTOR_ERROR,
		"any user of the machine can talk to it" };
	const struct doctor_kind closed = { check, DOCTOR_ERROR,
		"Postfix cannot connect to it, and defers mail" };
	char mend[DOCTOR_COMMAND_SIZE];

	if (l->error != 0)
		return 0; /* nobody answers there either: told already */
	if ((l->mode & 0002) != 0) {
		(void)snprintf(mend, sizeof mend, "chmod o= '%s'", l->path);
		return doctor_put(r, &open_kind, mend, err,
		    "%s has the mode %03o", l->path,
		    (unsigned)(l->mode & 0777));
	}
	if (!l->postfix_may) {
		(void)snprintf(mend, sizeof mend,
		    "chgrp '%s' '%s' && chmod g+rw '%s'",
		    l->group[0] == '\0' ? "postfix" : l->group, l->path,
		    l->path);
		return doctor_put(r, &closed, mend, err,
		    "%s (mode %03o) is closed to Postfix", l->path,
		    (unsigned)(l->mode & 0777));
	}
	return 0;
}

int
doctor_judge_listener(
    const struct doctor_listener *l, struct doctor_report *r, struct err *err)
{
	static const struct {
		const char *check, *section;
	} names[DOCTOR_PEERS] = {
		[DOCTOR_MILTER] = { "permissions.milter", "milter" },
		[DOCTOR_POLICYD] = { "permissions.policyd", "policyd" },
		[DOCTOR_SASLAUTHD] = { "permissions.saslauthd", "saslauthd" },
		[DOCTOR_HOP] = { "permissions.hop", "hop" },
		[DOCTOR_DOVECOT_LMTP] = { "permissions.lmtp", "hop" },
	};
	const char *check = names[l->peer].check;
	const struct doctor_kind reachable = { check, DOCTOR_ERROR,
		"it trusts whoever connects: only this machine may reach "
		"it" };
	size_t from = r->count;
	char mend[DOCTOR_COMMAND_SIZE];

	if (l->is_unix && judge_socket_file(l, check, r, err) < 0)
		return -1;
	(void)snprintf(mend, sizeof mend,
	    "set listen in [%s] of sealpost.conf to 127.0.0.1, then: sealpost "
	    "postfix apply && postfix reload",
	    names[l->peer].section);
	if (!l->is_unix && !l->is_loopback &&
	    doctor_put(r, &reachable, mend, err,
		"%s can be reached from outside", l->address) < 0)
		return -1;
	return doctor_fine(
	    r, from, check, "only those who must can connect", err);
}

/* ---- keys ---- */

int
doctor_days_left(int64_t until, int64_t now)
{
	static const int limits[] = { 1, 7, 30 };

	if (until == 0)
		return 0;
	for (size_t i = 0; i < countof(limits); i++)
		if (until - now <= (int64_t)limits[i] * SECONDS_A_DAY)
			return limits[i];
	return 0;
}

static const char *
key_check(enum pgp_unusable why)
{
	switch (why) {
	case PGP_USABLE:
		return "key.expiring";
	case PGP_NO_CERTIFICATE:
		return "key.none";
	case PGP_EXPIRED:
		return "key.expired";
	case PGP_NOT_YET_VALID:
		return "key.future";
	case PGP_REVOKED:
	case PGP_NO_ENCRYPTION_SUBKEY:
		break;
	}
	return "key.unusable";
}

static int
judge_unusable(const struct doctor_key *k, const char *mend,
    struct doctor_report *r, struct err *err)
{
	const struct doctor_kind kind = { key_check(k->why),
		k->enabled ? DOCTOR_ERROR : DOCTOR_WARNING,
		k->why == PGP_NOT_YET_VALID
		    ? "nothing can be sealed to it yet: its maker's clock or "
		      "this machine's is wrong"
		    : "nothing can be sealed to the account: its mail is "
		      "turned away or waits in the queue" };

	return doctor_put(r, &kind, mend, err, "%s: %s%s", k->address,
	    pgp_unusable_text(k->why), k->enabled ? "" : " (disabled)");
}

int
doctor_judge_key(const struct doctor_key *k, int64_t now, const char *sealpost,
    struct doctor_report *r, struct err *err)
{
	int days = doctor_days_left(k->until, now);
	const struct doctor_kind kind = { "key.expiring",
		days == 1 ? DOCTOR_ERROR : DOCTOR_WARNING,
		"from then on nothing can be sealed to the account: its mail "
		"is turned away or waits in the queue" };
	char mend[DOCTOR_COMMAND_SIZE], until[TIME_TEXT_SIZE];

	(void)snprintf(mend, sizeof mend,
	    "%s key import '%s' FILE, with the owner's renewed certificate",
	    sealpost, k->address);
	if (k->why != PGP_USABLE)
		return judge_unusable(k, mend, r, err);
	if (days == 0)
		return 0;
	return doctor_put(r, &kind, mend, err,
	    "%s: the key ends within %d %s, on %s", k->address, days,
	    days == 1 ? "day" : "days", time_text(k->until, until));
}

/* ---- the clock ---- */

int
doctor_judge_clock(
    const struct doctor_clock *c, struct doctor_report *r, struct err *err)
{
	static const char why[] =
	    "whether a key is valid, and what is counted when, goes by the "
	    "clock";
	static const struct doctor_kind wrong = { "clock.plausible",
		DOCTOR_ERROR, why };
	static const struct doctor_kind unknown = { "clock.synchronized",
		DOCTOR_WARNING, why };
	char text[TIME_TEXT_SIZE], newest[TIME_TEXT_SIZE];
	static const char mend[] = "timedatectl set-ntp true";
	size_t from = r->count;

	(void)time_text(c->now, text);
	if (c->newest_file > c->now + CLOCK_SLACK &&
	    doctor_put(r, &wrong, mend, err,
		"it is %s, and %s was changed %s: in the future", text,
		c->newest_path, time_text(c->newest_file, newest)) < 0)
		return -1;
	if (c->future_counts > 0 &&
	    doctor_put(r, &wrong, mend, err,
		"it is %s, and %" PRIu64
		" messages have been counted after that: in the future",
		text, c->future_counts) < 0)
		return -1;
	if (c->known_synchronized && !c->synchronized &&
	    doctor_put(r, &unknown, mend, err,
		"the clock is not synchronized with a time server") < 0)
		return -1;
	if (c->known_synchronized &&
	    doctor_fine(r, from, "clock.synchronized",
		"a time server keeps it right", err) < 0)
		return -1;
	return doctor_fine(
	    r, from, "clock.plausible", "nothing is from the future", err);
}

/* ---- disks ---- */

static unsigned
percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 100
			  : (unsigned)((double)part * 100 / (double)whole);
}

/* Postfix itself refuses mail below 1.5 times its message_size_limit. */
static enum doctor_severity
judge_space(uint64_t left, unsigned left_percent)
{
	static const uint64_t mega = 1 << 20;

	if (left < 20 * mega || left_percent < 1)
		return DOCTOR_ERROR;
	return left < 200 * mega || (left_percent < 5 && left < 5000 * mega)
		   ? DOCTOR_WARNING
		   : DOCTOR_FINE;
}

static enum doctor_severity
judge_files(const struct doctor_disk *d)
{
	unsigned left = percent(d->free_files, d->all_files);

	if (d->all_files == 0)
		return DOCTOR_FINE;
	return left < 1   ? DOCTOR_ERROR
	       : left < 5 ? DOCTOR_WARNING
			  : DOCTOR_FINE;
}

int
doctor_judge_disk(
    const struct doctor_disk *d, struct doctor_report *r, struct err *err)
{
	static const char why[] =
	    "with a full disk mail is deferred, and nothing can be stored";
	unsigned left = percent(d->free_octets, d->all_octets);
	struct doctor_kind kind = { "disk.space", DOCTOR_ERROR, why };
	char mend[DOCTOR_COMMAND_SIZE];

	(void)snprintf(mend, sizeof mend,
	    "make room: df -h '%s'; du -xh '%s' | sort -h | tail", d->path,
	    d->path);
	if (d->error != 0)
		return doctor_put(r, &kind, NULL, err, "%s: %s: %s", d->what,
		    d->path, strerror(d->error));
	if (d->read_only)
		return doctor_put(r, &kind, "dmesg | tail", err,
		    "%s: %s cannot be written", d->what, d->path);
	kind.severity = judge_space(d->free_octets, left);
	if (kind.severity != DOCTOR_FINE)
		return doctor_put(r, &kind, mend, err,
		    "%s: %s has %" PRIu64 " MB left (%u %%)", d->what, d->path,
		    d->free_octets >> 20, left);
	kind.severity = judge_files(d);
	if (kind.severity != DOCTOR_FINE)
		return doctor_put(r, &kind, mend, err,
		    "%s: %s has %" PRIu64 " inodes left", d->what, d->path,
		    d->free_files);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The probe: a message on its whole way, until what is stored was seen. */
#include "doctor_probe.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "crypt/crypt.h"
#include "doctor.h"
#include "shared.h"
#include "tool.h"

enum { TOKEN_OCTETS = 16, LOOK_EVERY_MS = 250, LIMIT_TOOL = 4 << 20 };

struct probe {
	struct doctor_site *site;
	char address[ADDRESS_SIZE];
	char token[2 * TOKEN_OCTETS + 1];  /* in its Message-ID */
	char canary[2 * TOKEN_OCTETS + 1]; /* in its body */
	struct cert_list certs;
	struct buf stored;
	struct doctor_queued queued; /* where it is held up */
};

static void
probe_reset(struct probe *p)
{
	cert_list_reset(&p->certs);
	buf_reset(&p->stored);
}

static const struct tool doveadm = { "doveadm", "/usr/bin/doveadm", "Dovecot" };
static const struct tool postqueue = { "postqueue", "/usr/sbin/postqueue",
	"Postfix" };
static const struct tool postcat = { "postcat", "/usr/sbin/postcat",
	"Postfix" };
static const struct tool postsuper = { "postsuper", "/usr/sbin/postsuper",
	"Postfix" };
static const struct tool sendmail = { "sendmail", "/usr/sbin/sendmail",
	"Postfix" };

static int
put_all(struct args *args, const char *const *words, struct err *err)
{
	for (; *words != NULL; words++)
		if (args_put(args, *words, err) < 0)
			return -1;
	return 0;
}

static int
run(const struct tool *tool, const char *const *words, struct buf *out,
    struct err *err)
{
	cleanup(args_reset) struct args args = { 0 };

	if (put_all(&args, words, err) < 0 ||
	    tool_run(tool, &args, out, err) < 0)
		return -1;
	return out == NULL || buf_str(out, err) != NULL ? 0 : -1;
}

/* ---- sending ---- */

static int
random_hex(char out[2 * TOKEN_OCTETS + 1], struct err *err)
{
	cleanup(crypt_close) struct crypt *c = NULL;
	uint8_t random[TOKEN_OCTETS];

	if (crypt_open(&c, err) < 0 ||
	    crypt_random(c, random, sizeof random, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof random; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", (unsigned)random[i]);
	return 0;
}

static int
put_message(const struct probe *p, struct buf *out, struct err *err)
{
	return buf_putf(out, err,
	    "From: sealpost doctor <postmaster>\n"
	    "To: <%s>\n"
	    "Subject: sealpost doctor: a probe\n"
	    "Message-ID: <%s@sealpost-doctor.invalid>\n"
	    "Auto-Submitted: auto-generated\n"
	    "Precedence: bulk\n"
	    "MIME-Version: 1.0\n"
	    "Content-Type: text/plain; charset=us-ascii\n"
	    "\n"
	    "This message was sent by `sealpost doctor --probe`, which removes "
	    "it again.\n"
	    "%s\n",
	    p->address, p->token, p->canary);
}

/* With an empty sender: it never bounces. */
static int
submit(const struct probe *p, struct err *err)
{
	cleanup(buf_reset) struct buf message = { .limit = 4096 };
	cleanup(args_reset) struct args args = { 0 };
	const char *const words[] = { "-C", p->site->config_directory, "-i",
		"-f", "", "--", p->address, NULL };

	if (put_message(p, &message, err) < 0 || put_all(&args, words, err) < 0)
		return -1;
	return tool_feed(&sendmail, &args, message.data, message.len, err);
}

/* ---- looking into the mailbox ---- */

#define QUERY(p, what, ...)                                                \
	{                                                                  \
		"-c", (p)->site->dovecot_file, what, "-u", (p)->address,   \
		    ##__VA_ARGS__, "mailbox", "*", "header", "message-id", \
		    (p)->token, NULL                                       \
	}

static int
fetch(struct probe *p, struct err *err)
{
	const char *const words[] = QUERY(p, "fetch", "text");

	buf_reset(&p->stored);
	p->stored.limit = LIMIT_TOOL;
	return run(&doveadm, words, &p->stored, err);
}

static int
expunge(const struct probe *p, struct err *err)
{
	const char *const words[] = QUERY(p, "expunge");

	return run(&doveadm, words, NULL, err);
}

/* ---- looking into the queue ---- */

/* Is it the probe, and no other message to the address? */
static bool
is_probe(const struct probe *p, const char *id)
{
	cleanup(buf_reset) struct buf text = { .limit = LIMIT_TOOL };
	const char *const words[] = { "-c", p->site->config_directory, "-hq",
		id, NULL };
	struct err err;

	return run(&postcat, words, &text, &err) == 0 &&
	       strstr((char *)text.data, p->token) != NULL;
}

/* 1 and p->queued, 0 it is not in the queue, -1. */
static int
find_in_queue(struct probe *p, struct err *err)
{
	cleanup(buf_reset) struct buf list = { .limit = 64 * LIMIT_TOOL };
	const char *const words[] = { "-c", p->site->config_directory, "-j",
		NULL };

	if (run(&postqueue, words, &list, err) < 0)
		return -1;
	for (const char *s = (char *)list.data; *s != '\0';) {
		size_t len = strcspn(s, "\n");
		struct doctor_queued found;

		if (doctor_find_queued(s, len, p->address, &found) &&
		    is_probe(p, found.id)) {
			p->queued = found;
			return 1;
		}
		s += len;
		s += *s == '\n';
	}
	return 0;
}

/* 1 it is stored, 0 it is not, -1 it could not be looked for. */
static int
wait_until_stored(struct probe *p, struct err *err)
{
	int64_t deadline = clock_ms() + 1000 * (int64_t)p->site->options->wait;

	for (;;) {
		if (fetch(p, err) < 0)
			return -1;
		if (p->stored.len > 0)
			return 1;
		if (clock_ms() >= deadline)
			return 0;
		/* a deferred one comes no sooner for being waited for */
		if (find_in_queue(p, err) > 0 && p->queued.reason[0] != '\0')
			return 0;
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
}

/* ---- what is told ---- */

static int
remove_from_queue(struct probe *p, struct err *err)
{
	static const struct doctor_kind left = { "probe.removed",
		DOCTOR_WARNING, "the probe stays in the queue" };
	const char *const words[] = { "-c", p->site->config_directory, "-d",
		p->queued.id, NULL };
	char mend[DOCTOR_COMMAND_SIZE];
	struct err why;

	if (p->queued.id[0] == '\0' || run(&postsuper, words, NULL, &why) == 0)
		return 0;
	(void)snprintf(mend, sizeof mend, "postsuper -d %s", p->queued.id);
	return doctor_put(p->site->report, &left, mend, err, "%s", why.text);
}

static int
tell_undelivered(struct probe *p, struct err *err)
{
	static const struct doctor_kind kind = { "probe.delivered",
		DOCTOR_ERROR, "mail for the account does not arrive" };
	bool held = p->queued.reason[0] != '\0';
	bool queued = p->queued.id[0] != '\0';

	if (doctor_put(p->site->report, &kind,
		held ? "the findings above; then: postqueue -f"
		     : "the mail log tells what became of it",
		err, "the probe to %s %s%s%s", p->address,
		held     ? "is held up in the queue: "
		: queued ? "is still in the queue after the time of --wait"
			 : "is neither in the queue nor in the mailbox: it was "
			   "refused, or delivered elsewhere",
		held ? p->queued.reason : "", "") < 0)
		return -1;
	return remove_from_queue(p, err);
}

static int
tell_sealed(struct probe *p, struct err *err)
{
	static const struct doctor_kind kind = { "probe.sealed", DOCTOR_ERROR,
		"the server can read this account's mail, and so can whoever "
		"gets at its disk" };
	static const char label[] = "text:\n";
	char reason[DOCTOR_REASON_SIZE] = "";
	const uint8_t *text = p->stored.data;
	size_t len = p->stored.len;
	size_t from = p->site->report->count;

	if (len > strlen(label) && memcmp(text, label, strlen(label)) == 0) {
		text += strlen(label);
		len -= strlen(label);
	}
	int rc = doctor_is_sealed(
	    text, len, p->canary, &p->certs, now(), reason, err);

	if (rc < 0)
		return -1;
	if (rc == 0 &&
	    doctor_put(p->site->report, &kind,
		"mend the findings above; then seal what lies there: doveadm "
		"sealpost audit -A; doveadm sealpost seal -A ALL",
		err,
		"what is stored of the probe to %s is not sealed to the "
		"account's key: %s",
		p->address, reason) < 0)
		return -1;
	return doctor_fine(p->site->report, from, "probe.sealed",
	    "what is stored of the probe is sealed to the account's key", err);
}

static int
tell_removed(struct probe *p, struct err *err)
{
	static const struct doctor_kind kind = { "probe.removed",
		DOCTOR_WARNING, "the probe lies in the account's mailbox" };
	size_t from = p->site->report->count;
	char mend[DOCTOR_COMMAND_SIZE];
	struct err why = { 0 };

	if (expunge(p, &why) < 0 || fetch(p, &why) < 0 || p->stored.len > 0) {
		(void)snprintf(mend, sizeof mend,
		    "doveadm expunge -u '%s' mailbox '*' header message-id "
		    "%s",
		    p->address, p->token);
		return doctor_put(p->site->report, &kind, mend, err,
		    "the probe could not be removed: %s", why.text);
	}
	return doctor_fine(p->site->report, from, "probe.removed",
	    "the probe was removed again", err);
}

/* ---- all of it ---- */

/* Who it goes to, before anything is sent. */
static int
find_recipient(struct probe *p, struct err *err)
{
	cleanup(directory_close) struct directory *d = NULL;
	cleanup(account_free) struct account *a = NULL;

	if (open_directory(p->site->ctl, STORE_READ, &d, err) < 0 ||
	    find_account(d, p->site->options->probe, p->address, &a, err) < 0)
		return -1;
	return directory_cert_list(d, p->address, &p->certs, err);
}

static int
prepare(struct probe *p, struct err *err)
{
	if (find_recipient(p, err) < 0)
		return -1;
	if (p->site->config_directory[0] == '\0' ||
	    p->site->dovecot_file[0] == '\0')
		return err_set(err, ERR_PERM,
		    "no probe was sent: Postfix or Dovecot is not there");
	if (random_hex(p->token, err) < 0 || random_hex(p->canary, err) < 0)
		return -1;
	return fetch(p, err); /* could it be looked for? */
}

int
doctor_send_probe(struct doctor_site *s, struct err *err)
{
	static const struct doctor_kind unsent = { "probe.sent", DOCTOR_ERROR,
		"this machine takes no mail" };
	cleanup(probe_reset) struct probe p = { .site = s };
	struct err why;

	if (prepare(&p, &why) < 0)
		return doctor_untried(s, "probe.sent", &why, err);
	if (submit(&p, &why) < 0)
		return doctor_put(s->report, &unsent, "postfix start", err,
		    "sendmail did not take the probe: %s", why.text);

	int rc = wait_until_stored(&p, &why);

	if (rc < 0)
		return doctor_untried(s, "probe.delivered", &why, err);
	if (rc == 0)
		return tell_undelivered(&p, err);
	if (doctor_fine(s->report, s->report->count, "probe.delivered",
		"the probe has arrived", err) < 0 ||
	    tell_sealed(&p, err) < 0)
		return -1;
	return tell_removed(&p, err);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "milter/callbacks.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "milter/answer.h"

/* One SMTP session of Postfix: a thread of its own in libmilter. */
struct session {
	const struct settings *settings;
	struct directory *directory;
	struct stats *stats;
	struct message *message;
	int64_t started_ms;
};

/* Sessions are bounded, and the end of the program waits for messages. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned sessions;
	unsigned messages;
	bool ending;
} load = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
};

static bool
session_enter(unsigned max)
{
	bool taken;

	pthread_mutex_lock(&load.lock);
	taken = load.sessions < max;
	if (taken)
		load.sessions++;
	pthread_mutex_unlock(&load.lock);
	return taken;
}

static void
session_leave(void)
{
	pthread_mutex_lock(&load.lock);
	if (--load.sessions == 0)
		pthread_cond_broadcast(&load.idle);
	pthread_mutex_unlock(&load.lock);
}

static bool
message_enter(void)
{
	bool taken;

	pthread_mutex_lock(&load.lock);
	taken = !load.ending;
	if (taken)
		load.messages++;
	pthread_mutex_unlock(&load.lock);
	return taken;
}

static void
message_leave(void)
{
	pthread_mutex_lock(&load.lock);
	if (--load.messages == 0)
		pthread_cond_broadcast(&load.idle);
	pthread_mutex_unlock(&load.lock);
}

/* Waits until the counter is 0; false when that takes longer. */
static bool
wait_for_none(const unsigned *counter, unsigned seconds)
{
	struct timespec until;
	int rc = 0;
	bool none;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&load.lock);
	while (*counter > 0 && rc == 0)
		rc = pthread_cond_timedwait(&load.idle, &load.lock, &until);
	none = *counter == 0;
	pthread_mutex_unlock(&load.lock);
	return none;
}

bool
callbacks_drain(unsigned seconds)
{
	enum { LAST_ANSWER_S = 1 };

	pthread_mutex_lock(&load.lock);
	load.ending = true;
	pthread_mutex_unlock(&load.lock);
	if (!wait_for_none(&load.messages, seconds))
		return false;
	/*
	 * libmilter sends the answer to the end of a message after our callback
	 * has returned, and tells nobody when it is out; a session that is idle
	 * otherwise is not waited for any longer.
	 */
	(void)wait_for_none(&load.sessions, LAST_ANSWER_S);
	return true;
}

static void
session_free(struct session **sp)
{
	struct session *s = steal(sp);

	if (s == NULL)
		return;
	message_free(&s->message);
	directory_close(&s->directory);
	stats_close(&s->stats);
	settings_release(&s->settings);
	free(s);
}

static void
end_message(struct session *s)
{
	if (s->message == NULL)
		return;
	message_free(&s->message);
	message_leave();
}

static double
seconds_since(int64_t start_ms)
{
	return (double)(clock_ms() - start_ms) / 1000;
}

static const char *
queue_id(SMFICTX *ctx)
{
	static char name[] = "i";
	const char *id = smfi_getsymval(ctx, name);

	return id == NULL ? "NOQUEUE" : id;
}

/* Counting never decides about mail: a failure is logged and forgotten. */
static void
count(struct session *s, const char *id, enum outcome outcome)
{
	const struct stats_counters delta = answer_counters(outcome);
	struct err err = { 0 };

	if (s->stats == NULL &&
	    stats_open(s->settings->conf->stats.database, STORE_WRITE,
		&s->stats, &err) < 0)
		log_warning("%s: not counted: %s", id, err.text);
	else if (stats_add(s->stats, message_account(s->message), time(NULL),
		     &delta, &err) < 0) {
		log_warning("%s: not counted: %s", id, err.text);
		stats_close(&s->stats);
	}
}

static sfsistat
fail(SMFICTX *ctx, struct session *s, const struct err *err)
{
	enum outcome outcome = answer_outcome(err);

	answer_log(queue_id(ctx), s->message, outcome,
	    seconds_since(s->started_ms), err);
	count(s, queue_id(ctx), outcome);
	end_message(s);
	return answer_failure(ctx, err);
}

/* A failure before there is anything to log about. */
static sfsistat
fail_early(SMFICTX *ctx, const struct err *err)
{
	log_warning("%s: deferred, reason=%s", queue_id(ctx), err->text);
	return answer_failure(ctx, err);
}

static sfsistat
/* libmilter gives nine: NOLINTNEXTLINE(readability-function-size) */
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long reserved2, unsigned long reserved3,
    unsigned long *want_actions, unsigned long *want_steps,
    unsigned long *want2, unsigned long *want3)
{
	const unsigned long need =
	    SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY;
	const unsigned long skipped = SMFIP_NOCONNECT | SMFIP_NOHELO |
	    SMFIP_NOUNKNOWN | SMFIP_NODATA;

	(void)ctx, (void)reserved2, (void)reserved3;
	if ((actions & need) != need || (steps & SMFIP_HDR_LEADSPC) == 0) {
		log_err("the mail server lacks milter features that sealing "
			"needs (header and body edits, leading space)");
		return SMFIS_REJECT;
	}
	*want_actions = need;
	*want_steps = SMFIP_HDR_LEADSPC | (steps & (skipped | SMFIP_SKIP));
	*want2 = 0;
	*want3 = 0;
	return SMFIS_CONTINUE;
}

/* NULL with *err set when there is no room for one more. */
static struct session *
session_new(SMFICTX *ctx, struct err *err)
{
	cleanup(session_free) struct session *s = calloc(1, sizeof *s);

	if (s == NULL) {
		err_nomem(err);
		return NULL;
	}
	s->settings = settings_hold();
	if (!session_enter(s->settings->conf->milter.max_threads)) {
		err_set(err, ERR_TEMP, "more than %u sessions",
		    s->settings->conf->milter.max_threads);
		return NULL;
	}
	if (smfi_setpriv(ctx, s) != MI_SUCCESS) {
		session_leave();
		err_set(err, ERR_TEMP, "libmilter took no session");
		return NULL;
	}
	return steal(&s);
}

/* A reload takes effect with the next message of a session. */
static void
use_settings_in_force(struct session *s)
{
	const struct settings *now = settings_hold();

	if (now == s->settings) {
		settings_release(&now);
		return;
	}
	directory_close(&s->directory);
	stats_close(&s->stats);
	settings_release(&s->settings);
	s->settings = now;
}

static sfsistat
on_envfrom(SMFICTX *ctx, char **args)
{
	struct session *s = smfi_getpriv(ctx);
	struct err err = { 0 };

	(void)args;
	if (s == NULL)
		s = session_new(ctx, &err);
	if (s == NULL)
		return fail_early(ctx, &err);
	end_message(s);
	use_settings_in_force(s);
	if (message_new(s->settings, &s->message, &err) < 0)
		return fail_early(ctx, &err);
	if (!message_enter()) {
		message_free(&s->message);
		err_set(&err, ERR_TEMP, "the milter is being stopped");
		return fail_early(ctx, &err);
	}
	s->started_ms = clock_ms();
	return SMFIS_CONTINUE;
}

/* The session if a message is under way; libmilter's order guarantees one. */
static struct session *
in_message(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	return s == NULL || s->message == NULL ? NULL : s;
}

static sfsistat
on_envrcpt(SMFICTX *ctx, char **args)
{
	struct session *s = in_message(ctx);
	struct err err = { 0 };

	if (s == NULL)
		return SMFIS_TEMPFAIL;
	if (message_recipient(s->message, args[0], &err) < 0)
		return fail(ctx, s, &err);
	return SMFIS_CONTINUE;
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = in_message(ctx);
	struct err err = { 0 };

	if (s == NULL)
		return SMFIS_TEMPFAIL;
	if (message_field(s->message, name, value, &err) < 0)
		return fail(ctx, s, &err);
	return SMFIS_CONTINUE;
}

static int
end_of_header(struct session *s, struct err *err)
{
	if (s->directory == NULL &&
	    directory_open(s->settings->conf->accounts.directory, STORE_READ,
		&s->directory, err) < 0) {
		/* also one of a newer version: no fault of the sender */
		err->kind = ERR_TEMP;
		return -1;
	}
	if (message_end_of_header(s->message, s->directory, time(NULL), err) ==
	    0)
		return 0;
	/* a file that was replaced needs a new handle: see store/directory.h */
	directory_close(&s->directory);
	return -1;
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct session *s = in_message(ctx);
	struct err err = { 0 };

	if (s == NULL)
		return SMFIS_TEMPFAIL;
	if (end_of_header(s, &err) < 0)
		return fail(ctx, s, &err);
	return SMFIS_CONTINUE;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	struct session *s = in_message(ctx);
	struct err err = { 0 };

	if (s == NULL)
		return SMFIS_TEMPFAIL;
	if (message_body(s->message, data, n, &err) < 0)
		return fail(ctx, s, &err);
	return SMFIS_CONTINUE;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct session *s = in_message(ctx);
	struct err err = { 0 };
	enum outcome outcome;

	if (s == NULL)
		return SMFIS_TEMPFAIL;
	if (message_finish(s->message, &outcome, &err) < 0 ||
	    answer_edits(ctx, s->message, &err) < 0)
		return fail(ctx, s, &err);
	answer_log(queue_id(ctx), s->message, outcome,
	    seconds_since(s->started_ms), NULL);
	count(s, queue_id(ctx), outcome);
	end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s != NULL)
		end_message(s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = smfi_getpriv(ctx);

	if (s == NULL)
		return SMFIS_CONTINUE;
	(void)smfi_setpriv(ctx, NULL);
	end_message(s);
	session_free(&s);
	session_leave();
	return SMFIS_CONTINUE;
}

int
callbacks_register(struct err *err)
{
	static char name[] = "sealpost";
	const struct smfiDesc description = {
		.xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY,
		.xxfi_envfrom = on_envfrom,
		.xxfi_envrcpt = on_envrcpt,
		.xxfi_header = on_header,
		.xxfi_eoh = on_eoh,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};

	if (smfi_register(description) != MI_SUCCESS)
		return err_set(err, ERR_TEMP, "libmilter took no callbacks");
	return 0;
}

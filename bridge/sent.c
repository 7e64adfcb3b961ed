/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The thread that appends what waits. It takes the lock, marks an entry
 * APPENDING and leaves the lock while it talks to the server.
 */
#include "sent.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "facts.h"
#include "sent_memory.h"
#include "sent_private.h"
#include "upstream.h"

enum {
	FIRST_RETRY_S = 10,
	LAST_RETRY_S = 600,
	STOP_TIMEOUT_S = 5,
	CAPABILITIES_MAX = 64 << 10,
};

/*
 * With the lock. Is the client's own copy there, or coming? It counts for one
 * message only.
 */
static bool
client_has_it(struct sent *s, struct entry *e)
{
	time_t until = time(NULL) + s->bridge->conf->timeout;
	struct entry *own = NULL;

	for (; e->has_print; sent_wait_until(s, until)) {
		/* anew: what was found before the wait may be gone */
		own = sent_find_in_folder(s, e->account, e->print, e->folder);
		if (own == NULL || own->state != CLIENT || s->stopping ||
		    time(NULL) >= until)
			break;
	}
	if (own == NULL || own->state != STORED)
		return false;
	sent_forget(s, own);
	e->ours = false;
	return true;
}

static int
connect_for(struct sent *s, struct entry *e, struct net_stream **out,
    struct err *err)
{
	cleanup(buf_reset) struct buf unused = { .limit = CAPABILITIES_MAX };
	const struct credentials c = {
		.login = (char *)e->login.data,
		.login_len = e->login.len,
	};
	enum login_result result = LOGIN_REFUSED;

	if (upstream_imap(s->bridge, e->account, &c, &result, out, &unused,
	        err) < 0)
		return -1;
	(void)pthread_mutex_lock(&s->lock);
	e->refused = result != LOGIN_OK;
	if (result == LOGIN_OK) {
		s->stream = *out;
		if (s->stopping)
			net_stream_interrupt(*out);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return result == LOGIN_OK
		   ? 0
		   : err_set(err, ERR_PERM, "the login is refused");
}

static int
learn_folder(struct sent *s, struct entry *e, struct net_stream *stream,
    struct err *err)
{
	cleanup(buf_reset) struct buf folder = { .limit = PATH_SIZE };

	if (sent_find_folder(stream, e->account, &folder, err) < 0)
		return -1;

	char *name = strdup((const char *)folder.data);

	if (name == NULL)
		return err_nomem(err);
	(void)pthread_mutex_lock(&s->lock);
	free(e->folder);
	e->folder = name;
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Its user has removed the file: there is nothing to append any more. */
static bool
is_gone(const struct entry *e)
{
	return access(e->path, F_OK) < 0 && errno == ENOENT;
}

/* Without the lock; the entry is APPENDING, so nobody else changes it. */
static int
append(struct sent *s, struct entry *e, struct net_stream **stream,
    struct err *err)
{
	bool there;

	if (is_gone(e)) /* no login for it */
		return err_set(err, ERR_PERM, "%s has gone", e->path);
	if (connect_for(s, e, stream, err) < 0 ||
	    learn_folder(s, e, *stream, err) < 0)
		return -1;
	(void)pthread_mutex_lock(&s->lock);
	there = client_has_it(s, e);
	(void)pthread_mutex_unlock(&s->lock);
	if (there)
		return 0;
	/* the answer to an earlier append may have been lost */
	if (e->tried) {
		int rc = sent_find_file(
		    *stream, e->folder, e->path, &e->place, err);

		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return sent_append_file(*stream, e->folder, e->path, &e->place, err);
}

/* Without the lock, as append(): for the next run. */
static void
put_in_memory(struct sent *s, const struct entry *e)
{
	cleanup(metacache_close) struct metacache *memory = NULL;
	const struct sent_name name = {
		.address = e->account->address,
		.folder = e->folder,
		.print = e->print,
	};
	struct err err = { 0 };

	if (!e->ours || !e->has_print || e->memory_key.len == 0)
		return;
	if (facts_open(s->bridge, e->memory_key.data, &memory, &err) < 0 ||
	    sent_memory_put(memory, &name, &e->place, time(NULL), &err) < 0)
		log_warning("sent: <%s>: the copy is not remembered: %s",
		    e->account->address, err.text);
}

/*
 * The password was changed elsewhere. Tries with the old one could lock the
 * account: all that wait with it wait for sent_resume().
 */
static void
give_up_login(struct sent *s, const struct entry *refused)
{
	struct entry *e;

	log_warning("sent: <%s>: the server refuses the login: copies wait "
		    "until the user logs in again",
	    refused->account->address);
	TAILQ_FOREACH (e, &s->entries, all)
		if (e->state == WAITING && sent_same_login(e, refused))
			e->refused = true;
}

static void
take_result(struct sent *s, struct entry *e, int rc, const struct err *err)
{
	if (rc == 0) {
		log_info("sent: <%s>: the copy is stored", e->account->address);
		(void)unlink(e->path);
		locked_reset(&e->login);
		locked_reset(&e->memory_key);
		e->state = STORED;
		if (!e->ours)
			sent_forget(s, e);
		return;
	}
	e->state = WAITING;
	e->tried = true;
	if (is_gone(e)) {
		log_warning("sent: <%s>: the copy is not stored: its file "
			    "has gone",
		    e->account->address);
		sent_forget(s, e);
		return;
	}
	if (s->stopping)
		return;
	if (e->refused) {
		give_up_login(s, e);
		return;
	}
	e->pause_s = e->pause_s == 0 ? FIRST_RETRY_S : e->pause_s * 2;
	if (e->pause_s > LAST_RETRY_S)
		e->pause_s = LAST_RETRY_S;
	e->next = time(NULL) + e->pause_s;
	log_warning("sent: <%s>: the copy is not stored, next try in %u s: %s",
	    e->account->address, e->pause_s, err->text);
}

/* With the lock, which is left meanwhile. */
static void
run_entry(struct sent *s, struct entry *e)
{
	cleanup(net_stream_free) struct net_stream *stream = NULL;
	struct err err = { 0 };
	int rc;

	e->state = APPENDING;
	(void)pthread_mutex_unlock(&s->lock);
	rc = append(s, e, &stream, &err);
	if (rc == 0)
		put_in_memory(s, e);
	(void)pthread_mutex_lock(&s->lock);
	s->stream = NULL;
	take_result(s, e, rc, &err);
	(void)pthread_cond_broadcast(&s->changed);
}

static void *
run(void *arg)
{
	struct sent *s = arg;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		time_t now = time(NULL), until = now + LAST_RETRY_S;
		struct entry *e = sent_next_due(s, now, &until);

		if (e == NULL)
			sent_wait_until(s, until);
		else
			run_entry(s, e);
	}
	s->ended = true;
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

int
sent_new(struct bridge *b, struct sent **out, struct err *err)
{
	cleanup(sent_free) struct sent *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(err);
	s->bridge = b;
	TAILQ_INIT(&s->entries);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	if (pthread_create(&s->thread, NULL, run, s) != 0)
		return err_set(err, ERR_TEMP, "a thread cannot be started");
	s->has_thread = true;
	*out = steal(&s);
	return 0;
}

bool
sent_stop(struct sent *s)
{
	time_t until = time(NULL) + STOP_TIMEOUT_S;
	bool ended;

	(void)pthread_mutex_lock(&s->lock);
	s->stopping = true;
	if (s->stream != NULL)
		net_stream_interrupt(s->stream);
	(void)pthread_cond_broadcast(&s->changed);
	while (s->has_thread && !s->ended && time(NULL) < until)
		sent_wait_until(s, until);
	ended = s->ended || !s->has_thread;
	(void)pthread_mutex_unlock(&s->lock);
	return ended;
}

void
sent_free(struct sent **sp)
{
	struct sent *s = steal(sp);

	if (s == NULL)
		return;
	(void)sent_stop(s);
	if (s->has_thread)
		(void)pthread_join(s->thread, NULL);
	while (!TAILQ_EMPTY(&s->entries))
		sent_forget(s, TAILQ_FIRST(&s->entries));
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->changed);
	free(s);
}

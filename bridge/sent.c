/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What is known of sent messages, in a list of entries under one lock, and the
 * thread that appends what waits. A copy is a file of sealed octets in the state
 * directory: sent-ADDRESS=PRINT=XXXXXX.new before the server has taken the message,
 * .eml from then until it is in the folder; PRINT is "none" where there is none.
 */

#include "sent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <time.h>

#include "base/locked.h"
#include "base/log.h"
#include "facts.h"
#include "sent_imap.h"
#include "sent_memory.h"
#include "state.h"
#include "upstream.h"

enum {
	PATH_SIZE = 4096,
	ENTRIES_MAX = 1000,
	FIRST_RETRY_S = 10,
	LAST_RETRY_S = 600,
	PRINT_TEXT_SIZE = 2 * SENT_PRINT_LEN + 1,
	STOP_TIMEOUT_S = 5,
	ABANDONED_S = 24 * 3600,
	CAPABILITIES_MAX = 64 << 10,
};

enum state {
	WAITING,   /* the bridge's copy, to be appended */
	APPENDING, /* the thread has it */
	CLIENT,    /* a client is appending its own */
	STORED,    /* it is in `folder` */
};

struct entry {
	TAILQ_ENTRY(entry) all;
	const struct account *account;
	enum state state;
	bool ours;   /* the bridge's copy, which no client has claimed yet */
	bool has_print;
	bool tried; /* nobody waits for it; an append may have been begun */
	bool refused; /* its login: there is no use in trying it again */
	uint8_t print[SENT_PRINT_LEN];
	char *folder; /* NULL: not known yet */
	struct sent_place place;
	/* of a copy that waits */
	char *path;
	struct locked login, memory_key; /* of facts_open(); may be empty */
	time_t next; /* CLOCK_REALTIME */
	unsigned pause_s;
};

struct sent {
	struct bridge *bridge;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t changed;
	bool stopping, ended;
	struct net_stream *stream; /* of the thread, while it talks */
	TAILQ_HEAD(entries, entry) entries;
	size_t count;
};

struct sent_copy {
	const struct account *account;
	char *path; /* ends with .new */
	bool has_print;
	uint8_t print[SENT_PRINT_LEN];
};

/* ---- entries ---- */

static void
entry_free(struct entry **ep)
{
	struct entry *e = steal(ep);

	if (e == NULL)
		return;
	free(e->folder);
	free(e->path);
	locked_reset(&e->login);
	locked_reset(&e->memory_key);
	free(e);
}

static void
forget(struct sent *s, struct entry *e)
{
	TAILQ_REMOVE(&s->entries, e, all);
	s->count--;
	entry_free(&e);
}

/* Makes room: the oldest that is stored is not needed for long. */
static void
remember(struct sent *s, struct entry *e)
{
	struct entry *old;

	TAILQ_INSERT_TAIL(&s->entries, e, all);
	if (++s->count <= ENTRIES_MAX)
		return;
	TAILQ_FOREACH (old, &s->entries, all)
		if (old->state == STORED) {
			forget(s, old);
			return;
		}
}

static bool
is_same(const struct entry *e, const struct account *a, const uint8_t *print)
{
	return e->account == a && e->has_print &&
	    memcmp(e->print, print, SENT_PRINT_LEN) == 0;
}

/* The copy of the bridge: not one that a client brings, nor claimed. */
static struct entry *
find_copy(struct sent *s, const struct account *a, const uint8_t *print)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (is_same(e, a, print) && e->ours)
			return e;
	return NULL;
}

/* What a client brings or has brought into the folder. */
static struct entry *
find_in_folder(struct sent *s, const struct account *a, const uint8_t *print,
    const char *folder)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (!e->ours && is_same(e, a, print) && e->folder != NULL &&
		    strcmp(e->folder, folder) == 0)
			return e;
	return NULL;
}

static void
wait_until(struct sent *s, time_t when)
{
	const struct timespec until = { .tv_sec = when };

	(void)pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

/* ---- the thread ---- */

/*
 * With the lock. Is the client's own copy there, or coming? It counts for one
 * message only.
 */
static bool
client_has_it(struct sent *s, struct entry *e)
{
	time_t until = time(NULL) + s->bridge->conf->timeout;
	struct entry *own = NULL;

	for (; e->has_print; wait_until(s, until)) {
		/* anew: what was found before the wait may be gone */
		own = find_in_folder(s, e->account, e->print, e->folder);
		if (own == NULL || own->state != CLIENT || s->stopping ||
		    time(NULL) >= until)
			break;
	}
	if (own == NULL || own->state != STORED)
		return false;
	forget(s, own);
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
	e->refused = result != LOGIN_OK;
	if (e->refused)
		return err_set(err, ERR_PERM, "the login is refused");
	(void)pthread_mutex_lock(&s->lock);
	s->stream = *out;
	if (s->stopping)
		net_stream_interrupt(*out);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
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

/* Without the lock; the entry is APPENDING, so nobody else changes it. */
static int
append(struct sent *s, struct entry *e, struct net_stream **stream,
    struct err *err)
{
	bool there;

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

static bool
same_login(const struct entry *a, const struct entry *b)
{
	return a->account == b->account && a->login.len == b->login.len &&
	    a->login.len > 0 &&
	    crypt_equal(a->login.data, b->login.data, a->login.len);
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
		if (e->state == WAITING && same_login(e, refused))
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
			forget(s, e);
		return;
	}
	e->state = WAITING;
	e->tried = true;
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

static struct entry *
next_entry(struct sent *s, time_t now, time_t *until)
{
	struct entry *e;

	*until = now + LAST_RETRY_S;
	TAILQ_FOREACH (e, &s->entries, all) {
		if (e->state != WAITING || e->refused)
			continue;
		if (e->next <= now)
			return e;
		if (e->next < *until)
			*until = e->next;
	}
	return NULL;
}

static void *
run(void *arg)
{
	struct sent *s = arg;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		time_t until;
		struct entry *e = next_entry(s, time(NULL), &until);

		if (e == NULL)
			wait_until(s, until);
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
		wait_until(s, until);
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
		forget(s, TAILQ_FIRST(&s->entries));
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->changed);
	free(s);
}

/* ---- the SMTP side ---- */

void
sent_copy_free(struct sent_copy **cp)
{
	struct sent_copy *c = steal(cp);

	if (c == NULL)
		return;
	if (c->path != NULL)
		(void)unlink(c->path);
	free(c->path);
	free(c);
}

static int
put_file(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	const int *fd = ctx;

	while (n > 0) {
		ssize_t done = write(*fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(
			    err, ERR_TEMP, "write: %s", strerror(errno));
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

/* As it stands in the name of a file. */
static void
print_to_text(const uint8_t *print, char out[PRINT_TEXT_SIZE])
{
	(void)snprintf(out, PRINT_TEXT_SIZE, "none");
	for (size_t i = 0; print != NULL && i < SENT_PRINT_LEN; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", (unsigned)print[i]);
}

/* False when there stands none. */
static bool
print_from_text(const char *text, uint8_t print[SENT_PRINT_LEN])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * (size_t)SENT_PRINT_LEN; i++) {
		const char *digit =
		    text[i] == '\0' ? NULL : strchr(digits, text[i]);

		if (digit == NULL)
			return false;
		print[i / 2] = (uint8_t)(print[i / 2] << 4 | (digit - digits));
	}
	return text[2 * SENT_PRINT_LEN] == '=';
}

static int
write_copy(struct sent *s, struct sent_copy *c, struct spool *sealed,
    struct err *err)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	cleanup(free_str) char *name = NULL;
	char print[PRINT_TEXT_SIZE];

	if (state_put_path(s->bridge->conf->state_directory, "sent",
	        c->account->address, &path, err) < 0)
		return -1;
	print_to_text(c->has_print ? c->print : NULL, print);
	if (asprintf(&name, "%s=%s=XXXXXX.new", (const char *)path.data,
	        print) < 0) {
		name = NULL;
		return err_nomem(err);
	}

	cleanup(close_fd) int fd = mkostemps(name, 4, O_CLOEXEC);
	const struct sink sink = { .put = put_file, .ctx = &fd };

	if (fd < 0)
		return err_set(err, ERR_TEMP, "%s: %s", name, strerror(errno));
	c->path = steal(&name);
	if (spool_replay(sealed, 65536, &sink, err) < 0)
		return -1;
	if (fsync(fd) < 0)
		return err_set(
		    err, ERR_TEMP, "%s: %s", c->path, strerror(errno));
	return 0;
}

int
sent_copy_prepare(struct sent *s, const struct account *a,
    struct spool *sealed, const uint8_t *print, struct sent_copy **out,
    struct err *err)
{
	cleanup(sent_copy_free) struct sent_copy *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(err);
	c->account = a;
	if (print != NULL) {
		c->has_print = true;
		memcpy(c->print, print, SENT_PRINT_LEN);
	}
	if (write_copy(s, c, sealed, err) < 0)
		return -1;
	*out = steal(&c);
	return 0;
}

static void
set_memory_key(struct entry *e, const struct user *u)
{
	struct err err = { 0 };

	e->memory_key.data = locked_new(FACTS_KEY_LEN);
	if (e->memory_key.data == NULL)
		return;
	e->memory_key.len = FACTS_KEY_LEN;
	if (facts_key(u, e->memory_key.data, &err) < 0)
		locked_reset(&e->memory_key);
}

/* In place of an older one; false, and nothing done, when memory is short. */
static bool
set_login(struct entry *e, const struct user *u, const struct credentials *c)
{
	unsigned char *login = locked_new(c->login_len);

	if (login == NULL)
		return false;
	memcpy(login, c->login, c->login_len);
	locked_reset(&e->login);
	e->login = (struct locked){ login, c->login_len };
	locked_reset(&e->memory_key);
	set_memory_key(e, u);
	return true;
}

/* An entry that waits; takes the path. NULL when memory is short. */
static struct entry *
entry_for(const struct user *u, char *path, const struct credentials *c)
{
	cleanup(entry_free) struct entry *e = calloc(1, sizeof *e);

	if (e == NULL) {
		free(path);
		return NULL;
	}
	e->account = user_account(u);
	e->path = path;
	e->state = WAITING;
	e->ours = true;
	if (!set_login(e, u, c))
		return NULL;
	return steal(&e);
}

/* With the lock. A session that is older than the refusal may bring more. */
static bool
is_refused_login(struct sent *s, const struct entry *new)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (e->refused && same_login(e, new))
			return true;
	return false;
}

static void
enqueue(struct sent *s, struct entry *e)
{
	(void)pthread_mutex_lock(&s->lock);
	e->refused = is_refused_login(s, e);
	e->tried |= e->refused; /* no client is to wait for it */
	remember(s, e);
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void
sent_copy_commit(struct sent *s, struct sent_copy **cp,
    const struct user *user, const struct credentials *credentials)
{
	cleanup(sent_copy_free) struct sent_copy *c = steal(cp);
	char *path = strdup(c->path);
	struct entry *e;

	if (path == NULL)
		return;
	memcpy(path + strlen(path) - 4, ".eml", 4);
	if (rename(c->path, path) < 0) {
		log_warning("sent: %s: %s", path, strerror(errno));
		free(path);
		return;
	}
	free(steal(&c->path));
	e = entry_for(user, path, credentials);
	if (e == NULL) {
		log_warning("sent: <%s>: the copy waits for the next start",
		    c->account->address);
		return;
	}
	e->has_print = c->has_print;
	memcpy(e->print, c->print, SENT_PRINT_LEN);
	enqueue(s, e);
}

/* ---- after a restart ---- */

static bool
is_known(struct sent *s, const char *path)
{
	struct entry *e;
	bool known = false;

	(void)pthread_mutex_lock(&s->lock);
	TAILQ_FOREACH (e, &s->entries, all)
		if (e->path != NULL && strcmp(e->path, path) == 0)
			known = true;
	(void)pthread_mutex_unlock(&s->lock);
	return known;
}

/* A copy of the account with this end: ".eml", ".new". */
static bool
is_copy(const char *name, const char *prefix, const char *end)
{
	size_t len = strlen(name), n = strlen(prefix);

	return strncmp(name, prefix, n) == 0 && name[n] == '=' && len > 4 &&
	    strcmp(name + len - 4, end) == 0;
}

/* One that was never handed in: whoever wrote it was killed. */
static void
remove_if_old(int directory, const char *name)
{
	struct stat st;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < time(NULL) - ABANDONED_S)
		(void)unlinkat(directory, name, 0);
}

static void
resume_file(struct sent *s, const struct user *u,
    const struct credentials *c, const char *name)
{
	char *path = NULL;
	struct entry *e;

	if (asprintf(&path, "%s/%s", s->bridge->conf->state_directory, name) <
	    0)
		return;
	if (is_known(s, path)) {
		free(path);
		return;
	}
	e = entry_for(u, path, c);
	if (e == NULL)
		return;
	log_info(
	    "sent: <%s>: a copy was left behind", e->account->address);
	e->tried = true;
	e->has_print = print_from_text(strchr(name, '=') + 1, e->print);
	enqueue(s, e);
}

/* The server takes this login: what waits with an older one is tried with it. */
static void
renew_logins(
    struct sent *s, const struct user *u, const struct credentials *c)
{
	struct entry *e;

	(void)pthread_mutex_lock(&s->lock);
	TAILQ_FOREACH (e, &s->entries, all) {
		if (e->account != user_account(u) || e->state != WAITING ||
		    !set_login(e, u, c) || !e->refused)
			continue;
		e->refused = false;
		e->next = 0;
		e->pause_s = 0;
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

void
sent_resume(struct sent *s, const struct user *u,
    const struct credentials *c)
{
	cleanup(buf_reset) struct buf path = { .limit = PATH_SIZE };
	const char *directory = s->bridge->conf->state_directory;
	const char *address = user_account(u)->address;
	DIR *d;

	renew_logins(s, u, c);
	d = opendir(directory);
	if (d == NULL)
		return;
	if (state_put_path(directory, "sent", address, &path, NULL) == 0) {
		const char *prefix =
		    (const char *)path.data + strlen(directory) + 1;

		for (struct dirent *f; (f = readdir(d)) != NULL;)
			if (is_copy(f->d_name, prefix, ".eml"))
				resume_file(s, u, c, f->d_name);
			else if (is_copy(f->d_name, prefix, ".new"))
				remove_if_old(dirfd(d), f->d_name);
	}
	closedir(d);
}

/* ---- the side of the client's APPEND ---- */

/* With the lock: the bridge's copy, once it is known what became of it. */
static struct entry *
settled_copy(struct sent *s, const struct account *a, const uint8_t *print)
{
	time_t until = time(NULL) + s->bridge->conf->timeout;

	for (;;) {
		struct entry *e = find_copy(s, a, print);
		bool pending = e != NULL && (e->state == APPENDING ||
		    (e->state == WAITING && !e->tried));

		if (!pending || s->stopping || time(NULL) >= until)
			return e;
		wait_until(s, until);
	}
}

/* With the lock: that of an earlier run, or of long ago. */
static bool
take_from_memory(const struct sent_client *c, struct sent_place *place)
{
	const struct sent_name name = {
		.address = c->account->address,
		.folder = c->folder,
		.print = c->print,
	};
	struct err err = { 0 };
	int rc;

	if (c->memory == NULL)
		return false;
	rc = sent_memory_take(c->memory, &name, time(NULL), place, &err);
	if (rc < 0)
		log_warning("sent: <%s>: what was stored is not known: %s",
		    name.address, err.text);
	return rc > 0;
}

/* Is the bridge's copy there? It counts for one: a second one is meant. */
static bool
claim_copy(struct sent *s, const struct sent_client *c,
    struct sent_place *place)
{
	struct entry *e = settled_copy(s, c->account, c->print);
	bool there = take_from_memory(c, place);

	if (e != NULL && e->state == STORED && e->folder != NULL &&
	    strcmp(e->folder, c->folder) == 0) {
		*place = e->place;
		forget(s, e);
		return true;
	}
	if (e != NULL && there && e->state == WAITING)
		e->ours = false; /* killed before it was known to be there */
	return there;
}

static int
begin_client(struct sent *s, const struct sent_client *c,
    struct sent_place *place)
{
	struct entry *e;

	if (claim_copy(s, c, place))
		return 1;
	e = calloc(1, sizeof *e);
	if (e == NULL)
		return 0;
	e->account = c->account;
	e->state = CLIENT;
	e->has_print = true;
	memcpy(e->print, c->print, SENT_PRINT_LEN);
	e->folder = strdup(c->folder);
	if (e->folder == NULL)
		entry_free(&e);
	else
		remember(s, e);
	return 0;
}

int
sent_client_begins(struct sent *s, const struct sent_client *c,
    uint32_t *uidvalidity, uint32_t *uid)
{
	struct sent_place place = { 0 };
	int rc;

	(void)pthread_mutex_lock(&s->lock);
	rc = begin_client(s, c, &place);
	(void)pthread_mutex_unlock(&s->lock);
	*uidvalidity = place.uidvalidity;
	*uid = place.uid;
	return rc;
}

void
sent_client_done(struct sent *s, const struct sent_client *c, bool stored)
{
	struct entry *e, *next;

	(void)pthread_mutex_lock(&s->lock);
	for (e = TAILQ_FIRST(&s->entries); e != NULL; e = next) {
		next = TAILQ_NEXT(e, all);
		if (e->state != CLIENT || !is_same(e, c->account, c->print) ||
		    strcmp(e->folder, c->folder) != 0)
			continue;
		if (stored)
			e->state = STORED;
		else
			forget(s, e);
		break;
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The SMTP side: a message becomes a file, and once the server has taken it an
 * entry that waits. All of it is without the lock; sent_enqueue() takes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/rename.h"
#include "facts.h"
#include "sent_private.h"
#include "state.h"

enum { PRINT_TEXT_SIZE = 2 * SENT_PRINT_LEN + 1 };

struct sent_copy {
	const struct account *account;
	char *path; /* ends with .new */
	bool has_print;
	uint8_t print[SENT_PRINT_LEN];
};

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

	if (fd_write(*fd, data, n) < 0)
		return err_set(err, ERR_TEMP, "write: %s", strerror(errno));
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

bool
sent_print_from_text(const char *text, uint8_t print[SENT_PRINT_LEN])
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

bool
sent_set_login(
    struct entry *e, const struct user *u, const struct credentials *c)
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

struct entry *
sent_entry_for(const struct user *u, char *path, const struct credentials *c)
{
	cleanup(sent_entry_free) struct entry *e = calloc(1, sizeof *e);

	if (e == NULL) {
		free(path);
		return NULL;
	}
	e->account = user_account(u);
	e->path = path;
	e->state = WAITING;
	e->ours = true;
	if (!sent_set_login(e, u, c))
		return NULL;
	return steal(&e);
}

/* With the lock. A session that is older than the refusal may bring more. */
static bool
is_refused_login(struct sent *s, const struct entry *new)
{
	struct entry *e;

	TAILQ_FOREACH (e, &s->entries, all)
		if (e->refused && sent_same_login(e, new))
			return true;
	return false;
}

/* With the lock: the other login of the same file is the newer one. */
static void
take_login(struct entry *e, struct entry *from)
{
	const struct locked login = e->login, memory_key = e->memory_key;

	if (e->state != WAITING)
		return;
	e->login = from->login;
	e->memory_key = from->memory_key;
	e->refused = from->refused;
	from->login = login;
	from->memory_key = memory_key;
}

bool
sent_enqueue(struct sent *s, struct entry *e)
{
	struct entry *same;

	(void)pthread_mutex_lock(&s->lock);
	e->refused = is_refused_login(s, e);
	e->tried |= e->refused; /* no client is to wait for it */
	same = sent_find_path(s, e->path);
	if (same == NULL) {
		sent_remember(s, e);
	} else {
		take_login(same, e);
		sent_entry_free(&e);
	}
	(void)pthread_cond_broadcast(&s->changed);
	(void)pthread_mutex_unlock(&s->lock);
	return same == NULL;
}

void
sent_copy_commit(struct sent *s, struct sent_copy **cp,
    const struct user *user, const struct credentials *credentials)
{
	cleanup(sent_copy_free) struct sent_copy *c = steal(cp);
	char before[PATH_SIZE];
	struct entry *e;

	/* nothing here can fail for want of memory: the mail is sent */
	(void)snprintf(before, sizeof before, "%s", c->path);
	memcpy(c->path + strlen(c->path) - 4, ".eml", 4);
	if (rename_lasting(before, c->path) < 0) {
		log_warning("sent: %s: %s", c->path, strerror(errno));
		memcpy(c->path, before, strlen(before));
		return;
	}
	e = sent_entry_for(user, steal(&c->path), credentials);
	if (e == NULL) {
		log_warning("sent: <%s>: the copy waits for the next start",
		    c->account->address);
		return;
	}
	e->has_print = c->has_print;
	memcpy(e->print, c->print, SENT_PRINT_LEN);
	/* a login that came meanwhile may have found the file: that is fine */
	(void)sent_enqueue(s, e);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/json.h"

int
missing_database(const char *path, struct err *err)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return err_set(err, err->kind,
		    "%s does not exist: run `sealpost init` first", path);
	return -1;
}

int
open_directory(const struct ctl *ctl, enum store_mode mode,
    struct directory **out, struct err *err)
{
	const char *path = ctl->conf->accounts.directory;

	if (directory_open(path, mode, out, err) < 0)
		return missing_database(path, err);
	return 0;
}

int
open_secrets(const struct ctl *ctl, enum store_mode mode,
    struct secrets **out, struct err *err)
{
	const char *path = ctl->conf->accounts.secrets;

	if (secrets_open(path, mode, out, err) < 0)
		return missing_database(path, err);
	return 0;
}

int
need_domain(struct directory *d, const char *address, struct err *err)
{
	const char *domain = strrchr(address, '@') + 1;
	int rc = directory_domain_find(d, domain, err);

	if (rc == 0)
		return err_set(err, ERR_PERM,
		    "%s: there is no domain %s here; add it with `sealpost "
		    "domain add %s`",
		    address, domain, domain);
	return rc < 0 ? -1 : 0;
}

int
find_account(struct directory *d, const char *text,
    char address[ADDRESS_SIZE], struct account **out, struct err *err)
{
	if (address_normalize(text, address, err) < 0)
		return -1;

	int rc = directory_account_find(d, address, out, err);

	if (rc == 0)
		return err_set(err, ERR_PERM, "there is no account %s",
		    address);
	return rc < 0 ? -1 : 0;
}

static int
open_folder_of(const char *file, struct err *err)
{
	cleanup(free_str) char *folder = strdup(file);

	if (folder == NULL)
		return err_nomem(err);

	char *slash = strrchr(folder, '/');

	/* configured paths are absolute; of "/file" the "/" stays */
	slash[slash == folder ? 1 : 0] = '\0';

	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_TEMP, "open %s: %s", folder,
		    strerror(errno));
	return fd;
}

/*
 * The lock is on the folder: closing a descriptor of the database itself would
 * drop SQLite's own locks.
 */
int
lock_accounts(const struct ctl *ctl, struct err *err)
{
	int fd = open_folder_of(ctl->conf->accounts.directory, err);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		(void)err_set(err, ERR_TEMP, "lock the folder of %s: %s",
		    ctl->conf->accounts.directory, strerror(errno));
		close_fd(&fd);
	}
	return fd;
}

/* ---- lists of accounts ---- */

void
account_list_reset(struct account_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		account_free(&l->accounts[i]);
	free(l->accounts);
	*l = (struct account_list){ 0 };
}

static int
copy_account(const struct account *a, struct account **out, struct err *err)
{
	cleanup(account_free) struct account *copy = malloc(sizeof *copy);

	if (copy == NULL)
		return err_nomem(err);
	*copy = *a;
	copy->mechanisms = NULL;
	copy->address = strdup(a->address);
	if (copy->address != NULL)
		copy->mechanisms = strdup(a->mechanisms);
	if (copy->mechanisms == NULL)
		return err_nomem(err);
	*out = steal(&copy);
	return 0;
}

static int
append_account(void *ctx, const struct account *a, struct err *err)
{
	struct account_list *l = ctx;

	if (l->count == l->room) {
		size_t room = l->room == 0 ? 64 : 2 * l->room;
		struct account **more =
		    reallocarray(l->accounts, room, sizeof(*more));

		if (more == NULL)
			return err_nomem(err);
		l->accounts = more;
		l->room = room;
	}
	if (copy_account(a, &l->accounts[l->count], err) < 0)
		return -1;
	l->count++;
	return 0;
}

int
account_list_load(struct directory *d, struct account_list *out,
    struct err *err)
{
	return directory_account_list(d, append_account, out, err);
}

/* ---- times ---- */

static const char *
format_time(int64_t t, const char *format, char out[TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)t;
	struct tm parts;

	if (t == 0)
		return "never";
	if (gmtime_r(&seconds, &parts) == NULL)
		return "?";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	out[strftime(out, TIME_TEXT_SIZE, format, &parts)] = '\0';
#pragma GCC diagnostic pop
	return out;
}

const char *
date_text(int64_t t, char out[TIME_TEXT_SIZE])
{
	return format_time(t, "%Y-%m-%d", out);
}

const char *
time_text(int64_t t, char out[TIME_TEXT_SIZE])
{
	return format_time(t, "%Y-%m-%dT%H:%M:%SZ", out);
}

void
json_time(struct json *j, const char *key, int64_t t)
{
	char text[TIME_TEXT_SIZE];

	if (t == 0)
		json_null(j, key);
	else
		json_string(j, key, time_text(t, text));
}

int64_t
now(void)
{
	return (int64_t)time(NULL);
}

/* ---- signals ---- */

void
hold_signals(sigset_t *before)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, before);
}

void
release_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

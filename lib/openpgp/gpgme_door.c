/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/gpgme_door.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

enum { PATH_SIZE = 4096, REMOVE_FDS = 8, WATCHES = 8 };

struct gpg_home {
	enum gpg_home_use use;
	char path[PATH_SIZE];
};

/*
 * The clock is judged by us (cert.h), with the time that we are given: gpg must
 * not drop what it thinks is from the future. Third-party signatures say
 * nothing here.
 */
#define QUIET_CONF                                                          \
	"no-tty\nno-greeting\ndisable-dirmngr\n"                            \
	"no-auto-key-retrieve\nno-auto-key-locate\nno-random-seed-file\n"   \
	"no-auto-check-trustdb\ntrust-model always\n"
#define COMMON_CONF                                                         \
	"batch\nno-tty\nno-greeting\nno-autostart\ndisable-dirmngr\n"       \
	"no-auto-key-retrieve\nno-auto-key-locate\nno-random-seed-file\n"   \
	"no-auto-check-trustdb\ntrust-model always\nignore-time-conflict\n" \
	"ignore-valid-from\nimport-options self-sigs-only\n"              \
	"export-options no-export-attributes\n"

/*
 * What new keys ask of those who encrypt to them: no packets of GnuPG's own
 * (gpg 2.4 would announce them), and no compression, so that we need no gpg to
 * read.
 */
#define KEY_PREFERENCES                                                   \
	"default-preference-list AES256 AES192 AES SHA512 SHA384 SHA256 " \
	"Uncompressed ZLIB BZIP2 ZIP\n"

/*
 * RFC 4880 is what every reader knows: without it gpg 2.4 makes packets of its
 * own (tag 20). It also makes gpg take user IDs that their key has not signed,
 * and Debian 13 has it as the default: not so where certificates are vetted.
 */
static const char *const home_conf[] = {
	[GPG_HOME_FOR_VETTING] = COMMON_CONF "no-allow-non-selfsigned-uid\n",
	[GPG_HOME_FOR_ENCRYPTION] =
	    COMMON_CONF "rfc4880\ncipher-algo AES256\ncompress-algo none\n",
	[GPG_HOME_FOR_KEYS] = QUIET_CONF KEY_PREFERENCES,
};

/* The passphrases are random: to stretch them would only cost time. */
static const char agent_conf[] =
    "allow-loopback-pinentry\nno-allow-external-cache\ndisable-scdaemon\n"
    "s2k-count 1048576\n";

static int
write_file(
    const char *directory, const char *name, const char *text, struct err *err)
{
	char path[PATH_SIZE + 16];

	if (snprintf(path, sizeof path, "%s/%s", directory, name) < 0)
		return err_set(err, ERR_TEMP, "name a file in %s", directory);

	cleanup(close_file) FILE *f = fopen(path, "wxe");

	if (f == NULL || fputs(text, f) == EOF || fflush(f) != 0)
		return err_set(
		    err, ERR_TEMP, "write %s: %s", path, strerror(errno));
	return 0;
}

static const char *
find_parent(enum gpg_home_use use)
{
	const char *memory = secure_getenv("XDG_RUNTIME_DIR");
	const char *parent = secure_getenv("TMPDIR");

	if (use == GPG_HOME_FOR_KEYS && memory != NULL && *memory == '/' &&
	    access(memory, W_OK | X_OK) == 0)
		return memory;
	return parent == NULL || *parent == '\0' ? "/tmp" : parent;
}

int
gpg_home_new(enum gpg_home_use use, struct gpg_home **out, struct err *err)
{
	const char *parent = find_parent(use);
	struct gpg_home *made = calloc(1, sizeof *made);

	if (made == NULL)
		return err_nomem(err);
	made->use = use;

	int n = snprintf(
	    made->path, sizeof made->path, "%s/sealpost-gpg.XXXXXX", parent);

	if (n < 0 || (size_t)n >= sizeof made->path ||
	    mkdtemp(made->path) == NULL) {
		free(made);
		return err_set(err, ERR_TEMP, "create a folder in %s: %s",
		    parent, strerror(errno));
	}

	cleanup(gpg_home_free) struct gpg_home *h = made;

	if (write_file(h->path, "gpg.conf", home_conf[use], err) < 0 ||
	    (use == GPG_HOME_FOR_KEYS &&
	        write_file(h->path, "gpg-agent.conf", agent_conf, err) < 0))
		return -1;
	*out = steal(&h);
	return 0;
}

/* What was on a disk may stay there all the same; it is protected, too. */
static int
overwrite_one(
    const char *path, const struct stat *st, int type, struct FTW *at)
{
	static const char zeros[4096];
	cleanup(close_fd) int fd = -1;
	off_t left = st->st_size;

	(void)at;
	if (type == FTW_F && S_ISREG(st->st_mode))
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	while (fd >= 0 && left > 0) {
		size_t part = left < (off_t)sizeof zeros ? (size_t)left
		                                         : sizeof zeros;
		ssize_t n = write(fd, zeros, part);

		if (n <= 0)
			return 0;
		left -= n;
	}
	if (fd >= 0)
		(void)fsync(fd);
	return 0;
}

/* Runs gpgconf, which knows how to reach the agent, to its end; silently. */
static void
run_gpgconf(char *const argv[])
{
	const char *path = gpgme_get_dirinfo("gpgconf-name");
	posix_spawn_file_actions_t files;
	pid_t pid;
	int status;

	if (path == NULL || posix_spawn_file_actions_init(&files) != 0)
		return;
	if (posix_spawn_file_actions_addopen(&files, STDERR_FILENO,
	        "/dev/null", O_WRONLY, 0) == 0 &&
	    posix_spawn(&pid, path, &files, NULL, argv, environ) == 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	(void)posix_spawn_file_actions_destroy(&files);
}

static void
end_agent(struct gpg_home *h)
{
	char name[] = "gpgconf";
	char homedir[] = "--homedir";
	char kill[] = "--kill";
	char all[] = "all";
	char sockets[] = "--remove-socketdir";

	run_gpgconf((char *[]){ name, homedir, h->path, kill, all, NULL });
	run_gpgconf((char *[]){ name, homedir, h->path, sockets, NULL });
	(void)nftw(h->path, overwrite_one, REMOVE_FDS, FTW_PHYS);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	(void)remove(path); /* what stays makes its folder stay; go on */
	return 0;
}

void
gpg_home_free(struct gpg_home **hp)
{
	struct gpg_home *h = steal(hp);

	if (h == NULL)
		return;
	if (h->use == GPG_HOME_FOR_KEYS)
		end_agent(h);
	(void)nftw(h->path, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
	free(h);
}

const char *
gpg_home_path(const struct gpg_home *h)
{
	return h->path;
}

int
gpg_failed(struct err *err, gpgme_error_t code, const char *what)
{
	char text[128];

	if (gpgme_strerror_r(code, text, sizeof text) != 0)
		text[sizeof text - 1] = '\0';
	return err_set(err, ERR_TEMP, "gpg: %s: %s", what, text);
}

static void
start_gpgme(void)
{
	(void)gpgme_check_version(NULL);
}

/*
 * GPGME wants to be started by one thread before all others use it. This
 * one-time flag is the only mutable global of the library.
 */
static pthread_once_t gpgme_started = PTHREAD_ONCE_INIT;

/* One of the pipes to gpg, which GPGME wants to be told about. */
struct watch {
	int fd; /* -1: not in use */
	short events;
	gpgme_io_cb_t on_ready;
	void *data;
};

struct gpg {
	gpgme_ctx_t ctx;
	struct watch watches[WATCHES];
	bool running;
	gpgme_error_t result;
};

static gpgme_error_t
add_watch(void *data, int fd, int dir, gpgme_io_cb_t on_ready,
    void *on_ready_data, void **tag)
{
	struct gpg *g = data;

	for (size_t i = 0; i < WATCHES; i++) {
		if (g->watches[i].fd >= 0)
			continue;
		g->watches[i] = (struct watch){ .fd = fd,
			.events = dir == 0 ? POLLOUT : POLLIN,
			.on_ready = on_ready,
			.data = on_ready_data };
		*tag = &g->watches[i];
		return 0;
	}
	return gpgme_error(GPG_ERR_TOO_MANY);
}

static void
remove_watch(void *tag)
{
	struct watch *w = tag;

	if (w != NULL)
		w->fd = -1;
}

static void
on_event(void *data, gpgme_event_io_t type, void *type_data)
{
	struct gpg *g = data;

	if (type == GPGME_EVENT_START) {
		g->running = true;
		g->result = 0;
	}
	if (type == GPGME_EVENT_DONE) {
		const struct gpgme_io_event_done_data *done = type_data;

		g->running = false;
		g->result = done->err != 0 ? done->err : done->op_err;
	}
}

static void
set_loop(struct gpg *g)
{
	struct gpgme_io_cbs cbs = { .add = add_watch,
		.add_priv = g,
		.remove = remove_watch,
		.event = on_event,
		.event_priv = g };

	for (size_t i = 0; i < WATCHES; i++)
		g->watches[i].fd = -1;
	gpgme_set_io_cbs(g->ctx, &cbs);
}

/* Keeps the program that the context has, and gives it the home. */
static gpgme_error_t
set_home(gpgme_ctx_t ctx, const char *home)
{
	gpgme_engine_info_t info = gpgme_ctx_get_engine_info(ctx);

	while (info != NULL && info->protocol != GPGME_PROTOCOL_OpenPGP)
		info = info->next;
	if (info == NULL)
		return gpgme_error(GPG_ERR_INV_ENGINE);

	cleanup(free_str) char *program =
	    info->file_name == NULL ? NULL : strdup(info->file_name);

	return gpgme_ctx_set_engine_info(ctx, GPGME_PROTOCOL_OpenPGP, program,
	    home);
}

static int
new_context(const char *home, gpgme_ctx_t *out, struct err *err)
{
	(void)pthread_once(&gpgme_started, start_gpgme);

	gpgme_error_t code = gpgme_new(out);

	if (code == 0)
		code = gpgme_set_protocol(*out, GPGME_PROTOCOL_OpenPGP);
	if (code == 0 && home != NULL)
		code = set_home(*out, home);
	if (code != 0)
		return gpg_failed(err, code, "start");
	gpgme_set_offline(*out, 1);
	return 0;
}

int
gpg_open(const char *home, struct gpg **out, struct err *err)
{
	cleanup(gpg_close) struct gpg *g = calloc(1, sizeof *g);

	if (g == NULL)
		return err_nomem(err);
	if (new_context(home, &g->ctx, err) < 0)
		return -1;
	set_loop(g);
	*out = steal(&g);
	return 0;
}

void
gpg_close(struct gpg **gp)
{
	struct gpg *g = steal(gp);

	if (g == NULL)
		return;
	if (g->running)
		(void)gpgme_cancel(g->ctx);
	if (g->ctx != NULL)
		gpgme_release(g->ctx);
	free(g);
}

gpgme_ctx_t
gpg_ctx(const struct gpg *g)
{
	return g->ctx;
}

gpgme_error_t
gpg_result(const struct gpg *g)
{
	return g->result;
}

int
gpg_watch_status(struct gpg *g, gpgme_status_cb_t fn, void *handle,
    struct err *err)
{
	gpgme_error_t code = gpgme_set_ctx_flag(g->ctx, "full-status", "1");

	if (code != 0)
		return gpg_failed(err, code, "start");
	gpgme_set_status_cb(g->ctx, fn, handle);
	return 0;
}

/* A pipe whose other end is gone is ready too: its callback will find out. */
static void
dispatch(struct gpg *g, const struct pollfd fds[WATCHES])
{
	for (size_t i = 0; i < WATCHES && g->running; i++) {
		struct watch *w = &g->watches[i];

		if (fds[i].fd >= 0 && fds[i].revents != 0 &&
		    w->fd == fds[i].fd)
			(void)w->on_ready(w->data, w->fd);
	}
}

int
gpg_step(struct gpg *g, bool input, int timeout_ms, struct err *err)
{
	struct pollfd fds[WATCHES];

	if (!g->running)
		return 1;
	for (size_t i = 0; i < WATCHES; i++) {
		const struct watch *w = &g->watches[i];
		bool wanted = w->fd >= 0 && (input || w->events != POLLOUT);

		fds[i] = (struct pollfd){ .fd = wanted ? w->fd : -1,
			.events = w->events };
	}

	int n = poll(fds, WATCHES, timeout_ms);

	if (n < 0 && errno != EINTR)
		return err_set(err, ERR_TEMP, "wait for gpg: %s",
		    strerror(errno));
	if (n == 0)
		return err_set(err, ERR_TEMP,
		    "gpg gave no sign of life for %d seconds",
		    timeout_ms / 1000);
	if (n > 0)
		dispatch(g, fds);
	return g->running ? 0 : 1;
}

int
gpg_wait(struct gpg *g, gpgme_error_t *code, int timeout_ms, struct err *err)
{
	int over = 0;

	if (*code != 0)
		return 0;
	while (over == 0)
		over = gpg_step(g, true, timeout_ms, err);
	*code = g->result;
	return over < 0 ? -1 : 0;
}

void
free_gpg_data(gpgme_data_t *d)
{
	if (*d != NULL)
		gpgme_data_release(*d);
	*d = NULL;
}

void
free_gpg_key(gpgme_key_t *k)
{
	if (*k != NULL)
		gpgme_key_unref(*k);
	*k = NULL;
}

int
gpg_data_of(const void *data, size_t n, gpgme_data_t *out, struct err *err)
{
	gpgme_error_t code = gpgme_data_new_from_mem(out, data, n, 0);

	return code == 0 ? 0 : gpg_failed(err, code, "hold data");
}

static gpgme_error_t
on_import_status(void *handle, const char *keyword, const char *args)
{
	bool *ended = handle;

	(void)args;
	if (strcmp(keyword, "IMPORT_RES") == 0)
		*ended = true;
	return 0;
}

int
gpg_import(struct gpg *g, const uint8_t *data, size_t n, struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t in = NULL;
	bool ended = false;

	if (gpg_data_of(data, n, &in, err) < 0 ||
	    gpg_watch_status(g, on_import_status, &ended, err) < 0)
		return -1;

	gpgme_error_t code = gpgme_op_import_start(g->ctx, in);
	int rc = gpg_wait(g, &code, GPG_PATIENCE_MS, err);

	gpgme_set_status_cb(g->ctx, NULL, NULL);
	if (rc < 0)
		return -1;
	if (code != 0 && gpgme_err_code(code) != GPG_ERR_NO_DATA)
		return gpg_failed(err, code, "import");

	gpgme_import_result_t result = gpgme_op_import_result(g->ctx);

	if (!ended || result == NULL)
		return err_set(err, ERR_TEMP,
		    "gpg ended before it had looked at the certificate");
	if (result->secret_read != 0)
		return err_set(err, ERR_PERM, "gpg found a secret key");
	return result->considered == 1 && result->imported == 1;
}

/* Moves what gpg wrote from GPGME's memory to a buffer of ours. */
static int
take_data(gpgme_data_t *d, struct buf *out, struct err *err)
{
	size_t n = 0;
	char *mem = gpgme_data_release_and_get_mem(steal(d), &n);
	int rc = buf_put(out, mem, n, err);

	gpgme_free(mem);
	return rc;
}

int
gpg_export(struct gpg *g, const char *fingerprint, struct buf *out,
    struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t data = NULL;
	gpgme_error_t code = gpgme_data_new(&data);

	gpgme_set_armor(g->ctx, 0);
	if (code == 0)
		code = gpgme_op_export_start(g->ctx, fingerprint, 0, data);
	if (gpg_wait(g, &code, GPG_PATIENCE_MS, err) < 0)
		return -1;
	if (code != 0)
		return gpg_failed(err, code, "export");
	return take_data(&data, out, err);
}

static void
free_context(gpgme_ctx_t *ctx)
{
	gpgme_release(*ctx);
	*ctx = NULL;
}

int
gpg_each_key(const char *home, const char *pattern, bool secret,
    void (*fn)(void *ctx, gpgme_key_t key), void *ctx, struct err *err)
{
	cleanup(free_context) gpgme_ctx_t gpg = NULL;

	if (new_context(home, &gpg, err) < 0)
		return -1;

	gpgme_error_t code = gpgme_op_keylist_start(gpg, pattern, secret);

	while (code == 0) {
		cleanup(free_gpg_key) gpgme_key_t key = NULL;

		code = gpgme_op_keylist_next(gpg, &key);
		if (code == 0)
			fn(ctx, key);
	}
	if (gpgme_err_code(code) != GPG_ERR_EOF)
		return gpg_failed(err, code, "list keys");
	return 0;
}

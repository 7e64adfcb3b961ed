/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/gpgme_door.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

enum { PATH_SIZE = 4096, REMOVE_FDS = 8 };

struct gpg_home {
	char path[PATH_SIZE];
};

/*
 * The clock is judged by us (cert.h), with the time that we are given: gpg must
 * not drop what it thinks is from the future. Third-party signatures say
 * nothing here.
 */
#define COMMON_CONF                                                         \
	"batch\nno-tty\nno-greeting\nno-autostart\ndisable-dirmngr\n"       \
	"no-auto-key-retrieve\nno-auto-key-locate\nno-random-seed-file\n"   \
	"no-auto-check-trustdb\ntrust-model always\nignore-time-conflict\n" \
	"ignore-valid-from\nimport-options self-sigs-only\n"                \
	"export-options no-export-attributes\n"

/*
 * RFC 4880 is what every reader knows: without it gpg 2.4 makes packets of its
 * own (tag 20). It also loosens how user IDs are taken, so never for vetting.
 */
static const char *const home_conf[] = {
	[GPG_HOME_FOR_VETTING] = COMMON_CONF,
	[GPG_HOME_FOR_ENCRYPTION] =
	    COMMON_CONF "rfc4880\ncipher-algo AES256\ncompress-algo none\n",
};

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

int
gpg_home_new(enum gpg_home_use use, struct gpg_home **out, struct err *err)
{
	const char *parent = secure_getenv("TMPDIR");
	struct gpg_home *made = calloc(1, sizeof *made);

	if (made == NULL)
		return err_nomem(err);
	if (parent == NULL || *parent == '\0')
		parent = "/tmp";

	int n = snprintf(
	    made->path, sizeof made->path, "%s/sealpost-gpg.XXXXXX", parent);

	if (n < 0 || (size_t)n >= sizeof made->path ||
	    mkdtemp(made->path) == NULL) {
		free(made);
		return err_set(err, ERR_TEMP, "create a folder in %s: %s",
		    parent, strerror(errno));
	}

	cleanup(gpg_home_free) struct gpg_home *h = made;

	if (write_file(h->path, "gpg.conf", home_conf[use], err) < 0)
		return -1;
	*out = steal(&h);
	return 0;
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

	return gpgme_ctx_set_engine_info(
	    ctx, GPGME_PROTOCOL_OpenPGP, program, home);
}

int
gpg_context_new(const char *home, gpgme_ctx_t *out, struct err *err)
{
	cleanup(gpg_context_free) gpgme_ctx_t ctx = NULL;

	(void)pthread_once(&gpgme_started, start_gpgme);

	gpgme_error_t code = gpgme_new(&ctx);

	if (code == 0)
		code = gpgme_set_protocol(ctx, GPGME_PROTOCOL_OpenPGP);
	if (code == 0 && home != NULL)
		code = set_home(ctx, home);
	if (code != 0)
		return gpg_failed(err, code, "start");
	gpgme_set_offline(ctx, 1);
	*out = steal(&ctx);
	return 0;
}

void
gpg_context_free(gpgme_ctx_t *ctx)
{
	if (*ctx != NULL)
		gpgme_release(*ctx);
	*ctx = NULL;
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

/* *ended: gpg came to its last report; else it died on the way. */
static gpgme_error_t
import_and_watch(gpgme_ctx_t ctx, gpgme_data_t in, bool *ended)
{
	gpgme_error_t code = gpgme_set_ctx_flag(ctx, "full-status", "1");

	*ended = false;
	if (code != 0)
		return code;
	gpgme_set_status_cb(ctx, on_import_status, ended);
	code = gpgme_op_import(ctx, in);
	gpgme_set_status_cb(ctx, NULL, NULL);
	return code;
}

int
gpg_import(gpgme_ctx_t ctx, const uint8_t *data, size_t n, struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t in = NULL;
	bool ended;

	if (gpg_data_of(data, n, &in, err) < 0)
		return -1;

	gpgme_error_t code = import_and_watch(ctx, in, &ended);

	if (code != 0 && gpgme_err_code(code) != GPG_ERR_NO_DATA)
		return gpg_failed(err, code, "import");

	gpgme_import_result_t result = gpgme_op_import_result(ctx);

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
gpg_export(
    gpgme_ctx_t ctx, const char *fingerprint, struct buf *out, struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t data = NULL;
	gpgme_error_t code = gpgme_data_new(&data);

	gpgme_set_armor(ctx, 0);
	if (code == 0)
		code = gpgme_op_export(ctx, fingerprint, 0, data);
	if (code != 0)
		return gpg_failed(err, code, "export");
	return take_data(&data, out, err);
}

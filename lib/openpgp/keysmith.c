/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/keysmith.h"

#include <string.h>

#include "openpgp/cert.h"
#include "openpgp/gpgme_door.h"

/* What gpg is told when it asks, in this order; the last one again. */
struct answers {
	struct crypt_bytes list[2];
	size_t count;
	size_t asked;
};

struct keysmith {
	struct gpg_home *home;
	struct gpg *gpg;
	struct answers answers;
	char fingerprint[PGP_FINGERPRINT_HEX_SIZE];
};

static const struct recipe {
	const char *name, *primary, *subkey;
} recipes[] = {
	{ "curve25519", "ed25519", "cv25519" },
	{ "nistp256", "nistp256", "nistp256" },
	{ "nistp384", "nistp384", "nistp384" },
	{ "rsa3072", "rsa3072", "rsa3072" },
	{ "rsa4096", "rsa4096", "rsa4096" },
};

static gpgme_error_t
on_passphrase(void *ctx, const char *hint, const char *info, int was_bad,
    int fd)
{
	struct answers *a = ctx;

	(void)hint;
	(void)info;
	if (was_bad || a->count == 0)
		return gpgme_error(GPG_ERR_BAD_PASSPHRASE);

	struct crypt_bytes p =
	    a->list[a->asked < a->count ? a->asked : a->count - 1];

	a->asked++;
	if (gpgme_io_writen(fd, p.data, p.len) != 0 ||
	    gpgme_io_writen(fd, "\n", 1) != 0)
		return gpgme_error_from_syserror();
	return 0;
}

int
keysmith_new(struct keysmith **out, struct err *err)
{
	cleanup(keysmith_free) struct keysmith *k = calloc(1, sizeof *k);

	if (k == NULL)
		return err_nomem(err);
	if (gpg_home_new(GPG_HOME_FOR_KEYS, &k->home, err) < 0 ||
	    gpg_open(gpg_home_path(k->home), &k->gpg, err) < 0)
		return -1;

	gpgme_ctx_t ctx = gpg_ctx(k->gpg);
	gpgme_error_t code =
	    gpgme_set_pinentry_mode(ctx, GPGME_PINENTRY_MODE_LOOPBACK);

	if (code != 0)
		return gpg_failed(err, code, "start");
	gpgme_set_passphrase_cb(ctx, on_passphrase, &k->answers);
	*out = steal(&k);
	return 0;
}

void
keysmith_free(struct keysmith **kp)
{
	struct keysmith *k = steal(kp);

	if (k == NULL)
		return;
	gpg_close(&k->gpg);
	gpg_home_free(&k->home);
	free(k);
}

/* Passphrases are borrowed for one operation. */
static void
set_answers(struct keysmith *k, size_t count, struct crypt_bytes first,
    struct crypt_bytes second)
{
	k->answers = (struct answers){ .list = { first, second },
		.count = count };
}

static void
forget_answers(struct keysmith *k)
{
	k->answers = (struct answers){ .count = 0 };
}

static int
run(struct keysmith *k, gpgme_error_t code, const char *what, struct err *err)
{
	if (gpg_wait(k->gpg, &code, GPG_PATIENCE_MS, err) < 0)
		return -1;
	return code == 0 ? 0 : gpg_failed(err, code, what);
}

static int
take_fingerprint(struct keysmith *k, const char *fingerprint,
    struct err *err)
{
	if (fingerprint == NULL ||
	    strlen(fingerprint) >= sizeof k->fingerprint)
		return err_set(err, ERR_TEMP, "gpg has made no key");
	memcpy(k->fingerprint, fingerprint, strlen(fingerprint) + 1);
	return 0;
}

static int
get_key(struct keysmith *k, gpgme_key_t *out, struct err *err)
{
	gpgme_error_t code =
	    gpgme_get_key(gpg_ctx(k->gpg), k->fingerprint, out, 1);

	return code == 0 ? 0 : gpg_failed(err, code, "find the key");
}

/* ---- making one ---- */

static int
make_primary(struct keysmith *k, const char *user_id,
    const struct recipe *recipe, struct err *err)
{
	gpgme_ctx_t ctx = gpg_ctx(k->gpg);
	unsigned flags = GPGME_CREATE_SIGN | GPGME_CREATE_CERT |
	                 GPGME_CREATE_NOEXPIRE | GPGME_CREATE_FORCE;

	if (run(k,
	        gpgme_op_createkey_start(ctx, user_id, recipe->primary, 0, 0,
	            NULL, flags),
	        "make the key", err) < 0)
		return -1;

	gpgme_genkey_result_t made = gpgme_op_genkey_result(ctx);

	return take_fingerprint(k, made == NULL ? NULL : made->fpr, err);
}

static int
make_subkey(struct keysmith *k, const struct recipe *recipe, struct err *err)
{
	cleanup(free_gpg_key) gpgme_key_t key = NULL;

	if (get_key(k, &key, err) < 0)
		return -1;
	return run(k,
	    gpgme_op_createsubkey_start(gpg_ctx(k->gpg), key, recipe->subkey,
	        0, 0, GPGME_CREATE_ENCR | GPGME_CREATE_NOEXPIRE),
	    "make the subkey", err);
}

int
keysmith_generate(struct keysmith *k, const char *user_id,
    const char *algorithm, struct crypt_bytes passphrase, struct err *err)
{
	const struct recipe *recipe = NULL;

	for (size_t i = 0; i < countof(recipes); i++)
		if (strcmp(algorithm, recipes[i].name) == 0)
			recipe = &recipes[i];
	if (recipe == NULL)
		return err_set(err, ERR_PERM,
		    "\"%s\" is no algorithm for keys that is known here",
		    algorithm);
	set_answers(k, 1, passphrase, passphrase);

	int rc = make_primary(k, user_id, recipe, err);

	if (rc == 0)
		rc = make_subkey(k, recipe, err);
	forget_answers(k);
	return rc;
}

/* ---- one that is there ---- */

int
keysmith_import(
    struct keysmith *k, const void *armored, size_t n, struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t in = NULL;
	gpgme_ctx_t ctx = gpg_ctx(k->gpg);

	if (gpg_data_of(armored, n, &in, err) < 0 ||
	    run(k, gpgme_op_import_start(ctx, in), "import the key", err) < 0)
		return -1;

	gpgme_import_result_t r = gpgme_op_import_result(ctx);

	if (r == NULL || r->secret_imported != 1 || r->imports == NULL)
		return err_set(err, ERR_PERM, "gpg finds no private key in it");
	return take_fingerprint(k, r->imports->fpr, err);
}

int
keysmith_change_passphrase(struct keysmith *k, struct crypt_bytes from,
    struct crypt_bytes to, struct err *err)
{
	cleanup(free_gpg_key) gpgme_key_t key = NULL;

	if (get_key(k, &key, err) < 0)
		return -1;
	set_answers(k, 2, from, to);

	gpgme_error_t code = gpgme_op_passwd_start(gpg_ctx(k->gpg), key, 0);
	int rc = gpg_wait(k->gpg, &code, GPG_PATIENCE_MS, err);

	forget_answers(k);
	if (rc < 0)
		return -1;
	if (gpgme_err_code(code) == GPG_ERR_BAD_PASSPHRASE)
		return 0;
	return code == 0 ? 1 : gpg_failed(err, code, "change the passphrase");
}

/* ---- what comes out ---- */

static int
export(struct keysmith *k, gpgme_export_mode_t mode, const char *begins,
    struct buf *out, struct err *err)
{
	cleanup(free_gpg_data) gpgme_data_t data = NULL;
	gpgme_ctx_t ctx = gpg_ctx(k->gpg);
	gpgme_error_t code = gpgme_data_new(&data);
	size_t n = 0;

	if (code != 0)
		return gpg_failed(err, code, "hold data");
	gpgme_set_armor(ctx, 1);
	if (run(k, gpgme_op_export_start(ctx, k->fingerprint, mode, data),
	        "export", err) < 0)
		return -1;

	char *mem = gpgme_data_release_and_get_mem(steal(&data), &n);
	int rc = mem != NULL && n > strlen(begins) &&
	                 memcmp(mem, begins, strlen(begins)) == 0
	             ? buf_put(out, mem, n, err)
	             : err_set(err, ERR_TEMP, "gpg has given no key");

	gpgme_free(mem);
	return rc;
}

int
keysmith_public(struct keysmith *k, struct buf *out, struct err *err)
{
	return export(k, 0, "-----BEGIN PGP PUBLIC KEY BLOCK-----", out, err);
}

int
keysmith_private(struct keysmith *k, struct crypt_bytes passphrase,
    struct buf *out, struct err *err)
{
	set_answers(k, 1, passphrase, passphrase);

	int rc = export(k, GPGME_EXPORT_MODE_SECRET,
	    "-----BEGIN PGP PRIVATE KEY BLOCK-----", out, err);

	forget_answers(k);
	return rc;
}

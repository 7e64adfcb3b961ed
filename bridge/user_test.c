/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "user.h"

#include <pthread.h>
#include <time.h>

#include "crypt/login_secret.h"
#include "openpgp/gpg_testing.h"
#include "user_private.h"

enum { KEY_MAX = 1 << 20, THREADS = 8, ROUNDS = 20 };

static char address[] = "ann@example.org";
static char nothing[] = "";
static const char password[] = "P\xc3\xa4ssword";

struct fixture {
	struct crypt *crypt;
	struct users *users;
	struct test_gpg gpg;
	struct buf vault;       /* under the derived passphrase */
	struct buf unprotected; /* the same key */
	struct buf plain_words; /* under the password itself */
	char path[64];          /* of a key file */
	unsigned fetched;
	int fetch_result; /* 1, 0 or -1 */
	const struct buf *fetch_gives;
	pthread_mutex_t lock;
};

static void
protect(struct fixture *f, const char *words, struct buf *out)
{
	char line[2000];

	out->limit = KEY_MAX;
	(void)snprintf(line, sizeof line,
	    "rm -rf two; mkdir -m 700 two\n"
	    "$g --armor --export-secret-keys %s | $g --homedir two --import\n"
	    "fpr=$($g --list-keys --with-colons %s | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "printf '%s\\n%s\\n' | gpg --homedir two --batch --quiet --no-tty "
	    "--pinentry-mode loopback --command-fd 0 --change-passphrase "
	    "$fpr\n"
	    "gpg --homedir two --batch --quiet --no-tty --pinentry-mode "
	    "loopback --passphrase '%s' --armor --export-secret-keys $fpr\n"
	    "gpgconf --homedir $GNUPGHOME/two --kill all; rm -rf two",
	    address, address, words, words, words);
	test_gpg_run(&f->gpg, line, out);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct login_secret s;

	*state = f;
	assert_non_null(f);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	assert_int_equal(users_new(f->crypt, &f->users, NULL), 0);
	assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
	test_gpg_start(&f->gpg);
	test_gpg_run(&f->gpg,
	    "$g --quick-gen-key 'Ann <ann@example.org>' ed25519 cert never\n"
	    "$g --quick-add-key $($g --list-keys --with-colons "
	    "ann@example.org | sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | "
	    "head -1) cv25519 encr never",
	    NULL);
	f->unprotected.limit = KEY_MAX;
	test_gpg_run(&f->gpg, "$g --armor --export-secret-keys ann@example.org",
	    &f->unprotected);
	assert_int_equal(login_secret_derive(f->crypt, address,
			     (struct crypt_bytes){ password, strlen(password) },
			     &s, NULL),
	    0);
	protect(f, s.passphrase, &f->vault);
	protect(f, password, &f->plain_words);
	(void)snprintf(f->path, sizeof f->path, "%s/key.asc", f->gpg.home);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	test_gpg_stop(&f->gpg);
	buf_reset(&f->vault);
	buf_reset(&f->unprotected);
	buf_reset(&f->plain_words);
	users_free(&f->users);
	crypt_close(&f->crypt);
	free(f);
	return 0;
}

static int
fetch(void *ctx, struct buf *armored, struct err *err)
{
	struct fixture *f = ctx;

	(void)pthread_mutex_lock(&f->lock);
	f->fetched++;
	(void)pthread_mutex_unlock(&f->lock);
	if (f->fetch_result < 0)
		return err_set(err, ERR_TEMP, "upstream is gone");
	if (f->fetch_result == 1 && buf_put(armored, f->fetch_gives->data,
				    f->fetch_gives->len, err) < 0)
		return -1;
	return f->fetch_result;
}

static struct account
an_account(struct fixture *f, enum key_source key, bool secret)
{
	f->fetched = 0;
	f->fetch_result = 1;
	f->fetch_gives = &f->vault;
	return (struct account){ .address = address,
		.user = address,
		.login_secret = secret,
		.key = key,
		.key_file = f->path,
		.gnupg_home = key == KEY_KEYRING ? f->gpg.home : nothing };
}

static struct credentials *
derive(const struct fixture *f, const struct account *a, const char *words)
{
	struct credentials *c = NULL;

	assert_int_equal(credentials_derive(
			     f->crypt, a, words, strlen(words), &c, NULL),
	    0);
	return c;
}

static int
enter(struct fixture *f, const struct account *a, const char *words,
    struct user **out, struct err *err)
{
	cleanup(credentials_free) struct credentials *c = derive(f, a, words);

	return users_enter(f->users, a, c, fetch, f, out, err);
}

static void
test_credentials(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_VAULT, true);
	struct credentials *c = derive(f, &a, password);
	struct login_secret s;

	assert_int_equal(login_secret_derive(f->crypt, address,
			     (struct crypt_bytes){ password, strlen(password) },
			     &s, NULL),
	    0);
	assert_string_equal(c->login, s.login);
	assert_string_equal(c->passphrase, s.passphrase);
	assert_int_equal(c->login_len, strlen(s.login));
	credentials_free(&c);
	assert_null(c);

	a.login_secret = false;
	c = derive(f, &a, password);
	assert_string_equal(c->login, password);
	assert_string_equal(c->passphrase, s.passphrase);
	credentials_free(&c);

	a.key = KEY_FILE;
	c = derive(f, &a, password);
	assert_string_equal(c->passphrase, password);
	assert_int_equal(c->passphrase_len, strlen(password));
	credentials_free(&c);
}

static void
assert_has_key(struct user *u)
{
	const struct pgp_cert *cert = NULL;
	const struct pgp_subkey *subkey = NULL;
	struct err err = { 0 };

	if (user_certificate(u, time(NULL), &cert, &subkey, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(subkey->algorithm, PGP_ECDH);
}

static void
test_vault(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_VAULT, true);
	struct user *u = NULL;
	struct user *v = NULL;
	uint8_t one[USER_KEY_LEN], two[USER_KEY_LEN], other[USER_KEY_LEN];
	struct err err = { 0 };

	if (enter(f, &a, password, &u, &err) < 0)
		fail_msg("%s", err.text);
	assert_ptr_equal(user_account(u), &a);
	assert_has_key(u);
	assert_int_equal(user_derive(u, "cache", one, NULL), 0);
	assert_int_equal(user_derive(u, "other", other, NULL), 0);
	assert_int_equal(enter(f, &a, password, &v, &err), 0);
	assert_ptr_equal(u, v);
	assert_int_equal(f->fetched, 1);
	user_leave(&v);
	/* who has another password gets nothing of it */
	assert_int_equal(enter(f, &a, "Password", &v, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(f->fetched, 2);
	assert_null(v);
	user_leave(&u);
	assert_null(u);
	assert_int_equal(enter(f, &a, password, &u, &err), 0);
	assert_int_equal(f->fetched, 3);
	assert_int_equal(user_derive(u, "cache", two, NULL), 0);
	assert_memory_equal(one, two, sizeof one);
	assert_memory_not_equal(one, other, sizeof one);
	user_leave(&u);
}

static void
test_bad_vaults(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_VAULT, true);
	struct user *u = NULL;
	struct err err = { 0 };

	f->fetch_result = 0;
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	f->fetch_result = -1;
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	f->fetch_result = 1;
	/* a key that the server could have made itself */
	f->fetch_gives = &f->unprotected;
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_non_null(strstr(err.text, "no passphrase"));
	f->fetch_gives = &f->plain_words;
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_null(u);
}

static void
write_key(const struct fixture *f, const struct buf *key, mode_t mode)
{
	FILE *file = fopen(f->path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(key->data, 1, key->len, file), key->len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->path, mode), 0);
}

static void
test_key_file(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_FILE, false);
	struct user *u = NULL;
	struct err err = { 0 };

	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	write_key(f, &f->plain_words, 0600);
	if (enter(f, &a, password, &u, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(f->fetched, 0);
	assert_has_key(u);
	user_leave(&u);
	assert_int_equal(enter(f, &a, "wrong", &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	write_key(f, &f->plain_words, 0644);
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_non_null(strstr(err.text, "others may read"));
	write_key(f, &f->vault, 0600);
	a.login_secret = true;
	assert_int_equal(enter(f, &a, password, &u, &err), 0);
	user_leave(&u);
}

static void
test_keyring(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_KEYRING, false);
	struct user *u = NULL;
	struct err err = { 0 };
	char eve[] = "eve@example.org";

	if (enter(f, &a, password, &u, &err) < 0)
		fail_msg("%s", err.text);
	assert_has_key(u);
	user_leave(&u);
	a.address = eve;
	assert_int_equal(enter(f, &a, password, &u, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_null(u);
}

struct visitor {
	struct fixture *f;
	const struct account *account;
	const struct credentials *c;
	pthread_t thread;
};

static void *
come_and_go(void *ctx)
{
	struct visitor *v = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct user *u = NULL;
		struct message_cache *cache = NULL;

		if (users_enter(v->f->users, v->account, v->c, fetch, v->f, &u,
			NULL) < 0 ||
		    user_messages(u, 1000, &cache, NULL) < 0)
			return v;
		user_leave(&u);
	}
	return NULL;
}

static void
test_threads(void **state)
{
	struct fixture *f = *state;
	struct account a = an_account(f, KEY_VAULT, true);
	struct credentials *c = derive(f, &a, password);
	struct visitor v[THREADS];

	for (size_t i = 0; i < THREADS; i++) {
		v[i] = (struct visitor){ .f = f, .account = &a, .c = c };
		assert_int_equal(pthread_create(&v[i].thread, NULL,
				     come_and_go, &v[i]),
		    0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(v[i].thread, &failed), 0);
		assert_null(failed);
	}
	credentials_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_vault),
		cmocka_unit_test(test_bad_vaults),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

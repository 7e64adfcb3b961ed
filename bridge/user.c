/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "user.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/locked.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"
#include "message_cache.h"
#include "openpgp/keyring.h"
#include "openpgp/vet.h"
#include "user_private.h"

enum { MAX_MESSAGE_DEFAULT = 64 << 20 };

struct users {
	const struct crypt *crypt;
	size_t max_message;
	uint8_t salt[USER_DIGEST_LEN]; /* random: digests tell nothing */
	pthread_mutex_t lock;
	struct user *first; /* guarded by the lock */
};

int
users_new(const struct crypt *crypt, struct users **out, struct err *err)
{
	struct users *all = calloc(1, sizeof *all);

	if (all == NULL)
		return err_nomem(err);
	all->crypt = crypt;
	all->max_message = MAX_MESSAGE_DEFAULT;
	if (crypt_random(crypt, all->salt, sizeof all->salt, err) < 0) {
		free(all);
		return -1;
	}
	crypt_lock_private_keys();
	(void)pthread_mutex_init(&all->lock, NULL);
	*out = all;
	return 0;
}

void
users_free(struct users **up)
{
	struct users *all = steal(up);

	if (all == NULL)
		return;
	(void)pthread_mutex_destroy(&all->lock);
	free(all);
}

void
users_limit(struct users *all, uint64_t octets)
{
	all->max_message = octets > SIZE_MAX / 4 ? SIZE_MAX / 4 : octets;
}

/* ---- one user ---- */

static void
user_free(struct user **up)
{
	struct user *u = steal(up);

	if (u == NULL)
		return;
	message_cache_free(&u->messages);
	pgp_cert_free(&u->cert);
	pgp_secret_free(&u->secret);
	buf_reset(&u->public_key);
	(void)pthread_mutex_destroy(&u->lock);
	locked_free(u, sizeof *u);
}

static int
user_new(struct users *all, const struct account *a,
    const uint8_t digest[USER_DIGEST_LEN], struct user **out, struct err *err)
{
	struct user *u = locked_new(sizeof *u);

	if (u == NULL) {
		(void)err_nomem(err);
		return -1;
	}
	u->all = all;
	u->account = a;
	u->references = 1;
	u->public_key.limit = LIMIT_CERTIFICATE;
	memcpy(u->digest, digest, USER_DIGEST_LEN);
	(void)pthread_mutex_init(&u->lock, NULL);
	*out = u;
	return 0;
}

const struct account *
user_account(const struct user *u)
{
	return u->account;
}

const struct crypt *
user_crypt(const struct user *u)
{
	return u->all->crypt;
}

size_t
user_max_message(const struct user *u)
{
	return u->all->max_message;
}

static const char *
gnupg_home_of(const struct account *a)
{
	return a->gnupg_home[0] == '\0' ? NULL : a->gnupg_home;
}

const char *
user_gnupg_home(const struct user *u)
{
	return gnupg_home_of(u->account);
}

int
user_derive(const struct user *u, const char *purpose,
    uint8_t out[USER_KEY_LEN], struct err *err)
{
	return hkdf_sha256(u->all->crypt,
	    (struct crypt_bytes){ u->seed, sizeof u->seed },
	    (struct crypt_bytes){ NULL, 0 },
	    (struct crypt_bytes){ purpose, strlen(purpose) }, out, USER_KEY_LEN,
	    err);
}

/* ---- where the key comes from ---- */

static int
unlock(struct user *u, const struct buf *key, const struct credentials *c,
    struct err *err)
{
	int rc = pgp_secret_unlock(u->all->crypt, key->data, key->len,
	    c->passphrase, c->passphrase_len, &u->secret, err);

	if (rc == 0)
		return err_set(err, ERR_PERM,
		    "the password does not open the private key");
	if (rc < 0 ||
	    pgp_secret_derive(u->secret, "sealpost bridge", u->seed, err) < 0)
		return -1;
	return pgp_secret_public(u->secret, &u->public_key, err);
}

static int
read_key_file(const char *path, struct buf *out, struct err *err)
{
	cleanup(close_fd) int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	uint8_t piece[4096];
	ssize_t n = 0;
	int rc = 0;

	if (fd < 0)
		return err_set(err, ERR_PERM, "key file %s: %s", path,
		    strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, ERR_PERM, "key file %s is no file", path);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return err_set(err, ERR_PERM,
		    "key file %s: others may read it; chmod 600 it", path);
	while (rc == 0 && (n = read(fd, piece, sizeof piece)) > 0)
		rc = buf_put(out, piece, (size_t)n, err);
	explicit_bzero(piece, sizeof piece);
	if (n < 0)
		return err_set(err, ERR_TEMP, "key file %s: %s", path,
		    strerror(errno));
	return rc;
}

static int
load_file(struct user *u, const struct credentials *c, struct err *err)
{
	cleanup(buf_reset) struct buf key = { .limit = LIMIT_VAULT,
		.secret = true };
	const char *path = u->account->key_file;

	if (read_key_file(path, &key, err) < 0)
		return -1;
	return unlock(u, &key, c, err) < 0
		   ? err_context(err, "key file %s", path)
		   : 0;
}

struct vault {
	int (*fetch)(void *ctx, struct buf *armored, struct err *err);
	void *ctx;
};

static int
load_vault(struct user *u, const struct credentials *c, const struct vault *v,
    struct err *err)
{
	cleanup(buf_reset) struct buf key = { .limit = LIMIT_VAULT,
		.secret = true };
	int rc = v->fetch(v->ctx, &key, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_PERM,
		    "the server has no vault for %s: enrol first, or use "
		    "\"key = file\" or \"key = keyring\"",
		    u->account->address);
	if (unlock(u, &key, c, err) < 0)
		return err_context(err, "vault of %s", u->account->address);
	if (!pgp_secret_was_protected(u->secret))
		return err_set(err, ERR_PERM,
		    "the server gave a private key that no passphrase "
		    "protects: it is not believed");
	return 0;
}

/* The keyring tells no secret: the password stands in for it. */
static int
load_keyring(struct user *u, const struct credentials *c, struct err *err)
{
	const struct account *a = u->account;
	int rc = pgp_keyring_certificate(
	    gnupg_home_of(a), a->address, &u->public_key, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		return err_set(err, ERR_PERM,
		    "the GnuPG keyring has no secret key for %s that can be "
		    "used now",
		    a->address);
	return hmac_of(u->all->crypt, HASH_SHA256,
	    (struct crypt_bytes){ c->login, c->login_len },
	    (struct crypt_bytes){ a->address, strlen(a->address) }, u->seed,
	    err);
}

static int
load(struct user *u, const struct credentials *c, const struct vault *v,
    struct err *err)
{
	switch (u->account->key) {
	case KEY_VAULT:
		return load_vault(u, c, v, err);
	case KEY_FILE:
		return load_file(u, c, err);
	case KEY_KEYRING:
		return load_keyring(u, c, err);
	}
	return err_set(err, ERR_PERM, "unknown source of the key");
}

/* ---- all of them ---- */

/* Under the lock. */
static struct user *
find(struct users *all, const struct account *a,
    const uint8_t digest[USER_DIGEST_LEN])
{
	for (struct user *u = all->first; u != NULL; u = u->next)
		if (u->account == a &&
		    crypt_equal(u->digest, digest, USER_DIGEST_LEN))
			return u;
	return NULL;
}

static struct user *
enter_known(struct users *all, const struct account *a,
    const uint8_t digest[USER_DIGEST_LEN])
{
	(void)pthread_mutex_lock(&all->lock);

	struct user *u = find(all, a, digest);

	if (u != NULL)
		u->references++;
	(void)pthread_mutex_unlock(&all->lock);
	return u;
}

/* Another connection may have been quicker: then its user is taken. */
static struct user *
enter_new(struct users *all, struct user **up)
{
	struct user *mine = steal(up);

	(void)pthread_mutex_lock(&all->lock);

	struct user *u = find(all, mine->account, mine->digest);

	if (u != NULL) {
		u->references++;
	} else {
		u = steal(&mine);
		u->next = all->first;
		all->first = u;
	}
	(void)pthread_mutex_unlock(&all->lock);
	user_free(&mine);
	return u;
}

static int
digest_of(const struct users *all, const struct credentials *c,
    uint8_t out[USER_DIGEST_LEN], struct err *err)
{
	return hmac_of(all->crypt, HASH_SHA256,
	    (struct crypt_bytes){ all->salt, sizeof all->salt },
	    (struct crypt_bytes){ c->passphrase, c->passphrase_len }, out, err);
}

int
users_enter(struct users *all, const struct account *a,
    const struct credentials *c,
    int (*fetch_vault)(void *ctx, struct buf *armored, struct err *err),
    void *ctx, struct user **out, struct err *err)
{
	const struct vault vault = { .fetch = fetch_vault, .ctx = ctx };
	cleanup(user_free) struct user *u = NULL;
	uint8_t digest[USER_DIGEST_LEN];

	if (digest_of(all, c, digest, err) < 0)
		return -1;
	*out = enter_known(all, a, digest);
	if (*out != NULL)
		return 0;
	if (user_new(all, a, digest, &u, err) < 0 ||
	    load(u, c, &vault, err) < 0)
		return -1;
	*out = enter_new(all, &u);
	return 0;
}

static void
unlist(struct users *all, const struct user *u)
{
	struct user **at = &all->first;

	while (*at != NULL && *at != u)
		at = &(*at)->next;
	if (*at != NULL)
		*at = u->next;
}

void
user_leave(struct user **up)
{
	struct user *u = steal(up);

	if (u == NULL)
		return;

	struct users *all = u->all;

	(void)pthread_mutex_lock(&all->lock);

	bool last = --u->references == 0;

	if (last)
		unlist(all, u);
	(void)pthread_mutex_unlock(&all->lock);
	if (last)
		user_free(&u);
}

/* ---- what is made when it is first asked for ---- */

int
user_messages(struct user *u, size_t octets, struct message_cache **out,
    struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&u->lock);
	if (u->messages == NULL)
		rc = message_cache_new(octets, &u->messages, err);
	*out = u->messages;
	(void)pthread_mutex_unlock(&u->lock);
	return rc;
}

static int
vet(struct user *u, int64_t now, struct err *err)
{
	char warning[ERR_TEXT_SIZE];

	if (u->cert != NULL)
		return 0;
	return pgp_vet(u->public_key.data, u->public_key.len,
	    u->account->address, now, &u->cert, warning, err);
}

/* Whoever keeps the key for us may have added a subkey of his own. */
static bool
is_ours(const struct user *u, const struct pgp_subkey *s)
{
	return u->secret == NULL ||
	       pgp_secret_has(u->secret, s->fingerprint, s->fingerprint_len);
}

static const struct pgp_subkey *
newest_of_ours(const struct user *u, int64_t now)
{
	enum { CLOCK_MAY_LAG = 600 };

	for (size_t i = 0; i < u->cert->subkey_count; i++) {
		const struct pgp_subkey *s = &u->cert->subkeys[i];

		if (!s->revoked && (s->expires == 0 || s->expires > now) &&
		    s->created <= now + CLOCK_MAY_LAG && is_ours(u, s))
			return s;
	}
	return NULL;
}

int
user_certificate(struct user *u, int64_t now, const struct pgp_cert **cert,
    const struct pgp_subkey **subkey, struct err *err)
{
	(void)pthread_mutex_lock(&u->lock);

	int rc = vet(u, now, err);

	(void)pthread_mutex_unlock(&u->lock);
	if (rc < 0)
		return -1;
	*cert = u->cert; /* never changes once it is there */
	*subkey = newest_of_ours(u, now);
	if (*subkey == NULL)
		return err_set(err, ERR_PERM,
		    "%s has no encryption key that can be used now: "
		    "expired, revoked, or its secret is not here",
		    u->account->address);
	return 0;
}

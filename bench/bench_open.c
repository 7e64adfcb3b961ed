/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * bench_open [SECONDS]
 *
 * Opens sealed messages of 20 kB as the bridge does, whole and by their header
 * alone, with the key in this process and with the same key in a GnuPG keyring
 * (through GPGME), in turns, on one core, and prints a table. Each opening of a
 * whole message is two decryptions: of its header record and of its body.
 */
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bridge/opener.h"
#include "bridge/sealer.h"
#include "bridge/user.h"

enum { TURNS = 5, SIZE = 20 << 10, MESSAGE_MAX = 1 << 20 };

static char address[] = "bench@example.org";
static char nothing[] = "";

struct bench {
	char home[64];
	char key_file[96];
	struct crypt *crypt;
	struct users *users;
	struct account file_account, keyring_account;
	struct user *file, *keyring;
	struct buf stored;
	size_t header_len;
};

static void
run(const struct bench *b, const char *command)
{
	char line[2000];

	(void)snprintf(line, sizeof line,
	    "set -e; umask 077; export GNUPGHOME=%s; g='gpg --batch --quiet "
	    "--no-tty --pinentry-mode loopback --passphrase='; { %s\n} "
	    "2>/dev/null",
	    b->home, command);
	if (system(line) != 0)
		errx(1, "gpg failed");
}

static void
make_key(const struct bench *b, const char *primary, const char *subkey)
{
	char line[1000];

	(void)snprintf(line, sizeof line,
	    "rm -f $GNUPGHOME/key; "
	    "for k in $($g -K --with-colons %s | sed -n "
	    "'s/^fpr:*\\([0-9A-F]*\\):/\\1/p'); do "
	    "$g --yes --delete-secret-and-public-key $k || true; done\n"
	    "$g --quick-gen-key '<%s>' %s cert never\n"
	    "fpr=$($g --list-keys --with-colons %s | sed -n "
	    "'s/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "$g --quick-add-key $fpr %s encr never\n"
	    "$g --export-secret-keys $fpr > $GNUPGHOME/key",
	    address, address, primary, address, subkey);
	run(b, line);
}

static int
no_vault(void *ctx, struct buf *armored, struct err *err)
{
	(void)ctx;
	(void)armored;
	(void)err;
	return 0;
}

static struct user *
enter(struct bench *b, struct account *a, enum key_source key)
{
	struct credentials *c = NULL;
	struct user *u = NULL;
	struct err err;

	*a = (struct account){ .address = address,
		.user = address,
		.key = key,
		.key_file = b->key_file,
		.gnupg_home = key == KEY_KEYRING ? b->home : nothing };
	check(credentials_derive(b->crypt, a, "", 0, &c, &err), &err);
	check(users_enter(b->users, a, c, no_vault, NULL, &u, &err), &err);
	credentials_free(&c);
	return u;
}

static void
make_message(struct bench *b)
{
	static const char header[] = "From: a@example.org\r\nSubject: bench\r\n"
				     "Content-Type: text/plain\r\n\r\n";
	static const char line[] = "Sixty-four octets of a text, which is a "
				   "line of the message...\r\n";
	struct sealer *s = NULL;
	struct spool *spool = NULL;
	struct sink to = sink_to_buf(&b->stored);
	struct err err;

	buf_clear(&b->stored);
	check(sealer_new(b->file, &s, &err), &err);
	check(sealer_feed(s, header, sizeof header - 1, &err), &err);
	for (size_t n = 0; n < SIZE; n += sizeof line - 1)
		check(sealer_feed(s, line, sizeof line - 1, &err), &err);
	check(sealer_finish(s, &spool, &err), &err);
	check(spool_replay(spool, 65536, &to, &err), &err);
	sealer_free(&s);

	const uint8_t *end =
	    memmem(b->stored.data, b->stored.len, "\r\n\r\n", 4);

	b->header_len = (size_t)(end - b->stored.data) + 4;
}

static void
open_whole(const struct bench *b, struct user *u)
{
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind;
	struct err err;

	check(opener_open(u, b->stored.data, b->stored.len, &kind, &out, &err),
	    &err);
	if (kind != OPENED_SEALED)
		errx(1, "it was not opened");
}

static void
open_header(const struct bench *b, struct user *u)
{
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind;
	uint64_t octets;
	struct err err;
	int rc = opener_open_header(u, b->stored.data, b->header_len, &kind,
	    &out, &octets, &err);

	check(rc, &err);
	if (rc != 1 || kind != OPENED_SEALED)
		errx(1, "its header was not opened");
}

/* Seconds a message: as many messages as fit into `seconds`. */
static double
measure(const struct bench *b, struct user *u,
    void (*open)(const struct bench *, struct user *), double seconds)
{
	double begin = now();
	unsigned n = 0;

	do {
		open(b, u);
		n++;
	} while (now() - begin < seconds);
	return (now() - begin) / n;
}

static void
compare(const struct bench *b, const char *key, const char *what,
    void (*open)(const struct bench *, struct user *), double seconds)
{
	double own[TURNS], gpgme[TURNS];

	for (size_t i = 0; i < TURNS; i++) {
		own[i] = measure(b, b->file, open, seconds / TURNS);
		gpgme[i] = measure(b, b->keyring, open, seconds / TURNS);
	}

	double o = median(own, TURNS), g = median(gpgme, TURNS);

	printf("%-10s %-14s %10.0f %10.0f %8.0f\n", key, what, 1 / o, 1 / g,
	    g / o);
	(void)fflush(stdout);
}

static void
bench_key(struct bench *b, const char *primary, const char *subkey,
    double seconds)
{
	make_key(b, primary, subkey);
	b->file = enter(b, &b->file_account, KEY_FILE);
	b->keyring = enter(b, &b->keyring_account, KEY_KEYRING);
	make_message(b);
	compare(b, subkey, "20 kB, whole", open_whole, seconds);
	compare(b, subkey, "header alone", open_header, seconds);
	user_leave(&b->file);
	user_leave(&b->keyring);
}

int
main(int argc, char **argv)
{
	struct bench b = { .home = "/tmp/sealpost-bench.XXXXXX",
		.stored.limit = MESSAGE_MAX };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
	struct err err;

	stay_on_one_core();
	if (mkdtemp(b.home) == NULL)
		errx(1, "no temporary folder");
	(void)snprintf(b.key_file, sizeof b.key_file, "%s/key", b.home);
	check(crypt_open(&b.crypt, &err), &err);
	check(users_new(b.crypt, &b.users, &err), &err);
	printf("%-10s %-14s %10s %10s %8s\n", "key", "messages/s", "bridge",
	    "GPGME", "ratio");
	bench_key(&b, "ed25519", "cv25519", seconds);
	bench_key(&b, "nistp256", "nistp256", seconds);
	bench_key(&b, "rsa3072", "rsa3072", seconds);
	run(&b, "gpgconf --kill all; rm -rf $GNUPGHOME");
	users_free(&b.users);
	buf_reset(&b.stored);
	crypt_close(&b.crypt);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * opener_open(sealer(m)) is m, byte for byte, for our own corpus and for a
 * folder named by SEALPOST_CORPUS; and what comes from strangers.
 */
#include "opener.h"

#include <dirent.h>
#include <pthread.h>
#include <time.h>

#include "base/limits.h"
#include "mail/header.h"
#include "mail/lineend.h"
#include "openpgp/gpg_testing.h"
#include "opener_private.h"
#include "sealer.h"
#include "user_private.h"

enum { KEY_MAX = 1 << 20, MESSAGE_MAX = 64 << 20 };

static char ann[] = "ann@example.org";
static char bob[] = "bob@example.org";
static char nothing[] = "";

struct person {
	struct account account;
	struct user *user;
	char path[64];
};

struct fixture {
	struct crypt *crypt;
	struct users *users;
	struct test_gpg gpg;
	/* the same key, from a file and from the keyring; and another's */
	struct person file, keyring, other, rsa;
};

static int
no_vault(void *ctx, struct buf *armored, struct err *err)
{
	(void)ctx;
	(void)armored;
	(void)err;
	return 0;
}

static void
enter(struct fixture *f, struct person *p, char *address, enum key_source key)
{
	struct credentials *c = NULL;
	struct err err = { 0 };

	p->account = (struct account){ .address = address,
		.user = address,
		.key = key,
		.key_file = p->path,
		.gnupg_home = key == KEY_KEYRING ? f->gpg.home : nothing,
		.decrypt_foreign = true };
	assert_int_equal(
	    credentials_derive(f->crypt, &p->account, "", 0, &c, NULL), 0);
	if (users_enter(f->users, &p->account, c, no_vault, NULL, &p->user,
		&err) < 0)
		fail_msg("%s", err.text);
	credentials_free(&c);
}

static void
make_person(struct fixture *f, struct person *p, char *address,
    const char *primary, const char *subkey)
{
	char line[1200];

	(void)snprintf(p->path, sizeof p->path, "%s/%s.%s", f->gpg.home,
	    address, subkey);
	(void)snprintf(line, sizeof line,
	    "$g --quick-gen-key '%s <%s>' %s cert,sign never\n"
	    "fpr=$($g --list-keys --with-colons =\"%s <%s>\" | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "$g --quick-add-key $fpr %s encr never\n"
	    "umask 077; $g --export-secret-keys $fpr > %s",
	    subkey, address, primary, subkey, address, subkey, p->path);
	test_gpg_run(&f->gpg, line, NULL);
	enter(f, p, address, KEY_FILE);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	assert_non_null(f);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	assert_int_equal(users_new(f->crypt, &f->users, NULL), 0);
	test_gpg_start(&f->gpg);
	assert_int_equal(setenv("GNUPGHOME", f->gpg.home, 1), 0);
	make_person(f, &f->file, ann, "ed25519", "cv25519");
	enter(f, &f->keyring, ann, KEY_KEYRING);
	make_person(f, &f->other, bob, "ed25519", "cv25519");
	make_person(f, &f->rsa, bob, "rsa2048", "rsa2048");
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	user_leave(&f->file.user);
	user_leave(&f->keyring.user);
	user_leave(&f->other.user);
	user_leave(&f->rsa.user);
	users_free(&f->users);
	test_gpg_stop(&f->gpg);
	crypt_close(&f->crypt);
	free(f);
	return 0;
}

/* ---- there and back ---- */

static void
seal(struct user *u, const struct buf *m, size_t step, struct buf *out)
{
	struct sealer *s = NULL;
	struct spool *stored = NULL;
	struct sink to = sink_to_buf(out);
	struct err err = { 0 };

	if (sealer_new(u, &s, &err) < 0)
		fail_msg("%s", err.text);
	for (size_t at = 0; at < m->len; at += step)
		assert_int_equal(sealer_feed(s, m->data + at,
				     m->len - at < step ? m->len - at : step,
				     &err),
		    0);
	if (sealer_finish(s, &stored, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(spool_replay(stored, 65536, &to, &err), 0);
	sealer_free(&s);
}

/* The same as it comes: neither what it is nor its octets depend on that. */
static void
open_in_steps(struct user *u, const struct buf *stored, size_t step,
    enum opened kind, const struct buf *whole)
{
	cleanup(opener_intake_free) struct opener_intake *in = NULL;
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened now = OPENED_NEVER;
	struct err err = { 0 };

	assert_int_equal(opener_intake_new(u, stored->len, &in, NULL), 0);

	const struct sink to = opener_intake_sink(in);

	for (size_t at = 0; at < stored->len; at += step)
		assert_int_equal(
		    sink_put(&to, stored->data + at,
			stored->len - at < step ? stored->len - at : step,
			NULL),
		    0);
	if (opener_intake_open(in, &now, &out, &err) < 0)
		fail_msg("%s", err.text);
	if (now != kind || out.len != whole->len)
		fail_msg("in steps of %zu: kind %d, not %d; %zu octets, not "
			 "%zu", step, now, kind, out.len, whole->len);
	if (out.len > 0)
		assert_memory_equal(out.data, whole->data, out.len);
}

static enum opened
open_message(struct user *u, const struct buf *stored, struct buf *out)
{
	enum opened kind = OPENED_NEVER;
	struct err err = { 0 };

	if (opener_open(u, stored->data, stored->len, &kind, out, &err) < 0)
		fail_msg("%s", err.text);
	if (kind == OPENED_PLAIN || kind == OPENED_NEVER)
		assert_int_equal(out->len, 0);
	open_in_steps(u, stored, 1 + stored->len % 97, kind, out);
	return kind;
}

/* With the empty line, as a server gives it. */
static size_t
header_len(const struct buf *m)
{
	const uint8_t *end =
	    m->len == 0 ? NULL : memmem(m->data, m->len, "\r\n\r\n", 4);

	return end == NULL ? m->len : (size_t)(end - m->data) + 4;
}

/* Does an empty line end the header? */
static bool
is_separated(const struct buf *m)
{
	cleanup(message_parts_reset) struct message_parts p = { 0 };

	assert_int_equal(header_split(m->data, m->len, &p, NULL), 0);
	return p.separated;
}

static void
check_header(const char *name, struct user *u, const struct buf *stored,
    const struct buf *m)
{
	cleanup(buf_reset) struct buf header = { .secret = true };
	enum opened kind = OPENED_NEVER;
	uint64_t octets = 0;
	struct err err = { 0 };

	assert_true(opener_may_be_encrypted(stored->data, header_len(stored)));

	int rc = opener_open_header(u, stored->data, header_len(stored), &kind,
	    &header, &octets, &err);

	/* where the header ends is seen in the body alone otherwise */
	if (rc != (is_separated(m) ? 1 : 0))
		fail_msg("%s: the header alone: %d %s", name, rc, err.text);
	if (rc == 0)
		return;
	assert_int_equal(kind, OPENED_SEALED);
	assert_int_equal(octets, m->len);
	assert_true(header.len <= m->len);
	if (header.len > 0)
		assert_memory_equal(header.data, m->data, header.len);
}

static void
check(const char *name, struct user *u, const struct buf *m)
{
	cleanup(buf_reset) struct buf stored = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf back = { .secret = true };

	seal(u, m, 4099, &stored);

	enum opened kind = open_message(u, &stored, &back);

	if (kind != OPENED_SEALED || back.len != m->len ||
	    (m->len > 0 && memcmp(back.data, m->data, m->len) != 0))
		fail_msg("%s: kind %d, %zu octets became %zu", name, kind,
		    m->len, back.len);
	check_header(name, u, &stored, m);
}

static void
read_crlf(const char *path, struct buf *out)
{
	cleanup(close_file) FILE *f = fopen(path, "rbe");
	cleanup(lineend_reset) struct lineend_filter in;
	char piece[4096];
	size_t n;

	assert_non_null(f);
	lineend_in_init(&in, sink_to_buf(out));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		assert_int_equal(lineend_in_put(&in, piece, n, NULL), 0);
	assert_int_equal(lineend_in_finish(&in, NULL), 0);
}

static unsigned
check_folder(const char *folder, struct user *u)
{
	DIR *d = opendir(folder);
	unsigned count = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
		const char *dot = strrchr(e->d_name, '.');
		char path[4096];

		if (dot == NULL || strcmp(dot, ".eml") != 0)
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		read_crlf(path, &m);
		check(e->d_name, u, &m);
		count++;
	}
	closedir(d);
	print_message("%s: %u messages\n", folder, count);
	return count;
}

static void
test_corpus(void **state)
{
	struct fixture *f = *state;
	const char *folder = getenv("SEALPOST_CORPUS");

	assert_true(check_folder(OWN_CORPUS, f->file.user) > 0);
	assert_true(check_folder(OWN_CORPUS, f->rsa.user) > 0);
	if (folder != NULL)
		assert_true(check_folder(folder, f->file.user) > 0);
}

static void
put(struct buf *b, const char *text)
{
	assert_int_equal(buf_puts(b, text, NULL), 0);
}

/* ---- generated messages ---- */

static const char *const lines[] = {
	"Received: from a\r\n",
	"Subject: s\r\n",
	"subject : =?utf-8?B?ZW5jcnlwdDpwdzpz?=\r\n",
	"Thread-Topic: encrypt:a:b\r\n",
	"MIME-Version: 1.0\r\n",
	"MIME-Version: 1.1 (x)\r\n",
	"Content-Type: text/plain; charset=utf-8\r\n",
	("Content-Type: multipart/encrypted; boundary=b;\r\n"
	 "\tprotocol=\"application/pgp-encrypted\"\r\n"),
	"content-transfer-ENCODING:\r\n base64\r\n",
	"X-Sealpost: v=1; at-rest; body=3; head=AAAA\r\n",
	"X-Sealpost-More: AAAA\r\n",
	"X-Sealpost-Bridge: end-to-end; signature=good;\r\n",
	"DKIM-Signature: \xc3\xa4\xff\x80\r\n",
	"X:\r\n",
};

static const char *const pieces[] = { "hello", "\r\n", "\r", "\n",
	"\r\n\r\n", "--b\r\n", "--b--\r\n", "-----BEGIN PGP MESSAGE-----\r\n",
	"-----END PGP MESSAGE-----\r\n", "From ", "\xff\xfe", " " };

static unsigned
below(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) % n;
}

static void
generate(unsigned *seed, struct buf *m)
{
	for (unsigned n = below(seed, 10); n > 0; n--)
		assert_int_equal(
		    buf_puts(m, lines[below(seed, countof(lines))], NULL), 0);
	if (below(seed, 8) != 0)
		assert_int_equal(buf_puts(m, "\r\n", NULL), 0);
	for (unsigned n = below(seed, 40); n > 0; n--)
		assert_int_equal(
		    buf_puts(m, pieces[below(seed, countof(pieces))], NULL), 0);
	if (below(seed, 20) == 0)
		for (unsigned n = below(seed, 70000); n > 0; n--)
			assert_int_equal(
			    buf_putc(m, (uint8_t)(n * 7), NULL), 0);
}

static void
test_generated(void **state)
{
	enum { MESSAGES = 2000 };
	struct fixture *f = *state;
	unsigned seed = 20261121;
	char name[32];

	for (int i = 0; i < MESSAGES; i++) {
		cleanup(buf_reset) struct buf text = { .limit = MESSAGE_MAX };
		cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
		cleanup(lineend_reset) struct lineend_filter in;

		generate(&seed, &text);
		/* what the sealer takes for LF form it turns into CRLF */
		lineend_in_init(&in, sink_to_buf(&m));
		if (text.len > 0)
			assert_int_equal(lineend_in_put(
					     &in, text.data, text.len, NULL),
			    0);
		assert_int_equal(lineend_in_finish(&in, NULL), 0);
		(void)snprintf(name, sizeof name, "message %d", i);
		check(name, f->file.user, &m);
	}
}

/* ---- several connections ---- */

struct reader {
	struct user *users[2];
	const struct buf *stored[2];
	const struct buf *m;
	pthread_t thread;
};

static void *
read_on(void *ctx)
{
	enum { ROUNDS = 300 };
	struct reader *r = ctx;

	for (unsigned i = 0; i < ROUNDS; i++) {
		cleanup(buf_reset) struct buf out = { .secret = true };
		const struct buf *stored = r->stored[i % 2];
		enum opened kind = OPENED_NEVER;

		if (opener_open(r->users[i % 2], stored->data, stored->len,
			&kind, &out, NULL) < 0 ||
		    kind != OPENED_SEALED || out.len != r->m->len ||
		    memcmp(out.data, r->m->data, out.len) != 0)
			return r;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	enum { THREADS = 4 };
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf one = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf two = { .limit = MESSAGE_MAX };
	struct reader readers[THREADS];

	assert_int_equal(
	    buf_puts(&m, "Subject: s\r\n\r\nof several\r\n", NULL), 0);
	seal(f->file.user, &m, 100, &one);
	seal(f->rsa.user, &m, 100, &two);
	for (size_t i = 0; i < THREADS; i++) {
		readers[i] = (struct reader){ { f->file.user, f->rsa.user },
			{ &one, &two }, &m, 0 };
		assert_int_equal(pthread_create(&readers[i].thread, NULL,
				     read_on, &readers[i]),
		    0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *failed = NULL;

		assert_int_equal(pthread_join(readers[i].thread, &failed), 0);
		assert_null(failed);
	}
}

/* Through GPGME, with the user's own keyring: the same octets. */
static void
test_keyring(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf back = { .secret = true };

	put(&m, "From: a\r\nSubject: s\r\nContent-Type: text/plain\r\n\r\n"
		"hello\r\n");
	check("keyring", f->keyring.user, &m);
	/* each reads what was sealed by the other's hand */
	seal(f->keyring.user, &m, 7, &stored);
	assert_int_equal(
	    open_message(f->file.user, &stored, &back), OPENED_SEALED);
	assert_int_equal(back.len, m.len);
	assert_memory_equal(back.data, m.data, m.len);
}

static void
test_plain_and_others(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	uint64_t octets = 0;

	put(&m, "From: a\r\nContent-Type: text/plain\r\n\r\nhello\r\n");
	assert_false(opener_may_be_encrypted(m.data, m.len));
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_PLAIN);
	assert_int_equal(opener_open_header(f->file.user, m.data,
			     header_len(&m), &kind, &out, &octets, NULL),
	    1);
	assert_int_equal(kind, OPENED_PLAIN);
	seal(f->other.user, &m, 100, &stored);
	assert_int_equal(
	    open_message(f->file.user, &stored, &out), OPENED_NEVER);
	assert_int_equal(opener_open_header(f->file.user, stored.data,
			     header_len(&stored), &kind, &out, &octets, NULL),
	    0);
	assert_int_equal(out.len, 0);
	assert_int_equal(
	    open_message(f->keyring.user, &stored, &out), OPENED_SEALED);
}

/* A sealed message is not sealed again, and comes out as it is. */
static void
test_sealed_already(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf once = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf twice = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf loud = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf thrice = { .limit = MESSAGE_MAX };

	put(&m, "From: a\r\n\r\n");
	for (unsigned i = 0; i < 200000; i++)
		put(&m, "some text\r\n");
	seal(f->file.user, &m, 9999, &once);
	seal(f->file.user, &once, 9999, &twice);

	/* what follows the marker, which is gone: anybody could write it */
	const uint8_t *rest = memmem(once.data, once.len, "From: a", 7);
	size_t n = once.len - (size_t)(rest - once.data);

	assert_non_null(rest);
	assert_int_equal(twice.len, n);
	assert_memory_equal(twice.data, rest, n);
	put(&loud, "Thread-Topic: encrypt:swordfish:hi\r\n");
	assert_int_equal(buf_put(&loud, once.data, once.len, NULL), 0);
	seal(f->file.user, &loud, 9999, &thrice);
	assert_null(memmem(thrice.data, thrice.len, "swordfish", 9));
}

static const char *const passwords[] = {
	"Subject: encrypt:swordfish:hi\r\n",
	"Subject: Re: encrypt : swordfish:hi\r\n",
	("Subject: =?UTF-8?Q?encrypt=3Aswordfish=3AEin_l=C3=A4ngerer?=\r\n"
	 " =?UTF-8?Q?_Betreff?=\r\n"),
	"Subject: x\r\nThread-Topic: encrypt:swordfish:hi\r\n",
	"Thread-Topic: encrypt:swordfish:hi\r\n",
	"Subject: encrypt:a:hi\r\nThread-Topic: about swordfish\r\n",
	"Subject: hi\r\nX-Original-Subject: encrypt:swordfish:hi\r\n",
};

static void
test_no_password_outside(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(passwords); i++) {
		cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
		cleanup(buf_reset) struct buf stored = { .limit = MESSAGE_MAX };

		put(&m, "From: a\r\n");
		put(&m, passwords[i]);
		put(&m, "\r\nbody\r\n");
		seal(f->file.user, &m, 3, &stored);
		if (memmem(stored.data, stored.len, "swordfish", 9) != NULL)
			fail_msg("%s", passwords[i]);
		check(passwords[i], f->file.user, &m);
	}
}

/* ---- damage ---- */

/*
 * Octets of the stored message are changed: a body comes out as it was or not
 * at all.
 */
static void
test_damage(void **state)
{
	static const char body[] = "\r\n\r\nthe body that was sealed\r\n";
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };

	put(&m, "From: a\r\nSubject: s\r\nContent-Type: text/plain");
	put(&m, body);
	seal(f->file.user, &m, 100, &stored);

	size_t header = header_len(&stored);

	for (size_t i = 0; i < stored.len; i++) {
		stored.data[i] ^= 1;

		enum opened kind = open_message(f->file.user, &stored, &out);

		if (kind == OPENED_SEALED || kind == OPENED_FOREIGN)
			if (memmem(out.data, out.len, body, sizeof body - 1) ==
				NULL ||
			    (i >= header && (kind != OPENED_SEALED ||
						out.len != m.len)))
				fail_msg("octet %zu: kind %d", i, kind);
		stored.data[i] ^= 1;
	}
	for (size_t n = 0; n < stored.len; n++) {
		struct buf part = { .data = stored.data, .len = n };
		enum opened kind = open_message(f->file.user, &part, &out);

		if (kind == OPENED_SEALED || kind == OPENED_FOREIGN) {
			/* what stands behind the armor says nothing */
			assert_int_equal(out.len, m.len);
			assert_memory_equal(out.data, m.data, m.len);
		}
	}
}

/* Two messages' parts in one. */
static void
test_mixed(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf one = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf two = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf mixed = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };

	put(&m, "From: a\r\nSubject: s\r\n\r\nbody\r\n");
	seal(f->file.user, &m, 100, &one);
	put(&m, "more\r\n");
	seal(f->file.user, &m, 100, &two);
	assert_int_equal(
	    buf_put(&mixed, one.data, header_len(&one), NULL), 0);
	assert_int_equal(buf_put(&mixed, two.data + header_len(&two),
			     two.len - header_len(&two), NULL),
	    0);
	assert_int_equal(
	    open_message(f->file.user, &mixed, &out), OPENED_NEVER);
}

/* ---- from strangers ---- */

static const char entity[] =
    "Content-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Subject: the real one\n"
    "From: somebody else\n"
    "\n"
    "first line\n"
    "second line\n";

static const char opened_tail[] =
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "first line\r\n"
    "second line\r\n";

static void
write_file(const struct fixture *f, const char *name, const char *text)
{
	char path[80];

	(void)snprintf(path, sizeof path, "%s/%s", f->gpg.home, name);

	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A PGP/MIME message around what the command prints; CRLF. */
static void
make_foreign(const struct fixture *f, const char *command, struct buf *out)
{
	cleanup(buf_reset) struct buf armor = { .limit = MESSAGE_MAX };
	cleanup(lineend_reset) struct lineend_filter in;

	test_gpg_run(&f->gpg, command, &armor);
	buf_clear(out);
	put(out,
	    "Return-Path: <a@example.org>\r\n"
	    "From: a@example.org\r\n"
	    "X-Sealpost-Bridge: end-to-end; signature=good; v=1\r\n"
	    "Subject: ...\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/encrypted; boundary=b;\r\n"
	    " protocol=\"application/pgp-encrypted\"\r\n"
	    "\r\n"
	    "--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n\r\n"
	    "--b\r\nContent-Type: application/octet-stream\r\n\r\n");
	lineend_in_init(&in, sink_to_buf(out));
	assert_int_equal(lineend_in_put(&in, armor.data, armor.len, NULL), 0);
	assert_int_equal(lineend_in_finish(&in, NULL), 0);
	put(out, "\r\n--b--\r\n");
}

#define TO_ANN "$g --armor -r ann@example.org --output - "

static const struct {
	const char *name;
	const char *command;
	const char *verdict;
} foreign[] = {
	{ "unsigned", TO_ANN "-z 0 --encrypt entity", "none" },
	{ "compressed", TO_ANN "--encrypt entity", "none" },
	{ "text mode", TO_ANN "--textmode --encrypt entity", "none" },
	{ "another cipher", TO_ANN "-z 0 --cipher-algo CAMELLIA256 "
				   "--encrypt entity",
	    "none" },
	{ "two recipients", TO_ANN "-r bob@example.org --encrypt entity",
	    "none" },
	{ "nobody is named", TO_ANN "--throw-keyids --encrypt entity", "none" },
	{ "signed", TO_ANN "-u bob@example.org --sign --encrypt entity",
	    "good" },
	{ "signed, not compressed",
	    TO_ANN "-z 0 -u bob@example.org --sign --encrypt entity", "good" },
	{ "by a stranger",
	    "mkdir -m 700 eve; $g --homedir eve --quick-gen-key e@x ed25519 "
	    "sign never; $g --export ann@example.org | $g --homedir eve "
	    "--import; $g --homedir eve --armor -r ann@example.org --output - "
	    "--sign --encrypt entity; gpgconf --homedir $GNUPGHOME/eve --kill "
	    "all; rm -rf eve",
	    "unknown-key" },
};

static void
assert_opened_foreign(const char *name, const struct buf *out,
    const char *verdict, const char *tail)
{
	char want[200];

	(void)snprintf(want, sizeof want,
	    "X-Sealpost-Bridge: end-to-end; signature=%s;\r\n key=", verdict);
	if (out->len < strlen(want) ||
	    memcmp(out->data, want, strlen(want)) != 0)
		fail_msg("%s: %.*s", name, (int)(out->len < 300 ? out->len : 300),
		    (const char *)out->data);
	assert_true(out->len > strlen(tail));
	assert_memory_equal(
	    out->data + out->len - strlen(tail), tail, strlen(tail));
	assert_null(memmem(out->data, out->len, "multipart/encrypted", 19));
}

static void
test_foreign(void **state)
{
	static const char outer[] =
	    "v=1\r\nReturn-Path: <a@example.org>\r\nFrom: a@example.org\r\n"
	    "Subject: the real one\r\nMIME-Version: 1.0\r\nContent-Type: text";
	struct fixture *f = *state;
	struct user *users[] = { f->file.user, f->keyring.user };
	size_t len = 0;

	write_file(f, "entity", entity);
	for (size_t i = 0; i < countof(foreign); i++) {
		cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
		cleanup(buf_reset) struct buf first = { .secret = true };

		make_foreign(f, foreign[i].command, &m);
		for (size_t u = 0; u < countof(users); u++) {
			cleanup(buf_reset) struct buf out = { .secret = true };
			enum opened kind = open_message(users[u], &m, &out);

			if (kind != OPENED_FOREIGN)
				fail_msg("%s: %d", foreign[i].name, kind);
			assert_opened_foreign(foreign[i].name, &out,
			    foreign[i].verdict, opened_tail);
			assert_non_null(
			    memmem(out.data, out.len, outer, sizeof outer - 1));
			assert_null(
			    memmem(out.data, out.len, "somebody else", 13));
			/* always the same, and as long as any other */
			len = len == 0 ? out.len : len;
			assert_int_equal(out.len, len);
			if (u == 0)
				assert_int_equal(open_message(users[u], &m,
						     &first),
				    OPENED_FOREIGN);
			assert_memory_equal(out.data, first.data, len);
		}
	}
}

/* RFC 3156, 6.1: signed, then encrypted. */
static void
test_signed_inside(void **state)
{
	static const char make[] =
	    "printf 'Content-Type: text/plain\\r\\n\\r\\nsigned text %s\\r\\n' "
	    "> part\n"
	    "$g --armor --detach-sign -u bob@example.org --output sig part\n"
	    "{ printf 'Content-Type: multipart/signed; boundary=\"s\";\\r\\n "
	    "micalg=pgp-sha512; protocol=\"application/pgp-signature\"\\r\\n"
	    "\\r\\n--s\\r\\n'; sed '%s' part; printf '\\r\\n--s\\r\\n"
	    "Content-Type: application/pgp-signature\\r\\n\\r\\n'; "
	    "sed 's/$/\\r/' sig; printf '\\r\\n--s--\\r\\n'; } > whole\n"
	    "rm sig part\n"
	    "$g --armor -r ann@example.org --output - --encrypt whole";
	static const struct {
		const char *edit;
		const char *verdict;
	} cases[] = { { "", "good" }, { "s/signed/Signed/", "bad" } };
	struct fixture *f = *state;

	for (size_t i = 0; i < countof(cases); i++) {
		cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
		cleanup(buf_reset) struct buf out = { .secret = true };
		char command[2000];
		char want[200];

		(void)snprintf(command, sizeof command, make, "", cases[i].edit);
		make_foreign(f, command, &m);
		assert_int_equal(
		    open_message(f->file.user, &m, &out), OPENED_FOREIGN);
		(void)snprintf(want, sizeof want, "signature=%s;",
		    cases[i].verdict);
		if (memmem(out.data, out.len, want, strlen(want)) == NULL)
			fail_msg("%s: %.*s", want, 200, (const char *)out.data);
	}
}

static void
test_foreign_that_stays(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	uint64_t octets = 0;

	write_file(f, "entity", entity);
	make_foreign(f, foreign[0].command, &m);
	assert_int_equal(opener_open_header(f->file.user, m.data,
			     header_len(&m), &kind, &out, &octets, NULL),
	    0);
	f->file.account.decrypt_foreign = false;
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_PLAIN);
	assert_int_equal(opener_open_header(f->file.user, m.data,
			     header_len(&m), &kind, &out, &octets, NULL),
	    1);
	assert_int_equal(kind, OPENED_PLAIN);
	f->file.account.decrypt_foreign = true;
	/* for another */
	assert_int_equal(open_message(f->other.user, &m, &out), OPENED_NEVER);
	/* without integrity protection, or none of PGP at all */
	make_foreign(f, TO_ANN "--rfc2440 --disable-mdc -z 0 --encrypt entity",
	    &m);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_NEVER);
	make_foreign(f, "cat entity", &m);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_NEVER);
	make_foreign(f, "$g --armor -u bob@example.org --output - --sign entity",
	    &m);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_NEVER);
}

/* What is not two parts with one encrypted text, in the second. */
static void
test_not_as_a_whole(void **state)
{
	static const struct {
		const char *find, *put;
		enum opened kind;
	} edits[] = {
		{ "\r\n--b--", "\r\n--b--", OPENED_FOREIGN },
		{ "\r\n--b--", "", OPENED_FOREIGN },
		{ "\r\n--b--", "\r\n--b\r\n\r\nfoot\r\n--b--", OPENED_NEVER },
		{ "\r\n--b--", "\r\n-----BEGIN PGP MESSAGE-----\r\n--b--",
		    OPENED_NEVER },
		{ "--b\r\nContent-Type: application/pgp",
		    "-----BEGIN PGP MESSAGE-----\r\n"
		    "--b\r\nContent-Type: application/pgp",
		    OPENED_NEVER },
		{ "Content-Type: application/pgp-encrypted\r\n",
		    "Content-Type: text/html\r\n", OPENED_NEVER },
		{ "Content-Type: application/pgp-encrypted\r\n",
		    "CONTENT-TYPE: Application/PGP-Encrypted; x=y\r\n",
		    OPENED_FOREIGN },
		{ "application/octet-stream", "text/plain", OPENED_FOREIGN },
		{ "application/octet-stream", "message/rfc822", OPENED_NEVER },
		{ "boundary=b;", "boundary=c;", OPENED_NEVER },
		{ "From:", "X-Sealpost: v=9; what\r\nFrom:", OPENED_NEVER },
		{ "From:", "X-Sealpost-Other: v=9\r\nFrom:", OPENED_FOREIGN },
	};
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };

	write_file(f, "entity", entity);
	make_foreign(f, foreign[0].command, &m);
	for (size_t i = 0; i < countof(edits); i++) {
		cleanup(buf_reset) struct buf n = { .limit = MESSAGE_MAX };
		const uint8_t *at = memmem(
		    m.data, m.len, edits[i].find, strlen(edits[i].find));

		assert_non_null(at);

		size_t before = (size_t)(at - m.data);
		size_t after = before + strlen(edits[i].find);

		assert_int_equal(buf_put(&n, m.data, before, NULL), 0);
		put(&n, edits[i].put);
		assert_int_equal(
		    buf_put(&n, m.data + after, m.len - after, NULL), 0);
		if (open_message(f->file.user, &n, &out) != edits[i].kind)
			fail_msg("%zu: %s", i, edits[i].put);
	}
}

/* A megabyte that becomes a gigabyte; a message over max_message. */
static void
test_bounds(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };

	users_limit(f->users, 1 << 20);
	make_foreign(f, "head -c 200000000 /dev/zero > zeros; " TO_ANN
			"--encrypt zeros; rm zeros", &m);
	assert_true(m.len < 2 << 20);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_NEVER);
	make_foreign(f, "head -c 2000000 /dev/zero > zeros; " TO_ANN
			"-z 0 --encrypt zeros; rm zeros", &m);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_NEVER);
	users_limit(f->users, MESSAGE_MAX);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_FOREIGN);
}

/* ---- more than a spool has in memory ---- */

static void
make_large(struct buf *m)
{
	assert_int_equal(
	    buf_puts(m, "Subject: encrypt:canary:\r\n\r\n", NULL), 0);
	for (unsigned i = 0; i < 60000; i++)
		assert_int_equal(buf_putf(m, NULL,
				     "line %u of a message that is no small "
				     "one\r\n", i),
		    0);
}

/* In the armor, so far from its tail line. */
static void
damage(const struct buf *stored, size_t before_tail, struct buf *out)
{
	out->len = 0;
	assert_int_equal(buf_put(out, stored->data, stored->len, NULL), 0);

	uint8_t *tail = memmem(out->data, out->len, "-----END PGP", 12);

	assert_non_null(tail);
	tail -= before_tail;
	while (*tail == '\r' || *tail == '\n')
		tail--;
	*tail = *tail == 'A' ? 'B' : 'A';
}

static void
test_large(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf bad = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };
	static const size_t places[] = { 1, 30, 2000, 2000000 };

	make_large(&m);
	assert_true(m.len > 2 * LIMIT_SPOOL_MEMORY);
	check("large", f->file.user, &m);
	check("large, keyring", f->keyring.user, &m);
	seal(f->file.user, &m, 4096, &stored);
	for (size_t i = 0; i < countof(places); i++) {
		damage(&stored, places[i], &bad);
		assert_int_equal(
		    open_message(f->file.user, &bad, &out), OPENED_NEVER);
		assert_int_equal(
		    open_message(f->keyring.user, &bad, &out), OPENED_NEVER);
	}
}

/* There is no room for it now: nothing is told, and later it is there. */
static void
test_no_room_for_the_spool(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	struct err err = { 0 };

	make_large(&m);
	seal(f->file.user, &m, 4096, &stored);
	assert_int_equal(setenv("TMPDIR", "/proc/nowhere", 1), 0);
	assert_int_equal(opener_open(f->file.user, stored.data, stored.len,
			     &kind, &out, &err),
	    -1);
	assert_int_equal(unsetenv("TMPDIR"), 0);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(out.len, 0);
	assert_int_equal(
	    open_message(f->file.user, &stored, &out), OPENED_SEALED);
}

/* The message in the armor, binary. */
static void
take_binary(const struct buf *stored, struct buf *out)
{
	cleanup(opener_armor_free) struct opener_armor *a = NULL;
	const struct sink to = sink_to_buf(out);
	struct spool *s = NULL;

	assert_int_equal(opener_armor_new(&a, NULL), 0);
	assert_int_equal(
	    opener_armor_feed(a, stored->data, stored->len, NULL), 0);
	assert_int_equal(opener_armor_finish(a, &s, NULL), 0);
	assert_int_equal(spool_replay(s, 65536, &to, NULL), 0);
}

/* What was decrypted before it proved to be wrong is nowhere in the buffer. */
static void
test_nothing_unproven_is_left(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf binary = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .limit = 2 * MESSAGE_MAX,
		.secret = true };
	struct opening o = { .user = f->file.user };
	struct err err = { 0 };

	make_large(&m);
	seal(f->file.user, &m, 4096, &stored);
	take_binary(&stored, &binary);
	for (int body_only = 0; body_only <= 1; body_only++) {
		const struct opener_cipher in = { binary.data, binary.len,
			NULL };
		struct opener_target to = { .to = &out,
			.most = MESSAGE_MAX,
			.body_only = body_only };

		out.len = 0;
		assert_int_equal(buf_puts(&out, "abc", NULL), 0);
		assert_int_equal(opener_decrypt(&o, &in, &to, NULL, &err), 0);
		assert_non_null(memmem(out.data, out.len, "line 7 of", 9));
		assert_true(out.len > 3 + 2 * LIMIT_SPOOL_MEMORY);
		out.len = 3;
		explicit_bzero(out.data + 3, out.size - 3);
		binary.data[binary.len - 1] ^= 1;
		assert_int_equal(opener_decrypt(&o, &in, &to, NULL, &err), -1);
		binary.data[binary.len - 1] ^= 1;
		assert_int_equal(err.kind, ERR_PERM);
		assert_int_equal(out.len, 3);
		assert_memory_equal(out.data, "abc", 3);
		for (size_t i = out.len; i < out.size; i++)
			assert_int_equal(out.data[i], 0);
	}
	pgp_last_reset(&o.last);
}

/* More than the marker says ends the decryption there. */
static void
test_no_more_than_it_may(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf stored = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf binary = { .limit = 2 * MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .limit = MESSAGE_MAX,
		.secret = true };
	struct opening o = { .user = f->file.user };
	struct err err = { 0 };

	make_large(&m);
	seal(f->file.user, &m, 4096, &stored);
	take_binary(&stored, &binary);

	const struct opener_cipher in = { binary.data, binary.len, NULL };
	struct opener_target to = { .to = &out, .most = 4096 };

	assert_int_equal(opener_decrypt(&o, &in, &to, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(out.len, 0);
	assert_true(out.size <= 2 * 4096);
	pgp_last_reset(&o.last);
}

/* A gpg that cannot be asked now. */
static void
test_gpg_is_away(void **state)
{
	struct fixture *f = *state;
	cleanup(buf_reset) struct buf m = { .limit = MESSAGE_MAX };
	cleanup(buf_reset) struct buf out = { .secret = true };
	enum opened kind = OPENED_NEVER;
	struct err err = { 0 };

	write_file(f, "entity", entity);
	make_foreign(f, foreign[1].command, &m);
	test_gpg_replace(&f->gpg, "kill -9 $$");
	assert_int_equal(
	    opener_open(f->file.user, m.data, m.len, &kind, &out, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(out.len, 0);
	test_gpg_replace(&f->gpg, NULL);
	assert_int_equal(open_message(f->file.user, &m, &out), OPENED_FOREIGN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
		cmocka_unit_test(test_generated),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_keyring),
		cmocka_unit_test(test_plain_and_others),
		cmocka_unit_test(test_sealed_already),
		cmocka_unit_test(test_no_password_outside),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_signed_inside),
		cmocka_unit_test(test_foreign_that_stays),
		cmocka_unit_test(test_not_as_a_whole),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_room_for_the_spool),
		cmocka_unit_test(test_nothing_unproven_is_left),
		cmocka_unit_test(test_no_more_than_it_may),
		cmocka_unit_test(test_gpg_is_away),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

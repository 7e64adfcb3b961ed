/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/secret.h"

#include "crypt/testing.h"
#include "openpgp/cert.h"
#include "openpgp/decrypt.h"
#include "openpgp/encrypt.h"
#include "openpgp/gpg_testing.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/seipd.h"
#include "openpgp/vet.h"

enum { KEY_MAX = 1 << 20, TEXT_LEN = 20000 };

static const char passphrase[] = "correct horse";

static const struct {
	const char *name;
	const char *primary, *subkey; /* algorithms, as gpg names them */
} keys[] = {
	{ "rsa2048", "rsa2048", "rsa2048" },
	{ "rsa3072", "rsa3072", "rsa3072" },
	{ "cv25519", "ed25519", "cv25519" },
	{ "nistp256", "nistp256", "nistp256" },
	{ "nistp384", "nistp384", "nistp384" },
	{ "nistp521", "nistp521", "nistp521" },
	{ "brainpoolP256r1", "brainpoolP256r1", "brainpoolP256r1" },
	{ "brainpoolP384r1", "brainpoolP384r1", "brainpoolP384r1" },
	{ "brainpoolP512r1", "brainpoolP512r1", "brainpoolP512r1" },
};

struct fixture {
	struct crypt *crypt;
	struct test_gpg gpg;
	struct buf open[countof(keys)];   /* armored, without passphrase */
	struct buf locked[countof(keys)]; /* binary, with passphrase */
};

/* Makes the key and exports it twice. */
static void
make_key(struct fixture *f, size_t i)
{
	char line[1500];

	f->open[i].limit = KEY_MAX;
	f->locked[i].limit = KEY_MAX;
	(void)snprintf(line, sizeof line,
	    "$g --quick-gen-key '%s <%s@example.org>' %s cert never\n"
	    "fpr=$($g --list-keys --with-colons %s@example.org | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "$g --quick-add-key $fpr %s encr never",
	    keys[i].name, keys[i].name, keys[i].primary, keys[i].name,
	    keys[i].subkey);
	test_gpg_run(&f->gpg, line, NULL);
	(void)snprintf(line, sizeof line,
	    "$g --armor --export-secret-keys %s@example.org", keys[i].name);
	test_gpg_run(&f->gpg, line, &f->open[i]);
	/* a passphrase is given through a second GNUPGHOME */
	(void)snprintf(line, sizeof line,
	    "rm -rf two; mkdir -m 700 two\n"
	    "$g --armor --export-secret-keys %s@example.org | "
	    "$g --homedir two --import\n"
	    "fpr=$($g --list-keys --with-colons %s@example.org | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "printf '%s\\n%s\\n' | gpg --homedir two --batch --quiet --no-tty "
	    "--pinentry-mode loopback --command-fd 0 --change-passphrase "
	    "$fpr\n"
	    "gpg --homedir two --batch --quiet --no-tty --pinentry-mode "
	    "loopback --passphrase '%s' --export-secret-keys $fpr\n"
	    "gpgconf --homedir $GNUPGHOME/two --kill all",
	    keys[i].name, keys[i].name, passphrase, passphrase, passphrase);
	test_gpg_run(&f->gpg, line, &f->locked[i]);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	assert_non_null(f);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	test_gpg_start(&f->gpg);
	for (size_t i = 0; i < countof(keys); i++)
		make_key(f, i);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	test_gpg_stop(&f->gpg);
	for (size_t i = 0; i < countof(keys); i++) {
		buf_reset(&f->open[i]);
		buf_reset(&f->locked[i]);
	}
	crypt_close(&f->crypt);
	free(f);
	return 0;
}

static int
try_unlock(const struct fixture *f, const struct buf *key, const char *words,
    struct pgp_secret **out, struct err *err)
{
	return pgp_secret_unlock(
	    f->crypt, key->data, key->len, words, strlen(words), out, err);
}

static struct pgp_secret *
unlock(const struct fixture *f, const struct buf *key, const char *words)
{
	struct pgp_secret *s = NULL;
	struct err err = { 0 };
	int rc = try_unlock(f, key, words, &s, &err);

	if (rc != 1)
		fail_msg("unlock: %d %s", rc, err.text);
	return s;
}

static const uint8_t *
text(void)
{
	static uint8_t data[TEXT_LEN];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i % 67 == 66 ? '\n' : 'a' + i % 26);
	return data;
}

static void
write_text(const struct fixture *f, const char *name, size_t n)
{
	char path[80];

	(void)snprintf(path, sizeof path, "%s/%s", f->gpg.home, name);

	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text(), 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static int
decrypt(const struct pgp_secret *s, const struct buf *message, struct buf *out,
    struct err *err)
{
	buf_clear(out);
	return pgp_secret_decrypt(
	    s, message->data, message->len, sink_to_buf(out), err);
}

static void
assert_decrypts(
    const struct pgp_secret *s, const struct buf *message, size_t n)
{
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };
	struct err err = { 0 };
	int rc = decrypt(s, message, &out, &err);

	if (rc != 1)
		fail_msg("decrypt: %d %s", rc, err.text);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.data, text(), n);
}

static void
gpg_encrypt(const struct fixture *f, size_t i, const char *options, size_t n,
    struct buf *out)
{
	char line[1000];

	write_text(f, "plain", n);
	(void)snprintf(line, sizeof line,
	    "$g %s -r %s@example.org --output - --encrypt plain", options,
	    keys[i].name);
	buf_clear(out);
	test_gpg_run(&f->gpg, line, out);
}

static void
test_messages_of_gpg(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };

	for (size_t i = 0; i < countof(keys); i++) {
		struct pgp_secret *s = unlock(f, &f->open[i], "");

		assert_false(pgp_secret_was_protected(s));
		for (size_t n = 0; n <= TEXT_LEN; n += TEXT_LEN / 2) {
			gpg_encrypt(f, i, "-z 0", n, &message);
			assert_decrypts(s, &message, n);
			gpg_encrypt(f, i, "-z 0 --cipher-algo AES -R "
				    "cv25519@example.org", n, &message);
			assert_decrypts(s, &message, n);
		}
		gpg_encrypt(f, i, "-z 0 --throw-keyids", 100, &message);
		assert_decrypts(s, &message, 100);
		pgp_secret_free(&s);
	}
}

static void
test_passphrases(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };

	for (size_t i = 0; i < countof(keys); i++) {
		struct pgp_secret *s = NULL;
		struct err err = { 0 };

		assert_int_equal(
		    try_unlock(f, &f->locked[i], "correct hors", &s, &err), 0);
		assert_int_equal(try_unlock(f, &f->locked[i], "", &s, &err), 0);
		assert_null(s);
		s = unlock(f, &f->locked[i], passphrase);
		assert_true(pgp_secret_was_protected(s));
		gpg_encrypt(f, i, "-z 0", 1000, &message);
		assert_decrypts(s, &message, 1000);
		pgp_secret_free(&s);
	}
}

enum { FIRST_SIGNED = 5 };

/* With the session key alone: in a GNUPGHOME that has no secret key. */
static void
check_gpg_reads(const struct fixture *f, const struct pgp_secret *s,
    const struct buf *message, bool is_signed)
{
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };
	cleanup(buf_reset) struct buf other = { .limit = KEY_MAX };
	char home[64], key[PGP_SESSION_KEY_TEXT_SIZE];
	const struct pgp_decryption how = { .gnupg_home = home,
		.session_key = key };
	struct pgp_signature signature;
	struct err err = { 0 };

	(void)snprintf(home, sizeof home, "%s/public", f->gpg.home);
	assert_int_equal(pgp_secret_for_gpg(s, message->data, message->len,
			     key, &other, &err),
	    1);

	const struct buf *it = other.len > 0 ? &other : message;

	if (pgp_decrypt_more(
		&how, it->data, it->len, &out, &signature, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(out.len, 5000);
	assert_memory_equal(out.data, text(), 5000);
	assert_int_equal(
	    signature.verdict, is_signed ? PGP_GOOD : PGP_UNSIGNED);
	if (is_signed)
		assert_int_equal(strlen(signature.key), 40);
}

/* What only GPGME reads is 0, and GPGME reads it with the session key. */
static void
test_left_to_gpg(void **state)
{
	static const char *const options[] = {
		"-z 6",
		"--compress-algo bzip2",
		"-z 0 --cipher-algo TWOFISH",
		"-z 0 --cipher-algo 3DES",
		"-z 0 --cipher-algo CAMELLIA128",
		"-z 0 -u cv25519@example.org --sign",
		"-u cv25519@example.org --sign",
	};
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };
	struct err err = { 0 };

	test_gpg_run(&f->gpg, "$g --quick-add-key $($g --list-keys "
	    "--with-colons cv25519@example.org | sed -n "
	    "'s/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1) ed25519 sign never\n"
	    "mkdir -m 700 public; $g --export cv25519@example.org | "
	    "$g --homedir public --import",
	    NULL);
	for (size_t i = 0; i < countof(keys); i++) {
		struct pgp_secret *s = unlock(f, &f->open[i], "");

		for (size_t o = 0; o < countof(options); o++) {
			gpg_encrypt(f, i, options[o], 5000, &message);
			assert_int_equal(decrypt(s, &message, &out, &err), 0);
			check_gpg_reads(f, s, &message, o >= FIRST_SIGNED);
		}
		pgp_secret_free(&s);
	}
}

/* The packets that gpg signs, in SEIPD version 2, for the first subkey. */
static void
put_v2(const struct fixture *f, const struct pgp_secret *s,
    const struct buf *packets, struct buf *out)
{
	static const uint8_t session_key[SESSION_KEY_LEN] = { 1, 2, 3 };
	cleanup(buf_reset) struct buf public_key = { .limit = KEY_MAX };
	cleanup(pgp_cert_free) struct pgp_cert *cert = NULL;
	struct packet_writer *p = NULL;
	struct seipd_writer *w = NULL;
	struct pubkey key;
	char warning[ERR_TEXT_SIZE];

	assert_int_equal(pgp_secret_public(s, &public_key, NULL), 0);
	assert_int_equal(pgp_vet(public_key.data, public_key.len,
			     "a@example.org", time(NULL), &cert, warning, NULL),
	    0);

	const struct pgp_subkey *to = &cert->subkeys[0];

	assert_int_equal(
	    pubkey_parse(to->packet, to->packet_len, &key, NULL), 1);
	assert_int_equal(pkesk_put(f->crypt, to, &key, PKESK_V6, session_key,
			     out, NULL),
	    0);
	assert_int_equal(packet_writer_new(
			     PGP_TAG_SEIPD, sink_to_buf(out), &p, NULL),
	    0);
	assert_int_equal(seipd_writer_new(f->crypt, SEIPD_V2, session_key,
			     packet_writer_sink(p), &w, NULL),
	    0);

	struct sink sink = seipd_writer_sink(w);

	assert_int_equal(
	    sink_put(&sink, packets->data, packets->len, NULL), 0);
	assert_int_equal(seipd_writer_finish(w, NULL), 0);
	assert_int_equal(packet_writer_finish(p, NULL), 0);
	seipd_writer_free(&w);
	packet_writer_free(&p);
}

static void
test_signed_in_version_2(void **state)
{
	static const char *const commands[] = {
		"$g -z 0 -u cv25519@example.org --output - --sign plain",
		"$g -u cv25519@example.org --output - --sign plain",
	};
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };

	write_text(f, "plain", 5000);
	for (size_t i = 0; i < countof(keys); i++) {
		struct pgp_secret *s = unlock(f, &f->open[i], "");

		for (size_t k = 0; k < countof(commands); k++) {
			cleanup(buf_reset) struct buf packets = { .limit =
								      KEY_MAX };
			cleanup(buf_reset) struct buf m = { .limit = KEY_MAX };

			test_gpg_run(&f->gpg, commands[k], &packets);
			put_v2(f, s, &packets, &m);
			assert_int_equal(decrypt(s, &m, &out, NULL), 0);
			check_gpg_reads(f, s, &m, true);
			/* what was changed goes to nobody */
			char key[PGP_SESSION_KEY_TEXT_SIZE];
			cleanup(buf_reset) struct buf other = { .limit =
								    KEY_MAX };

			m.data[m.len - 100] ^= 1;
			assert_int_equal(pgp_secret_for_gpg(s, m.data, m.len,
					     key, &other, NULL),
			    -1);
			assert_int_equal(other.len, 0);
		}
		pgp_secret_free(&s);
	}
}

/* Another's message. */
static void
test_not_for_this_key(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };
	char key[PGP_SESSION_KEY_TEXT_SIZE];
	struct err err = { 0 };

	for (size_t i = 0; i < countof(keys); i++) {
		size_t other = (i + 1) % countof(keys);
		struct pgp_secret *s = unlock(f, &f->open[i], "");

		gpg_encrypt(f, other, "-z 0", 500, &message);
		assert_int_equal(decrypt(s, &message, &out, &err), 0);
		assert_int_equal(pgp_secret_for_gpg(s, message.data,
				     message.len, key, &out, &err),
		    0);
		gpg_encrypt(f, other, "-z 0 --throw-keyids", 500, &message);
		assert_int_equal(decrypt(s, &message, &out, &err), 0);
		pgp_secret_free(&s);
	}
}

/* Encrypts with encrypt.h to the vetted public part. */
static void
own_encrypt(const struct fixture *f, const struct pgp_secret *s, bool v2,
    size_t n, struct buf *out)
{
	cleanup(buf_reset) struct buf public_key = { .limit = KEY_MAX };
	cleanup(pgp_cert_free) struct pgp_cert *cert = NULL;
	struct pgp_session *session = NULL;
	struct pgp_encryption *e = NULL;
	char warning[ERR_TEXT_SIZE];
	struct err err = { 0 };

	assert_int_equal(pgp_secret_public(s, &public_key, NULL), 0);
	if (pgp_vet(public_key.data, public_key.len, "a@example.org",
		time(NULL), &cert, warning, &err) < 0)
		fail_msg("%s", err.text);
	assert_true(pgp_secret_has(s, cert->subkeys[0].fingerprint,
	    cert->subkeys[0].fingerprint_len));
	cert->subkeys[0].seipd2 = v2;
	assert_int_equal(pgp_session_new(f->crypt, cert, &cert->subkeys[0],
			     &session, NULL),
	    0);
	buf_clear(out);
	assert_int_equal(
	    pgp_encryption_new(session, sink_to_buf(out), &e, NULL), 0);
	assert_int_equal(pgp_encryption_feed(e, text(), n, NULL), 0);
	assert_int_equal(pgp_encryption_finish(e, NULL), 0);
	pgp_encryption_free(&e);
	pgp_session_free(&session);
}

static void
test_own_messages(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };

	for (size_t i = 0; i < countof(keys); i++) {
		struct pgp_secret *s = unlock(f, &f->locked[i], passphrase);

		for (int v2 = 0; v2 < 2; v2++) {
			own_encrypt(f, s, v2 == 1, TEXT_LEN, &message);
			assert_decrypts(s, &message, TEXT_LEN);
			own_encrypt(f, s, v2 == 1, 0, &message);
			assert_decrypts(s, &message, 0);
		}
		pgp_secret_free(&s);
	}
}

enum { CV25519 = 2 };

/*
 * Of what was changed, the text may come out only as it is: the bit count of
 * an integer in the PKESK packet can say less than its octets, and X25519 does
 * not look at the last bit of a point.
 */
static void
assert_same(const struct buf *out, const struct buf *message, size_t at)
{
	enum { HEADER = 2, WRAPPED = 49, DAMAGE_LEN = 300 };

	if (at >= HEADER + (size_t)message->data[1] - WRAPPED)
		fail_msg("octet %zu", at);
	assert_int_equal(out->len, DAMAGE_LEN);
	assert_memory_equal(out->data, text(), DAMAGE_LEN);
}

/* Each octet flipped, each length. */
static void
test_damage(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };
	cleanup(buf_reset) struct buf out = { .limit = TEXT_LEN };
	struct pgp_secret *s = unlock(f, &f->open[CV25519], "");

	for (int v2 = 0; v2 < 2; v2++) {
		own_encrypt(f, s, v2 == 1, 300, &message);
		for (size_t i = 0; i < message.len; i++)
			for (unsigned bit = 1; bit < 256; bit <<= 1) {
				struct err err = { 0 };

				message.data[i] ^= (uint8_t)bit;

				int rc = decrypt(s, &message, &out, &err);

				if (rc == 1)
					assert_same(&out, &message, i);
				if (rc < 0)
					assert_int_equal(err.kind, ERR_PERM);
				message.data[i] ^= (uint8_t)bit;
			}
		for (size_t n = message.len; n-- > 0;) {
			struct buf part = { .data = message.data, .len = n };
			struct err err = { 0 };

			assert_int_equal(decrypt(s, &part, &out, &err), -1);
			assert_int_equal(err.kind, ERR_PERM);
		}
	}
	pgp_secret_free(&s);
}

/*
 * Key files that were cut or changed: never a crash, and never a key whose
 * encryption part is not its own.
 */
static void
check_key_damage(const struct fixture *f, const struct buf *key, size_t step)
{
	cleanup(buf_reset) struct buf good = { .limit = KEY_MAX };
	struct pgp_secret *s = unlock(f, key, passphrase);

	own_encrypt(f, s, false, 100, &good);
	pgp_secret_free(&s);
	for (size_t i = 0; i < key->len; i += step) {
		struct err err = { 0 };

		key->data[i] ^= 1;
		if (try_unlock(f, key, passphrase, &s, &err) == 1) {
			/* a user ID or a signature: the key is as it was */
			cleanup(buf_reset) struct buf out = { .limit = 100 };

			(void)decrypt(s, &good, &out, &err);
			pgp_secret_free(&s);
		}
		key->data[i] ^= 1;
	}
	for (size_t n = 0; n < key->len; n += step) {
		struct buf part = { .data = key->data, .len = n };
		struct err err = { 0 };

		if (try_unlock(f, &part, passphrase, &s, &err) == 1)
			pgp_secret_free(&s);
	}
}

static void
test_damaged_keys(void **state)
{
	const struct fixture *f = *state;

	check_key_damage(f, &f->locked[CV25519], 7);
	check_key_damage(f, &f->locked[3], 17);
	check_key_damage(f, &f->locked[0], 31);
}

/* The point of a public part in the middle of a protected key. */
static void
test_swapped_public_part(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf key = { .limit = KEY_MAX };
	cleanup(buf_reset) struct buf public_key = { .limit = KEY_MAX };
	cleanup(pgp_cert_free) struct pgp_cert *mine = NULL;
	cleanup(pgp_cert_free) struct pgp_cert *other = NULL;
	struct pgp_cert **certs[] = { &mine, &other };
	char warning[ERR_TEXT_SIZE];
	struct pgp_secret *s = NULL;
	struct err err = { 0 };

	test_gpg_run(&f->gpg,
	    "$g --quick-gen-key 'Eve <eve@example.org>' ed25519 cert never\n"
	    "$g --quick-add-key $($g --list-keys --with-colons "
	    "eve@example.org | sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | "
	    "head -1) cv25519 encr never",
	    NULL);
	for (size_t i = 0; i < 2; i++) {
		buf_clear(&public_key);
		test_gpg_run(&f->gpg,
		    i == 0 ? "$g --export cv25519@example.org"
			   : "$g --export eve@example.org",
		    &public_key);
		assert_int_equal(pgp_vet(public_key.data, public_key.len,
				     "eve@example.org", time(NULL), certs[i],
				     warning, NULL),
		    0);
	}
	assert_int_equal(buf_put(&key, f->locked[CV25519].data,
			     f->locked[CV25519].len, NULL),
	    0);

	const struct pgp_subkey *m = &mine->subkeys[0];
	const struct pgp_subkey *o = &other->subkeys[0];
	uint8_t *at = memmem(key.data, key.len, m->packet, m->packet_len);

	assert_non_null(at);
	assert_int_equal(m->packet_len, o->packet_len);
	memcpy(at, o->packet, o->packet_len);
	assert_int_equal(try_unlock(f, &key, passphrase, &s, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_non_null(strstr(err.text, "another key's"));
}

/* Armor, several keys, public keys, nothing. */
static void
test_refused_files(void **state)
{
	static const char *const commands[] = {
		"$g --export cv25519@example.org",
		"$g --armor --export cv25519@example.org",
		("$g --export-secret-keys cv25519@example.org "
		 "nistp256@example.org"),
		"echo nothing",
		"$g --export-secret-subkeys nobody@example.org || true",
	};
	const struct fixture *f = *state;
	struct pgp_secret *s = NULL;

	for (size_t i = 0; i < countof(commands); i++) {
		cleanup(buf_reset) struct buf key = { .limit = KEY_MAX };
		struct err err = { 0 };

		test_gpg_run(&f->gpg, commands[i], &key);
		assert_int_equal(try_unlock(f, &key, "", &s, &err), -1);
		assert_int_equal(err.kind, ERR_PERM);
		assert_null(s);
	}
}

/* Without the primary secret (gpg's stub): the subkey is enough. */
static void
test_without_primary(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf key = { .limit = KEY_MAX };
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };

	test_gpg_run(&f->gpg,
	    "$g --armor --export-secret-subkeys cv25519@example.org", &key);

	struct pgp_secret *s = unlock(f, &key, "");

	gpg_encrypt(f, CV25519, "-z 0", 100, &message);
	assert_decrypts(s, &message, 100);
	pgp_secret_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_of_gpg),
		cmocka_unit_test(test_passphrases),
		cmocka_unit_test(test_left_to_gpg),
		cmocka_unit_test(test_signed_in_version_2),
		cmocka_unit_test(test_not_for_this_key),
		cmocka_unit_test(test_own_messages),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_damaged_keys),
		cmocka_unit_test(test_swapped_public_part),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_without_primary),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

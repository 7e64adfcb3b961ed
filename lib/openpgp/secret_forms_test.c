/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private keys in the forms that gpg does not write: protected here, from RFC
 * 9580 and not from the code that is tested; and the samples of its appendix.
 */
#include "openpgp/secret.h"

#include "base/locked.h"
#include "crypt/aes.h"
#include "crypt/kdf.h"
#include "crypt/testing.h"
#include "openpgp/armor.h"
#include "openpgp/gpg_testing.h"
#include "openpgp/keyblock.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/sample_testing.h"
#include "openpgp/secret_packet.h"

enum { KEY_MAX = 1 << 20, SALT_LEN = 8 };

static const char passphrase[] = "p\xc3\xa4ss w\xc3\xb6rd";
static const uint8_t salt[SALT_LEN] = { 1, 2, 3, 4, 5, 6, 7, 0xff };
static const uint8_t iv[AES_BLOCK_LEN] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

struct form {
	const char *name;
	uint8_t usage;
	uint8_t cipher; /* 7, 8, 9: AES */
	uint8_t s2k;
	uint8_t hash;
	uint8_t count; /* coded */
};

static const struct form forms[] = {
	{ "simple, SHA-1, checksum", 255, 7, 0, 2, 0 },
	{ "simple, SHA-1 for AES-256", 254, 9, 0, 2, 0 },
	{ "simple, SHA-256", 254, 9, 0, 8, 0 },
	{ "salted, SHA-1", 254, 8, 1, 2, 0 },
	{ "salted, SHA-512", 255, 9, 1, 10, 0 },
	{ "iterated, the least", 254, 7, 3, 2, 0 },
	{ "iterated, less than the passphrase", 254, 7, 3, 8, 0 },
	{ "iterated, SHA-224 for AES-256", 254, 9, 3, 11, 0x60 },
	{ "iterated, SHA-384", 254, 9, 3, 9, 0x61 },
	{ "iterated, SHA-256, checksum", 255, 8, 3, 8, 0x6f },
	{ "OCB, AES-128", 253, 7, 3, 8, 0x60 },
	{ "OCB, AES-256", 253, 9, 3, 10, 0x60 },
	{ "OCB, simple", 253, 9, 0, 8, 0 },
};

struct fixture {
	struct crypt *crypt;
	struct test_gpg gpg;
	struct buf open;    /* a key without passphrase */
	struct buf message; /* to it */
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	*state = f;
	assert_non_null(f);
	assert_int_equal(crypt_open(&f->crypt, NULL), 0);
	test_gpg_start(&f->gpg);
	test_gpg_run(&f->gpg,
	    "$g --quick-gen-key 'Ann <ann@example.org>' ed25519 cert never\n"
	    "fpr=$($g --list-keys --with-colons ann@example.org | "
	    "sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p' | head -1)\n"
	    "$g --quick-add-key $fpr cv25519 encr never\n"
	    "$g --quick-add-key $fpr rsa2048 encr never",
	    NULL);
	f->open.limit = KEY_MAX;
	f->message.limit = KEY_MAX;
	test_gpg_run(&f->gpg, "$g --export-secret-keys ann@example.org",
	    &f->open);
	test_gpg_run(&f->gpg,
	    "printf 'the text' | $g -z 0 -r ann@example.org --encrypt",
	    &f->message);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	test_gpg_stop(&f->gpg);
	buf_reset(&f->open);
	buf_reset(&f->message);
	crypt_close(&f->crypt);
	free(f);
	return 0;
}

/* ---- protecting, octet by octet ---- */

static void
put(struct buf *b, const void *data, size_t n)
{
	assert_int_equal(buf_put(b, data, n, NULL), 0);
}

static void
put_octet(struct buf *b, uint8_t c)
{
	assert_int_equal(buf_putc(b, c, NULL), 0);
}

/* RFC 9580, 3.7.1: what is hashed is written out in full. */
static void
derive(const struct fixture *f, const struct form *form, uint8_t key[32])
{
	static const enum hash_kind kinds[] = { [2] = HASH_SHA1,
		[8] = HASH_SHA256, [9] = HASH_SHA384, [10] = HASH_SHA512,
		[11] = HASH_SHA224 };
	enum hash_kind kind = kinds[form->hash];
	size_t octets = (16 + (size_t)(form->count & 15))
	    << ((form->count >> 4) + 6);
	size_t done = 0;

	for (size_t zeros = 0; done < 32; zeros++) {
		cleanup(buf_reset) struct buf all = { .limit = 1 << 24 };
		uint8_t digest[HASH_LEN_MAX];
		size_t n = 0;

		do {
			if (form->s2k != 0)
				put(&all, salt, sizeof salt);
			put(&all, passphrase, strlen(passphrase));
			n++;
		} while (form->s2k == 3 && all.len < octets);
		if (form->s2k == 3 && n > 1)
			all.len = octets;

		cleanup(buf_reset) struct buf whole = { .limit = 1 << 24 };

		for (size_t i = 0; i < zeros; i++)
			put_octet(&whole, 0);
		put(&whole, all.data, all.len);
		assert_int_equal(hash_of(f->crypt, kind, whole.data, whole.len,
				     digest, NULL),
		    0);
		for (size_t i = 0; i < hash_len(kind) && done < 32; i++)
			key[done++] = digest[i];
	}
}

/* CFB with an initial vector, by way of CFB without one. */
static void
put_cfb(const struct fixture *f, struct aes_key key, const struct buf *plain,
    struct buf *out)
{
	static const uint8_t zeros[AES_BLOCK_LEN];
	uint8_t first[AES_BLOCK_LEN], gone[AES_BLOCK_LEN];
	uint8_t *cipher = malloc(plain->len);
	struct cfb *b = NULL;

	assert_non_null(cipher);
	assert_int_equal(cfb_new(f->crypt, key, AES_ENCRYPT, &b, NULL), 0);
	assert_int_equal(cfb_feed(b, zeros, sizeof zeros, first, NULL), 0);
	cfb_free(&b);
	for (size_t i = 0; i < sizeof first; i++)
		first[i] ^= iv[i];
	assert_int_equal(cfb_new(f->crypt, key, AES_ENCRYPT, &b, NULL), 0);
	assert_int_equal(cfb_feed(b, first, sizeof first, gone, NULL), 0);
	assert_memory_equal(gone, iv, sizeof iv);
	assert_int_equal(
	    cfb_feed(b, plain->data, plain->len, cipher, NULL), 0);
	cfb_free(&b);
	put(out, cipher, plain->len);
	free(cipher);
}

static void
put_ocb(const struct fixture *f, const struct form *form,
    const struct secret_packet *p, struct aes_key key, const struct buf *plain,
    struct buf *out)
{
	cleanup(buf_reset) struct buf ad = { .limit = KEY_MAX };
	const uint8_t info[] = { (uint8_t)(0xc0 | p->tag), p->version,
		form->cipher, 2 };
	uint8_t kek[32];
	uint8_t *cipher = malloc(plain->len + OCB_TAG_LEN);
	struct ocb *o = NULL;

	assert_int_equal(hkdf_sha256(f->crypt,
			     (struct crypt_bytes){ key.data, key.len },
			     (struct crypt_bytes){ NULL, 0 },
			     (struct crypt_bytes){ info, sizeof info }, kek,
			     key.len, NULL),
	    0);
	put_octet(&ad, (uint8_t)(0xc0 | p->tag));
	put(&ad, p->public_part.p, p->public_part.n);

	const struct ocb_chunk chunk = { iv, ad.data, ad.len, plain->data,
		plain->len };

	assert_non_null(cipher);
	assert_int_equal(ocb_new(f->crypt, (struct aes_key){ kek, key.len },
			     AES_ENCRYPT, &o, NULL),
	    0);
	assert_int_equal(ocb_seal(o, &chunk, cipher, NULL), 0);
	ocb_free(&o);
	put(out, cipher, plain->len + OCB_TAG_LEN);
	free(cipher);
}

/* The numbers, with the checksum that the form has. */
static void
put_plain(const struct fixture *f, const struct form *form,
    const struct octets *numbers, struct buf *out)
{
	uint8_t digest[20];
	unsigned sum = 0;

	put(out, numbers->p, numbers->n);
	for (size_t i = 0; i < numbers->n; i++)
		sum += numbers->p[i];
	if (form->usage == 255) {
		put_octet(out, (uint8_t)(sum >> 8));
		put_octet(out, (uint8_t)sum);
	} else if (form->usage == 254) {
		assert_int_equal(hash_of(f->crypt, HASH_SHA1, numbers->p,
				     numbers->n, digest, NULL),
		    0);
		put(out, digest, sizeof digest);
	}
}

static void
put_protected(const struct fixture *f, const struct form *form,
    const struct secret_packet *p, struct buf *out)
{
	cleanup(buf_reset) struct buf plain = { .limit = KEY_MAX };
	/* what an unprotected one has, without its own checksum */
	const struct octets numbers = { p->data.p, p->data.n - 2 };
	uint8_t key[32];
	const struct aes_key aes = { key, 16 + 8 * (size_t)(form->cipher - 7) };

	derive(f, form, key);
	put_plain(f, form, &numbers, &plain);
	put(out, p->public_part.p, p->public_part.n);
	put_octet(out, form->usage);
	put_octet(out, form->cipher);
	if (form->usage == 253)
		put_octet(out, 2);
	put_octet(out, form->s2k);
	put_octet(out, form->hash);
	if (form->s2k != 0)
		put(out, salt, sizeof salt);
	if (form->s2k == 3)
		put_octet(out, form->count);
	put(out, iv, form->usage == 253 ? OCB_NONCE_LEN : AES_BLOCK_LEN);
	if (form->usage == 253)
		put_ocb(f, form, p, aes, &plain, out);
	else
		put_cfb(f, aes, &plain, out);
}

static void
put_packet(struct buf *to, unsigned tag, const uint8_t *data, size_t n)
{
	uint8_t header[PACKET_HEADER_MAX];

	put(to, header, packet_header(tag, (uint32_t)n, header));
	put(to, data, n);
}

static void
protect(const struct fixture *f, const struct form *form, struct buf *out)
{
	cleanup(keyblock_free) struct keyblock *kb = NULL;

	assert_int_equal(
	    keyblock_read_secret(f->open.data, f->open.len, &kb, NULL), 0);
	for (size_t i = 0; i < kb->count; i++) {
		const struct keyblock_packet *k = &kb->packets[i];
		cleanup(buf_reset) struct buf body = { .limit = KEY_MAX };
		struct secret_packet p;

		if (k->tag == PGP_TAG_SECRET_KEY ||
		    k->tag == PGP_TAG_SECRET_SUBKEY) {
			assert_int_equal(
			    secret_packet_read(k->tag, k->body, &p, NULL), 0);
			assert_int_equal(p.usage, 0);
			put_protected(f, form, &p, &body);
		} else {
			put(&body, k->body.p, k->body.n);
		}
		put_packet(out, k->tag, body.data, body.len);
	}
}

/* ---- the tests ---- */

static int
unlock(const struct fixture *f, const struct buf *key, const char *words,
    struct pgp_secret **out, struct err *err)
{
	return pgp_secret_unlock(
	    f->crypt, key->data, key->len, words, strlen(words), out, err);
}

static void
assert_opens(const struct pgp_secret *s, const struct buf *message,
    const char *want)
{
	cleanup(buf_reset) struct buf out = { .limit = 1000 };
	struct err err = { 0 };
	int rc = pgp_secret_decrypt(
	    s, message->data, message->len, sink_to_buf(&out), &err);

	if (rc != 1)
		fail_msg("%d %s", rc, err.text);
	assert_int_equal(out.len, strlen(want));
	assert_memory_equal(out.data, want, out.len);
}

static void
test_forms(void **state)
{
	const struct fixture *f = *state;

	for (size_t i = 0; i < countof(forms); i++) {
		cleanup(buf_reset) struct buf key = { .limit = KEY_MAX };
		struct pgp_secret *s = NULL;
		struct err err = { 0 };

		protect(f, &forms[i], &key);
		assert_int_equal(unlock(f, &key, "wrong", &s, &err), 0);

		int rc = unlock(f, &key, passphrase, &s, &err);

		if (rc != 1)
			fail_msg("%s: %d %s", forms[i].name, rc, err.text);
		assert_true(pgp_secret_was_protected(s));
		assert_opens(s, &f->message, "the text");
		pgp_secret_free(&s);
	}
}

/* Every octet of a protected key, and every length: no crash, no other key. */
static void
test_damaged_forms(void **state)
{
	static const size_t some[] = { 0, 4, 10, 11 };
	const struct fixture *f = *state;

	for (size_t i = 0; i < countof(some); i++) {
		cleanup(buf_reset) struct buf key = { .limit = KEY_MAX };

		protect(f, &forms[some[i]], &key);
		for (size_t at = 0; at < key.len; at += 3) {
			struct pgp_secret *s = NULL;
			uint8_t was = key.data[at];
			struct err err = { 0 };

			key.data[at] = (uint8_t)(was + 1 + at % 255);
			if (unlock(f, &key, passphrase, &s, &err) == 1)
				pgp_secret_free(&s);
			key.data[at] = was;

			struct buf part = { .data = key.data, .len = at };

			if (unlock(f, &part, passphrase, &s, &err) == 1)
				pgp_secret_free(&s);
		}
	}
}

/* RFC 9580, A.8: to sample_key, in OCB, with a session key of AES-128. */
static const char sample_message[] =
    "-----BEGIN PGP MESSAGE-----\n\n"
    "wV0GIQYSyD8ecG9jCP4VGkF3Q6HwM3kOk+mXhIjR2zeNqZMIhRmHzxjV8bU/gXzO\n"
    "WgBM85PMiVi93AZfJfhK9QmxfdNnZBjeo1VDeVZheQHgaVf7yopqR6W1FT6NOrfS\n"
    "aQIHAgZhZBZTW+CwcW1g4FKlbExAf56zaw76/prQoN+bAzxpohup69LA7JW/Vp0l\n"
    "yZnuSj3hcFj0DfqLTGgr4/u717J+sPWbtQBfgMfG9AOIwwrUBqsFE9zW+f1zdlYo\n"
    "bhF30A+IitsxxA==\n"
    "-----END PGP MESSAGE-----\n";

static void
test_samples(void **state)
{
	const struct fixture *f = *state;
	cleanup(buf_reset) struct buf message = { .limit = KEY_MAX };
	struct armor_reader *r = NULL;
	struct pgp_secret *s = NULL;
	struct err err = { 0 };
	char hex[PGP_FINGERPRINT_HEX_SIZE];
	size_t len = 0;
	int rc = pgp_secret_unlock(f->crypt, sample_key, sizeof sample_key - 1,
	    "", 0, &s, &err);

	if (rc != 1)
		fail_msg("%d %s", rc, err.text);

	const uint8_t *fingerprint = pgp_secret_fingerprint(s, &len);

	assert_string_equal(pgp_fingerprint_hex(fingerprint, len, hex),
	    "CB186C4F0609A697E4D52DFA6C722B0C"
	    "1F1E27C18A56708F6525EC27BAD9ACC9");
	assert_int_equal(
	    armor_reader_new(sink_to_buf(&message), &r, NULL), 0);
	assert_int_equal(armor_reader_feed(r, sample_message,
			     sizeof sample_message - 1, NULL),
	    0);
	assert_int_equal(armor_reader_finish(r, NULL), 0);
	armor_reader_free(&r);
	assert_opens(s, &message, "Hello, world!");
	pgp_secret_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_damaged_forms),
		cmocka_unit_test(test_samples),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

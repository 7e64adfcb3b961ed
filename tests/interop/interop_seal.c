/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * interop_seal [-2] CERTIFICATE DIRECTORY SIZE...
 *
 * Seals SIZE generated octets to the last encryption subkey of a binary
 * certificate, for each SIZE: DIRECTORY/SIZE.plain and
 * DIRECTORY/SIZE.sealed.asc. -2 uses SEIPD version 2. The certificate is not
 * vetted: foreign programs decrypt what is made here, so the key may be of any
 * kind they know.
 */
#include <err.h>
#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "openpgp/armor.h"
#include "openpgp/encrypt.h"
#include "openpgp/fingerprint.h"
#include "openpgp/packet.h"

enum { STEP_MAX = 70000 };

struct finder {
	const struct crypt *crypt;
	unsigned tag;
	struct buf body;
	struct pgp_subkey subkey; /* the last one found */
};

static void
check(int rc, const struct err *err)
{
	if (rc < 0)
		errx(1, "%s", err->text);
}

static int
find_begin(void *ctx, unsigned tag, struct err *err)
{
	struct finder *f = ctx;

	(void)err;
	f->tag = tag;
	buf_clear(&f->body);
	return 0;
}

static int
find_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct finder *f = ctx;

	return buf_put(&f->body, data, n, err);
}

static bool
can_encrypt(uint8_t algorithm)
{
	static const uint8_t known[] = { PGP_RSA, PGP_RSA_ENCRYPT, PGP_ECDH,
		PGP_X25519 };

	return memchr(known, algorithm, sizeof known) != NULL;
}

static int
find_end(void *ctx, struct err *err)
{
	struct finder *f = ctx;
	struct pgp_subkey *s = &f->subkey;

	if (f->tag != PGP_TAG_PUBLIC_SUBKEY || f->body.len < 6 ||
	    !can_encrypt(f->body.data[5]))
		return 0;
	s->version = f->body.data[0];
	s->algorithm = f->body.data[5];
	if (pgp_fingerprint(f->crypt, f->body.data, f->body.len, s->fingerprint,
		&s->fingerprint_len, err) < 0)
		return -1;
	free(s->packet);
	s->packet = buf_steal(&f->body, &s->packet_len);
	return 0;
}

static void
find_subkey(struct finder *f, const char *path)
{
	struct packet_events events = { find_begin, find_body, find_end, f };
	struct packet_reader *r = NULL;
	struct err err;
	uint8_t data[4096];
	size_t n;
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		errx(1, "cannot open %s", path);
	check(packet_reader_new(events, &r, &err), &err);
	while ((n = fread(data, 1, sizeof data, file)) > 0)
		check(packet_reader_feed(r, data, n, &err), &err);
	check(packet_reader_finish(r, &err), &err);
	packet_reader_free(&r);
	fclose(file);
	if (f->subkey.packet == NULL)
		errx(1, "%s: no encryption subkey", path);
}

static int
put_into_file(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	if (fwrite(data, 1, n, ctx) != n)
		return err_set(err, ERR_TEMP, "write");
	return 0;
}

static FILE *
create(const char *directory, size_t size, const char *suffix)
{
	char path[4096];
	int n =
	    snprintf(path, sizeof path, "%s/%zu%s", directory, size, suffix);
	FILE *f = n < 0 || (size_t)n >= sizeof path ? NULL : fopen(path, "wb");

	if (f == NULL)
		errx(1, "cannot create a file in %s", directory);
	return f;
}

static uint32_t
next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* Feeds in steps of many sizes. */
static void
feed(struct pgp_encryption *e, size_t size, FILE *plain)
{
	static uint8_t data[STEP_MAX];
	uint32_t x = (uint32_t)size * 2654435761U + 1;
	struct err err;

	for (size_t left = size; left > 0;) {
		size_t step = 1 + next(&x) % (x % 8 == 0 ? 20 : STEP_MAX);
		size_t n = left < step ? left : step;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(next(&x) >> 11);
		check(pgp_encryption_feed(e, data, n, &err), &err);
		if (fwrite(data, 1, n, plain) != n)
			errx(1, "write");
		left -= n;
	}
}

static void
seal(struct pgp_session *s, const char *directory, size_t size)
{
	FILE *plain = create(directory, size, ".plain");
	FILE *sealed = create(directory, size, ".sealed.asc");
	struct sink to = { .put = put_into_file, .ctx = sealed };
	struct armor_writer *w = NULL;
	struct pgp_encryption *e = NULL;
	struct err err;

	check(armor_writer_new(to, &w, &err), &err);
	check(pgp_encryption_new(s, armor_writer_sink(w), &e, &err), &err);
	feed(e, size, plain);
	check(pgp_encryption_finish(e, &err), &err);
	check(armor_writer_finish(w, &err), &err);
	pgp_encryption_free(&e);
	armor_writer_free(&w);
	if (fclose(plain) != 0 || fclose(sealed) != 0)
		errx(1, "write");
}

int
main(int argc, char **argv)
{
	bool v2 = argc > 1 && strcmp(argv[1], "-2") == 0;
	char **arg = argv + (v2 ? 2 : 1);
	struct crypt *crypt = NULL;
	struct pgp_session *s = NULL;
	struct err err;

	if (argc - (arg - argv) < 3)
		errx(2,
		    "usage: interop_seal [-2] CERTIFICATE DIRECTORY SIZE...");
	check(crypt_open(&crypt, &err), &err);

	struct finder f = { .crypt = crypt, .body.limit = LIMIT_CERTIFICATE };

	find_subkey(&f, arg[0]);
	f.subkey.seipd2 = v2;

	struct pgp_cert cert = { .subkeys = &f.subkey, .subkey_count = 1 };

	check(pgp_session_new(crypt, &cert, &f.subkey, &s, &err), &err);
	for (size_t i = 2; arg[i] != NULL; i++)
		seal(s, arg[1], strtoul(arg[i], NULL, 10));
	pgp_session_free(&s);
	buf_reset(&f.body);
	free(f.subkey.packet);
	crypt_close(&crypt);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * bench_seal [SECONDS]
 *
 * Encrypts 20 kB and 25 MB to fresh keys, armored, in-process and through
 * GPGME, in turns, on one core, and prints a table. GPGME is measured as it
 * comes and, second, with no-random-seed-file in gpg.conf, which saves gpg the
 * writing of its seed file at every start.
 */
#include <gpgme.h>
#include <string.h>

#include "bench.h"
#include "openpgp/armor.h"
#include "openpgp/encrypt.h"
#include "openpgp/vet.h"

enum { TURNS = 5, FEED = 65536, SIZE_MOST = 25 << 20 };

struct bench {
	char home[64];
	gpgme_ctx_t gpgme;
	gpgme_key_t key;
	struct crypt *crypt;
	struct pgp_cert *cert;
	uint8_t *data;
	size_t size;
	struct buf out;
};

static void
check_gpgme(gpgme_error_t error, const char *what)
{
	if (error != 0)
		errx(1, "%s: %s", what, gpgme_strerror(error));
}

/* One message in-process: session, literal, SEIPD, armor. */
static void
seal_native(struct bench *b)
{
	struct pgp_session *s = NULL;
	struct armor_writer *w = NULL;
	struct pgp_encryption *e = NULL;
	struct err err;

	buf_clear(&b->out);
	check(
	    pgp_session_new(b->crypt, b->cert, &b->cert->subkeys[0], &s, &err),
	    &err);
	check(armor_writer_new(sink_to_buf(&b->out), &w, &err), &err);
	check(pgp_encryption_new(s, armor_writer_sink(w), &e, &err), &err);
	for (size_t at = 0; at < b->size; at += FEED) {
		size_t left = b->size - at;

		check(pgp_encryption_feed(
			  e, b->data + at, left < FEED ? left : FEED, &err),
		    &err);
	}
	check(pgp_encryption_finish(e, &err), &err);
	check(armor_writer_finish(w, &err), &err);
	pgp_encryption_free(&e);
	armor_writer_free(&w);
	pgp_session_free(&s);
}

static void
seal_gpgme(struct bench *b)
{
	gpgme_key_t keys[] = { b->key, NULL };
	gpgme_data_t in, out;

	check_gpgme(
	    gpgme_data_new_from_mem(&in, (char *)b->data, b->size, 0), "data");
	check_gpgme(gpgme_data_new(&out), "data");
	check_gpgme(gpgme_op_encrypt(b->gpgme, keys,
			GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_COMPRESS,
			in, out),
	    "encrypt");
	gpgme_data_release(in);
	gpgme_data_release(out);
}

/* Seconds a message: as many messages as fit into `seconds`. */
static double
measure(struct bench *b, void (*seal)(struct bench *), double seconds)
{
	double begin = now();
	unsigned n = 0;

	do {
		seal(b);
		n++;
	} while (now() - begin < seconds);
	return (now() - begin) / n;
}

static void
write_conf(const struct bench *b, const char *text)
{
	char path[128];
	int n = snprintf(path, sizeof path, "%s/gpg.conf", b->home);
	FILE *f = n < 0 ? NULL : fopen(path, "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		err(1, "%s", path);
}

static void
run(struct bench *b, const char *name, size_t size, double seconds)
{
	double native[TURNS], plain[TURNS], unseeded[TURNS];

	b->size = size;
	seal_native(b); /* grows the buffer */
	for (size_t i = 0; i < TURNS; i++) {
		native[i] = measure(b, seal_native, seconds / TURNS);
		write_conf(b, "");
		plain[i] = measure(b, seal_gpgme, seconds / TURNS);
		write_conf(b, "no-random-seed-file\n");
		unseeded[i] = measure(b, seal_gpgme, seconds / TURNS);
	}

	double n = median(native, TURNS);
	double p = median(plain, TURNS);
	double u = median(unseeded, TURNS);

	printf("%-10s %9zu  %11.1f  %8.1f %6.1fx  %8.1f %6.1fx  %9.1f\n", name,
	    size, 1 / n, 1 / p, p / n, 1 / u, u / n, (double)size / n / 1e6);
	fflush(stdout);
}

static void
export_key(struct bench *b, struct buf *out)
{
	gpgme_data_t data;
	char piece[4096];
	ssize_t n;
	struct err err;

	check_gpgme(gpgme_data_new(&data), "data");
	check_gpgme(gpgme_op_export(b->gpgme, b->key->fpr, 0, data), "export");
	gpgme_data_seek(data, 0, SEEK_SET);
	while ((n = gpgme_data_read(data, piece, sizeof piece)) > 0)
		check(buf_put(out, piece, (size_t)n, &err), &err);
	gpgme_data_release(data);
}

/* Makes the key, and vets it as the store does. */
static void
make_key(struct bench *b, const char *primary, const char *algorithm)
{
	const unsigned flags = GPGME_CREATE_NOPASSWD | GPGME_CREATE_FORCE;

	cleanup(buf_reset) struct buf cert = { .limit = 1 << 20 };
	char warning[ERR_TEXT_SIZE];
	struct err err;

	check_gpgme(gpgme_op_createkey(b->gpgme, "bench@example.org", primary,
			0, 0, NULL, flags | GPGME_CREATE_SIGN),
	    "make a key");
	if (b->key != NULL)
		gpgme_key_unref(b->key);
	check_gpgme(gpgme_get_key(b->gpgme,
			gpgme_op_genkey_result(b->gpgme)->fpr, &b->key, 0),
	    "key");
	check_gpgme(gpgme_op_createsubkey(b->gpgme, b->key, algorithm, 0, 0,
			flags | GPGME_CREATE_ENCR),
	    "make a subkey");

	char *fingerprint = strdup(b->key->fpr);

	gpgme_key_unref(b->key);
	check_gpgme(gpgme_get_key(b->gpgme, fingerprint, &b->key, 0), "key");
	free(fingerprint);
	export_key(b, &cert);
	pgp_cert_free(&b->cert);
	check(pgp_vet(cert.data, cert.len, "bench@example.org", time(NULL),
		  &b->cert, warning, &err),
	    &err);
}

static void
set_up(struct bench *b)
{
	struct err err;

	strcpy(b->home, "/tmp/sealpost-bench.XXXXXX");
	if (mkdtemp(b->home) == NULL)
		errx(1, "cannot create %s", b->home);
	gpgme_check_version(NULL);
	check_gpgme(gpgme_new(&b->gpgme), "gpgme");
	check_gpgme(gpgme_ctx_set_engine_info(
			b->gpgme, GPGME_PROTOCOL_OpenPGP, NULL, b->home),
	    "gpgme");
	gpgme_set_armor(b->gpgme, 1);
	check(crypt_open(&b->crypt, &err), &err);
	b->out.limit = 4 * (size_t)SIZE_MOST;
	b->data = malloc(SIZE_MOST);
	if (b->data == NULL)
		errx(1, "out of memory");
	for (size_t i = 0; i < SIZE_MOST; i++)
		b->data[i] = (uint8_t)(i * 2654435761U >> 13);
}

static void
tear_down(struct bench *b)
{
	char command[160];
	int n = snprintf(command, sizeof command,
	    "GNUPGHOME=%s gpgconf --kill all; rm -rf %s", b->home, b->home);

	if (n > 0 && system(command) != 0)
		warnx("%s is left behind", b->home);
	gpgme_key_unref(b->key);
	gpgme_release(b->gpgme);
	pgp_cert_free(&b->cert);
	crypt_close(&b->crypt);
	buf_reset(&b->out);
	free(b->data);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		const char *primary;
		const char *algorithm;
	} keys[] = {
		{ "Curve25519", "ed25519", "cv25519" },
		{ "RSA 3072", "rsa3072", "rsa3072" },
	};
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 5;
	struct bench b = { 0 };

	set_up(&b);
	stay_on_one_core();
	printf("key           octets  in-process/s   GPGME/s  ratio  "
	       "no seed/s  ratio  in-process MB/s\n");
	for (size_t i = 0; i < countof(keys); i++) {
		make_key(&b, keys[i].primary, keys[i].algorithm);
		run(&b, keys[i].name, 20000, seconds);
		run(&b, keys[i].name, SIZE_MOST, 2 * seconds);
	}
	tear_down(&b);
	return 0;
}

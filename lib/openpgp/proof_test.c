/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Genuine messages are made by gpg (and by RNP and Sequoia where they are
 * installed) with keys made on the spot; forgeries are put together from their
 * packets.
 */

#include "openpgp/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "openpgp/armor.h"
#include "openpgp/packet.h"
#include "openpgp/proof_packets.h"

#define CANARY "The canary sings at noon, behind the old mill. "

enum { BIG = 1 << 20 };

/* A key pair of the tests. */
struct person {
	const char *address;
	const char *algorithm;
	struct pgp_cert *cert;
};

static struct {
	char home[64];
	struct person ann, bob, rsa;
	struct buf armored, other_armored; /* to ann, to bob */
	struct buf pkesk, seipd;           /* bodies of ann's packets */
	struct buf other_pkesk;
	char reason[ERR_TEXT_SIZE]; /* of the last proof that failed */
} t = {
	.ann = { "ann@example.org", "future-default", NULL },
	.bob = { "bob@example.org", "future-default", NULL },
	.rsa = { "rsa@example.org", "rsa2048", NULL },
	.armored = { .limit = BIG },
	.other_armored = { .limit = BIG },
	.pkesk = { .limit = BIG },
	.seipd = { .limit = BIG },
	.other_pkesk = { .limit = BIG },
};

/* --- programs --- */

/* Runs a shell command in the home folder; its output goes into out. */
static int printf_like(2, 3) run(struct buf *out, const char *fmt, ...)
{
	cleanup(buf_reset) struct buf command = { .limit = 4096 };
	char what[1000], piece[4096];
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	assert_int_equal(buf_putf(&command, NULL,
			     "cd %s && export GNUPGHOME=%s HOME=%s && %s",
			     t.home, t.home, t.home, what),
	    0);
	FILE *f =
	    popen(buf_str(&command, NULL), "r"); /* NOLINT(cert-env33-c) */
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		if (out != NULL)
			assert_int_equal(buf_put(out, piece, n, NULL), 0);
	return pclose(f);
}

static void
write_file(const char *name, const void *data, size_t n)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", t.home, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static unsigned
hex_octet(const char *s)
{
	unsigned value = 0;

	assert_int_equal(sscanf(s, "%2x", &value), 1);
	return value;
}

/* A certificate with one encryption subkey of this fingerprint. */
static struct pgp_cert *
make_cert(const uint8_t *fingerprint, size_t len, uint8_t algorithm)
{
	struct pgp_cert *cert = pgp_cert_new();

	assert_non_null(cert);
	cert->subkeys = calloc(1, sizeof *cert->subkeys);
	assert_non_null(cert->subkeys);
	cert->subkey_count = 1;
	cert->subkeys[0].version = len == 20 ? 4 : 6;
	cert->subkeys[0].algorithm = algorithm;
	memcpy(cert->subkeys[0].fingerprint, fingerprint, len);
	cert->subkeys[0].fingerprint_len = len;
	return cert;
}

static void
make_person(struct person *p)
{
	cleanup(buf_reset) struct buf out = { .limit = BIG };
	bool rsa = strcmp(p->algorithm, "rsa2048") == 0;
	uint8_t fingerprint[20];

	assert_int_equal(
	    run(NULL,
		"gpg --batch -q --no-auto-check-trustdb --passphrase '' "
		"--quick-gen-key %s %s %s never"
		" 2>&1",
		p->address, p->algorithm, rsa ? "encr,sign,cert" : "default"),
	    0);
	assert_int_equal(
	    run(&out, "gpg --with-colons --list-keys %s", p->address), 0);
	const char *line =
	    strstr(buf_str(&out, NULL), rsa ? "\npub:" : "\nsub:");
	assert_non_null(line);
	line = strstr(line, "\nfpr:::::::::");
	assert_non_null(line);
	for (size_t i = 0; i < sizeof fingerprint; i++)
		fingerprint[i] = (uint8_t)hex_octet(line + 13 + 2 * i);
	p->cert = make_cert(
	    fingerprint, sizeof fingerprint, rsa ? PGP_RSA : PGP_ECDH);
}

/* Lines of the armor end with CRLF, as mail has them. */
static void
put_crlf(struct buf *to, const struct buf *lf)
{
	for (size_t i = 0; i < lf->len; i++) {
		if (lf->data[i] == '\n')
			assert_int_equal(buf_putc(to, '\r', NULL), 0);
		assert_int_equal(buf_putc(to, lf->data[i], NULL), 0);
	}
}

static void
encrypt(struct buf *out, const char *options)
{
	cleanup(buf_reset) struct buf lf = { .limit = BIG };

	assert_int_equal(run(&lf,
			     "gpg --batch -q --trust-model always -a %s"
			     " -e <plain 2>/dev/null",
			     options),
	    0);
	buf_clear(out);
	put_crlf(out, &lf);
}

/* --- packets --- */

static int
keep_begin(void *ctx, unsigned tag, struct err *err)
{
	struct buf *bodies = ctx;

	(void)err;
	bodies[2].limit = tag; /* a note: the current tag */
	return 0;
}

static int
keep_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct buf *bodies = ctx;

	return buf_put(&bodies[bodies[2].limit == PGP_TAG_SEIPD], data, n, err);
}

static int
keep_end(void *ctx, struct err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static int
feed_packets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	return packet_reader_feed(ctx, data, n, err);
}

/* Takes a message of one PKESK and one SEIPD apart. */
static void
take_apart(const struct buf *armored, struct buf *pkesk, struct buf *seipd)
{
	struct buf bodies[3] = { { .limit = BIG }, { .limit = BIG } };
	struct packet_events events = { keep_begin, keep_body, keep_end,
		bodies };
	cleanup(packet_reader_free) struct packet_reader *packets = NULL;
	cleanup(armor_reader_free) struct armor_reader *armor = NULL;
	struct sink sink = { .put = feed_packets };

	assert_int_equal(packet_reader_new(events, &packets, NULL), 0);
	sink.ctx = packets;
	assert_int_equal(armor_reader_new(sink, &armor, NULL), 0);
	assert_int_equal(
	    armor_reader_feed(armor, armored->data, armored->len, NULL), 0);
	assert_int_equal(armor_reader_finish(armor, NULL), 0);
	assert_int_equal(packet_reader_finish(packets, NULL), 0);
	*pkesk = bodies[0];
	if (seipd != NULL)
		*seipd = bodies[1];
	else
		buf_reset(&bodies[1]);
}

static void
put_packet(struct buf *to, unsigned tag, const void *body, size_t n)
{
	const uint8_t head[] = { (uint8_t)(0xc0 | tag), 255, (uint8_t)(n >> 24),
		(uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	assert_int_equal(buf_put(to, head, sizeof head, NULL), 0);
	assert_int_equal(buf_put(to, body, n, NULL), 0);
}

/* Octets that are as good as random, the same in each run. */
static void
fill(uint8_t *out, size_t n)
{
	uint64_t x = 88172645463325252;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		out[i] = (uint8_t)(x >> 32);
	}
}

static void
put_text_as_seipd(struct buf *to, size_t random)
{
	cleanup(buf_reset) struct buf body = { .limit = BIG };
	uint8_t bytes[10000] = { 1 };

	fill(bytes + 1, random);
	assert_int_equal(buf_put(&body, bytes, random + 1, NULL), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(buf_puts(&body, CANARY, NULL), 0);
	put_packet(to, PGP_TAG_SEIPD, body.data, body.len);
}

static void
put_pkesk_v6(struct buf *to, const struct pgp_subkey *key, size_t len)
{
	uint8_t body[2 + 33 + 1 + 32 + 1 + 40] = { 6, (uint8_t)(len + 1), 6 };

	memcpy(body + 3, key->fingerprint, len);
	body[3 + len] = PGP_X25519;
	fill(body + 4 + len, 32);
	body[4 + len + 32] = 40;
	fill(body + 5 + len + 32, 40);
	put_packet(to, PGP_TAG_PKESK, body, 5 + len + 32 + 40);
}

static void
put_seipd_v2(struct buf *to, uint8_t mode, size_t n)
{
	uint8_t body[300] = { 2, 9, mode, 6 };

	fill(body + 4, n - 4);
	put_packet(to, PGP_TAG_SEIPD, body, n);
}

static const uint8_t anybody[9] = { 3 };

/* One packet for a letter of a recipe; false: not a letter of this kind. */
static bool
put_pkesk(struct buf *to, char letter)
{
	cleanup(buf_reset) struct buf pk = { .limit = BIG };

	assert_int_equal(buf_put(&pk, t.pkesk.data, t.pkesk.len, NULL), 0);
	switch (letter) {
	case 'p': /* the genuine session key */
		break;
	case 'o': /* somebody else's */
		buf_clear(&pk);
		assert_int_equal(
		    buf_put(&pk, t.other_pkesk.data, t.other_pkesk.len, NULL),
		    0);
		break;
	case 'w': /* for nobody in particular */
		memcpy(pk.data, anybody, sizeof anybody);
		break;
	case 'a': /* of another algorithm */
		pk.data[9] = PGP_RSA;
		break;
	case 'P': /* with something behind it */
		assert_int_equal(buf_puts(&pk, CANARY, NULL), 0);
		break;
	case 'q': /* cut */
		pk.len--;
		break;
	case 'e': /* empty */
		pk.len = 0;
		break;
	default:
		return false;
	}
	put_packet(to, PGP_TAG_PKESK, pk.data, pk.len);
	return true;
}

static bool
put_seipd(struct buf *to, char letter)
{
	uint8_t other[100] = { 3 };

	switch (letter) {
	case 's': /* the genuine data */
		put_packet(to, PGP_TAG_SEIPD, t.seipd.data, t.seipd.len);
		break;
	case 'S': /* of an unknown version */
		fill(other + 1, sizeof other - 1);
		put_packet(to, PGP_TAG_SEIPD, other, sizeof other);
		break;
	case 'x': /* too short */
		put_packet(to, PGP_TAG_SEIPD, t.seipd.data, 34);
		break;
	case 'y': /* much too short */
		put_packet(to, PGP_TAG_SEIPD, t.seipd.data, 1);
		break;
	case 't': /* text */
		put_text_as_seipd(to, 18);
		break;
	case 'T': /* text behind something random */
		put_text_as_seipd(to, 8500);
		break;
	default:
		return false;
	}
	return true;
}

static bool
put_version_6(struct buf *to, char letter, const struct pgp_subkey *key)
{
	switch (letter) {
	case '6':
		put_pkesk_v6(to, key, 32);
		break;
	case '0': /* with a cut fingerprint */
		put_pkesk_v6(to, key, 31);
		break;
	case 'v':
		put_seipd_v2(to, 2, 300);
		break;
	case 'V': /* of an unknown mode */
		put_seipd_v2(to, 9, 300);
		break;
	case 'X': /* too short */
		put_seipd_v2(to, 2, 67);
		break;
	default:
		return false;
	}
	return true;
}

static bool
put_other(struct buf *to, char letter)
{
	uint8_t ones[200];

	memset(ones, 1, sizeof ones);
	switch (letter) {
	case 'k':
		put_packet(to, PGP_TAG_SKESK, "\4\11\3\10salt....\140", 13);
		break;
	case 'K': /* too long */
		ones[0] = 4;
		put_packet(to, PGP_TAG_SKESK, ones, sizeof ones);
		break;
	case 'l':
		put_packet(to, PGP_TAG_LITERAL, "b\0\0\0\0\0" CANARY,
		    6 + strlen(CANARY));
		break;
	case 'c':
		put_packet(
		    to, PGP_TAG_COMPRESSED, "\0" CANARY, 1 + strlen(CANARY));
		break;
	case '9': /* no integrity protection */
		put_packet(to, PGP_TAG_SED, t.seipd.data + 1, t.seipd.len - 1);
		break;
	case '2':
		put_packet(to, PGP_TAG_GNUPG_AEAD, t.seipd.data, t.seipd.len);
		break;
	case 'g':
		put_packet(to, PGP_TAG_SIGNATURE, ones, 70);
		break;
	case 'm':
		put_packet(to, PGP_TAG_MARKER, "PGP", 3);
		break;
	case '1':
		put_packet(to, PGP_TAG_PADDING, ones, 20);
		break;
	default:
		return false;
	}
	return true;
}

static void
put_for_letter(struct buf *to, char letter, const struct pgp_subkey *v6)
{
	if (!put_pkesk(to, letter) && !put_seipd(to, letter) &&
	    !put_version_6(to, letter, v6) && !put_other(to, letter))
		fail_msg("recipe letter %c", letter);
}

static void
put_armored(struct buf *to, const struct buf *packets)
{
	cleanup(armor_writer_free) struct armor_writer *w = NULL;

	assert_int_equal(armor_writer_new(sink_to_buf(to), &w, NULL), 0);
	struct sink sink = armor_writer_sink(w);
	assert_int_equal(sink_put(&sink, packets->data, packets->len, NULL), 0);
	assert_int_equal(armor_writer_finish(w, NULL), 0);
}

/* --- the proof --- */

#define TYPE                                                            \
	" multipart/encrypted; protocol=\"application/pgp-encrypted\";" \
	"\r\n\tboundary=\"bb\""
#define BEFORE                                                    \
	"--bb\r\nContent-Type: application/pgp-encrypted\r\n\r\n" \
	"Version: 1\r\n\r\n"                                      \
	"--bb\r\nContent-Type: application/octet-stream\r\n\r\n"
#define AFTER "\r\n--bb--\r\n"

/* to == NULL: whoever can read it */
static int
prove_in_steps(const char *type, const void *body, size_t n, size_t step,
    const struct person *to)
{
	cleanup(pgp_proof_free) struct pgp_proof *p = NULL;
	struct pgp_cert *const certs[] = { t.rsa.cert,
		to == NULL ? NULL : to->cert };
	struct err err = { 0 };
	const char *reason = NULL;
	const uint8_t *s = body;
	int rc = to == NULL
	    ? pgp_proof_new_for_anyone(type, strlen(type), &p, &err)
	    : pgp_proof_new(type, strlen(type), certs + (to == &t.rsa),
		  to == &t.rsa ? 1 : 2, &p, &err);

	if (rc == 0)
		return 0;
	assert_int_equal(rc, 1);
	for (size_t i = 0; i < n; i += step)
		assert_true(pgp_proof_feed(p, s + i,
				n - i < step ? n - i : step, &err) >= 0);
	rc = pgp_proof_finish(p, &reason, &err);
	assert_int_equal(err.kind, ERR_NONE);
	assert_non_null(reason);
	if (rc == 0)
		assert_string_not_equal(reason, "");
	(void)snprintf(t.reason, sizeof t.reason, "%s", reason);
	return rc;
}

/* Says why not, when it should be proven. */
static void
assert_proven(int rc, bool proven)
{
	if (proven && rc == 0)
		print_message("not proven: %s\n", t.reason);
	assert_int_equal(rc, proven);
}

static int
prove(const char *type, const struct buf *body, const struct person *to)
{
	return prove_in_steps(type, body->data, body->len, body->len, to);
}

/* The body before + armor + after. */
static struct buf
body_of(const char *before, const struct buf *armor, const char *after)
{
	struct buf b = { .limit = 4 * BIG };

	assert_int_equal(buf_puts(&b, before, NULL), 0);
	assert_int_equal(buf_put(&b, armor->data, armor->len, NULL), 0);
	assert_int_equal(buf_puts(&b, after, NULL), 0);
	return b;
}

static const struct {
	const char *name, *type, *before, *after;
} layouts[] = {
	{ "ours", TYPE,
	    "--bb\r\n"
	    "Content-Type: application/pgp-encrypted\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "\r\n"
	    "--bb\r\n"
	    "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
	    "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n"
	    "\r\n",
	    AFTER },
	{ "Thunderbird",
	    " multipart/encrypted;\r\n"
	    " protocol=\"application/pgp-encrypted\";\r\n"
	    " boundary=\"------------oNyRz2pGmcUYhm0lhqPyGrYD\"",
	    "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n"
	    "--------------oNyRz2pGmcUYhm0lhqPyGrYD\r\n"
	    "Content-Type: application/pgp-encrypted\r\n"
	    "Content-Description: PGP/MIME version identification\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "\r\n"
	    "--------------oNyRz2pGmcUYhm0lhqPyGrYD\r\n"
	    "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
	    "Content-Description: OpenPGP encrypted message\r\n"
	    "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n"
	    "\r\n",
	    "\r\n--------------oNyRz2pGmcUYhm0lhqPyGrYD--\r\n" },
	{ "Mutt",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n"
	    "\tboundary=\"ew6BAiZeqk4r7MaW\"",
	    "\r\n--ew6BAiZeqk4r7MaW\r\n"
	    "Content-Type: application/pgp-encrypted\r\n"
	    "Content-Disposition: attachment\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "\r\n"
	    "--ew6BAiZeqk4r7MaW\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Disposition: attachment; filename=\"msg.asc\"\r\n"
	    "\r\n",
	    "\r\n--ew6BAiZeqk4r7MaW--\r\n" },
	{ "KMail and GpgOL",
	    " multipart/encrypted;\r\n boundary=\"=-=nextPart=-=\";\r\n"
	    " protocol=\"application/pgp-encrypted\"",
	    "This is a multi-part message in MIME format.\r\n\r\n"
	    "--=-=nextPart=-=\r\n"
	    "Content-Type: application/pgp-encrypted\r\n"
	    "Content-Disposition: attachment\r\n"
	    "Content-Transfer-Encoding: 7Bit\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "--=-=nextPart=-=\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Disposition: inline; filename=\"msg.asc\"\r\n"
	    "Content-Transfer-Encoding: 7Bit\r\n"
	    "\r\n",
	    "\r\n--=-=nextPart=-=--\r\n" },
	{ "Delta Chat",
	    " multipart/encrypted; protocol=\"application/pgp-encrypted\";"
	    " boundary=\"17f3\"",
	    "\r\n\r\n--17f3\r\n"
	    "Content-Type: application/pgp-encrypted; charset=\"utf-8\"\r\n"
	    "Content-Description: PGP/MIME version identification\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n"
	    "Version: 1\r\n"
	    "\r\n"
	    "--17f3\r\n"
	    "Content-Type: application/octet-stream; name=\"encrypted.asc\";"
	    " charset=\"utf-8\"\r\n"
	    "Content-Description: OpenPGP encrypted message\r\n"
	    "Content-Disposition: inline; filename=\"encrypted.asc\";\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n",
	    "\r\n--17f3--\r\n\r\n" },
};

static void
genuine_messages_are_proven(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(layouts); i++) {
		cleanup(buf_reset) struct buf to_ann =
		    body_of(layouts[i].before, &t.armored, layouts[i].after);
		cleanup(buf_reset) struct buf to_bob = body_of(
		    layouts[i].before, &t.other_armored, layouts[i].after);

		print_message("%s\n", layouts[i].name);
		assert_proven(prove(layouts[i].type, &to_ann, &t.ann), 1);
		assert_proven(prove(layouts[i].type, &to_ann, &t.bob), 0);
		assert_proven(prove(layouts[i].type, &to_bob, &t.ann), 0);
		assert_proven(prove(layouts[i].type, &to_bob, &t.bob), 1);
	}
}

/* What gpg can do: who can prove it is told by a, b, r. */
static const struct {
	const char *name, *options, *who;
} by_gpg[] = {
	{ "one recipient", "-r ann@example.org", "a" },
	{ "RSA", "-r rsa@example.org", "abr" }, /* all proofs look for rsa */
	{ "several", "-r bob@example.org -r ann@example.org", "ab" },
	{ "hidden", "-R ann@example.org", "" },
	{ "hidden beside another", "-R ann@example.org -r bob@example.org",
	    "b" },
	{ "signed", "-s -u bob@example.org -r ann@example.org", "a" },
	{ "not compressed", "-z0 -r ann@example.org", "a" },
	{ "and a password",
	    "-c --pinentry-mode loopback --passphrase x -r ann@example.org",
	    "a" },
	{ "a password alone", "-c --pinentry-mode loopback --passphrase x",
	    "-" },
	{ "armor headers",
	    "--emit-version --comment https://openpgpjs.org"
	    " -r ann@example.org",
	    "a" },
	{ "text in a comment",
	    "--comment 'the canary sings' -r ann@example.org", "" },
	{ "old cipher", "--cipher-algo 3DES -r ann@example.org "
	    /* gpg 2.4 wants to be asked twice, 2.2 does not know how */
	    "$(gpg --dump-options | grep -xe --allow-old-cipher-algos)",
	    "a" },
};

static void
what_gpg_makes_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(by_gpg); i++) {
		cleanup(buf_reset) struct buf armor = { .limit = BIG };
		cleanup(buf_reset) struct buf lf = { .limit = BIG };
		const char *who = by_gpg[i].who;

		print_message("%s\n", by_gpg[i].name);
		assert_int_equal(
		    run(&lf,
			"gpg --batch -q --trust-model always"
			" -a %s %s <plain 2>/dev/null",
			by_gpg[i].options, strcmp(who, "-") == 0 ? "" : "-e"),
		    0);
		put_crlf(&armor, &lf);
		cleanup(buf_reset) struct buf body =
		    body_of(BEFORE, &armor, AFTER);
		assert_proven(
		    prove(TYPE, &body, &t.ann), strchr(who, 'a') != NULL);
		assert_proven(
		    prove(TYPE, &body, &t.bob), strchr(who, 'b') != NULL);
		assert_proven(
		    prove(TYPE, &body, &t.rsa), strchr(who, 'r') != NULL);
	}
}

/* With partial lengths, as a pipe makes gpg write them. */
static void
large_messages_are_proven(void **state)
{
	cleanup(buf_reset) struct buf armor = { .limit = BIG };
	cleanup(buf_reset) struct buf lf = { .limit = BIG };

	(void)state;
	assert_int_equal(
	    run(&lf, "head -c 300000 /dev/zero | gpg --batch -q"
		     " --trust-model always -z0 -a -r ann@example.org -e"),
	    0);
	put_crlf(&armor, &lf);
	assert_true(armor.len > 400000);
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &armor, AFTER);
	for (size_t step = 1000; step < 100000; step += 9973)
		assert_proven(
		    prove_in_steps(TYPE, body.data, body.len, step, &t.ann), 1);
	assert_proven(prove(TYPE, &body, &t.bob), 0);
}

/* Programs that are not everywhere. */
static const struct {
	const char *program, *command;
} others[] = {
	{ "rnp",
	    "mkdir -m 700 -p rnp && gpg -a --export ann@example.org >ann.asc"
	    " && rnpkeys --homedir rnp --import ann.asc >/dev/null 2>&1"
	    " && rnp --homedir rnp -e --armor -r ann@example.org <plain"
	    " 2>/dev/null" },
	{ "sqop", "gpg -a --export ann@example.org >ann.asc"
		  " && sqop encrypt ann.asc <plain" },
};

static void
other_programs_are_understood(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(others); i++) {
		cleanup(buf_reset) struct buf armor = { .limit = BIG };
		cleanup(buf_reset) struct buf lf = { .limit = BIG };

		if (run(NULL, "command -v %s", others[i].program) != 0) {
			print_message("%s: not installed\n", others[i].program);
			continue;
		}
		print_message("%s\n", others[i].program);
		assert_int_equal(run(&lf, "%s", others[i].command), 0);
		for (size_t k = 0; k < lf.len; k++)
			if (lf.data[k] != '\r')
				assert_int_equal(
				    buf_put(&armor,
					lf.data[k] == '\n'
					    ? "\r\n"
					    : (char *)&lf.data[k],
					lf.data[k] == '\n' ? 2 : 1, NULL),
				    0);
		cleanup(buf_reset) struct buf body =
		    body_of(BEFORE, &armor, AFTER);
		assert_proven(prove(TYPE, &body, &t.ann), 1);
		assert_proven(prove(TYPE, &body, &t.bob), 0);
	}
}

/* --- forgeries: the MIME structure and the armor --- */

/* '@' in a body is the genuine armored message. */
static const struct {
	const char *name, *type, *body;
} forgeries[] = {
	{ "a bare Content-Type", " multipart/encrypted", CANARY },
	{ "Content-Type and text", TYPE, CANARY },
	{ "wrong protocol",
	    " multipart/encrypted; protocol=\"application/pgp-signature\";"
	    " boundary=bb",
	    BEFORE "@" AFTER },
	{ "no protocol", " multipart/encrypted; boundary=bb",
	    BEFORE "@" AFTER },
	{ "another multipart",
	    " multipart/mixed; protocol=\"application/pgp-encrypted\";"
	    " boundary=bb",
	    BEFORE "@" AFTER },
	{ "armor lines around text", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\n\r\n" CANARY "\r\n"
		   "-----END PGP MESSAGE-----\r\n" AFTER },
	{ "armor lines around base64 of text", TYPE,
	    BEFORE
	    "-----BEGIN PGP MESSAGE-----\r\n\r\n"
	    "VGhlIGNhbmFyeSBzaW5ncyBhdCBub29uLCBiZWhpbmQgdGhlIG9sZCBtaWxs\r\n"
	    "-----END PGP MESSAGE-----\r\n" AFTER },
	{ "empty armor", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\n\r\n"
		   "-----END PGP MESSAGE-----\r\n" AFTER },
	{ "no armor", TYPE, BEFORE AFTER },
	{ "text in front of the armor", TYPE, BEFORE CANARY "\r\n@" AFTER },
	{ "text behind the armor", TYPE, BEFORE "@" CANARY AFTER },
	{ "text behind the armor, after blank lines", TYPE,
	    BEFORE "@\r\n\r\n\r\n" CANARY AFTER },
	{ "text behind the message", TYPE, BEFORE "@" AFTER CANARY },
	{ "text in front of the message", TYPE,
	    CANARY "\r\n" BEFORE "@" AFTER },
	{ "two armored messages", TYPE, BEFORE "@@" AFTER },
	{ "a second part", TYPE,
	    BEFORE
	    "@\r\n--bb\r\nContent-Type: text/plain\r\n\r\n" CANARY AFTER },
	{ "a second encrypted part", TYPE,
	    BEFORE "@\r\n--bb\r\nContent-Type: application/octet-stream\r\n"
		   "\r\n@" AFTER },
	{ "a nested part", TYPE,
	    "--bb\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n\r\n"
	    "--bb\r\nContent-Type: multipart/mixed; boundary=cc\r\n\r\n"
	    "--cc\r\n\r\n" CANARY "\r\n--cc\r\n\r\n@\r\n--cc--\r\n" AFTER },
	{ "a nested message", TYPE,
	    "--bb\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n\r\n"
	    "--bb\r\nContent-Type: message/rfc822\r\n\r\n@" AFTER },
	{ "text in a comment of the armor", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\nComment: " CANARY
		   "\r\n\r\n#" AFTER },
	{ "known comment of the armor, twice", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\n"
		   "Comment: https://openpgpjs.org\r\n"
		   "Comment: https://openpgpjs.org\r\n\r\n#" AFTER },
	{ "another armor header", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\nX-Note: a\r\n\r\n#" AFTER },
	{ "text before the base64", TYPE,
	    BEFORE
	    "-----BEGIN PGP MESSAGE-----\r\n\r\nHello, world!\r\n#" AFTER },
	{ "base64 before the base64", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\n\r\nHellooWorlddAgain123"
		   "\r\n#" AFTER },
	{ "signature armor", TYPE,
	    BEFORE "-----BEGIN PGP SIGNATURE-----\r\n\r\n#" AFTER },
	{ "blank line in the armor", TYPE,
	    BEFORE "-----BEGIN PGP MESSAGE-----\r\n\r\n\r\n#" AFTER },
	{ "another version", TYPE,
	    "--bb\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n" CANARY "\r\n--bb\r\n"
	    "Content-Type: application/octet-stream\r\n\r\n@" AFTER },
	{ "base64 on top", TYPE,
	    "--bb\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
	    "Version: 1\r\n\r\n--bb\r\n"
	    "Content-Type: application/octet-stream\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n@" AFTER },
	{ "armor without MIME", " text/plain", "@" },
	{ "no last delimiter", TYPE, BEFORE "@" },
};

/* '#' is the genuine message without its first line and the empty one. */
static void
put_forgery(struct buf *to, const char *body)
{
	const uint8_t *data =
	    memmem(t.armored.data, t.armored.len, "\r\n\r\n", 4);

	assert_non_null(data);
	size_t head = (size_t)(data + 4 - t.armored.data);
	for (; *body != '\0'; body++)
		if (*body == '@')
			assert_int_equal(
			    buf_put(to, t.armored.data, t.armored.len, NULL),
			    0);
		else if (*body == '#')
			assert_int_equal(
			    buf_put(to, data + 4, t.armored.len - head, NULL),
			    0);
		else
			assert_int_equal(buf_putc(to, (uint8_t)*body, NULL), 0);
}

static void
forgeries_are_not_proven(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(forgeries); i++) {
		cleanup(buf_reset) struct buf body = { .limit = BIG };

		print_message("%s\n", forgeries[i].name);
		put_forgery(&body, forgeries[i].body);
		assert_proven(prove(forgeries[i].type, &body, &t.ann), 0);
		for (size_t step = 1; step < 70; step += 9)
			assert_proven(prove_in_steps(forgeries[i].type,
					  body.data, body.len, step, &t.ann),
			    0);
	}
	/* the pieces are good: without a forgery it is a proof */
	cleanup(buf_reset) struct buf body = { .limit = BIG };
	put_forgery(&body, BEFORE "-----BEGIN PGP MESSAGE-----\r\n"
				  "Version: GnuPG v2\r\nComment: "
				  "https://openpgpjs.org\r\n\r\n#" AFTER);
	assert_proven(prove(TYPE, &body, &t.ann), 1);
}

/* One octet of the armor is changed into a text that is as long. */
static void
damaged_armor_is_not_proven(void **state)
{
	static const char *const crc[] = { "=AAAA", "=!!!!", "=AAA=" };
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &t.armored, AFTER);
	uint8_t *at = memmem(body.data, body.len, "\r\n=", 3);

	(void)state;
	assert_non_null(at);
	for (size_t i = 0; i < countof(crc); i++) {
		memcpy(at + 2, crc[i], 5);
		assert_proven(prove(TYPE, &body, &t.ann), 0);
	}
	/* RFC 9580 does without it */
	cleanup(buf_reset) struct buf without = { .limit = BIG };
	size_t head = (size_t)(at - body.data);
	assert_int_equal(buf_put(&without, body.data, head, NULL), 0);
	assert_int_equal(
	    buf_put(&without, at + 7, body.len - head - 7, NULL), 0);
	assert_proven(prove(TYPE, &without, &t.ann), 1);
}

/* --- forgeries: the packets --- */

static const struct {
	const char *name, *packets;
	bool proven;
} recipes[] = {
	{ "the genuine packets, framed anew", "ps", true },
	{ "a session key for someone else too", "ops", true },
	{ "for someone else too, behind", "pos", true },
	{ "for nobody in particular too", "wps", true },
	{ "a password too", "pks", true },
	{ "a password too, in front", "kps", true },
	{ "version 6", "6v", true },
	{ "a session key for someone else", "os", false },
	{ "a session key for nobody in particular", "ws", false },
	{ "a password alone", "ks", false },
	{ "no session key", "s", false },
	{ "a session key alone", "p", false },
	{ "another algorithm", "as", false },
	{ "text in a session key", "Ps", false },
	{ "a cut session key", "qs", false },
	{ "an empty session key", "eps", false },
	{ "a long password packet", "pKs", false },
	{ "no integrity: tag 9", "p9", false },
	{ "tag 20", "p2", false },
	{ "an unencrypted literal packet", "l", false },
	{ "a literal packet behind a session key", "pl", false },
	{ "a compressed packet", "c", false },
	{ "a compressed packet behind a session key", "pc", false },
	{ "a literal packet in front", "lps", false },
	{ "a literal packet behind", "psl", false },
	{ "a signature in front", "gps", false },
	{ "a signature behind", "psg", false },
	{ "a marker packet", "mps", false },
	{ "padding behind", "ps1", false },
	{ "padding in front", "1ps", false },
	{ "encrypted data twice", "pss", false },
	{ "a session key behind", "psp", false },
	{ "data of an unknown version", "pS", false },
	{ "data too short", "px", false },
	{ "data much too short", "py", false },
	{ "text as data", "pt", false },
	{ "text behind random data", "pT", false },
	{ "version 6 before data of version 1", "6s", false },
	{ "version 6 among others", "p6s", false },
	{ "version 3 before data of version 2", "pv", false },
	{ "password of version 4 before data of version 2", "6kv", false },
	{ "version 6 with a cut fingerprint", "0v", false },
	{ "data of version 2 in an unknown mode", "6V", false },
	{ "data of version 2 too short", "6X", false },
};

/* Encrypted, but not to the recipient. */
static bool
is_for_others(const char *packets)
{
	return strcmp(packets, "os") == 0 || strcmp(packets, "ws") == 0 ||
	    strcmp(packets, "ks") == 0;
}

static void
packets_are_judged(void **state)
{
	uint8_t fingerprint[32];

	(void)state;
	fill(fingerprint, sizeof fingerprint);
	for (size_t i = 0; i < countof(recipes); i++) {
		cleanup(buf_reset) struct buf packets = { .limit = BIG };
		cleanup(buf_reset) struct buf armor = { .limit = BIG };
		bool v6 = strpbrk(recipes[i].packets, "60") != NULL;
		cleanup(pgp_cert_free) struct pgp_cert *cert =
		    make_cert(fingerprint, sizeof fingerprint, PGP_X25519);
		struct person to = { .cert = v6 ? cert : t.ann.cert };

		print_message("%s\n", recipes[i].name);
		for (const char *c = recipes[i].packets; *c != '\0'; c++)
			put_for_letter(&packets, *c, &cert->subkeys[0]);
		put_armored(&armor, &packets);
		cleanup(buf_reset) struct buf body =
		    body_of(BEFORE, &armor, AFTER);
		assert_proven(prove(TYPE, &body, &to), recipes[i].proven);
		assert_proven(prove_in_steps(TYPE, body.data, body.len, 7, &to),
		    recipes[i].proven);
		assert_proven(prove(TYPE, &body, &t.rsa), 0);
		assert_proven(prove(TYPE, &body, NULL),
		    recipes[i].proven || is_for_others(recipes[i].packets));
	}
}

static void
session_keys_are_bounded(void **state)
{
	cleanup(buf_reset) struct buf packets = { .limit = BIG };
	cleanup(buf_reset) struct buf armor = { .limit = BIG };

	(void)state;
	for (int i = 0; i < 64; i++)
		put_for_letter(&packets, 'o', NULL);
	put_for_letter(&packets, 'p', NULL);
	put_for_letter(&packets, 's', NULL);
	put_armored(&armor, &packets);
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &armor, AFTER);
	assert_proven(prove(TYPE, &body, &t.ann), 0);
}

/* --- cut and flipped --- */

static void
steps_make_no_difference(void **state)
{
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &t.armored, AFTER);

	(void)state;
	for (size_t step = 1; step <= body.len + 1; step++)
		assert_proven(
		    prove_in_steps(TYPE, body.data, body.len, step, &t.ann), 1);
}

static void
cut_messages_are_not_proven(void **state)
{
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &t.armored, AFTER);

	(void)state;
	/* the last line's CRLF may be missing */
	for (size_t n = 0; n < body.len - 2; n++)
		assert_proven(
		    prove_in_steps(TYPE, body.data, n, n + 1, &t.ann), 0);
}

static void
flipped_messages_are_not_proven(void **state)
{
	cleanup(buf_reset) struct buf body = body_of(BEFORE, &t.armored, AFTER);
	const uint8_t *begin = memmem(body.data, body.len, "-----BEGIN", 10);
	const uint8_t *end = memmem(body.data, body.len, "-----END", 8);
	size_t proven = 0;

	(void)state;
	for (size_t i = 0; i < body.len * 8; i++) {
		uint8_t *at = body.data + i / 8;

		*at ^= (uint8_t)(1 << i % 8);
		int rc =
		    prove_in_steps(TYPE, body.data, body.len, body.len, &t.ann);
		*at ^= (uint8_t)(1 << i % 8);
		proven += rc == 1;
		if (at >= begin && at < end)
			assert_int_equal(rc, 0);
	}
	/* the case of letters in the names of fields */
	assert_true(proven < 150);
}

static void
spread_tells_text_from_ciphertext(void **state)
{
	static const size_t sizes[] = { 64, 100, 1000, 4096, 5000, 9000 };
	uint8_t random[9000], text[9000];

	(void)state;
	fill(random, sizeof random);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)CANARY[i % strlen(CANARY)];
	for (size_t i = 0; i < countof(sizes); i++) {
		struct spread s = { 0 };

		assert_true(spread_add(&s, random, sizes[i]));
		assert_true(spread_is_even(&s));
		s = (struct spread){ 0 };
		assert_false(
		    spread_add(&s, text, sizes[i]) && spread_is_even(&s));
	}
}

/* --- before and after --- */

static int
set_up(void **state)
{
	cleanup(buf_reset) struct buf text = { .limit = BIG };

	(void)state;
	(void)snprintf(t.home, sizeof t.home, "/tmp/proof-test-XXXXXX");
	if (mkdtemp(t.home) == NULL)
		return -1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(buf_puts(&text, CANARY, NULL), 0);
	write_file("plain", text.data, text.len);
	make_person(&t.ann);
	make_person(&t.bob);
	make_person(&t.rsa);
	encrypt(&t.armored, "-r ann@example.org");
	encrypt(&t.other_armored, "-r bob@example.org");
	take_apart(&t.armored, &t.pkesk, &t.seipd);
	take_apart(&t.other_armored, &t.other_pkesk, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pgp_cert_free(&t.ann.cert);
	pgp_cert_free(&t.bob.cert);
	pgp_cert_free(&t.rsa.cert);
	buf_reset(&t.armored);
	buf_reset(&t.other_armored);
	buf_reset(&t.pkesk);
	buf_reset(&t.seipd);
	buf_reset(&t.other_pkesk);
	return run(NULL, "gpgconf --homedir %s --kill all; cd / && rm -r %s",
	    t.home, t.home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(genuine_messages_are_proven),
		cmocka_unit_test(what_gpg_makes_is_judged),
		cmocka_unit_test(large_messages_are_proven),
		cmocka_unit_test(other_programs_are_understood),
		cmocka_unit_test(forgeries_are_not_proven),
		cmocka_unit_test(damaged_armor_is_not_proven),
		cmocka_unit_test(packets_are_judged),
		cmocka_unit_test(session_keys_are_bounded),
		cmocka_unit_test(steps_make_no_difference),
		cmocka_unit_test(cut_messages_are_not_proven),
		cmocka_unit_test(flipped_messages_are_not_proven),
		cmocka_unit_test(spread_tells_text_from_ciphertext),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

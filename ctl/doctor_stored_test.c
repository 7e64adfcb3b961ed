/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "doctor_probe.h"

#include "doctor_testing.h"
#include "openpgp/seal.h"
#include "openpgp/testing.h"

enum { NOW = 1795251357 };

#define CANARY "0123456789abcdef"

static struct crypt *door;

/* A certificate with one of the known keys. */
static struct pgp_cert *
make_cert(size_t which, int64_t expires)
{
	struct test_subkey made;
	struct pgp_cert *c = pgp_cert_new();
	struct err err;

	test_subkey_init(door, &test_keys[which], &made);
	made.subkey.expires = expires;
	assert_non_null(c);
	assert_int_equal(pgp_cert_add_subkey(c, &made.subkey, &err), 0);
	return c;
}

static void
put_fields(const struct header *h, const struct sink *to)
{
	for (size_t i = 0; i < h->count; i++)
		assert_int_equal(
		    sink_put(to, h->fields[i].raw, h->fields[i].raw_len, NULL),
		    0);
}

/* A message that is sealed to the certificate, as it is stored. */
static void
seal_message(struct pgp_cert *cert, struct buf *out)
{
	static const char field[] = "Content-Type: text/plain\r\n";
	struct pgp_cert *const certs[] = { cert };
	const struct seal_request request = { .crypt = door,
		.certs = certs,
		.cert_count = 1,
		.cert = cert,
		.subkey = &cert->subkeys[0],
		.spool_directory = "/tmp" };
	const struct sink to = sink_to_buf(out);
	cleanup(seal_free) struct seal *s = NULL;
	enum seal_outcome outcome;

	assert_int_equal(seal_new(&request, &s, NULL), 0);
	assert_int_equal(seal_field(s, field, sizeof field - 1, NULL), 0);
	assert_int_equal(seal_end_of_header(s, true, NULL), 0);
	assert_int_equal(
	    seal_body(s, CANARY "\r\n", strlen(CANARY) + 2, NULL), 0);
	assert_int_equal(seal_finish(s, &outcome, NULL), 0);
	assert_int_equal(outcome, SEAL_SEALED);
	put_fields(seal_marker(s), &to);
	put_fields(seal_added(s), &to);
	assert_int_equal(sink_put(&to, "\r\n", 2, NULL), 0);
	assert_int_equal(spool_replay(seal_body_spool(s), 0, &to, NULL), 0);
}

/* As doveadm prints it. */
static void
without_cr(struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] != '\r')
			text->data[n++] = text->data[i];
	text->len = n;
}

static int
judge(const struct buf *text, struct pgp_cert **certs, size_t count)
{
	const struct cert_list list = { certs, count };
	char reason[DOCTOR_REASON_SIZE] = "";
	struct err err = { 0 };
	int rc = doctor_is_sealed(
	    text->data, text->len, CANARY, &list, NOW, reason, &err);

	assert_int_equal(rc == 0, reason[0] != '\0');
	return rc;
}

static void
test_sealed(void **state)
{
	cleanup(buf_reset) struct buf text = { .limit = 1 << 20 };
	struct pgp_cert *mine = make_cert(0, 0);
	struct pgp_cert *other = make_cert(TEST_KEY_X25519, 0);
	struct pgp_cert *ended = make_cert(0, NOW - 1);
	struct pgp_cert *both[] = { other, mine };

	(void)state;
	seal_message(mine, &text);
	assert_int_equal(judge(&text, &mine, 1), 1);
	without_cr(&text);
	assert_int_equal(judge(&text, &mine, 1), 1);
	assert_int_equal(judge(&text, &other, 1), 0);
	assert_int_equal(judge(&text, &ended, 1), 0);
	assert_int_equal(judge(&text, &mine, 0), 0);
	/* the newest one that is usable is the one that counts */
	assert_int_equal(judge(&text, both, 2), 0);
	for (size_t n = 0; n + 100 < text.len; n += 37) {
		const struct buf cut = { .data = text.data, .len = n };

		assert_int_equal(judge(&cut, &mine, 1), 0);
	}
	pgp_cert_free(&mine);
	pgp_cert_free(&other);
	pgp_cert_free(&ended);
}

static const struct {
	const char *name, *text, *reason;
} plain[] = {
	{ "plaintext", "Subject: x\n\n" CANARY "\n", "plaintext" },
	{ "another type", "Content-Type: text/plain\n\nhello\n",
	    "Content-Type" },
	{ "no header", "hello", "Content-Type" },
	{ "nothing", "", "Content-Type" },
	{ "a type alone",
	    "Content-Type: multipart/encrypted; boundary=b; "
	    "protocol=\"application/pgp-encrypted\"\n\n--b\n\nhello\n--b--\n",
	    "" },
};

static void
test_plain(void **state)
{
	struct pgp_cert *cert = make_cert(0, 0);
	struct pgp_cert *list[] = { cert };
	const struct cert_list certs = { list, 1 };

	(void)state;
	for (size_t i = 0; i < countof(plain); i++) {
		char reason[DOCTOR_REASON_SIZE] = "";
		struct err err = { 0 };

		assert_int_equal(
		    doctor_is_sealed(plain[i].text, strlen(plain[i].text),
			CANARY, &certs, NOW, reason, &err),
		    0);
		assert_string_not_equal(reason, "");
		if (strstr(reason, plain[i].reason) == NULL)
			fail_msg("%s: %s", plain[i].name, reason);
	}
	pgp_cert_free(&cert);
}

/* ---- the queue ---- */

#define LINE                                                         \
	"{\"queue_name\": \"deferred\", \"queue_id\": \"4bXyZ12\", " \
	"\"recipients\": [{\"address\": \"ann@one.example\", "       \
	"\"delay_reason\": \"451 \\\"why\\\" not\"}]}"

static const struct {
	const char *line;
	const char *id, *reason; /* NULL: none of it */
} lines[] = {
	{ LINE, "4bXyZ12", "451 \"why\" not" },
	{ "{\"queue_id\": \"AB\", \"address\": \"ann@one.example\"}", "AB",
	    "" },
	{ "{\"queue_id\": \"AB\", \"address\": \"bob@one.example\"}", NULL,
	    NULL },
	{ "{\"queue_id\": \"A;B\", \"address\": \"ann@one.example\"}", NULL,
	    NULL },
	{ "{\"address\": \"ann@one.example\"}", NULL, NULL },
	{ "", NULL, NULL },
};

static void
test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(lines); i++) {
		struct doctor_queued q;
		bool found = doctor_find_queued(lines[i].line,
		    strlen(lines[i].line), "ann@one.example", &q);

		assert_int_equal(found, lines[i].id != NULL);
		if (!found)
			continue;
		assert_string_equal(q.id, lines[i].id);
		assert_string_equal(q.reason, lines[i].reason);
	}
}

/* Nothing behind the line is read. */
static void
test_cut_lines(void **state)
{
	(void)state;
	for (size_t n = 0; n <= strlen(LINE); n++) {
		cleanup(free_str) char *exact = malloc(n + 1);
		struct doctor_queued q;

		assert_non_null(exact);
		memcpy(exact, LINE, n);
		exact[n] = '"';
		(void)doctor_find_queued(exact, n, "ann@one.example", &q);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_cut_lines),
	};
	struct err err;

	if (crypt_open(&door, &err) < 0)
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	crypt_close(&door);
	return rc;
}

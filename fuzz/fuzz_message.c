/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The reader of encrypted messages. The first octet says what the rest is: a
 * message as it stands, or packets that are encrypted first (so that what is
 * inside is fuzzed too), or plaintext that must come back.
 */

#include <string.h>

#include "base/buf.h"
#include "fuzz.h"
#include "openpgp/message.h"
#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/seipd.h"

enum { LARGEST = 1 << 24 };
enum kind { KIND_MESSAGE, KIND_PACKETS, KIND_PLAINTEXT, KINDS };

static const uint8_t key[SESSION_KEY_LEN] = "thirty-two octets of session key";

static int
read_message(const struct crypt *c, const struct buf *message, size_t step,
    struct buf *out)
{
	cleanup(message_reader_free) struct message_reader *r = NULL;
	struct err err = { 0 };
	int rc = 0;

	CHECK(message_reader_new(c, (struct aes_key){ key, sizeof key },
		  sink_to_buf(out), &r, &err) == 0);
	for (size_t i = 0; rc == 0 && i < message->len; i += step) {
		size_t left = message->len - i;

		rc = message_reader_feed(
		    r, message->data + i, left < step ? left : step, &err);
	}
	if (rc == 0)
		rc = message_reader_finish(r, &err);
	CHECK(rc == 0 || err.kind == ERR_PROTO || err.kind == ERR_PERM);
	return rc;
}

static void
put_literal(const struct sink *to, const uint8_t *data, size_t size)
{
	cleanup(packet_writer_free) struct packet_writer *p = NULL;

	CHECK(packet_writer_new(PGP_TAG_LITERAL, *to, &p, NULL) == 0);

	struct sink literal = packet_writer_sink(p);

	CHECK(sink_put(&literal, "b\0\0\0\0\0", 6, NULL) == 0);
	CHECK(sink_put(&literal, data, size, NULL) == 0);
	CHECK(packet_writer_finish(p, NULL) == 0);
}

static void
encrypt(const struct crypt *c, enum kind kind, enum seipd_version version,
    const uint8_t *data, size_t size, struct buf *out)
{
	cleanup(packet_writer_free) struct packet_writer *p = NULL;
	cleanup(seipd_writer_free) struct seipd_writer *w = NULL;

	CHECK(
	    packet_writer_new(PGP_TAG_SEIPD, sink_to_buf(out), &p, NULL) == 0);
	CHECK(seipd_writer_new(
		  c, version, key, packet_writer_sink(p), &w, NULL) == 0);

	struct sink to = seipd_writer_sink(w);

	if (kind == KIND_PLAINTEXT)
		put_literal(&to, data, size);
	else
		CHECK(sink_put(&to, data, size, NULL) == 0);
	CHECK(seipd_writer_finish(w, NULL) == 0);
	CHECK(packet_writer_finish(p, NULL) == 0);
}

static void
check(const struct crypt *c, enum kind kind, const struct buf *message,
    const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf whole = { .limit = LARGEST };
	cleanup(buf_reset) struct buf part = { .limit = LARGEST };
	int rc = read_message(c, message, message->len + 1, &whole);

	CHECK(read_message(c, message, 13, &part) == rc);
	if (rc == 0) {
		CHECK(part.len == whole.len);
		CHECK(whole.len == 0 ||
		      memcmp(part.data, whole.data, whole.len) == 0);
	}
	if (kind == KIND_PLAINTEXT) {
		CHECK(rc == 0 && whole.len == size);
		CHECK(size == 0 || memcmp(whole.data, data, size) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup(crypt_close) struct crypt *c = NULL;

	if (size == 0)
		return 0;
	CHECK(crypt_open(&c, NULL) == 0);

	enum kind kind = data[0] % KINDS;
	enum seipd_version version = data[0] & 0x80 ? SEIPD_V2 : SEIPD_V1;
	cleanup(buf_reset) struct buf message = { .limit = LARGEST };

	data++;
	size--;
	if (kind == KIND_MESSAGE)
		CHECK(buf_put(&message, data, size, NULL) == 0);
	else
		encrypt(c, kind, version, data, size, &message);
	check(c, kind, &message, data, size);
	return 0;
}

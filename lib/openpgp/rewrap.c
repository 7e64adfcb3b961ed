/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/rewrap.h"

#include "openpgp/packet.h"
#include "openpgp/packet_writer.h"
#include "openpgp/seipd.h"

struct rewrap {
	struct seipd_reader *from;
	struct seipd_writer *to;
	struct packet_writer *packet;
	unsigned tag;
	unsigned ended; /* encrypted packets that were read to their end */
};

static void
rewrap_reset(struct rewrap *r)
{
	seipd_reader_free(&r->from);
	seipd_writer_free(&r->to);
	packet_writer_free(&r->packet);
}

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct rewrap *r = ctx;

	r->tag = tag;
	if (tag == PGP_TAG_SEIPD && r->ended > 0)
		return err_set(err, ERR_PERM, "more than one encrypted packet");
	return 0;
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct rewrap *r = ctx;

	return r->tag != PGP_TAG_SEIPD
		   ? 0
		   : seipd_reader_feed(r->from, data, n, err);
}

static int
on_end(void *ctx, struct err *err)
{
	struct rewrap *r = ctx;

	if (r->tag != PGP_TAG_SEIPD)
		return 0;
	r->ended++;
	return seipd_reader_finish(r->from, err);
}

static int
prepare(const struct crypt *c, struct aes_key key,
    const uint8_t new_key[SESSION_KEY_LEN], struct rewrap *r, struct buf *out,
    struct err *err)
{
	if (packet_writer_new(
		PGP_TAG_SEIPD, sink_to_buf(out), &r->packet, err) < 0 ||
	    seipd_writer_new(c, SEIPD_V1, new_key,
		packet_writer_sink(r->packet), &r->to, err) < 0)
		return -1;
	return seipd_reader_new(
	    c, key, seipd_writer_sink(r->to), &r->from, err);
}

int
message_rewrap(const struct crypt *c, struct aes_key key,
    struct crypt_bytes data, uint8_t new_key[SESSION_KEY_LEN], struct buf *out,
    struct err *err)
{
	cleanup(rewrap_reset) struct rewrap r = { 0 };
	cleanup(packet_reader_free) struct packet_reader *packets = NULL;
	const struct packet_events events = { on_begin, on_body, on_end, &r };

	if (crypt_random(c, new_key, SESSION_KEY_LEN, err) < 0 ||
	    prepare(c, key, new_key, &r, out, err) < 0 ||
	    packet_reader_new(events, &packets, err) < 0 ||
	    packet_reader_feed(packets, data.data, data.len, err) < 0 ||
	    packet_reader_finish(packets, err) < 0)
		return -1;
	if (r.ended != 1)
		return err_set(err, ERR_PERM, "there is nothing encrypted in it");
	return seipd_writer_finish(r.to, err) < 0
		   ? -1
		   : packet_writer_finish(r.packet, err);
}

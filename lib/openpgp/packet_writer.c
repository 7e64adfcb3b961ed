/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/packet_writer.h"

#include <stdbool.h>
#include <string.h>

enum { NEW_FORMAT = 0xc0, PARTIAL = 224, TWO_OCTETS = 192, FOUR_OCTETS = 255 };

struct packet_writer {
	struct sink to;
	unsigned tag;
	bool begun; /* the tag is out */
	size_t len;
	uint8_t part[PACKET_PART_LEN];
};

int
packet_writer_new(
    unsigned tag, struct sink to, struct packet_writer **out, struct err *err)
{
	struct packet_writer *w = malloc(sizeof *w);

	if (w == NULL)
		return err_nomem(err);
	w->to = to;
	w->tag = tag;
	w->begun = false;
	w->len = 0;
	*out = w;
	return 0;
}

void
packet_writer_free(struct packet_writer **wp)
{
	struct packet_writer *w = steal(wp);

	if (w == NULL)
		return;
	explicit_bzero(w->part, sizeof w->part);
	free(w);
}

static size_t
plain_length(uint32_t n, uint8_t *out)
{
	if (n < TWO_OCTETS) {
		out[0] = (uint8_t)n;
		return 1;
	}
	if (n < 8384) {
		out[0] = (uint8_t)(((n - TWO_OCTETS) >> 8) + TWO_OCTETS);
		out[1] = (uint8_t)(n - TWO_OCTETS);
		return 2;
	}
	out[0] = FOUR_OCTETS;
	for (unsigned i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(n >> (24 - 8 * i));
	return 5;
}

size_t
packet_header(unsigned tag, uint32_t n, uint8_t out[PACKET_HEADER_MAX])
{
	out[0] = (uint8_t)(NEW_FORMAT | tag);
	return 1 + plain_length(n, out + 1);
}

static int
put_header(struct packet_writer *w, bool partial, uint32_t n, struct err *err)
{
	uint8_t header[PACKET_HEADER_MAX];
	size_t len = packet_header(w->tag, n, header);
	size_t skip = w->begun ? 1 : 0;

	if (partial) {
		header[1] = PARTIAL + PACKET_PART_BITS;
		len = 2;
	}
	w->begun = true;
	return sink_put(&w->to, header + skip, len - skip, err);
}

static int
put_part(struct packet_writer *w, const uint8_t *data, struct err *err)
{
	if (put_header(w, true, PACKET_PART_LEN, err) < 0)
		return -1;
	return sink_put(&w->to, data, PACKET_PART_LEN, err);
}

static int
packet_put(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct packet_writer *w = ctx;

	while (n > 0) {
		size_t room = PACKET_PART_LEN - w->len;
		size_t len = n < room ? n : room;

		if (room == 0) {
			w->len = 0;
			if (put_part(w, w->part, err) < 0)
				return -1;
			continue;
		}
		if (w->len == 0 && n > PACKET_PART_LEN) {
			if (put_part(w, data, err) < 0)
				return -1;
		} else {
			memcpy(w->part + w->len, data, len);
			w->len += len;
		}
		data += len;
		n -= len;
	}
	return 0;
}

struct sink
packet_writer_sink(struct packet_writer *w)
{
	return (struct sink){ .put = packet_put, .ctx = w };
}

int
packet_writer_finish(struct packet_writer *w, struct err *err)
{
	if (put_header(w, false, (uint32_t)w->len, err) < 0)
		return -1;
	return sink_put(&w->to, w->part, w->len, err);
}

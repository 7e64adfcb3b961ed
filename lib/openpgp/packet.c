/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/packet.h"

enum {
	FIRST_PARTIAL_MIN = 512,
	LENGTH_MAX = 4, /* octets of a length that is a number */
};

/* What the next octet is. */
enum state {
	STATE_TAG,
	STATE_NEW_LENGTH, /* the first octet of a new-format length */
	STATE_SECOND,     /* the second and last octet of one */
	STATE_NUMBER,     /* `left` more octets of a length */
	STATE_BODY,       /* `left` more octets of the body, or of a part */
	STATE_ENDLESS,    /* body up to the end of the input */
	STATE_BROKEN,
};

struct packet_reader {
	struct packet_events events;
	enum state state;
	unsigned tag;
	bool partial; /* a length follows the current part */
	bool begun;   /* the begin event was given */
	uint64_t left;
	uint64_t length;
};

int
packet_reader_new(
    struct packet_events events, struct packet_reader **out, struct err *err)
{
	struct packet_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(err);
	r->events = events;
	*out = r;
	return 0;
}

void
packet_reader_free(struct packet_reader **rp)
{
	free(steal(rp));
}

static int
broken(struct err *err, const char *what)
{
	return err_set(err, ERR_PROTO, "OpenPGP packets: %s", what);
}

/* Only these may come in parts or without a length. */
static bool
is_data(unsigned tag)
{
	return tag == PGP_TAG_COMPRESSED || tag == PGP_TAG_SED ||
	       tag == PGP_TAG_LITERAL || tag == PGP_TAG_SEIPD ||
	       tag == PGP_TAG_GNUPG_AEAD;
}

static int
begin_once(struct packet_reader *r, struct err *err)
{
	if (r->begun)
		return 0;
	r->begun = true;
	return r->events.begin(r->events.ctx, r->tag, err);
}

/* After the last part: the packet is over when nothing is left of it. */
static int
end_if_over(struct packet_reader *r, struct err *err)
{
	if (r->left > 0)
		return 0;
	if (r->partial) {
		r->state = STATE_NEW_LENGTH;
		return 0;
	}
	r->begun = false;
	r->state = STATE_TAG;
	return r->events.end(r->events.ctx, err);
}

static int
start_body(
    struct packet_reader *r, uint64_t length, bool partial, struct err *err)
{
	r->left = length;
	r->partial = partial;
	r->state = STATE_BODY;
	if (begin_once(r, err) < 0)
		return -1;
	return end_if_over(r, err);
}

static void
start_number(struct packet_reader *r, unsigned octets)
{
	r->left = octets;
	r->length = 0;
	r->partial = false;
	r->state = STATE_NUMBER;
}

/* Old format: the length type stands in the tag octet. */
static int
take_old_tag(struct packet_reader *r, uint8_t octet, struct err *err)
{
	unsigned type = octet & 3U;

	r->tag = octet >> 2 & 15U;
	if (r->tag == 0)
		return broken(err, "tag 0");
	if (type < 3) {
		start_number(r, 1U << type);
		return 0;
	}
	if (!is_data(r->tag))
		return broken(err, "a packet that must have a length has none");
	r->state = STATE_ENDLESS;
	return begin_once(r, err);
}

static int
take_tag(struct packet_reader *r, uint8_t octet, struct err *err)
{
	if ((octet & 0x80) == 0)
		return broken(err, "no packet where one should begin");
	if ((octet & 0x40) == 0)
		return take_old_tag(r, octet, err);
	r->tag = octet & 63U;
	r->state = STATE_NEW_LENGTH;
	return r->tag == 0 ? broken(err, "tag 0") : 0;
}

static int
take_partial(struct packet_reader *r, uint8_t octet, struct err *err)
{
	uint64_t length = UINT64_C(1) << (octet & 31);

	if (!is_data(r->tag))
		return broken(err, "a packet that must be whole is in parts");
	if (!r->begun && length < FIRST_PARTIAL_MIN)
		return broken(err, "first part too short");
	return start_body(r, length, true, err);
}

static int
take_new_length(struct packet_reader *r, uint8_t octet, struct err *err)
{
	if (octet < 192)
		return start_body(r, octet, false, err);
	if (octet == 255) {
		start_number(r, LENGTH_MAX);
		return 0;
	}
	if (octet >= 224)
		return take_partial(r, octet, err);
	r->length = (octet - 192U) << 8;
	r->state = STATE_SECOND;
	return 0;
}

static int
take_number(struct packet_reader *r, uint8_t octet, struct err *err)
{
	r->length = r->length << 8 | octet;
	r->left--;
	return r->left > 0 ? 0 : start_body(r, r->length, false, err);
}

static int
take_octet(struct packet_reader *r, uint8_t octet, struct err *err)
{
	switch (r->state) {
	case STATE_TAG:
		return take_tag(r, octet, err);
	case STATE_NEW_LENGTH:
		return take_new_length(r, octet, err);
	case STATE_SECOND:
		return start_body(r, r->length + octet + 192, false, err);
	case STATE_NUMBER:
		return take_number(r, octet, err);
	case STATE_BODY:
	case STATE_ENDLESS:
	case STATE_BROKEN:
		break;
	}
	return broken(err, "damaged");
}

/* The piece of the body that is at hand. */
static int
take_body(
    struct packet_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	if (r->events.body(r->events.ctx, data, n, err) < 0)
		return -1;
	if (r->state == STATE_ENDLESS)
		return 0;
	r->left -= n;
	return end_if_over(r, err);
}

static size_t
at_hand(const struct packet_reader *r, size_t n)
{
	return r->state == STATE_BODY && r->left < n ? (size_t)r->left : n;
}

int
packet_reader_feed(
    struct packet_reader *r, const void *data, size_t n, struct err *err)
{
	const uint8_t *p = data;

	while (n > 0) {
		bool body = r->state == STATE_BODY || r->state == STATE_ENDLESS;
		size_t len = body ? at_hand(r, n) : 1;
		int rc =
		    body ? take_body(r, p, len, err) : take_octet(r, *p, err);

		if (rc < 0) {
			r->state = STATE_BROKEN;
			return -1;
		}
		p += len;
		n -= len;
	}
	return 0;
}

int
packet_reader_finish(struct packet_reader *r, struct err *err)
{
	if (r->state == STATE_ENDLESS) {
		r->state = STATE_TAG;
		r->begun = false;
		return r->events.end(r->events.ctx, err);
	}
	if (r->state != STATE_TAG)
		return broken(err, "the input ends inside a packet");
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/recipients.h"

#include <string.h>

#include "openpgp/packet.h"

enum { KEY_ID_LEN = 8, VERSION_3 = 3, VERSION_6 = 6 };

struct scan {
	struct packet_reader *packets;
	struct recipients *out;
	unsigned tag;
	bool over; /* the encrypted data has begun */
};

static int
on_begin(void *ctx, unsigned tag, struct err *err)
{
	struct scan *s = ctx;
	struct recipients *r = s->out;

	s->tag = tag;
	switch (tag) {
	case PGP_TAG_PKESK:
		if (r->count == LIMIT_PKESK_PACKETS)
			return err_set(err, ERR_PERM,
			    "the message has more than %d recipients",
			    LIMIT_PKESK_PACKETS);
		r->starts[r->count++] = r->bodies.len;
		return 0;
	case PGP_TAG_SKESK:
	case PGP_TAG_MARKER:
	case PGP_TAG_PADDING:
		return 0;
	case PGP_TAG_SEIPD:
	case PGP_TAG_GNUPG_AEAD:
		r->data_tag = tag;
		return 0;
	case PGP_TAG_SED:
		return err_set(err, ERR_PERM,
		    "the message has no integrity protection");
	default:
		return err_set(
		    err, ERR_PERM, "this is no encrypted OpenPGP message");
	}
}

static int
on_body(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct scan *s = ctx;

	if (s->tag == PGP_TAG_PKESK)
		return buf_put(&s->out->bodies, data, n, err);
	if (s->out->data_tag == 0)
		return 0;
	s->out->data_version = data[0];
	s->over = true;
	return -1; /* enough was read */
}

static int
on_end(void *ctx, struct err *err)
{
	struct scan *s = ctx;

	if (s->out->data_tag == 0)
		return 0;
	return err_set(err, ERR_PERM, "there is nothing encrypted in it");
}

static bool
take_recipient(struct octets body, struct recipient *out)
{
	uint32_t version = 0;
	uint32_t len = KEY_ID_LEN;
	uint32_t key_version = 0;
	uint32_t algorithm = 0;
	static const uint8_t nobody[KEY_ID_LEN];

	if (!take_number(&body, 1, &version) ||
	    (version != VERSION_3 && version != VERSION_6))
		return false;
	if (version == VERSION_6) {
		if (!take_number(&body, 1, &len) ||
		    (len > 0 && !take_number(&body, 1, &key_version)))
			return false;
		len = len > 0 ? len - 1 : 0;
	}
	if (!take_octets(&body, len, &out->id) ||
	    !take_number(&body, 1, &algorithm))
		return false;
	if (version == VERSION_3 &&
	    memcmp(out->id.p, nobody, sizeof nobody) == 0)
		out->id.n = 0;
	out->version = version;
	out->algorithm = algorithm;
	out->rest = body;
	return true;
}

static void
take_recipients(struct recipients *r)
{
	r->starts[r->count] = r->bodies.len;
	for (size_t i = 0; i < r->count; i++) {
		struct octets body = { r->bodies.data + r->starts[i],
			r->starts[i + 1] - r->starts[i] };

		if (body.n > 0 && take_recipient(body, &r->of[r->known]))
			r->known++;
	}
}

static void
scan_reset(struct scan *s)
{
	packet_reader_free(&s->packets);
}

static int
put_packets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct scan *s = ctx;

	return packet_reader_feed(s->packets, data, n, err);
}

int
recipients_read(
    const struct input *in, struct recipients *out, struct err *err)
{
	cleanup(scan_reset) struct scan s = { .out = out };
	const struct sink packets = { .put = put_packets, .ctx = &s };
	struct err why = { 0 };

	*out = (struct recipients){
		.bodies = { .limit = (size_t)LIMIT_PKESK_PACKETS *
				     LIMIT_PACKET_BODY },
	};
	if (packet_reader_new(
		(struct packet_events){ on_begin, on_body, on_end, &s },
		&s.packets, err) < 0)
		return -1;

	int rc = input_put(in, &packets, &why);

	if (rc < 0 && !s.over)
		return err_set(err, why.kind == ERR_TEMP ? ERR_TEMP : ERR_PERM,
		    "%s", why.text);
	if (!s.over)
		return err_set(
		    err, ERR_PERM, "this is no whole OpenPGP message");
	take_recipients(out);
	return 0;
}

void
recipients_reset(struct recipients *r)
{
	buf_reset(&r->bodies);
}

bool
recipient_is(const struct recipient *r, const uint8_t *fingerprint, size_t len)
{
	uint8_t id[KEY_ID_LEN];

	if (r->id.n == 0)
		return true;
	if (r->version == VERSION_6)
		return r->id.n == len && memcmp(r->id.p, fingerprint, len) == 0;
	pgp_key_id(fingerprint, len, id);
	return memcmp(r->id.p, id, sizeof id) == 0;
}

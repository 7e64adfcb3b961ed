/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The stages of the proof stand behind one another: MIME structure, armor,
 * packet framing, packets. What any of them refuses is not sealed.
 */

#include "openpgp/proof.h"

#include "mail/pgpmime.h"
#include "openpgp/armor.h"
#include "openpgp/armor_header.h"
#include "openpgp/packet.h"
#include "openpgp/proof_packets.h"

enum armor_place { BEFORE_ARMOR, IN_ARMOR_HEADER, IN_ARMOR_DATA };

struct pgp_proof {
	struct pgpmime *mime;
	enum armor_place armor_place;
	unsigned armor_headers; /* those that were seen */
	struct armor_reader *armor;
	struct packet_reader *packet_reader;
	struct proof_packets packets;
	bool ruled_out;
	struct err why;
};

static bool
is_blank(const uint8_t *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] != ' ' && line[i] != '\t')
			return false;
	return true;
}

/* The armor reader knows what a line must be; here is what it may say. */
static int
check_armor_line(
    struct pgp_proof *p, const uint8_t *line, size_t n, struct err *err)
{
	bool blank = is_blank(line, n);

	if (p->armor_place == BEFORE_ARMOR && !blank)
		p->armor_place = IN_ARMOR_HEADER;
	else if (p->armor_place == IN_ARMOR_HEADER && blank)
		p->armor_place = IN_ARMOR_DATA;
	else if (p->armor_place == IN_ARMOR_HEADER &&
		 !armor_header_is_known(line, n, &p->armor_headers))
		return err_set(err, ERR_PROTO, "armor: unusual header line");
	return 0;
}

static int
put_armor_line(void *ctx, const uint8_t *line, size_t n, struct err *err)
{
	struct pgp_proof *p = ctx;

	if (check_armor_line(p, line, n, err) < 0 ||
	    armor_reader_feed(p->armor, line, n, err) < 0)
		return -1;
	return armor_reader_feed(p->armor, "\n", 1, err);
}

static int
put_packets(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct pgp_proof *p = ctx;

	return packet_reader_feed(p->packet_reader, data, n, err);
}

static int
proof_new(const char *content_type, size_t len, struct pgp_cert *const *certs,
    size_t cert_count, bool anyone, struct pgp_proof **out, struct err *err)
{
	cleanup(pgp_proof_free) struct pgp_proof *p = calloc(1, sizeof *p);

	if (p == NULL)
		return err_nomem(err);
	proof_packets_init(&p->packets, certs, cert_count);
	p->packets.anyone = anyone;

	struct sink lines = { .put = put_armor_line, .ctx = p };
	int rc = pgpmime_new(content_type, len, lines, &p->mime, err);
	if (rc != 1)
		return rc;
	struct sink packets = { .put = put_packets, .ctx = p };
	if (armor_reader_new(packets, &p->armor, err) < 0 ||
	    packet_reader_new(
		proof_packets_events(&p->packets), &p->packet_reader, err) < 0)
		return -1;
	*out = steal(&p);
	return 1;
}

int
pgp_proof_new(const char *content_type, size_t len,
    struct pgp_cert *const *certs, size_t cert_count, struct pgp_proof **out,
    struct err *err)
{
	return proof_new(content_type, len, certs, cert_count, false, out, err);
}

int
pgp_proof_new_for_anyone(const char *content_type, size_t len,
    struct pgp_proof **out, struct err *err)
{
	return proof_new(content_type, len, NULL, 0, true, out, err);
}

void
pgp_proof_free(struct pgp_proof **pp)
{
	struct pgp_proof *p = steal(pp);

	if (p == NULL)
		return;
	pgpmime_free(&p->mime);
	armor_reader_free(&p->armor);
	packet_reader_free(&p->packet_reader);
	proof_packets_reset(&p->packets);
	free(p);
}

/* A stage has failed with p->why: 0 for a verdict, -1 for an accident. */
static int
rule_out(struct pgp_proof *p, struct err *err)
{
	p->ruled_out = true;
	if (p->why.kind != ERR_TEMP)
		return 0;
	if (err != NULL)
		*err = p->why;
	return -1;
}

int
pgp_proof_feed(struct pgp_proof *p, const void *body, size_t n, struct err *err)
{
	if (p->ruled_out)
		return 0;
	if (pgpmime_feed(p->mime, body, n, &p->why) < 0)
		return rule_out(p, err);
	return 1;
}

static int
finish_stages(struct pgp_proof *p)
{
	if (pgpmime_finish(p->mime, &p->why) < 0 ||
	    armor_reader_finish(p->armor, &p->why) < 0 ||
	    packet_reader_finish(p->packet_reader, &p->why) < 0)
		return -1;
	return proof_packets_finish(&p->packets, &p->why);
}

int
pgp_proof_finish(struct pgp_proof *p, const char **reason, struct err *err)
{
	bool proven = !p->ruled_out && finish_stages(p) == 0;

	*reason = p->why.text;
	return proven ? 1 : rule_out(p, err);
}

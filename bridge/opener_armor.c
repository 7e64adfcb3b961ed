/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* From a body to the binary message that is armored in it. */
#include <string.h>

#include "openpgp/armor.h"
#include "opener_private.h"

enum { PIECE = 16384 };

static const char begin_text[] = "-----BEGIN PGP MESSAGE-----";
static const char end_text[] = "-----END PGP MESSAGE-----";

struct opener_armor {
	struct armor_reader *reader;
	struct spool *message;
	size_t matched; /* octets of the text that is looked for */
	bool begun, ended;
	size_t piece_len; /* the decoder's pieces are small */
	uint8_t piece[PIECE];
};

void
opener_armor_free(struct opener_armor **ap)
{
	struct opener_armor *a = steal(ap);

	if (a == NULL)
		return;
	armor_reader_free(&a->reader);
	spool_free(&a->message);
	free(a);
}

static int
flush_piece(struct opener_armor *a, struct err *err)
{
	size_t n = a->piece_len;

	a->piece_len = 0;
	return spool_put(a->message, a->piece, n, err);
}

static int
put_decoded(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct opener_armor *a = ctx;

	if (n > sizeof a->piece - a->piece_len && flush_piece(a, err) < 0)
		return -1;
	if (n > sizeof a->piece)
		return spool_put(a->message, data, n, err);
	memcpy(a->piece + a->piece_len, data, n);
	a->piece_len += n;
	return 0;
}

static const char *
spool_directory(void)
{
	const char *folder = getenv("TMPDIR");

	return folder != NULL && folder[0] == '/' ? folder : "/var/tmp";
}

int
opener_armor_new(struct opener_armor **out, struct err *err)
{
	cleanup(opener_armor_free) struct opener_armor *a =
	    calloc(1, sizeof *a);

	if (a == NULL)
		return err_nomem(err);

	const struct sink decoded = { .put = put_decoded, .ctx = a };

	if (spool_new(spool_directory(), &a->message, err) < 0 ||
	    armor_reader_new(decoded, &a->reader, err) < 0)
		return -1;
	*out = steal(&a);
	return 0;
}

/*
 * How many octets up to the end of the text, wherever it began; 0 when it does
 * not end here. Both texts begin with five dashes and have no other way to
 * begin anew in themselves.
 */
static size_t
find_end_of(
    const char *text, size_t *matched, const uint8_t *data, size_t n)
{
	enum { DASHES = 5 };

	for (size_t i = 0; i < n; i++) {
		if (*matched == 0) {
			const uint8_t *dash = memchr(data + i, '-', n - i);

			if (dash == NULL)
				return 0;
			i = (size_t)(dash - data);
		}
		if (data[i] == (uint8_t)text[*matched]) {
			if (text[++*matched] == '\0') {
				*matched = 0;
				return i + 1;
			}
		} else if (data[i] == '-') {
			*matched = *matched == DASHES ? DASHES : 1;
		} else {
			*matched = 0;
		}
	}
	return 0;
}

/* What is wrong with a message stays wrong with it. */
static int
never(struct err *err)
{
	if (err != NULL && err->kind == ERR_PROTO)
		err->kind = ERR_PERM;
	return -1;
}

static int
decode(struct opener_armor *a, const void *data, size_t n, struct err *err)
{
	struct err why = { 0 };

	if (armor_reader_feed(a->reader, data, n, &why) == 0)
		return 0;
	(void)never(&why);
	return err_set(err, why.kind, "%s", why.text);
}

int
opener_armor_feed(
    struct opener_armor *a, const uint8_t *data, size_t n, struct err *err)
{
	if (n == 0 || a->ended)
		return 0;
	if (!a->begun) {
		size_t used = find_end_of(begin_text, &a->matched, data, n);

		if (used == 0)
			return 0;
		a->begun = true;
		if (decode(a, begin_text, strlen(begin_text), err) < 0)
			return -1;
		data += used;
		n -= used;
	}

	size_t last = find_end_of(end_text, &a->matched, data, n);

	a->ended = last > 0;
	return decode(a, data, a->ended ? last : n, err);
}

int
opener_armor_finish(
    struct opener_armor *a, struct spool **message, struct err *err)
{
	struct err why = { 0 };

	if (!a->ended)
		return err_set(err, ERR_PERM,
		    "the message has no armored OpenPGP part");
	if (armor_reader_finish(a->reader, &why) < 0 ||
	    flush_piece(a, &why) < 0) {
		(void)never(&why);
		return err_set(err, why.kind, "%s", why.text);
	}
	*message = a->message;
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * usage: search_say < requests
 *
 *	M <uid> <octets>\n<message>    keeps a message
 *	S <octets>\n<program>          answers "ok <needs>", "proto" or "perm",
 *	                               and the candidates' program
 *	P <uid>...\n                   these are looked at, negative ones as
 *	                               plain mail: answers the program
 *	A <room>\n                    answers the next part of at most so many
 *	                               octets; nothing when there is no more
 *
 * Programs are answered as "<octets>\n" and the octets.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "search.h"

struct kept {
	uint8_t *data;
	size_t n;
	unsigned asked[3]; /* for the size, the header, the message */
};

static void
die(const char *what)
{
	(void)fprintf(stderr, "search_say: %s\n", what);
	exit(1);
}

static uint8_t *
read_octets(size_t n)
{
	uint8_t *data = malloc(n + 1);

	if (data == NULL || getchar() != '\n' || fread(data, 1, n, stdin) != n)
		die("octets missing");
	return data;
}

static int
get_size(void *ctx, uint64_t *octets, struct err *err)
{
	struct kept *k = ctx;

	(void)err;
	k->asked[0]++;
	*octets = k->n;
	return 0;
}

/* Up to the empty line. */
static int
get_header(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	struct kept *k = ctx;
	const uint8_t *end = memmem(k->data, k->n, "\r\n\r\n", 4);

	(void)err;
	k->asked[1]++;
	*data = k->data;
	*n = end == NULL ? k->n : (size_t)(end - k->data) + 4;
	if (k->n > 1 && memcmp(k->data, "\r\n", 2) == 0)
		*n = 2;
	return 0;
}

static int
get_message(void *ctx, const uint8_t **data, size_t *n, struct err *err)
{
	struct kept *k = ctx;

	(void)err;
	k->asked[2]++;
	*data = k->data;
	*n = k->n;
	return 0;
}

static void
answer(const struct buf *c)
{
	printf("%zu\n", c->len);
	(void)fwrite(c->data, 1, c->len, stdout);
	(void)fflush(stdout);
}

static struct search *
parse(void)
{
	cleanup(buf_reset) struct buf c = { 0 };
	struct search *s = NULL;
	struct err err = { 0 };
	size_t n;

	if (scanf("%zu", &n) != 1)
		die("length missing");
	cleanup(free_bytes) uint8_t *text = read_octets(n);
	if (search_parse(text, n, &s, &err) < 0) {
		puts(err.kind == ERR_PERM ? "perm" : "proto");
		(void)fflush(stdout);
		return NULL;
	}
	printf("ok %d\n", (int)search_needs(s));
	if (search_put_candidates(s, &c, &err) < 0)
		die(err.text);
	answer(&c);
	return s;
}

static void
look(struct search *s, struct kept *messages, size_t count)
{
	cleanup(buf_reset) struct buf c = { 0 };
	struct err err = { 0 };
	long uid;

	while (scanf("%ld", &uid) == 1 && uid != 0) {
		size_t i = (size_t)(uid < 0 ? -uid : uid);
		struct search_message m = { &messages[i], get_size, get_header,
			get_message };

		if (i >= count || messages[i].data == NULL || s == NULL)
			die("what to look at?");
		memset(messages[i].asked, 0, sizeof messages[i].asked);
		if (uid < 0 ? search_plain(s, (uint32_t)i, &err) < 0
			    : search_sealed(s, (uint32_t)i, &m, &err) < 0)
			die(err.text);
		for (size_t n = 0; n < countof(messages[i].asked); n++)
			if (messages[i].asked[n] > 1)
				die("asked twice");
	}
	if (search_put_program(s, &c, &err) < 0)
		die(err.text);
	answer(&c);
}

static void
next_part(struct search *s, size_t *done)
{
	cleanup(buf_reset) struct buf c = { 0 };
	struct err err = { 0 };
	size_t room = 0;

	if (s == NULL || scanf("%zu", &room) != 1)
		die("a part of what?");
	if (search_put_part(s, room, done, &c, &err) < 0)
		die(err.text);
	answer(&c);
}

int
main(void)
{
	enum { MESSAGES_MAX = 10000 };
	static struct kept messages[MESSAGES_MAX];
	struct search *s = NULL;
	size_t done = 0;
	char what;

	while (scanf(" %c", &what) == 1) {
		size_t uid, n;

		if (what == 'S') {
			search_free(&s);
			s = parse();
			done = 0;
		} else if (what == 'A') {
			next_part(s, &done);
		} else if (what == 'P') {
			look(s, messages, countof(messages));
		} else if (what == 'M' && scanf("%zu %zu", &uid, &n) == 2 &&
			   uid < countof(messages)) {
			free(messages[uid].data);
			messages[uid].data = read_octets(n);
			messages[uid].n = n;
		} else {
			die("malformed request");
		}
	}
	search_free(&s);
	for (size_t i = 0; i < countof(messages); i++)
		free(messages[i].data);
	return 0;
}

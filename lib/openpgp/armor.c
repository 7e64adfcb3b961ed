/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/armor.h"

#include <stdbool.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "openpgp/crc24.h"

static const char begin_line[] = "-----BEGIN PGP MESSAGE-----";
static const char end_line[] = "-----END PGP MESSAGE-----";

enum {
	CRC_LEN = 3,
	CRC_TEXT_LEN = 5, /* "=" and four characters */
	LINE_IN = 48,
	LINE_OUT = 66, /* 64 and CRLF */
	LINES_A_PUT = 124,
};

/*
 * Two characters at a time, which takes half as long as one: pairs[v] are the
 * characters of the twelve bits v.
 */
#define PAIRS(a)                                                        \
	{ a, 'A' }, { a, 'B' }, { a, 'C' }, { a, 'D' }, { a, 'E' },     \
	    { a, 'F' }, { a, 'G' }, { a, 'H' }, { a, 'I' }, { a, 'J' }, \
	    { a, 'K' }, { a, 'L' }, { a, 'M' }, { a, 'N' }, { a, 'O' }, \
	    { a, 'P' }, { a, 'Q' }, { a, 'R' }, { a, 'S' }, { a, 'T' }, \
	    { a, 'U' }, { a, 'V' }, { a, 'W' }, { a, 'X' }, { a, 'Y' }, \
	    { a, 'Z' }, { a, 'a' }, { a, 'b' }, { a, 'c' }, { a, 'd' }, \
	    { a, 'e' }, { a, 'f' }, { a, 'g' }, { a, 'h' }, { a, 'i' }, \
	    { a, 'j' }, { a, 'k' }, { a, 'l' }, { a, 'm' }, { a, 'n' }, \
	    { a, 'o' }, { a, 'p' }, { a, 'q' }, { a, 'r' }, { a, 's' }, \
	    { a, 't' }, { a, 'u' }, { a, 'v' }, { a, 'w' }, { a, 'x' }, \
	    { a, 'y' }, { a, 'z' }, { a, '0' }, { a, '1' }, { a, '2' }, \
	    { a, '3' }, { a, '4' }, { a, '5' }, { a, '6' }, { a, '7' }, \
	    { a, '8' }, { a, '9' }, { a, '+' },                         \
	{                                                               \
		a, '/'                                                  \
	}

static const char pairs[4096][2] = {
	PAIRS('A'),
	PAIRS('B'),
	PAIRS('C'),
	PAIRS('D'),
	PAIRS('E'),
	PAIRS('F'),
	PAIRS('G'),
	PAIRS('H'),
	PAIRS('I'),
	PAIRS('J'),
	PAIRS('K'),
	PAIRS('L'),
	PAIRS('M'),
	PAIRS('N'),
	PAIRS('O'),
	PAIRS('P'),
	PAIRS('Q'),
	PAIRS('R'),
	PAIRS('S'),
	PAIRS('T'),
	PAIRS('U'),
	PAIRS('V'),
	PAIRS('W'),
	PAIRS('X'),
	PAIRS('Y'),
	PAIRS('Z'),
	PAIRS('a'),
	PAIRS('b'),
	PAIRS('c'),
	PAIRS('d'),
	PAIRS('e'),
	PAIRS('f'),
	PAIRS('g'),
	PAIRS('h'),
	PAIRS('i'),
	PAIRS('j'),
	PAIRS('k'),
	PAIRS('l'),
	PAIRS('m'),
	PAIRS('n'),
	PAIRS('o'),
	PAIRS('p'),
	PAIRS('q'),
	PAIRS('r'),
	PAIRS('s'),
	PAIRS('t'),
	PAIRS('u'),
	PAIRS('v'),
	PAIRS('w'),
	PAIRS('x'),
	PAIRS('y'),
	PAIRS('z'),
	PAIRS('0'),
	PAIRS('1'),
	PAIRS('2'),
	PAIRS('3'),
	PAIRS('4'),
	PAIRS('5'),
	PAIRS('6'),
	PAIRS('7'),
	PAIRS('8'),
	PAIRS('9'),
	PAIRS('+'),
	PAIRS('/'),
};

/*
 * The writer: whole lines are encoded straight from the input; only what is
 * left over waits in `line`.
 */
struct armor_writer {
	struct sink to;
	bool begun;
	uint32_t crc;
	uint8_t line[LINE_IN];
	size_t line_len;
	char out[LINE_OUT * LINES_A_PUT];
	size_t out_len;
};

int
armor_writer_new(struct sink to, struct armor_writer **out, struct err *err)
{
	struct armor_writer *w = malloc(sizeof *w);

	if (w == NULL)
		return err_nomem(err);
	w->to = to;
	w->begun = false;
	w->crc = CRC24_INIT;
	w->line_len = 0;
	w->out_len = 0;
	*out = w;
	return 0;
}

void
armor_writer_free(struct armor_writer **wp)
{
	free(steal(wp));
}

static int
put_text(struct armor_writer *w, const char *text, struct err *err)
{
	return sink_put(&w->to, text, strlen(text), err);
}

static int
begin(struct armor_writer *w, struct err *err)
{
	if (w->begun)
		return 0;
	w->begun = true;
	if (put_text(w, begin_line, err) < 0)
		return -1;
	return put_text(w, "\r\n\r\n", err);
}

static int
flush(struct armor_writer *w, struct err *err)
{
	size_t n = w->out_len;

	w->out_len = 0;
	return n == 0 ? 0 : sink_put(&w->to, w->out, n, err);
}

/* A whole line. */
static void
encode_whole(const uint8_t data[LINE_IN], char *out)
{
	for (size_t i = 0; i < LINE_IN; i += 3, out += 4) {
		uint32_t v = (uint32_t)data[i] << 16 |
			     (uint32_t)data[i + 1] << 8 | data[i + 2];

		memcpy(out, pairs[v >> 12], 2);
		memcpy(out + 2, pairs[v & 0xfff], 2);
	}
}

/* One line of at most LINE_IN octets; there is always room for it. */
static int
encode_line(
    struct armor_writer *w, const uint8_t *data, size_t n, struct err *err)
{
	char *o = w->out + w->out_len;

	if (n == LINE_IN) {
		encode_whole(data, o);
		o += LINE_OUT - 2;
	} else {
		o += base64_encode(data, n, o);
	}
	*o++ = '\r';
	*o++ = '\n';
	w->out_len = (size_t)(o - w->out);
	return w->out_len > sizeof w->out - LINE_OUT ? flush(w, err) : 0;
}

/* Fills up the line that waits, and encodes it when it is whole. */
static int
fill_line(
    struct armor_writer *w, const uint8_t **data, size_t *n, struct err *err)
{
	size_t room = LINE_IN - w->line_len;
	size_t len = *n < room ? *n : room;

	memcpy(w->line + w->line_len, *data, len);
	w->line_len += len;
	*data += len;
	*n -= len;
	if (w->line_len < LINE_IN)
		return 0;
	w->line_len = 0;
	return encode_line(w, w->line, LINE_IN, err);
}

static int
armor_put(void *ctx, const uint8_t *data, size_t n, struct err *err)
{
	struct armor_writer *w = ctx;

	if (n == 0)
		return 0;
	if (begin(w, err) < 0)
		return -1;
	w->crc = crc24(w->crc, data, n);
	if (w->line_len > 0 && fill_line(w, &data, &n, err) < 0)
		return -1;
	for (; n >= LINE_IN; data += LINE_IN, n -= LINE_IN)
		if (encode_line(w, data, LINE_IN, err) < 0)
			return -1;
	return n > 0 ? fill_line(w, &data, &n, err) : 0;
}

struct sink
armor_writer_sink(struct armor_writer *w)
{
	return (struct sink){ .put = armor_put, .ctx = w };
}

int
armor_writer_finish(struct armor_writer *w, struct err *err)
{
	const uint8_t crc[CRC_LEN] = {
		(uint8_t)(w->crc >> 16),
		(uint8_t)(w->crc >> 8),
		(uint8_t)w->crc,
	};
	char text[CRC_TEXT_LEN] = "=";

	if (begin(w, err) < 0)
		return -1;
	if (w->line_len > 0 && encode_line(w, w->line, w->line_len, err) < 0)
		return -1;
	base64_encode(crc, sizeof crc, text + 1);
	if (flush(w, err) < 0 || sink_put(&w->to, text, sizeof text, err) < 0 ||
	    put_text(w, "\r\n", err) < 0 || put_text(w, end_line, err) < 0)
		return -1;
	return put_text(w, "\r\n", err);
}

/* The reader goes line by line; each state says what its line may be. */
enum state {
	STATE_BEFORE,
	STATE_HEADERS,
	STATE_DATA,
	STATE_PADDED, /* data ended by '=' */
	STATE_CRC,    /* the CRC line was read */
	STATE_AFTER,
	STATE_BROKEN,
};

struct armor_reader {
	struct sink to;
	enum state state;
	uint32_t crc;
	char line[LIMIT_ARMOR_LINE];
	size_t line_len;
	char quantum[4]; /* characters left over by the lines before */
	size_t quantum_len;
};

int
armor_reader_new(struct sink to, struct armor_reader **out, struct err *err)
{
	struct armor_reader *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(err);
	r->to = to;
	r->crc = CRC24_INIT;
	*out = r;
	return 0;
}

void
armor_reader_free(struct armor_reader **rp)
{
	free(steal(rp));
}

static int
broken(struct armor_reader *r, const char *what, struct err *err)
{
	r->state = STATE_BROKEN;
	return err_set(err, ERR_PROTO, "armor: %s", what);
}

static bool
line_is(const char *line, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(line, text, n) == 0;
}

static int
line_before(struct armor_reader *r, const char *line, size_t n, struct err *err)
{
	if (n == 0)
		return 0;
	if (!line_is(line, n, begin_line))
		return broken(r, "does not begin with BEGIN PGP MESSAGE", err);
	r->state = STATE_HEADERS;
	return 0;
}

static int
line_headers(
    struct armor_reader *r, const char *line, size_t n, struct err *err)
{
	if (n == 0)
		r->state = STATE_DATA;
	else if (memchr(line, ':', n) == NULL)
		return broken(r, "no empty line before the data", err);
	return 0;
}

static int
decoded(struct armor_reader *r, const uint8_t *data, size_t n, struct err *err)
{
	r->crc = crc24(r->crc, data, n);
	return sink_put(&r->to, data, n, err);
}

/* Whole quanta; a '=' may stand in the last one alone. */
static int
decode(struct armor_reader *r, const char *text, size_t n, struct err *err)
{
	uint8_t data[LIMIT_ARMOR_LINE];

	if (n == 0)
		return 0;
	if (r->state == STATE_PADDED)
		return broken(r, "data behind the padding", err);

	long len = base64_decode(text, n, data);

	if (len < 0)
		return broken(r, "not base64", err);
	if (text[n - 1] == '=')
		r->state = STATE_PADDED;
	return decoded(r, data, (size_t)len, err);
}

static int
line_data(struct armor_reader *r, const char *line, size_t n, struct err *err)
{
	while (r->quantum_len > 0 && n > 0) {
		r->quantum[r->quantum_len++] = *line++;
		n--;
		if (r->quantum_len < sizeof r->quantum)
			continue;
		r->quantum_len = 0;
		if (decode(r, r->quantum, sizeof r->quantum, err) < 0)
			return -1;
	}

	size_t rest = n % sizeof r->quantum;

	if (decode(r, line, n - rest, err) < 0)
		return -1;
	if (rest > 0) {
		memcpy(r->quantum, line + n - rest, rest);
		r->quantum_len = rest;
	}
	return 0;
}

static int
line_crc(struct armor_reader *r, const char *line, struct err *err)
{
	uint8_t crc[CRC_LEN];

	if (base64_decode(line + 1, CRC_TEXT_LEN - 1, crc) != CRC_LEN)
		return broken(r, "a CRC line that is none", err);
	if (((uint32_t)crc[0] << 16 | (uint32_t)crc[1] << 8 | crc[2]) != r->crc)
		return broken(r, "wrong CRC", err);
	r->state = STATE_CRC;
	return 0;
}

/* Data, the CRC line, or the tail line. */
static int
line_body(struct armor_reader *r, const char *line, size_t n, struct err *err)
{
	if (n == 0)
		return broken(r, "an empty line in the data", err);
	if (r->quantum_len == 0 && line_is(line, n, end_line)) {
		r->state = STATE_AFTER;
		return 0;
	}
	if (r->state == STATE_CRC)
		return broken(r, "no tail line", err);
	if (r->quantum_len == 0 && n == CRC_TEXT_LEN && line[0] == '=')
		return line_crc(r, line, err);
	return line_data(r, line, n, err);
}

static int
line_after(struct armor_reader *r, size_t n, struct err *err)
{
	return n == 0 ? 0 : broken(r, "something behind the tail line", err);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int
take_line(struct armor_reader *r, struct err *err)
{
	const char *line = r->line;
	size_t n = r->line_len;

	r->line_len = 0;
	while (n > 0 && is_space(line[n - 1]))
		n--;
	switch (r->state) {
	case STATE_BEFORE:
		return line_before(r, line, n, err);
	case STATE_HEADERS:
		return line_headers(r, line, n, err);
	case STATE_DATA:
	case STATE_PADDED:
	case STATE_CRC:
		return line_body(r, line, n, err);
	case STATE_AFTER:
		return line_after(r, n, err);
	case STATE_BROKEN:
		break;
	}
	return broken(r, "damaged", err);
}

int
armor_reader_feed(
    struct armor_reader *r, const void *data, size_t n, struct err *err)
{
	const char *p = data;

	while (n > 0) {
		const char *lf = memchr(p, '\n', n);
		size_t len = lf == NULL ? n : (size_t)(lf - p);

		if (len > sizeof r->line - r->line_len)
			return broken(r, "line too long", err);
		memcpy(r->line + r->line_len, p, len);
		r->line_len += len;
		if (lf == NULL)
			return 0;
		if (take_line(r, err) < 0) {
			r->state = STATE_BROKEN;
			return -1;
		}
		p += len + 1;
		n -= len + 1;
	}
	return 0;
}

int
armor_reader_finish(struct armor_reader *r, struct err *err)
{
	if (r->line_len > 0 && take_line(r, err) < 0)
		return -1;
	if (r->state != STATE_AFTER)
		return broken(r, "ends before its tail line", err);
	return 0;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "sent_imap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "mail/sealed.h"
#include "upstream_private.h"

enum { RESPONSE_MAX = 64 << 10, PIECE = 16 << 10, FOLDERS_MAX = 100000 };

static const char *
text_of(const struct buf *b)
{
	return b->len == 0 ? "" : (const char *)b->data;
}

static bool
begins_with(const char *s, const char *prefix)
{
	return strncasecmp(s, prefix, strlen(prefix)) == 0;
}

static int
say(struct net_stream *s, const struct buf *line, struct err *err)
{
	if (net_stream_write(s, line->data, line->len, err) < 0)
		return -1;
	return net_stream_flush(s, err);
}

/* 1 a response that is not the tagged one, 0 that one with OK. */
static int
next_response(struct net_stream *s, struct buf *response, struct err *err)
{
	if (imap_read_response(s, response, err) < 0)
		return -1;

	const char *line = text_of(response);

	if (begins_with(line, "* BYE"))
		return err_set(err, ERR_TEMP, "%.150s", line);
	if (strncmp(line, "S ", 2) != 0)
		return 1;
	if (begins_with(line + 2, "OK"))
		return 0;
	return err_set(err, ERR_TEMP, "the server says: %.150s", line + 2);
}

/* Has the server refused because the folder is not there? (RFC 3501, 7.1) */
static bool
says_try_create(const struct buf *response)
{
	return begins_with(text_of(response), "S NO [TRYCREATE]");
}

/* ---- the folder ---- */

int
sent_find_folder(struct net_stream *s, const struct account *a,
    struct buf *folder, struct err *err)
{
	static const char list[] = "S LIST \"\" \"*\"\r\n";
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	cleanup(buf_reset) struct buf name = { .limit = RESPONSE_MAX };
	bool is_sent;
	int rc;

	if (a->sent_folder[0] != '\0') {
		if (buf_puts(folder, a->sent_folder, err) < 0)
			return -1;
		return buf_str(folder, err) == NULL ? -1 : 0;
	}
	if (net_stream_write(s, list, sizeof list - 1, err) < 0 ||
	    net_stream_flush(s, err) < 0)
		return -1;
	for (unsigned n = 0; (rc = next_response(s, &response, err)) == 1;) {
		int found = imap_list_entry(&response, &is_sent, &name, err);

		if (found < 0)
			return -1;
		if (++n > FOLDERS_MAX)
			return err_set(err, ERR_PROTO, "too many folders");
		if (found == 1 && is_sent && folder->len == 0 &&
		    buf_put(folder, name.data, name.len, err) < 0)
			return -1;
	}
	if (rc < 0)
		return -1;
	if (folder->len == 0 && buf_puts(folder, "Sent", err) < 0)
		return -1;
	return buf_str(folder, err) == NULL ? -1 : 0;
}

/* ---- the append ---- */

struct sent_place
sent_read_appenduid(const char *line)
{
	struct sent_place p = { 0 }, none = { 0 };
	const char *at = strcasestr(line, "[APPENDUID ");
	uint32_t *const numbers[] = { &p.uidvalidity, &p.uid };

	if (at == NULL)
		return none;
	at += strlen("[APPENDUID ");
	for (size_t i = 0; i < countof(numbers); i++) {
		uint64_t n = 0;
		size_t digits = strspn(at, "0123456789");

		if (digits == 0 || digits > 10)
			return none;
		for (size_t d = 0; d < digits; d++)
			n = n * 10 + (uint64_t)(at[d] - '0');
		if (n == 0 || n > UINT32_MAX ||
		    at[digits] != (i == 0 ? ' ' : ']'))
			return none;
		*numbers[i] = (uint32_t)n;
		at += digits + 1;
	}
	return p;
}

static int
put_quoted(struct buf *out, const char *text, struct err *err)
{
	if (buf_putc(out, '"', err) < 0)
		return -1;
	for (; *text != '\0'; text++) {
		if (*text == '\r' || *text == '\n')
			return err_set(err, ERR_PROTO,
			    "a folder's name has a line break");
		if ((*text == '"' || *text == '\\') &&
		    buf_putc(out, '\\', err) < 0)
			return -1;
		if (buf_putc(out, (uint8_t)*text, err) < 0)
			return -1;
	}
	return buf_putc(out, '"', err);
}

static int
say_append(struct net_stream *s, const char *folder, const struct stat *st,
    struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = 2 * RESPONSE_MAX };
	char date[40] = "";
	struct tm tm;

	if (gmtime_r(&st->st_mtime, &tm) == NULL ||
	    strftime(date, sizeof date, "%d-%b-%Y %H:%M:%S +0000", &tm) == 0)
		return err_set(err, ERR_PERM, "a file has no time");
	if (buf_puts(&line, "S APPEND ", err) < 0 ||
	    put_quoted(&line, folder, err) < 0 ||
	    buf_putf(&line, err, " (\\Seen) \"%s\" {%llu}\r\n", date,
	        (unsigned long long)st->st_size) < 0)
		return -1;
	return say(s, &line, err);
}

/* Exactly so many octets: they were announced. */
static int
send_file(struct net_stream *s, int fd, uint64_t left, struct err *err)
{
	uint8_t piece[PIECE];

	while (left > 0) {
		size_t want = left < sizeof piece ? (size_t)left : sizeof piece;
		ssize_t n = read(fd, piece, want);

		if (n <= 0)
			return err_set(err, ERR_TEMP, "read: %s",
			    n == 0 ? "the file is cut off" : strerror(errno));
		if (net_stream_write(s, piece, (size_t)n, err) < 0)
			return -1;
		left -= (uint64_t)n;
	}
	if (net_stream_write(s, "\r\n", 2, err) < 0)
		return -1;
	return net_stream_flush(s, err);
}

/* As next_response(), after the last: 1 the folder is to be made first. */
static int
end_append(struct net_stream *s, struct sent_place *place, struct err *err)
{
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	int rc;

	while ((rc = next_response(s, &response, err)) == 1)
		if (text_of(&response)[0] == '+')
			return err_set(err, ERR_PROTO,
			    "the server asks for more than the message");
	if (rc == 0)
		*place = sent_read_appenduid(text_of(&response));
	return rc < 0 && says_try_create(&response) ? 1 : rc;
}

/* 0; 1 the folder is to be made first; -1. */
static int
append(struct net_stream *s, const char *folder, int fd, const struct stat *st,
    struct sent_place *place, struct err *err)
{
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	int rc;

	if (say_append(s, folder, st, err) < 0)
		return -1;
	while ((rc = next_response(s, &response, err)) == 1)
		if (text_of(&response)[0] == '+')
			break;
	if (rc < 0)
		return says_try_create(&response) ? 1 : -1;
	if (rc == 0)
		return err_set(
		    err, ERR_PROTO, "the server takes no message");
	if (send_file(s, fd, (uint64_t)st->st_size, err) < 0)
		return -1;
	return end_append(s, place, err);
}

/* And subscribed, or clients would not show it. */
static int
make_folder(struct net_stream *s, const char *folder, struct err *err)
{
	static const char *const commands[] = { "S CREATE ", "S SUBSCRIBE " };

	for (size_t i = 0; i < countof(commands); i++) {
		cleanup(buf_reset) struct buf line = { .limit =
			    2 * RESPONSE_MAX };
		cleanup(
		    buf_reset) struct buf response = { .limit = RESPONSE_MAX };
		int rc;

		if (buf_puts(&line, commands[i], err) < 0 ||
		    put_quoted(&line, folder, err) < 0 ||
		    buf_puts(&line, "\r\n", err) < 0 || say(s, &line, err) < 0)
			return -1;
		while ((rc = next_response(s, &response, err)) == 1)
			;
		if (rc < 0)
			return err_context(err, "folder \"%s\"", folder);
	}
	return 0;
}

int
sent_append_file(struct net_stream *s, const char *folder, const char *path,
    struct sent_place *place, struct err *err)
{
	cleanup(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno == ENOENT ? ERR_PERM : ERR_TEMP,
		    "%s: %s", path, strerror(errno));

	int rc = append(s, folder, fd, &st, place, err);

	if (rc <= 0)
		return rc;
	if (make_folder(s, folder, err) < 0)
		return -1;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(
		    err, ERR_TEMP, "%s: %s", path, strerror(errno));
	rc = append(s, folder, fd, &st, place, err);
	return rc > 0 ? -1 : rc; /* err says what the server said */
}

/* ---- is it there already? ---- */

int
sent_says_missing(const char *line)
{
	if (!begins_with(line, "S NO "))
		return -1;
	line += strlen("S NO ");
	if (begins_with(line, "[NONEXISTENT]") ||
	    begins_with(line, "[TRYCREATE]"))
		return 1;
	return line[0] == '[' ? -1 : 0;
}

bool
sent_is_folder(const char *line)
{
	const char *end = strchr(line, ')');

	if (!begins_with(line, "* LIST (") || end == NULL)
		return false;

	const char *no_select = strcasestr(line, "\\Noselect");
	const char *not_there = strcasestr(line, "\\NonExistent");

	return (no_select == NULL || no_select > end) &&
	    (not_there == NULL || not_there > end);
}

/* 0 when there is no number up to 2^32 - 1. */
static uint32_t
number_at(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t n = 0;

	for (size_t i = 0; i < digits && digits <= 10; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	return n > UINT32_MAX ? 0 : (uint32_t)n;
}

void
sent_note_place(const char *line, struct sent_place *place)
{
	static const char validity[] = "* OK [UIDVALIDITY ";
	static const char found[] = "* SEARCH ";

	if (begins_with(line, validity))
		place->uidvalidity = number_at(line + sizeof validity - 1);
	if (begins_with(line, found) && strrchr(line, ' ') != NULL)
		place->uid = number_at(strrchr(line, ' ') + 1);
}

/* *response is the last one; -1 also when that is not OK. */
static int
ask(struct net_stream *s, const struct buf *line, struct sent_place *place,
    struct buf *response, struct err *err)
{
	int rc;

	if (say(s, line, err) < 0)
		return -1;
	while ((rc = next_response(s, response, err)) == 1)
		sent_note_place(text_of(response), place);
	return rc;
}

static int
put_with_folder(struct buf *line, const char *command, const char *folder,
    struct err *err)
{
	if (buf_puts(line, command, err) < 0 ||
	    put_quoted(line, folder, err) < 0)
		return -1;
	return buf_puts(line, "\r\n", err);
}

/* 1 there is something of that name to select, 0 there is not. */
static int
is_listed(struct net_stream *s, const char *folder, struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = 2 * RESPONSE_MAX };
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	unsigned n = 0;
	bool found = false;
	int rc;

	if (put_with_folder(&line, "S LIST \"\" ", folder, err) < 0 ||
	    say(s, &line, err) < 0)
		return -1;
	while ((rc = next_response(s, &response, err)) == 1) {
		if (++n > FOLDERS_MAX)
			return err_set(err, ERR_PROTO, "too many folders");
		found = found || sent_is_folder(text_of(&response));
	}
	return rc < 0 ? -1 : found;
}

/*
 * 1 it is selected, 0 there is no such folder. Only that is an answer: what
 * cannot be looked at now may hold the copy.
 */
static int
examine(struct net_stream *s, const char *folder, struct sent_place *place,
    struct err *err)
{
	cleanup(buf_reset) struct buf line = { .limit = 2 * RESPONSE_MAX };
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	struct err unused = { 0 };

	if (put_with_folder(&line, "S EXAMINE ", folder, err) < 0)
		return -1;
	if (ask(s, &line, place, &response, err) == 0)
		return 1;

	int missing = sent_says_missing(text_of(&response));

	/* as Dovecot: "NO Mailbox doesn't exist" */
	if (missing == 0 && is_listed(s, folder, &unused) == 0)
		missing = 1;
	return missing == 1 ? 0 : -1;
}

/* 1 and the seed of the boundary in the file's header, 0 there is none. */
static int
read_seed(const char *path, uint8_t seed[SEALED_SEED_SIZE])
{
	cleanup(close_file) FILE *f = fopen(path, "re");
	char head[RESPONSE_MAX];
	size_t n = f == NULL ? 0 : fread(head, 1, sizeof head - 1, f);

	head[n] = '\0';
	return sealed_boundary_seed(head, seed) ? 1 : 0;
}

static int
put_search(
    struct buf *line, const uint8_t seed[SEALED_SEED_SIZE], struct err *err)
{
	if (buf_puts(line, "S UID SEARCH HEADER Content-Type \"", err) < 0)
		return -1;
	for (size_t i = 0; i < SEALED_SEED_SIZE; i++)
		if (buf_putf(line, err, "%02x", (unsigned)seed[i]) < 0)
			return -1;
	return buf_puts(line, "\"\r\n", err);
}

int
sent_find_file(struct net_stream *s, const char *folder, const char *path,
    struct sent_place *place, struct err *err)
{
	cleanup(buf_reset) struct buf search = { .limit = 1000 };
	cleanup(buf_reset) struct buf response = { .limit = RESPONSE_MAX };
	uint8_t seed[SEALED_SEED_SIZE];
	struct sent_place at = { 0 };

	if (read_seed(path, seed) == 0)
		return 0;

	int rc = examine(s, folder, &at, err);

	if (rc <= 0)
		return rc;
	if (put_search(&search, seed, err) < 0 ||
	    ask(s, &search, &at, &response, err) < 0)
		return -1;
	if (at.uid == 0)
		return 0;
	*place = at;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * usage: structure_say < requests
 *
 * A request is "<octets> <sections>\n", the message, and for each section a
 * line as it stands between the brackets of BODY[...]. The answer is
 * BODYSTRUCTURE, BODY, ENVELOPE and the sections, each as "<octets>\n" and the
 * octets.
 */

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "mail/structure.h"

enum { LINE_MAX_OCTETS = 4096, PATH_MAX_PARTS = 200, FIELDS_MAX = 50 };

struct request {
	struct section want;
	unsigned path[PATH_MAX_PARTS];
	const char *fields[FIELDS_MAX];
};

static void
die(const char *what)
{
	(void)fprintf(stderr, "structure_say: %s\n", what);
	exit(1);
}

static void
answer(const void *data, size_t n)
{
	printf("%zu\n", n);
	if (n > 0 && fwrite(data, 1, n, stdout) != n)
		die("cannot write");
}

static void
answer_put(const struct structure *s,
    int (*put)(const struct structure *, struct buf *, struct err *))
{
	cleanup(buf_reset) struct buf out = { .limit = SIZE_MAX / 2 };

	if (put(s, &out, NULL) < 0)
		die("no answer");
	answer(out.data, out.len);
}

static int
put_envelope(const struct structure *s, struct buf *out, struct err *err)
{
	struct section header = { .kind = SECTION_HEADER };
	const uint8_t *data;
	size_t n;

	if (structure_section(s, &header, NULL, &data, &n, err) != 1)
		return -1;
	return envelope_put(data, n, out, err);
}

static const struct {
	const char *name;
	enum section_kind kind;
} kinds[] = {
	{ "HEADER.FIELDS.NOT", SECTION_HEADER_FIELDS_NOT },
	{ "HEADER.FIELDS", SECTION_HEADER_FIELDS },
	{ "HEADER", SECTION_HEADER },
	{ "TEXT", SECTION_TEXT },
	{ "MIME", SECTION_MIME },
	{ "", SECTION_ALL },
};

/* "1.2.HEADER.FIELDS (A B)"; the line is cut up. */
static void
parse_section(char *line, struct request *r)
{
	*r = (struct request){ 0 };
	while (*line >= '0' && *line <= '9') {
		if (r->want.path_len == PATH_MAX_PARTS)
			die("path is too long");
		r->path[r->want.path_len++] =
		    (unsigned)strtoul(line, &line, 10);
		if (*line == '.')
			line++;
	}
	for (size_t i = 0; i < countof(kinds); i++) {
		if (strncmp(line, kinds[i].name, strlen(kinds[i].name)) != 0)
			continue;
		r->want.kind = kinds[i].kind;
		break;
	}
	char *list = strchr(line, '(');
	char *rest = NULL;
	for (char *f = list == NULL ? NULL : strtok_r(list, "() ", &rest);
	     f != NULL && r->want.field_count < FIELDS_MAX;
	     f = strtok_r(NULL, "() ", &rest))
		r->fields[r->want.field_count++] = f;
	r->want.path = r->path;
	r->want.fields = r->fields;
}

static void
answer_section(const struct structure *s, char *line)
{
	cleanup(buf_reset) struct buf scratch = { .limit = SIZE_MAX / 2 };
	struct request r;
	const uint8_t *data;
	size_t n;

	parse_section(line, &r);
	if (structure_section(s, &r.want, &scratch, &data, &n, NULL) < 0)
		die("no section");
	answer(data, n);
}

static void
answer_message(const uint8_t *message, size_t n, size_t sections)
{
	cleanup(structure_free) struct structure *s = NULL;
	char line[LINE_MAX_OCTETS];

	if (structure_parse(message, n, &s, NULL) < 0)
		die("no structure");
	answer_put(s, structure_put_bodystructure);
	answer_put(s, structure_put_body);
	answer_put(s, put_envelope);
	for (size_t i = 0; i < sections; i++) {
		if (fgets(line, sizeof line, stdin) == NULL)
			die("section missing");
		line[strcspn(line, "\n")] = '\0';
		answer_section(s, line);
	}
	(void)fflush(stdout);
}

int
main(void)
{
	size_t n, sections;

	while (scanf("%zu %zu", &n, &sections) == 2) {
		cleanup(free_bytes) uint8_t *message = malloc(n + 1);

		if (message == NULL || getchar() != '\n' ||
		    fread(message, 1, n, stdin) != n)
			die("message missing");
		answer_message(message, n, sections);
	}
	return 0;
}

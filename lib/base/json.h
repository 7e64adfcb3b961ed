/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Writes one JSON document (RFC 8259), two blanks a level. Keys are constants
 * of the program; values may be foreign text: what is not UTF-8 becomes U+FFFD.
 * Write errors stay in the FILE, where ferror() finds them.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *to;
	unsigned depth;
	bool comma; /* a value stands before at this level */
};

/*
 * key is NULL inside an array and for the document itself. Everything that is
 * begun must be ended; the end of the outermost one writes the final newline.
 */
void json_begin_object(struct json *j, const char *key);
void json_begin_array(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_end_array(struct json *j);
void json_string(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, int64_t value);
void json_count(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif

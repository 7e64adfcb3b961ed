/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Between search*.c: a parsed program. */
#ifndef BRIDGE_SEARCH_NODE_H
#define BRIDGE_SEARCH_NODE_H

#include "search.h"

enum node_kind {
	NODE_AND,    /* children, at least one */
	NODE_OR,     /* two children */
	NODE_NOT,    /* one child */
	NODE_SERVER, /* the server answers it */
	NODE_BLIND,
};

enum blind_kind {
	BLIND_LARGER,
	BLIND_SMALLER,
	BLIND_SUBJECT,
	BLIND_HEADER,
	BLIND_BODY,
	BLIND_TEXT,
};

struct uids {
	uint32_t *list;
	size_t count, room;
};

struct node {
	enum node_kind kind;
	struct node *children, *next;
	struct buf text; /* of SERVER and BLIND: the key */
	bool known;   /* what it says of the message that is looked at */
	bool matches; /* when it is known */
	/* of BLIND */
	enum blind_kind blind;
	uint64_t size;
	char *field;
	struct buf key; /* folded */
	struct uids found;
	size_t in_part; /* of those, in the part that is being written */
};

/* What RETURN asks for. */
struct search_return {
	bool there; /* an ESEARCH is the answer */
	bool min, max, all, count, save;
	bool other; /* what the server alone knows */
};

struct search {
	struct buf ret; /* RETURN (...) and a blank */
	struct search_return asks;
	struct buf charset_text;            /* CHARSET and a blank */
	char *charset;                      /* of the strings */
	struct node *root;                  /* an AND */
	struct uids plain, sealed;          /* that were looked at */
	enum search_needs needs;
};

enum search_needs node_needs(const struct node *n);

#endif

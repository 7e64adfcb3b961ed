/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "imap_kinds.h"

#include <stdlib.h>

enum { KINDS_FIRST = 256, KINDS_MAX = 1 << 20 };

void
imap_kinds_reset(struct imap_kinds *k)
{
	free(k->slots);
	*k = (struct imap_kinds){ 0 };
}

/* Where the UID is, or could be; size is a power of two, never full. */
static size_t
slot_of(const struct imap_kinds *k, uint32_t uid)
{
	size_t at = (uid * UINT32_C(2654435761)) & (k->size - 1);

	while (k->slots[at].uid != 0 && k->slots[at].uid != uid)
		at = (at + 1) & (k->size - 1);
	return at;
}

enum imap_kind
imap_kinds_get(const struct imap_kinds *k, uint32_t uid)
{
	if (k->size == 0 || uid == 0)
		return KIND_UNKNOWN;

	size_t at = slot_of(k, uid);

	return k->slots[at].uid == uid ? k->slots[at].kind : KIND_UNKNOWN;
}

static void
grow(struct imap_kinds *k)
{
	struct imap_kinds bigger = { .size = k->size == 0 ? KINDS_FIRST
							  : k->size * 2 };

	if (bigger.size > KINDS_MAX)
		return;
	bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
	if (bigger.slots == NULL)
		return;
	for (size_t i = 0; i < k->size; i++)
		if (k->slots[i].uid != 0)
			bigger.slots[slot_of(&bigger, k->slots[i].uid)] =
			    k->slots[i];
	bigger.used = k->used;
	free(k->slots);
	*k = bigger;
}

void
imap_kinds_put(struct imap_kinds *k, uint32_t uid, enum imap_kind kind)
{
	if (uid == 0)
		return;
	if (k->used * 4 >= k->size * 3)
		grow(k);
	if (k->used * 4 >= k->size * 3)
		return;

	size_t at = slot_of(k, uid);

	if (k->slots[at].uid == 0)
		k->used++;
	k->slots[at].uid = uid;
	k->slots[at].kind = kind;
}

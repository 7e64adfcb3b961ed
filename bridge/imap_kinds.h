/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What is known of the messages of the selected mailbox: a message never
 * changes, so neither does its kind. By UID; bounded: what has no room is asked
 * again.
 */
#ifndef BRIDGE_IMAP_KINDS_H
#define BRIDGE_IMAP_KINDS_H

#include <stddef.h>
#include <stdint.h>

enum imap_kind {
	KIND_UNKNOWN,
	KIND_AS_STORED, /* plain, or never to be opened */
	KIND_ENCRYPTED, /* it may be opened */
};

struct imap_kinds {
	struct {
		uint32_t uid; /* 0 = free */
		enum imap_kind kind;
	} * slots;
	size_t size, used;
};

void imap_kinds_reset(struct imap_kinds *k);
enum imap_kind imap_kinds_get(const struct imap_kinds *k, uint32_t uid);
/* Without memory it is forgotten. */
void imap_kinds_put(struct imap_kinds *k, uint32_t uid, enum imap_kind kind);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Seals messages that lie in a folder already. */
#ifndef DOVECOT_PLUGIN_SEALPOST_RESEAL_H
#define DOVECOT_PLUGIN_SEALPOST_RESEAL_H

#include "array.h"

struct mailbox_list;
struct sealpost_reseal;

struct sealpost_reseal_counts {
	unsigned int sealed;  /* replaced by their sealed copies */
	unsigned int resumed; /* of these: the copy was there already */
	unsigned int already; /* sealed before */
};

/* Opens the folder and looks whether it can be done: whose it is, whether there
   is a usable key, whether files are synced. Returns -1 and a sentence. */
int sealpost_reseal_begin(struct mailbox_list *list, const char *vname,
			  struct sealpost_reseal **reseal_r,
			  const char **error_r);
/*
 * Seals the next messages of the list, some at once, from *at on, which moves
 * along. First their sealed copies are written and synced to disk; only then
 * the plaintext is expunged. A copy has a label that is made from the original's
 * UID and GUID: by that a run that was interrupted in between is resumed. Returns 1 if there
 * is nothing more to be done, 0 if there is, -1 and a sentence.
 */
int sealpost_reseal_step(struct sealpost_reseal *reseal,
			 const ARRAY_TYPE(uint32_t) *uids, unsigned int *at,
			 const char **error_r);
const struct sealpost_reseal_counts *
sealpost_reseal_counts(struct sealpost_reseal *reseal);
/* Purges what the index's cache file keeps of expunged messages. Returns -1
   and a sentence if that failed. */
int sealpost_reseal_purge(struct sealpost_reseal *reseal, const char **error_r);
void sealpost_reseal_end(struct sealpost_reseal **reseal);

#endif

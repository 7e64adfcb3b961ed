/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Counts an account's folders, in steps. */
#ifndef DOVECOT_PLUGIN_SEALPOST_WALK_H
#define DOVECOT_PLUGIN_SEALPOST_WALK_H

#include "mail-error.h"
#include "sealpost-stats.h"

struct mail_user;
struct sealpost_walk;

enum sealpost_walk_event {
	/* call again */
	SEALPOST_WALK_MORE,
	/* vname and stats of a folder */
	SEALPOST_WALK_FOLDER,
	/* vname, error and text: this folder couldn't be counted */
	SEALPOST_WALK_FAILED,
	/* nothing more; stats is the sum. If there was an error, the sum isn't
	   complete. */
	SEALPOST_WALK_END
};

/* Valid until the next step. */
struct sealpost_walk_result {
	const char *vname;
	const struct sealpost_stats *stats;
	enum mail_error error;
	const char *error_text;
};

/* Patterns are those of the IMAP LIST command, in UTF-8, NULL-terminated. NULL
   is every folder of the user's own: none of shared and public namespaces. */
struct sealpost_walk *
sealpost_walk_begin(struct mail_user *user, const char *const *patterns);
/* The next step, in which up to so many messages are looked at. */
enum sealpost_walk_event
sealpost_walk_step(struct sealpost_walk *walk, unsigned int messages,
		   struct sealpost_walk_result *result_r);
void sealpost_walk_end(struct sealpost_walk **walk);

#endif

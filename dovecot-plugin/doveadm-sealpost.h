/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The commands doveadm sealpost ..., and what differs between Dovecot 2.3 and
   2.4: how they are given their arguments. */
#ifndef DOVECOT_PLUGIN_DOVEADM_SEALPOST_H
#define DOVECOT_PLUGIN_DOVEADM_SEALPOST_H

#include "doveadm-mail.h"
#include "doveadm-mail-iter.h"

struct doveadm_sealpost_context {
	struct doveadm_mail_cmd_context ctx;
	/* what is to be printed; called when the arguments are known */
	void (*print_headers)(struct doveadm_sealpost_context *ctx);

	const char *const *masks; /* NULL = the user's own folders */
	bool sum;      /* -s */
	bool messages; /* -m */
};

extern struct doveadm_cmd_ver2 doveadm_sealpost_folders_command;
extern struct doveadm_cmd_ver2 doveadm_sealpost_audit_command;
extern struct doveadm_cmd_ver2 doveadm_sealpost_seal_command;

/* [-s] [-m] [<mailbox mask> ...]; getopt_args has the letters. */
void doveadm_sealpost_take_masks(struct doveadm_sealpost_context *ctx,
				 const char *getopt_args);
/* <search query> */
void doveadm_sealpost_take_query(struct doveadm_sealpost_context *ctx);
/* Begins the query in a folder. Returns 1; 0 if the folder isn't there; -1 if
   error, which has been logged. */
int doveadm_sealpost_search(struct doveadm_sealpost_context *ctx,
			    const struct mailbox_info *info,
			    struct doveadm_mail_iter **iter_r);

#endif

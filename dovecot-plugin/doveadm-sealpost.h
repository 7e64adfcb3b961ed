/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* doveadm sealpost folders: what differs between Dovecot 2.3 and 2.4. */
#ifndef DOVECOT_PLUGIN_DOVEADM_SEALPOST_H
#define DOVECOT_PLUGIN_DOVEADM_SEALPOST_H

#include "doveadm-mail.h"

struct doveadm_sealpost_context {
	struct doveadm_mail_cmd_context ctx;
	const char *const *masks; /* NULL = the user's own folders */
	bool sum;
};

/* Sets masks and sum from the command line, then calls
   doveadm_sealpost_print_headers(). */
void doveadm_sealpost_set_init(struct doveadm_sealpost_context *ctx);
void doveadm_sealpost_print_headers(struct doveadm_sealpost_context *ctx);

#endif

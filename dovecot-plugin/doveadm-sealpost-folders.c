/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The command doveadm sealpost folders. */

#include "lib.h"
#include "array.h"
#include "mail-user.h"
#include "doveadm-print.h"
#include "doveadm-sealpost.h"
#include "sealpost-scan.h"
#include "sealpost-walk.h"

static void folders_print_headers(struct doveadm_sealpost_context *ctx)
{
	if (!ctx->sum)
		doveadm_print_header_simple("mailbox");
	for (unsigned int i = ctx->sum ? 0 : 1; i < SEALPOST_STATS_COUNT; i++) {
		doveadm_print_header(sealpost_stats_name(i),
			sealpost_stats_name(i),
			DOVEADM_PRINT_HEADER_FLAG_RIGHT_JUSTIFY |
			DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	}
}

static void
folders_print(const char *vname, const struct sealpost_stats *stats)
{
	if (vname != NULL)
		doveadm_print(vname);
	for (unsigned int i = vname == NULL ? 0 : 1;
	     i < SEALPOST_STATS_COUNT; i++)
		doveadm_print_num(sealpost_stats_value(stats, i));
}

/* Returns TRUE if this was the last step. */
static bool
folders_step(struct doveadm_sealpost_context *ctx, struct mail_user *user,
	     struct sealpost_walk *walk, bool *failed)
{
	struct sealpost_walk_result result;

	switch (sealpost_walk_step(walk, SEALPOST_SCAN_STEP, &result)) {
	case SEALPOST_WALK_MORE:
		break;
	case SEALPOST_WALK_FOLDER:
		if (!ctx->sum)
			folders_print(result.vname, result.stats);
		break;
	case SEALPOST_WALK_FAILED:
		e_error(user->event, "sealpost: folder %s: %s",
			result.vname, result.error_text);
		doveadm_mail_failed_error(&ctx->ctx, result.error);
		*failed = TRUE;
		break;
	case SEALPOST_WALK_END:
		if (ctx->sum && !*failed)
			folders_print(NULL, result.stats);
		return TRUE;
	}
	return doveadm_is_killed();
}

static int
folders_run(struct doveadm_mail_cmd_context *_ctx, struct mail_user *user)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);
	struct sealpost_walk *walk;
	bool finished = FALSE, failed = FALSE;

	walk = sealpost_walk_begin(user, ctx->masks);
	while (!finished) {
		T_BEGIN {
			finished = folders_step(ctx, user, walk, &failed);
		} T_END;
	}
	sealpost_walk_end(&walk);
	return failed ? -1 : 0;
}

static struct doveadm_mail_cmd_context *folders_alloc(void)
{
	struct doveadm_sealpost_context *ctx =
		doveadm_mail_cmd_alloc(struct doveadm_sealpost_context);

	ctx->ctx.v.run = folders_run;
	ctx->print_headers = folders_print_headers;
	doveadm_sealpost_take_masks(ctx, "s");
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &ctx->ctx;
}

struct doveadm_cmd_ver2 doveadm_sealpost_folders_command = {
	.name = "sealpost folders",
	.mail_cmd = folders_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX"[-s] [<mailbox mask> [...]]",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('s', "sum", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('\0', "mailbox-mask", CMD_PARAM_ARRAY, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};

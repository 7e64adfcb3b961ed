/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "doveadm-sealpost.h"

static bool
masks_parse_arg(struct doveadm_mail_cmd_context *_ctx, int c)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	switch (c) {
	case 's':
		ctx->sum = TRUE;
		return TRUE;
	case 'm':
		ctx->messages = TRUE;
		return TRUE;
	}
	return FALSE;
}

static void
masks_init(struct doveadm_mail_cmd_context *_ctx, const char *const args[])
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	if (args[0] != NULL)
		ctx->masks = args;
	ctx->print_headers(ctx);
}

void doveadm_sealpost_take_masks(struct doveadm_sealpost_context *ctx,
				 const char *getopt_args)
{
	ctx->ctx.getopt_args = getopt_args;
	ctx->ctx.v.parse_arg = masks_parse_arg;
	ctx->ctx.v.init = masks_init;
}

static void
query_init(struct doveadm_mail_cmd_context *_ctx, const char *const args[])
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	if (args[0] == NULL)
		doveadm_mail_help_name("sealpost seal");
	_ctx->search_args = doveadm_mail_build_search_args(args);
	ctx->print_headers(ctx);
}

void doveadm_sealpost_take_query(struct doveadm_sealpost_context *ctx)
{
	ctx->ctx.v.init = query_init;
}

int doveadm_sealpost_search(struct doveadm_sealpost_context *ctx,
			    const struct mailbox_info *info,
			    struct doveadm_mail_iter **iter_r)
{
	if (doveadm_mail_iter_init(&ctx->ctx, info, ctx->ctx.search_args, 0,
				   NULL, DOVEADM_MAIL_ITER_FLAG_READONLY,
				   iter_r) < 0)
		return -1;
	return 1;
}

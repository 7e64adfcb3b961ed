/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "doveadm-sealpost.h"

static void masks_init(struct doveadm_mail_cmd_context *_ctx)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	ctx->sum = doveadm_cmd_param_flag(_ctx->cctx, "sum");
	ctx->messages = doveadm_cmd_param_flag(_ctx->cctx, "messages");
	(void)doveadm_cmd_param_array(_ctx->cctx, "mailbox-mask", &ctx->masks);
	ctx->print_headers(ctx);
}

void doveadm_sealpost_take_masks(struct doveadm_sealpost_context *ctx,
				 const char *getopt_args)
{
	ctx->ctx.v.init = masks_init;
}

static void query_init(struct doveadm_mail_cmd_context *_ctx)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);
	const char *const *query;

	if (!doveadm_cmd_param_array(_ctx->cctx, "query", &query))
		doveadm_mail_help_name("sealpost seal");
	_ctx->search_args = doveadm_mail_build_search_args(query);
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
	return doveadm_mail_iter_init(&ctx->ctx, info, ctx->ctx.search_args, 0,
				      NULL, DOVEADM_MAIL_ITER_FLAG_READONLY,
				      iter_r);
}

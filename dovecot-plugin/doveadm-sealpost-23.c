/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "doveadm-sealpost.h"

static bool
doveadm_sealpost_parse_arg(struct doveadm_mail_cmd_context *_ctx, int c)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	if (c != 's')
		return FALSE;
	ctx->sum = TRUE;
	return TRUE;
}

static void
doveadm_sealpost_init(struct doveadm_mail_cmd_context *_ctx,
		      const char *const args[])
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	if (args[0] != NULL)
		ctx->masks = args;
	doveadm_sealpost_print_headers(ctx);
}

void doveadm_sealpost_set_init(struct doveadm_sealpost_context *ctx)
{
	ctx->ctx.getopt_args = "s";
	ctx->ctx.v.parse_arg = doveadm_sealpost_parse_arg;
	ctx->ctx.v.init = doveadm_sealpost_init;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "doveadm-sealpost.h"

static void doveadm_sealpost_init(struct doveadm_mail_cmd_context *_ctx)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);

	ctx->sum = doveadm_cmd_param_flag(_ctx->cctx, "sum");
	(void)doveadm_cmd_param_array(_ctx->cctx, "mailbox-mask", &ctx->masks);
	doveadm_sealpost_print_headers(ctx);
}

void doveadm_sealpost_set_init(struct doveadm_sealpost_context *ctx)
{
	ctx->ctx.v.init = doveadm_sealpost_init;
}

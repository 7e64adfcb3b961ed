/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The command doveadm sealpost audit. */

#include "lib.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mailbox-list-iter.h"
#include "doveadm-print.h"
#include "doveadm-sealpost.h"
#include "sealpost-audit.h"
#include "sealpost-sealer.h"

#include <sysexits.h>

/* The exit status when there is plaintext. */
#define AUDIT_EXIT_PLAIN 1

struct audit_folder {
	struct mailbox *box;
	struct sealpost_owner *owner;
	uint32_t counts[SEALPOST_CLASS_COUNT];
	time_t plain_since; /* 0 = no plaintext */
};

static void audit_print_headers(struct doveadm_sealpost_context *ctx)
{
	doveadm_print_header_simple("mailbox");
	if (ctx->messages) {
		doveadm_print_header_simple("uid");
		doveadm_print_header_simple("class");
		doveadm_print_header_simple("received");
		return;
	}
	for (unsigned int i = 0; i < SEALPOST_CLASS_COUNT; i++) {
		doveadm_print_header(sealpost_class_name(i),
			sealpost_class_name(i),
			DOVEADM_PRINT_HEADER_FLAG_RIGHT_JUSTIFY |
			DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	}
	doveadm_print_header_simple("plain-since");
}

static void
audit_print_folder(struct doveadm_sealpost_context *ctx,
		   const struct audit_folder *folder)
{
	if (ctx->messages)
		return;
	doveadm_print(mailbox_get_vname(folder->box));
	for (unsigned int i = 0; i < SEALPOST_CLASS_COUNT; i++)
		doveadm_print_num(folder->counts[i]);
	doveadm_print_num(folder->plain_since);
}

/* Over HTTP an exit status is an error, which takes the place of the answer. */
static bool audit_has_exit_status(struct doveadm_sealpost_context *ctx)
{
	return ctx->ctx.cctx->conn_type != DOVEADM_CONNECTION_TYPE_HTTP;
}

static void
audit_note(struct doveadm_sealpost_context *ctx, struct audit_folder *folder,
	   struct mail *mail, enum sealpost_class class)
{
	time_t received;

	if (mail_get_received_date(mail, &received) < 0 || received < 0)
		received = 0;
	folder->counts[class]++;
	if (class == SEALPOST_CLASS_PLAIN &&
	    (folder->plain_since == 0 || received < folder->plain_since))
		folder->plain_since = received;
	if (class == SEALPOST_CLASS_PLAIN && ctx->ctx.exit_code == 0 &&
	    audit_has_exit_status(ctx))
		ctx->ctx.exit_code = AUDIT_EXIT_PLAIN;
	/* it's not known to be none */
	if (class == SEALPOST_CLASS_UNREADABLE)
		ctx->ctx.exit_code = EX_TEMPFAIL;
	if (!ctx->messages)
		return;
	doveadm_print(mailbox_get_vname(folder->box));
	doveadm_print_num(mail->uid);
	doveadm_print(sealpost_class_name(class));
	doveadm_print_num(received);
}

static int
audit_mails(struct doveadm_sealpost_context *ctx, struct audit_folder *folder)
{
	struct mailbox_transaction_context *trans;
	struct mailbox_status status;
	enum sealpost_class class;
	struct mail *mail;
	int ret = 0;

	mailbox_get_open_status(folder->box, STATUS_MESSAGES, &status);
	trans = mailbox_transaction_begin(folder->box, 0, "sealpost audit");
	mail = mail_alloc(trans, MAIL_FETCH_RECEIVED_DATE |
			  MAIL_FETCH_STREAM_HEADER | MAIL_FETCH_STREAM_BODY,
			  NULL);
	for (uint32_t seq = 1; seq <= status.messages && ret >= 0; seq++) {
		if (doveadm_is_killed()) {
			ctx->ctx.exit_code = EX_TEMPFAIL;
			break;
		}
		T_BEGIN {
			mail_set_seq(mail, seq);
			ret = sealpost_classify(mail, folder->owner, &class);
			if (ret > 0)
				audit_note(ctx, folder, mail, class);
		} T_END;
	}
	mail_free(&mail);
	mailbox_transaction_rollback(&trans);
	return ret < 0 ? -1 : 0;
}

static int
audit_folder(struct doveadm_sealpost_context *ctx,
	     const struct mailbox_info *info)
{
	struct audit_folder folder = { .box = NULL };
	enum mail_error error;
	int ret;

	folder.box = mailbox_alloc(info->ns->list, info->vname,
				   MAILBOX_FLAG_READONLY);
	ret = mailbox_sync(folder.box, 0) < 0 ? -1 :
		sealpost_mailbox_owner(folder.box, &folder.owner);
	if (ret >= 0)
		ret = audit_mails(ctx, &folder);
	if (ret >= 0)
		audit_print_folder(ctx, &folder);
	else {
		e_error(folder.box->event, "sealpost: folder %s: %s",
			info->vname,
			mailbox_get_last_internal_error(folder.box, &error));
		ctx->ctx.exit_code = EX_TEMPFAIL;
	}
	sealpost_owner_free(&folder.owner);
	mailbox_free(&folder.box);
	return ret < 0 ? -1 : 0;
}

static int
audit_run(struct doveadm_mail_cmd_context *_ctx, struct mail_user *user)
{
	static const char *const everything[] = { "*", NULL };
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);
	struct mailbox_list_iterate_context *iter;
	const struct mailbox_info *info;
	int ret = 0;

	iter = mailbox_list_iter_init_namespaces(user->namespaces,
		ctx->masks == NULL ? everything : ctx->masks,
		ctx->masks == NULL ? MAIL_NAMESPACE_TYPE_PRIVATE :
		MAIL_NAMESPACE_TYPE_MASK_ALL, MAILBOX_LIST_ITER_SKIP_ALIASES);
	while ((info = mailbox_list_iter_next(iter)) != NULL) {
		if ((info->flags & (MAILBOX_NOSELECT |
				    MAILBOX_NONEXISTENT)) != 0)
			continue;
		T_BEGIN {
			if (audit_folder(ctx, info) < 0)
				ret = -1;
		} T_END;
	}
	if (mailbox_list_iter_deinit(&iter) < 0) {
		e_error(user->event, "sealpost: the folders can't be listed");
		_ctx->exit_code = EX_TEMPFAIL;
		ret = -1;
	}
	return ret;
}

static struct doveadm_mail_cmd_context *audit_alloc(void)
{
	struct doveadm_sealpost_context *ctx =
		doveadm_mail_cmd_alloc(struct doveadm_sealpost_context);

	ctx->ctx.v.run = audit_run;
	ctx->print_headers = audit_print_headers;
	doveadm_sealpost_take_masks(ctx, "m");
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &ctx->ctx;
}

struct doveadm_cmd_ver2 doveadm_sealpost_audit_command = {
	.name = "sealpost audit",
	.mail_cmd = audit_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX"[-m] [<mailbox mask> [...]]",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('m', "messages", CMD_PARAM_BOOL, 0)
DOVEADM_CMD_PARAM('\0', "mailbox-mask", CMD_PARAM_ARRAY, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};

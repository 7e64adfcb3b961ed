/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The command doveadm sealpost seal. */

#include "lib.h"
#include "array.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "str-sanitize.h"
#include "doveadm-mail-iter.h"
#include "doveadm-mailbox-list-iter.h"
#include "doveadm-print.h"
#include "doveadm-sealpost.h"
#include "sealpost-reseal.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static void seal_print_headers(struct doveadm_sealpost_context *ctx)
{
	static const char *const numbers[] = { "sealed", "resumed", "already" };

	doveadm_print_header_simple("mailbox");
	for (unsigned int i = 0; i < N_ELEMENTS(numbers); i++) {
		doveadm_print_header(numbers[i], numbers[i],
			DOVEADM_PRINT_HEADER_FLAG_RIGHT_JUSTIFY |
			DOVEADM_PRINT_HEADER_FLAG_NUMBER);
	}
}

static int
seal_failed(struct doveadm_sealpost_context *ctx, struct mail_user *user,
	    const char *vname, const char *error)
{
	e_error(user->event, "sealpost: folder %s: %s", vname, error);
	ctx->ctx.exit_code = EX_TEMPFAIL;
	return -1;
}

/* Returns 1 and the UIDs of what the query finds, 0 if the folder has gone, -1
   if error; the iterator has said it then. */
static int
seal_search(struct doveadm_sealpost_context *ctx,
	    const struct mailbox_info *info, ARRAY_TYPE(uint32_t) *uids)
{
	struct doveadm_mail_iter *iter;
	struct mail *mail;
	int ret;

	ret = doveadm_sealpost_search(ctx, info, &iter);
	if (ret <= 0)
		return ret;
	while (doveadm_mail_iter_next(iter, &mail))
		array_push_back(uids, &mail->uid);
	return doveadm_mail_iter_deinit(&iter) < 0 ? -1 : 1;
}

static void
seal_show(const char *vname, unsigned int at, unsigned int count)
{
	if (isatty(STDERR_FILENO) == 0)
		return;
	fprintf(stderr, "\r%s: %u of %u%s", str_sanitize(vname, 60), at, count,
		at == count ? "\n" : "");
}

static int
seal_uids(struct sealpost_reseal *reseal, const char *vname,
	  const ARRAY_TYPE(uint32_t) *uids, const char **error_r)
{
	unsigned int at = 0;
	char *error = NULL;
	int ret = 0;

	while (ret == 0 && !doveadm_is_killed()) {
		T_BEGIN {
			ret = sealpost_reseal_step(reseal, uids, &at, error_r);
			if (ret < 0)
				error = i_strdup(*error_r);
		} T_END;
		if (ret == 0)
			seal_show(vname, at, array_count(uids));
	}
	if (ret == 0)
		error = i_strdup("interrupted");
	*error_r = t_strdup(error);
	i_free(error);
	return ret > 0 ? 0 : -1;
}

static int
seal_folder(struct doveadm_sealpost_context *ctx, struct mail_user *user,
	    const struct mailbox_info *info)
{
	const struct sealpost_reseal_counts *counts;
	struct sealpost_reseal *reseal;
	ARRAY_TYPE(uint32_t) uids;
	const char *error, *purge_error;
	int ret;

	t_array_init(&uids, 64);
	ret = seal_search(ctx, info, &uids);
	if (ret <= 0 || array_count(&uids) == 0)
		return ret < 0 ? -1 : 0;
	if (sealpost_reseal_begin(info->ns->list, info->vname, &reseal,
				  &error) < 0)
		return seal_failed(ctx, user, info->vname, error);
	ret = seal_uids(reseal, info->vname, &uids, &error);
	counts = sealpost_reseal_counts(reseal);
	doveadm_print(info->vname);
	doveadm_print_num(counts->sealed);
	doveadm_print_num(counts->resumed);
	doveadm_print_num(counts->already);
	/* also if all was sealed before: by a run that was interrupted here */
	if (sealpost_reseal_purge(reseal, &purge_error) < 0 && ret == 0) {
		error = purge_error;
		ret = -1;
	}
	sealpost_reseal_end(&reseal);
	return ret < 0 ? seal_failed(ctx, user, info->vname, error) : 0;
}

/* mdbox keeps what was expunged until then. */
static int
seal_purge(struct doveadm_sealpost_context *ctx, struct mail_user *user)
{
	struct mail_namespace *ns;
	struct mail_storage *storage;
	enum mail_error error;
	int ret = 0;

	for (ns = user->namespaces; ns != NULL; ns = ns->next) {
		if (ns->type != MAIL_NAMESPACE_TYPE_PRIVATE ||
		    ns->alias_for != NULL)
			continue;
		storage = mail_namespace_get_default_storage(ns);
		if (mail_storage_purge(storage) < 0) {
			ret = seal_failed(ctx, user, ns->prefix,
				mail_storage_get_last_internal_error(storage,
								     &error));
		}
	}
	return ret;
}

static int
seal_run(struct doveadm_mail_cmd_context *_ctx, struct mail_user *user)
{
	struct doveadm_sealpost_context *ctx =
		container_of(_ctx, struct doveadm_sealpost_context, ctx);
	struct doveadm_mailbox_list_iter *iter;
	const struct mailbox_info *info;
	int ret = 0;

	iter = doveadm_mailbox_list_iter_init(_ctx, user, _ctx->search_args,
		MAILBOX_LIST_ITER_NO_AUTO_BOXES |
		MAILBOX_LIST_ITER_RETURN_NO_FLAGS);
	while ((info = doveadm_mailbox_list_iter_next(iter)) != NULL) {
		T_BEGIN {
			if (seal_folder(ctx, user, info) < 0)
				ret = -1;
		} T_END;
	}
	if (doveadm_mailbox_list_iter_deinit(&iter) < 0)
		ret = -1;
	if (seal_purge(ctx, user) < 0)
		ret = -1;
	return ret;
}

static struct doveadm_mail_cmd_context *seal_alloc(void)
{
	struct doveadm_sealpost_context *ctx =
		doveadm_mail_cmd_alloc(struct doveadm_sealpost_context);

	ctx->ctx.v.run = seal_run;
	ctx->print_headers = seal_print_headers;
	doveadm_sealpost_take_query(ctx);
	doveadm_print_init(DOVEADM_PRINT_TYPE_TABLE);
	return &ctx->ctx;
}

struct doveadm_cmd_ver2 doveadm_sealpost_seal_command = {
	.name = "sealpost seal",
	.mail_cmd = seal_alloc,
	.usage = DOVEADM_CMD_MAIL_USAGE_PREFIX"<search query>",
DOVEADM_CMD_PARAMS_START
DOVEADM_CMD_MAIL_COMMON
DOVEADM_CMD_PARAM('\0', "query", CMD_PARAM_ARRAY, CMD_PARAM_FLAG_POSITIONAL)
DOVEADM_CMD_PARAMS_END
};

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mail-namespace.h"
#include "mailbox-list-iter.h"
#include "sealpost-scan.h"
#include "sealpost-walk.h"

struct sealpost_walk {
	struct mail_user *user;
	struct mailbox_list_iterate_context *iter;
	struct sealpost_scan *scan;
	char *vname;
	struct sealpost_stats last, sum;
};

struct sealpost_walk *
sealpost_walk_begin(struct mail_user *user, const char *const *patterns)
{
	static const char *const everything[] = { "*", NULL };
	struct sealpost_walk *walk;

	walk = i_new(struct sealpost_walk, 1);
	walk->user = user;
	walk->iter = mailbox_list_iter_init_namespaces(user->namespaces,
		patterns == NULL ? everything : patterns,
		patterns == NULL ? MAIL_NAMESPACE_TYPE_PRIVATE :
		MAIL_NAMESPACE_TYPE_MASK_ALL, MAILBOX_LIST_ITER_SKIP_ALIASES);
	return walk;
}

static void walk_close_folder(struct sealpost_walk *walk)
{
	sealpost_scan_end(&walk->scan);
	i_free(walk->vname);
}

static enum sealpost_walk_event
walk_finish(struct sealpost_walk *walk, struct sealpost_walk_result *result_r)
{
	struct mailbox_list *list = walk->user->namespaces->list;

	result_r->stats = &walk->sum;
	if (walk->iter == NULL)
		return SEALPOST_WALK_END;
	if (mailbox_list_iter_deinit(&walk->iter) < 0) {
		result_r->vname = "";
		result_r->error_text =
			mailbox_list_get_last_error(list, &result_r->error);
		return SEALPOST_WALK_FAILED;
	}
	return SEALPOST_WALK_END;
}

static enum sealpost_walk_event
walk_next(struct sealpost_walk *walk, struct sealpost_walk_result *result_r)
{
	const struct mailbox_info *info;

	walk_close_folder(walk);
	info = walk->iter == NULL ? NULL : mailbox_list_iter_next(walk->iter);
	if (info == NULL)
		return walk_finish(walk, result_r);
	if ((info->flags & (MAILBOX_NOSELECT | MAILBOX_NONEXISTENT)) != 0)
		return SEALPOST_WALK_MORE;
	walk->vname = i_strdup(info->vname);
	walk->scan = sealpost_scan_begin(info->ns->list, walk->vname);
	return SEALPOST_WALK_MORE;
}

/* A folder that has gone since it was listed, or that may be seen but not
   read, isn't there. */
static enum sealpost_walk_event
walk_failed(struct sealpost_walk *walk, struct sealpost_walk_result *result_r)
{
	result_r->vname = walk->vname;
	result_r->error_text = t_strdup(
		sealpost_scan_error(walk->scan, &result_r->error));
	sealpost_scan_end(&walk->scan);
	if (result_r->error == MAIL_ERROR_NOTFOUND ||
	    result_r->error == MAIL_ERROR_PERM)
		return SEALPOST_WALK_MORE;
	return SEALPOST_WALK_FAILED;
}

enum sealpost_walk_event
sealpost_walk_step(struct sealpost_walk *walk, unsigned int messages,
		   struct sealpost_walk_result *result_r)
{
	int ret;

	i_zero(result_r);
	if (walk->scan == NULL)
		return walk_next(walk, result_r);
	ret = sealpost_scan_step(walk->scan, messages);
	if (ret < 0)
		return walk_failed(walk, result_r);
	if (ret == 0)
		return SEALPOST_WALK_MORE;

	walk->last = *sealpost_scan_stats(walk->scan);
	sealpost_stats_add(&walk->sum, &walk->last);
	sealpost_scan_end(&walk->scan);
	result_r->vname = walk->vname;
	result_r->stats = &walk->last;
	return SEALPOST_WALK_FOLDER;
}

void sealpost_walk_end(struct sealpost_walk **_walk)
{
	struct sealpost_walk *walk = *_walk;

	*_walk = NULL;
	if (walk == NULL)
		return;
	walk_close_folder(walk);
	if (walk->iter != NULL)
		(void)mailbox_list_iter_deinit(&walk->iter);
	i_free(walk);
}

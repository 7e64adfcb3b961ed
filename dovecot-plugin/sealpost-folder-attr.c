/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "str.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mailbox-attribute.h"
#include "sealpost-folder-attr.h"
#include "sealpost-scan.h"
#include "sealpost-walk.h"

#define FOLDER_KEY "vendor/vendor.sealpost/folder-stats"
#define ACCOUNT_KEY MAILBOX_ATTRIBUTE_PREFIX_DOVECOT_PVT_SERVER FOLDER_KEY

static int
folder_stats(struct mailbox *box, struct sealpost_stats *stats_r)
{
	struct sealpost_scan *scan;
	enum mail_error error;
	const char *text;
	int ret;

	scan = sealpost_scan_begin(box->list, mailbox_get_vname(box));
	do {
		ret = sealpost_scan_step(scan, SEALPOST_SCAN_STEP);
	} while (ret == 0);
	if (ret > 0)
		*stats_r = *sealpost_scan_stats(scan);
	else {
		text = t_strdup(sealpost_scan_error(scan, &error));
		mail_storage_set_error(box->storage, error, text);
	}
	sealpost_scan_end(&scan);
	return ret < 0 ? -1 : 0;
}

/* A sum without a folder that couldn't be counted would be no sum. */
static int
account_stats(struct mailbox *box, struct sealpost_stats *stats_r)
{
	struct sealpost_walk *walk;
	struct sealpost_walk_result result;
	enum sealpost_walk_event event;

	walk = sealpost_walk_begin(box->storage->user, NULL);
	do {
		event = sealpost_walk_step(walk, SEALPOST_SCAN_STEP, &result);
	} while (event == SEALPOST_WALK_MORE || event == SEALPOST_WALK_FOLDER);
	if (event == SEALPOST_WALK_END)
		*stats_r = *result.stats;
	else {
		mail_storage_set_error(box->storage, result.error,
				       result.error_text);
	}
	sealpost_walk_end(&walk);
	return event == SEALPOST_WALK_END ? 0 : -1;
}

static int
stats_get(struct mailbox *box, const char *key, bool account,
	  struct mail_attribute_value *value_r)
{
	struct sealpost_stats stats;
	unsigned int i = 0;
	string_t *str;

	/* dsync asks for all attributes there are; these are no data */
	if (box->storage->user->dsyncing)
		return 0;
	if (key != NULL && !sealpost_stats_find(key, &i))
		return 0;
	if (key != NULL && i == 0 && !account)
		return 0;
	if ((account ? account_stats(box, &stats) :
	     folder_stats(box, &stats)) < 0)
		return -1;

	str = t_str_new(256);
	if (key == NULL)
		sealpost_stats_append(str, &stats, account);
	else
		str_printfa(str, "%"PRIu64, sealpost_stats_value(&stats, i));
	value_r->value = str_c(str);
	return 1;
}

static int
stats_iter(struct mailbox *box, const char *key_prefix, bool account,
	   pool_t pool, ARRAY_TYPE(const_string) *keys)
{
	if (box->storage->user->dsyncing)
		return 0;
	for (unsigned int i = account ? 0 : 1; i < SEALPOST_STATS_COUNT; i++) {
		const char *name = sealpost_stats_name(i);

		if (strncmp(name, key_prefix, strlen(key_prefix)) == 0)
			array_push_back(keys, &name);
	}
	return 0;
}

/* get() is given the whole key, also of a child. */
static const char *key_below(const char *key, const char *prefix)
{
	return strncmp(key, prefix, strlen(prefix)) == 0 ?
		key + strlen(prefix) : "";
}

static int
folder_get(struct mailbox *box, const char *key,
	   struct mail_attribute_value *value_r)
{
	return stats_get(box, NULL, FALSE, value_r);
}

static int
folder_get_value(struct mailbox *box, const char *key,
		 struct mail_attribute_value *value_r)
{
	return stats_get(box, key_below(key, FOLDER_KEY"/"), FALSE, value_r);
}

static int
folder_iter(struct mailbox *box, const char *key_prefix, pool_t pool,
	    ARRAY_TYPE(const_string) *keys)
{
	return stats_iter(box, key_prefix, FALSE, pool, keys);
}

static int
account_get(struct mailbox *box, const char *key,
	    struct mail_attribute_value *value_r)
{
	return stats_get(box, NULL, TRUE, value_r);
}

static int
account_get_value(struct mailbox *box, const char *key,
		  struct mail_attribute_value *value_r)
{
	return stats_get(box, key_below(key, ACCOUNT_KEY"/"), TRUE, value_r);
}

static int
account_iter(struct mailbox *box, const char *key_prefix, pool_t pool,
	     ARRAY_TYPE(const_string) *keys)
{
	return stats_iter(box, key_prefix, TRUE, pool, keys);
}

#define ATTRIBUTE(attr_key, attr_flags, attr_get, attr_iter) { \
	.type = MAIL_ATTRIBUTE_TYPE_SHARED, \
	.key = (attr_key), \
	.rank = MAIL_ATTRIBUTE_INTERNAL_RANK_AUTHORITY, \
	.flags = MAIL_ATTRIBUTE_INTERNAL_FLAG_VALIDATED | (attr_flags), \
	.get = (attr_get), \
	.iter = (attr_iter), \
}

static const struct mailbox_attribute_internal stats_attributes[] = {
	ATTRIBUTE(FOLDER_KEY, 0, folder_get, NULL),
	ATTRIBUTE(FOLDER_KEY"/", MAIL_ATTRIBUTE_INTERNAL_FLAG_CHILDREN,
		  folder_get_value, folder_iter),
	ATTRIBUTE(ACCOUNT_KEY, 0, account_get, NULL),
	ATTRIBUTE(ACCOUNT_KEY"/", MAIL_ATTRIBUTE_INTERNAL_FLAG_CHILDREN,
		  account_get_value, account_iter),
};

void sealpost_folder_attr_register(void)
{
	mailbox_attribute_register_internals(stats_attributes,
					     N_ELEMENTS(stats_attributes));
}

void sealpost_folder_attr_unregister(void)
{
	mailbox_attribute_unregister_internals(stats_attributes,
					       N_ELEMENTS(stats_attributes));
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "array.h"
#include "mail-cache.h"
#include "mail-user.h"
#include "settings.h"
#include "sealpost-compat.h"
#include "sealpost-settings-24.h"

void sealpost_cache_register_field(struct mail_cache *cache,
				   struct mail_cache_field *field)
{
	mail_cache_register_fields(cache, field, 1,
				   MAIL_CACHE_TRUNCATE_NAME_FAIL);
}

static const struct sealpost_settings sealpost_default_settings =
	SEALPOST_DEFAULT_SETTINGS;

static const struct setting_parser_info sealpost_setting_parser_info =
	SEALPOST_SETTING_PARSER_INFO(sealpost_default_settings);

int sealpost_setting_secrets(struct mail_user *user, const char **path_r,
			     const char **error_r)
{
	const struct sealpost_settings *set;

	if (settings_get(user->event, &sealpost_setting_parser_info, 0, &set,
			 error_r) < 0)
		return -1;
	*path_r = t_strdup(set->sealpost_secrets);
	settings_free(set);
	return 0;
}

/* A list of settings is an array that may not have been created. */
static const char *const *dup_list(const ARRAY_TYPE(const_string) *list)
{
	ARRAY_TYPE(const_string) copy;
	const char *text;

	t_array_init(&copy, 8);
	if (array_is_created(list)) {
		array_foreach_elem(list, text) {
			text = t_strdup(text);
			array_push_back(&copy, &text);
		}
	}
	array_append_zero(&copy);
	return array_front(&copy);
}

int sealpost_setting_seal(struct mail_user *user,
			  struct sealpost_seal_settings *set_r,
			  const char **error_r)
{
	const struct sealpost_settings *set;

	if (settings_get(user->event, &sealpost_setting_parser_info, 0, &set,
			 error_r) < 0)
		return -1;
	i_zero(set_r);
	set_r->seal = set->sealpost_seal;
	set_r->except = dup_list(&set->sealpost_seal_except);
	set_r->account = t_strdup(set->sealpost_account);
	set_r->directory = t_strdup(set->sealpost_directory);
	set_r->spool = t_strdup(set->sealpost_spool_directory);
	settings_free(set);
	return 0;
}

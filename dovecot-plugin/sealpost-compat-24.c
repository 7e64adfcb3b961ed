/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
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

static const struct sealpost_settings sealpost_default_settings = {
	.sealpost_secrets = SEALPOST_DEFAULT_SECRETS,
};

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

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "mail-cache.h"
#include "mail-user.h"
#include "sealpost-compat.h"

void sealpost_cache_register_field(struct mail_cache *cache,
				   struct mail_cache_field *field)
{
	mail_cache_register_fields(cache, field, 1);
}

int sealpost_setting_secrets(struct mail_user *user, const char **path_r,
			     const char **error_r)
{
	const char *path = mail_user_plugin_getenv(user, "sealpost_secrets");

	*path_r = path == NULL ? SEALPOST_DEFAULT_SECRETS : path;
	return 0;
}

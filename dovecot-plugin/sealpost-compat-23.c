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

static const char *
get_setting(struct mail_user *user, const char *name, const char *otherwise)
{
	const char *value = mail_user_plugin_getenv(user, name);

	return value == NULL || *value == '\0' ? otherwise : value;
}

static const char *const *get_list(const char *text)
{
	const char **list;
	unsigned int i, n = 0;

	list = t_strsplit(text, ",");
	for (i = 0; list[i] != NULL; i++) {
		list[n] = t_str_trim(list[i], " \t");
		if (*list[n] != '\0')
			n++;
	}
	list[n] = NULL;
	return list;
}

int sealpost_setting_seal(struct mail_user *user,
			  struct sealpost_seal_settings *set_r,
			  const char **error_r)
{
	const char *seal = get_setting(user, "sealpost_seal", "no");

	if (strcasecmp(seal, "yes") != 0 && strcasecmp(seal, "no") != 0) {
		*error_r = "sealpost_seal is neither yes nor no";
		return -1;
	}
	i_zero(set_r);
	set_r->seal = strcasecmp(seal, "yes") == 0;
	set_r->except = get_list(get_setting(user, "sealpost_seal_except",
					     ""));
	set_r->account = get_setting(user, "sealpost_account", "");
	set_r->directory = get_setting(user, "sealpost_directory",
				       SEALPOST_DEFAULT_DIRECTORY);
	set_r->spool = get_setting(user, "sealpost_spool_directory",
				   SEALPOST_DEFAULT_SPOOL);
	return 0;
}

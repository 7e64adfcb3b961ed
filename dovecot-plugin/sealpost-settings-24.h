/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The settings in Dovecot 2.4, which wants them declared twice: in the module
   that reads them, and in one for doveconf. */
#ifndef DOVECOT_PLUGIN_SEALPOST_SETTINGS_24_H
#define DOVECOT_PLUGIN_SEALPOST_SETTINGS_24_H

#include "settings-parser.h"

struct sealpost_settings {
	pool_t pool;
	const char *sealpost_secrets;
	bool sealpost_seal;
	ARRAY_TYPE(const_string) sealpost_seal_except;
	const char *sealpost_account;
	const char *sealpost_directory;
	const char *sealpost_spool_directory;
};

static const struct setting_define sealpost_setting_defines[] = {
	SETTING_DEFINE_STRUCT_STR("sealpost_secrets", sealpost_secrets,
				  struct sealpost_settings),
	SETTING_DEFINE_STRUCT_BOOL("sealpost_seal", sealpost_seal,
				   struct sealpost_settings),
	SETTING_DEFINE_STRUCT_BOOLLIST("sealpost_seal_except",
				       sealpost_seal_except,
				       struct sealpost_settings),
	SETTING_DEFINE_STRUCT_STR("sealpost_account", sealpost_account,
				  struct sealpost_settings),
	SETTING_DEFINE_STRUCT_STR("sealpost_directory", sealpost_directory,
				  struct sealpost_settings),
	SETTING_DEFINE_STRUCT_STR("sealpost_spool_directory",
				  sealpost_spool_directory,
				  struct sealpost_settings),
	SETTING_DEFINE_LIST_END
};

#define SEALPOST_DEFAULT_SETTINGS { \
	.sealpost_secrets = SEALPOST_DEFAULT_SECRETS, \
	.sealpost_seal = FALSE, \
	.sealpost_account = "", \
	.sealpost_directory = SEALPOST_DEFAULT_DIRECTORY, \
	.sealpost_spool_directory = SEALPOST_DEFAULT_SPOOL, \
}

#define SEALPOST_SETTING_PARSER_INFO(default_set) { \
	.name = "sealpost", \
	.plugin_dependency = "lib30_sealpost_plugin", \
	.defines = sealpost_setting_defines, \
	.defaults = &(default_set), \
	.struct_size = sizeof(struct sealpost_settings), \
	.pool_offset1 = 1 + offsetof(struct sealpost_settings, pool), \
}

#endif

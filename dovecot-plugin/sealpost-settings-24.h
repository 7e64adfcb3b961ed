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
};

static const struct setting_define sealpost_setting_defines[] = {
	SETTING_DEFINE_STRUCT_STR("sealpost_secrets", sealpost_secrets,
				  struct sealpost_settings),
	SETTING_DEFINE_LIST_END
};

#define SEALPOST_SETTING_PARSER_INFO(default_set) { \
	.name = "sealpost", \
	.plugin_dependency = "lib30_sealpost_plugin", \
	.defines = sealpost_setting_defines, \
	.defaults = &(default_set), \
	.struct_size = sizeof(struct sealpost_settings), \
	.pool_offset1 = 1 + offsetof(struct sealpost_settings, pool), \
}

#endif

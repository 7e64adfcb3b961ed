/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "sealpost-compat.h"
#include "sealpost-settings-24.h"

extern const char *sealpost_settings_version;
extern const struct setting_parser_info *sealpost_settings_set_infos[];

const char *sealpost_settings_version = DOVECOT_ABI_VERSION;

static const struct sealpost_settings sealpost_default_settings =
	SEALPOST_DEFAULT_SETTINGS;

static const struct setting_parser_info sealpost_setting_parser_info =
	SEALPOST_SETTING_PARSER_INFO(sealpost_default_settings);

const struct setting_parser_info *sealpost_settings_set_infos[] = {
	&sealpost_setting_parser_info,
	NULL
};

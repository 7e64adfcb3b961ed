/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The commands doveadm sealpost ...: doveadm loads them by itself. */

#include "lib.h"
#include "module-dir.h"
#include "doveadm-sealpost.h"

extern const char *doveadm_sealpost_plugin_version;
void doveadm_sealpost_plugin_init(struct module *module);
void doveadm_sealpost_plugin_deinit(void);

const char *doveadm_sealpost_plugin_version = DOVECOT_ABI_VERSION;

void doveadm_sealpost_plugin_init(struct module *module)
{
	doveadm_cmd_register_ver2(&doveadm_sealpost_folders_command);
	doveadm_cmd_register_ver2(&doveadm_sealpost_audit_command);
	doveadm_cmd_register_ver2(&doveadm_sealpost_seal_command);
}

void doveadm_sealpost_plugin_deinit(void)
{
}

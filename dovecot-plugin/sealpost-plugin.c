/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The mail plugin: setting mail_plugins = sealpost. */

#include "lib.h"
#include "module-dir.h"
#include "sealpost-folder-attr.h"
#include "sealpost-sealer.h"
#include "sealpost-vault-attr.h"

extern const char *sealpost_plugin_version;
void sealpost_plugin_init(struct module *module);
void sealpost_plugin_deinit(void);

const char *sealpost_plugin_version = DOVECOT_ABI_VERSION;

void sealpost_plugin_init(struct module *module)
{
	sealpost_folder_attr_register();
	sealpost_vault_attr_register();
	sealpost_sealer_init(module);
}

void sealpost_plugin_deinit(void)
{
	sealpost_sealer_deinit();
	sealpost_vault_attr_unregister();
	sealpost_folder_attr_unregister();
}

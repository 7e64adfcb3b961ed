/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* METADATA of the user's own vault. */
#ifndef DOVECOT_PLUGIN_SEALPOST_VAULT_ATTR_H
#define DOVECOT_PLUGIN_SEALPOST_VAULT_ATTR_H

void sealpost_vault_attr_register(void);
void sealpost_vault_attr_unregister(void);

#endif

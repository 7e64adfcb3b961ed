/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* METADATA of folders and of the account. */
#ifndef DOVECOT_PLUGIN_SEALPOST_FOLDER_ATTR_H
#define DOVECOT_PLUGIN_SEALPOST_FOLDER_ATTR_H

void sealpost_folder_attr_register(void);
void sealpost_folder_attr_unregister(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What differs between Dovecot 2.3 and 2.4. */
#ifndef DOVECOT_PLUGIN_SEALPOST_COMPAT_H
#define DOVECOT_PLUGIN_SEALPOST_COMPAT_H

struct mail_cache;
struct mail_cache_field;
struct mail_user;

#define SEALPOST_DEFAULT_SECRETS "/var/lib/sealpost/secrets.db"

void sealpost_cache_register_field(struct mail_cache *cache,
				   struct mail_cache_field *field);

/* The setting sealpost_secrets: path of the database of the vaults, "" = there
   are none. Returns -1 if settings can't be read. */
int sealpost_setting_secrets(struct mail_user *user, const char **path_r,
			     const char **error_r);

#define SEALPOST_DEFAULT_DIRECTORY "/var/lib/sealpost/directory.db"
#define SEALPOST_DEFAULT_SPOOL "/var/tmp"

/* What says how to seal; strings are in the data stack. */
struct sealpost_seal_settings {
	bool seal;                 /* sealpost_seal */
	const char *const *except; /* sealpost_seal_except */
	const char *account;       /* sealpost_account, "" = the user's name */
	const char *directory;     /* sealpost_directory */
	const char *spool;         /* sealpost_spool_directory */
};

/* Returns -1 if settings can't be read. */
int sealpost_setting_seal(struct mail_user *user,
			  struct sealpost_seal_settings *set_r,
			  const char **error_r);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "mail-namespace.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "mailbox-attribute.h"
#include "sealpost-compat.h"
#include "sealpost-vault.h"
#include "sealpost-vault-attr.h"

#define VAULT_PREFIX \
	MAILBOX_ATTRIBUTE_PREFIX_DOVECOT_PVT_SERVER "vendor/vendor.sealpost/"

static void vault_take(void *context, const char *text)
{
	const char **value_r = context;

	*value_r = t_strdup(text);
}

static int vault_unavailable(struct mailbox *box, const char *error)
{
	e_error(box->event, "sealpost: vault: %s", error);
	mail_storage_set_error(box->storage, MAIL_ERROR_UNAVAILABLE,
		"The vault can't be read now, try again later");
	return -1;
}

/* The vault is the logged-in user's: the name of the mailbox doesn't matter,
   and one that belongs to somebody else has none. dsync must copy none. */
static int
vault_get(struct mailbox *box, enum sealpost_vault_part part,
	  struct mail_attribute_value *value_r)
{
	struct mail_user *user = box->storage->user;
	const char *path, *error;
	char text[512];
	int ret;

	if (user->dsyncing || mailbox_get_namespace(box)->owner != user)
		return 0;
	if (sealpost_setting_secrets(user, &path, &error) < 0)
		return vault_unavailable(box, error);
	if (*path == '\0')
		return 0;
	ret = sealpost_vault_get(path, user->username, part, vault_take,
				 &value_r->value, text, sizeof(text));
	return ret < 0 ? vault_unavailable(box, text) : ret;
}

static int
vault_get_armored(struct mailbox *box, const char *key,
		  struct mail_attribute_value *value_r)
{
	return vault_get(box, SEALPOST_VAULT_ARMORED, value_r);
}

static int
vault_get_fingerprint(struct mailbox *box, const char *key,
		      struct mail_attribute_value *value_r)
{
	return vault_get(box, SEALPOST_VAULT_FINGERPRINT, value_r);
}

static const struct mailbox_attribute_internal vault_attributes[] = {
	{
		.type = MAIL_ATTRIBUTE_TYPE_PRIVATE,
		.key = VAULT_PREFIX"vault",
		.rank = MAIL_ATTRIBUTE_INTERNAL_RANK_AUTHORITY,
		.flags = MAIL_ATTRIBUTE_INTERNAL_FLAG_VALIDATED,
		.get = vault_get_armored,
	}, {
		.type = MAIL_ATTRIBUTE_TYPE_PRIVATE,
		.key = VAULT_PREFIX"fingerprint",
		.rank = MAIL_ATTRIBUTE_INTERNAL_RANK_AUTHORITY,
		.flags = MAIL_ATTRIBUTE_INTERNAL_FLAG_VALIDATED,
		.get = vault_get_fingerprint,
	}
};

void sealpost_vault_attr_register(void)
{
	mailbox_attribute_register_internals(vault_attributes,
					     N_ELEMENTS(vault_attributes));
}

void sealpost_vault_attr_unregister(void)
{
	mailbox_attribute_unregister_internals(vault_attributes,
					       N_ELEMENTS(vault_attributes));
}

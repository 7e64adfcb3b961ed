/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Everything that enters a mailbox goes through save_begin() or copy(). The
   message is sealed before anything else sees it: index, quota and cache know
   the sealed one only. */

#include "lib.h"
#include "array.h"
#include "imap-match.h"
#include "istream.h"
#include "istream-crlf.h"
#include "mail-namespace.h"
#include "mail-storage-hooks.h"
#include "mail-storage-private.h"
#include "mail-user.h"
#include "sealpost-compat.h"
#include "sealpost-sealer.h"

#define SEALER_CONTEXT(obj) \
	MODULE_CONTEXT_REQUIRE(obj, sealpost_storage_module)
#define SEALER_HAS_CONTEXT(obj) \
	(MODULE_CONTEXT(obj, sealpost_storage_module) != NULL)
#define SEALER_MAIL_CONTEXT(obj) \
	MODULE_CONTEXT_REQUIRE(obj, sealpost_mail_module)

#define NOT_SEALED "The message can't be sealed now, so it isn't saved"

struct sealpost_mailbox {
	union mailbox_module_context module_ctx;

	/* the message that is being saved, sealed; NULL if as it is */
	struct istream *sealer;
	bool force, labelled;
	struct sealpost_label label;
	/* copy() has found: it's sealed already */
	bool pass;
	/* copy() calls save_begin() */
	bool begun;
};

static MODULE_CONTEXT_DEFINE_INIT(sealpost_storage_module,
				  &mail_storage_module_register);
static MODULE_CONTEXT_DEFINE_INIT(sealpost_mail_module,
				  &mail_module_register);

static int sealer_fail(struct mailbox *box, const char *why)
{
	e_error(box->event, "sealpost: %s", why);
	mail_storage_set_error(box->storage, MAIL_ERROR_UNAVAILABLE,
			       NOT_SEALED);
	return -1;
}

static int
sealer_no_key(struct mailbox *box, const struct sealpost_owner *owner)
{
	const char *why = sealpost_owner_unusable(owner);

	e_error(box->event, "sealpost: no usable key: %s", why);
	mail_storage_set_error(box->storage, MAIL_ERROR_UNAVAILABLE,
		t_strdup_printf(NOT_SEALED": the account has no usable key "
				"(%s)", why));
	return -1;
}

/* ---- whose mailbox, and does it want to be sealed? ---- */

/* Returns 1 and the owner, 0 if it's a public folder, -1. Of a shared
   folder it's who shares it. */
static int sealer_user(struct mailbox *box, struct mail_user **user_r)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);

	*user_r = ns->owner;
	if (ns->owner != NULL)
		return 1;
	if (ns->type == MAIL_NAMESPACE_TYPE_PUBLIC)
		return 0;
	return sealer_fail(box, "it's not known whose shared folder this is");
}

static int
sealer_settings(struct mailbox *box, struct mail_user *user,
		struct sealpost_seal_settings *set_r)
{
	const char *error;

	if (sealpost_setting_seal(user, set_r, &error) < 0)
		return sealer_fail(box, error);
	return 0;
}

static bool
sealer_is_excepted(struct mailbox *box, const char *const *patterns)
{
	struct mail_namespace *ns = mailbox_get_namespace(box);
	const char *name = box->vname;
	struct imap_match_glob *glob;

	if (*patterns == NULL)
		return FALSE;
	if (strncmp(name, ns->prefix, ns->prefix_len) == 0)
		name += ns->prefix_len;
	glob = imap_match_init_multiple(pool_datastack_create(), patterns,
					TRUE, mail_namespace_get_sep(ns));
	return imap_match(glob, name) == IMAP_MATCH_YES ||
		imap_match(glob, box->vname) == IMAP_MATCH_YES;
}

static int
sealer_find_owner(struct mailbox *box, struct mail_user *user,
		  const struct sealpost_seal_settings *set,
		  struct sealpost_owner **owner_r)
{
	const char *address = *set->account != '\0' ?
		set->account : user->username;
	struct sealpost_error error;
	int ret;

	/* Dovecot's users may have short names. That one of them has no account
	   isn't known before somebody says what their addresses are. */
	if (strchr(address, '@') == NULL) {
		return sealer_fail(box, t_strdup_printf(
			"%s is no address: set sealpost_account", address));
	}
	ret = sealpost_owner_find(set->directory, address, owner_r, &error);
	return ret < 0 ? sealer_fail(box, error.text) : ret;
}

int sealpost_mailbox_owner(struct mailbox *box, struct sealpost_owner **owner_r)
{
	struct sealpost_seal_settings set;
	struct mail_user *user;
	int ret;

	if ((ret = sealer_user(box, &user)) <= 0)
		return ret;
	if (sealer_settings(box, user, &set) < 0)
		return -1;
	return sealer_find_owner(box, user, &set, owner_r);
}

/* Returns 1 and for whom to seal what comes into the mailbox, 0 if nothing is
   to be done, -1. */
static int
sealer_wanted(struct mailbox *box, struct sealpost_owner **owner_r,
	      const char **spool_r)
{
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	struct sealpost_seal_settings set;
	struct mail_user *user;
	int ret;

	/* dsync: the same GUID means the same content */
	if (box->storage->user->dsyncing)
		return 0;
	if ((ret = sealer_user(box, &user)) > 0) {
		if (sealer_settings(box, user, &set) < 0)
			return -1;
		if (!sbox->force &&
		    (!set.seal || sealer_is_excepted(box, set.except)))
			return 0;
		*spool_r = set.spool;
		ret = sealer_find_owner(box, user, &set, owner_r);
	}
	if (ret == 0 && sbox->force)
		return sealer_fail(box, "this is no account's mailbox");
	return ret;
}

void sealpost_mailbox_force(struct mailbox *box)
{
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);

	sbox->force = TRUE;
}

void sealpost_mailbox_set_label(struct mailbox *box,
				const struct sealpost_label *label)
{
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);

	sbox->labelled = TRUE;
	sbox->label = *label;
}

/* ---- saving ---- */

static int
sealer_save_begin(struct mail_save_context *ctx, struct istream *input)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	struct sealpost_owner *owner = NULL;
	const char *spool;
	struct istream *sealer;
	int ret;

	if (sbox->pass)
		return sbox->module_ctx.super.save_begin(ctx, input);
	if (sbox->sealer != NULL)
		return sealer_fail(box, "two messages are saved at once");
	if ((ret = sealer_wanted(box, &owner, &spool)) < 0)
		return -1;
	sbox->begun = TRUE;
	if (ret == 0)
		return sbox->module_ctx.super.save_begin(ctx, input);
	if (sealpost_owner_unusable(owner) != NULL) {
		ret = sealer_no_key(box, owner);
		sealpost_owner_free(&owner);
		return ret;
	}

	/* another content, another GUID */
	if (ctx->copying_via_save)
		mailbox_save_set_guid(ctx, NULL);
	sealer = i_stream_create_sealpost(input, owner, sbox->labelled ?
					  &sbox->label : NULL, spool);
	ret = sbox->module_ctx.super.save_begin(ctx, sealer);
	if (ret < 0)
		i_stream_unref(&sealer);
	sbox->sealer = sealer;
	return ret;
}

static int sealer_check(struct mailbox *box, struct istream *sealer)
{
	if (sealer == NULL || sealer->stream_errno == 0)
		return 0;
	return sealer_fail(box, i_stream_get_error(sealer));
}

static int sealer_save_continue(struct mail_save_context *ctx)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	int ret = sbox->module_ctx.super.save_continue(ctx);

	return sealer_check(box, sbox->sealer) < 0 ? -1 : ret;
}

static int sealer_save_finish(struct mail_save_context *ctx)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	struct istream *sealer = sbox->sealer;
	int ret;

	sbox->sealer = NULL;
	ret = sealer_check(box, sealer);
	if (ret == 0 && sealer != NULL && !sealer->eof)
		ret = sealer_fail(box, "the message wasn't sealed to its end");
	if (ret == 0)
		ret = sbox->module_ctx.super.save_finish(ctx);
	else
		sbox->module_ctx.super.save_cancel(ctx);
	i_stream_unref(&sealer);
	return ret;
}

static void sealer_save_cancel(struct mail_save_context *ctx)
{
	struct sealpost_mailbox *sbox =
		SEALER_CONTEXT(ctx->transaction->box);
	struct istream *sealer = sbox->sealer;

	sbox->sealer = NULL;
	sbox->module_ctx.super.save_cancel(ctx);
	i_stream_unref(&sealer);
}

/* ---- copying ---- */

static int
sealer_prove(struct mail *mail, struct istream *input,
	     struct sealpost_proof *proof)
{
	struct sealpost_error error;
	const unsigned char *data;
	size_t size;
	int ret;

	while ((ret = i_stream_read_more(input, &data, &size)) > 0) {
		ret = sealpost_proof_put(proof, data, size, &error);
		if (ret < 0)
			return sealer_fail(mail->box, error.text);
		if (ret == 0)
			return 0;
		i_stream_skip(input, size);
	}
	if (input->stream_errno != 0)
		return sealer_fail(mail->box, i_stream_get_error(input));
	ret = sealpost_proof_finish(proof, &error);
	return ret < 0 ? sealer_fail(mail->box, error.text) : ret;
}

int sealpost_mail_is_sealed(struct mail *mail,
			    const struct sealpost_owner *owner)
{
	struct sealpost_proof *proof;
	struct sealpost_error error;
	struct istream *input, *crlf_input;
	int ret;

	if (mail_get_stream_because(mail, NULL, NULL, "sealpost", &input) < 0)
		return -1;
	if (sealpost_proof_new(owner, &proof, &error) < 0)
		return sealer_fail(mail->box, error.text);
	i_stream_seek(input, 0);
	crlf_input = i_stream_create_crlf(input);
	ret = sealer_prove(mail, crlf_input, proof);
	i_stream_unref(&crlf_input);
	sealpost_proof_free(&proof);
	return ret;
}

/* Is what is saved for this user sealed, as far as settings say? */
static bool sealer_is_on(struct mail_user *user)
{
	struct sealpost_seal_settings set;
	const char *error;

	return sealpost_setting_seal(user, &set, &error) < 0 || set.seal;
}

/* To further recipients LMTP gives a copy of the first one's message. That is
   prevented (see sealer_get_special()); should it come all the same, it's not
   theirs. */
static bool sealer_is_foreign(struct mailbox *box, struct mail *mail)
{
	return strcmp(box->storage->user->service, "lmtp") == 0 &&
		strcmp(mail->box->storage->name, "raw") != 0 &&
		mail->box->storage->user != box->storage->user &&
		sealer_is_on(mail->box->storage->user);
}

/* The lower layers copy by saving, so that save_begin() comes to see it. */
static int sealer_copy_by_saving(struct mail_save_context *ctx,
				 struct mail *mail)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	bool disabled = box->disable_reflink_copy_to;
	int ret;

	box->disable_reflink_copy_to = TRUE;
	sbox->begun = FALSE;
	ret = sbox->module_ctx.super.copy(ctx, mail);
	box->disable_reflink_copy_to = disabled;
	if (ret == 0 && !sbox->begun)
		return sealer_fail(box, "a copy wasn't made by saving");
	return ret;
}

static int
sealer_copy_for(struct mail_save_context *ctx, struct mail *mail,
		struct sealpost_owner *owner)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	int ret = sealpost_mail_is_sealed(mail, owner);

	if (ret == 0 && sealpost_owner_unusable(owner) != NULL)
		ret = sealer_no_key(box, owner);
	else if (ret < 0 && mail->box->storage != box->storage)
		ret = sealer_fail(box, "the message to copy can't be read");
	if (ret < 0) {
		mailbox_save_cancel(&ctx);
		return -1;
	}
	if (ret == 0)
		return sealer_copy_by_saving(ctx, mail);
	sbox->pass = TRUE;
	ret = sbox->module_ctx.super.copy(ctx, mail);
	sbox->pass = FALSE;
	return ret;
}

static int sealer_copy(struct mail_save_context *ctx, struct mail *mail)
{
	struct mailbox *box = ctx->transaction->box;
	struct sealpost_mailbox *sbox = SEALER_CONTEXT(box);
	struct sealpost_owner *owner = NULL;
	const char *spool;
	int ret;

	ret = sealer_wanted(box, &owner, &spool);
	if (ret >= 0 && sealer_is_foreign(box, mail)) {
		ret = sealer_fail(box, "another recipient's message isn't "
				  "copied");
	}
	if (ret < 0)
		mailbox_save_cancel(&ctx);
	else if (ret == 0)
		ret = sbox->module_ctx.super.copy(ctx, mail);
	else
		ret = sealer_copy_for(ctx, mail, owner);
	sealpost_owner_free(&owner);
	return ret;
}

/* ---- hooks ---- */

static void sealer_mailbox_allocated(struct mailbox *box)
{
	struct mailbox_vfuncs *v = box->vlast;
	struct sealpost_mailbox *sbox;

	/* a message on its way, not a mailbox */
	if (strcmp(box->storage->name, "raw") == 0)
		return;
	sbox = p_new(box->pool, struct sealpost_mailbox, 1);
	sbox->module_ctx.super = *v;
	box->vlast = &sbox->module_ctx.super;
	v->save_begin = sealer_save_begin;
	v->save_continue = sealer_save_continue;
	v->save_finish = sealer_save_finish;
	v->save_cancel = sealer_save_cancel;
	v->copy = sealer_copy;
	MODULE_CONTEXT_SET(box, sealpost_storage_module, sbox);
}

/* LMTP saves for the first recipient, opens what is stored and copies that to
   the others, unless the stored message has no GUID. */
static int
sealer_get_special(struct mail *_mail, enum mail_fetch_field field,
		   const char **value_r)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	union mail_module_context *mmail = SEALER_MAIL_CONTEXT(mail);

	if (field == MAIL_FETCH_GUID)
		return -1;
	return mmail->super.get_special(_mail, field, value_r);
}

static void sealer_mail_allocated(struct mail *_mail)
{
	struct mail_private *mail = (struct mail_private *)_mail;
	struct mail_vfuncs *v = mail->vlast;
	const char *reason = _mail->transaction->reason;
	union mail_module_context *mmail;

	if (!SEALER_HAS_CONTEXT(_mail->box) ||
	    null_strcmp(reason, "mail_deliver_open_mail") != 0 ||
	    !sealer_is_on(_mail->box->storage->user))
		return;
	mmail = p_new(mail->pool, union mail_module_context, 1);
	mmail->super = *v;
	mail->vlast = &mmail->super;
	v->get_special = sealer_get_special;
	MODULE_CONTEXT_SET_SELF(mail, sealpost_mail_module, mmail);
}

static struct mail_storage_hooks sealer_hooks = {
	.mailbox_allocated = sealer_mailbox_allocated,
	.mail_allocated = sealer_mail_allocated,
};

void sealpost_sealer_init(struct module *module)
{
	mail_storage_hooks_add(module, &sealer_hooks);
}

void sealpost_sealer_deinit(void)
{
	mail_storage_hooks_remove(&sealer_hooks);
}

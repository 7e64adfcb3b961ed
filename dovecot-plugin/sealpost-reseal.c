/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "hash.h"
#include "hex-binary.h"
#include "mail-cache.h"
#include "mail-storage-private.h"
#include "sha2.h"
#include "sealpost-compat.h"
#include "sealpost-reseal.h"
#include "sealpost-sealer.h"

#define RESEAL_STEP 32
#define RESEAL_LABEL_SALT "sealpost seal 1"

/* What of a message has to be on its copy when the plaintext goes. */
struct reseal_mail {
	uint32_t uid, copy_uid;
	enum mail_flags flags;
	const char *const *keywords;
	/* the copy is an earlier run's; a rebuilt dbox may have lost the flags
	   of either */
	bool resumed;
};

ARRAY_DEFINE_TYPE(reseal_mail, struct reseal_mail);

struct sealpost_reseal {
	pool_t pool;
	/* two instances of the same mailbox: read from, copied to */
	struct mailbox *box, *copies;
	struct sealpost_owner *owner;
	struct sealpost_reseal_counts counts;
	uint32_t uid_validity;
	/* labels that are in the folder, hexadecimal => UID */
	HASH_TABLE(char *, void *) copied;
};

static int reseal_fail(struct mailbox *box, const char **error_r)
{
	enum mail_error error;

	*error_r = t_strdup(mailbox_get_last_internal_error(box, &error));
	return -1;
}

/* ---- the labels ---- */

static const char *reseal_label_key(const struct sealpost_label *label)
{
	return binary_to_hex(label->octets, sizeof(label->octets));
}

/* What a copy of the message is known by. The GUID alone doesn't tell two
   messages apart: a copy within the folder may share it. */
static void
reseal_label(struct sealpost_reseal *reseal, uint32_t uid, const char *guid,
	     struct sealpost_label *label_r)
{
	unsigned char digest[SHA256_RESULTLEN];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_loop(&ctx, RESEAL_LABEL_SALT, sizeof(RESEAL_LABEL_SALT));
	sha256_loop(&ctx, &reseal->uid_validity, sizeof(uint32_t));
	sha256_loop(&ctx, &uid, sizeof(uid));
	sha256_loop(&ctx, guid, strlen(guid));
	sha256_result(&ctx, digest);
	memcpy(label_r->octets, digest, sizeof(label_r->octets));
}

static void reseal_note_copy(struct sealpost_reseal *reseal, struct mail *mail)
{
	struct sealpost_label label;
	const char *type;

	/* an expunged one is no copy of anything */
	if (mail_get_first_header(mail, "Content-Type", &type) <= 0 ||
	    !sealpost_label_read(type, &label))
		return;
	hash_table_update(reseal->copied,
			  p_strdup(reseal->pool, reseal_label_key(&label)),
			  POINTER_CAST(mail->uid));
}

static void reseal_find_copies(struct sealpost_reseal *reseal)
{
	static const char *const fields[] = { "Content-Type", NULL };
	struct mailbox_transaction_context *trans;
	struct mailbox_header_lookup_ctx *headers;
	struct mailbox_status status;
	struct mail *mail;

	mailbox_get_open_status(reseal->box, STATUS_MESSAGES |
				STATUS_UIDVALIDITY, &status);
	reseal->uid_validity = status.uidvalidity;
	trans = mailbox_transaction_begin(reseal->box, 0, "sealpost seal");
	headers = mailbox_header_lookup_init(reseal->box, fields);
	mail = mail_alloc(trans, 0, headers);
	mailbox_header_lookup_unref(&headers);
	for (uint32_t seq = 1; seq <= status.messages; seq++) T_BEGIN {
		mail_set_seq(mail, seq);
		reseal_note_copy(reseal, mail);
	} T_END;
	mail_free(&mail);
	mailbox_transaction_rollback(&trans);
}

/* ---- begin and end ---- */

static int reseal_open(struct sealpost_reseal *reseal, const char **error_r)
{
	const char *why;
	int ret;

	if (mailbox_sync(reseal->box, 0) < 0)
		return reseal_fail(reseal->box, error_r);
	if (mailbox_sync(reseal->copies, 0) < 0)
		return reseal_fail(reseal->copies, error_r);
	if (reseal->box->storage->set->parsed_fsync_mode == FSYNC_MODE_NEVER) {
		*error_r = "mail_fsync = never would lose mail at a power "
			"failure: give -o mail_fsync=optimized";
		return -1;
	}
	ret = sealpost_mailbox_owner(reseal->box, &reseal->owner);
	if (ret < 0)
		return reseal_fail(reseal->box, error_r);
	if (ret == 0) {
		*error_r = "this is no account's mailbox";
		return -1;
	}
	why = sealpost_owner_unusable(reseal->owner);
	if (why != NULL) {
		*error_r = t_strdup_printf("no usable key: %s", why);
		return -1;
	}
	sealpost_mailbox_force(reseal->copies);
	reseal_find_copies(reseal);
	return 0;
}

int sealpost_reseal_begin(struct mailbox_list *list, const char *vname,
			  struct sealpost_reseal **reseal_r,
			  const char **error_r)
{
	pool_t pool = pool_alloconly_create("sealpost reseal", 1024);
	struct sealpost_reseal *reseal = p_new(pool, struct sealpost_reseal, 1);

	reseal->pool = pool;
	hash_table_create(&reseal->copied, pool, 0, str_hash, strcmp);
	reseal->box = mailbox_alloc(list, vname, 0);
	reseal->copies = mailbox_alloc(list, vname, MAILBOX_FLAG_SAVEONLY);
	if (reseal_open(reseal, error_r) < 0) {
		sealpost_reseal_end(&reseal);
		return -1;
	}
	*reseal_r = reseal;
	return 0;
}

const struct sealpost_reseal_counts *
sealpost_reseal_counts(struct sealpost_reseal *reseal)
{
	return &reseal->counts;
}

int sealpost_reseal_purge(struct sealpost_reseal *reseal, const char **error_r)
{
	if (mail_cache_purge(reseal->box->cache, (uint32_t)-1,
			     "sealpost seal") < 0) {
		mailbox_set_index_error(reseal->box);
		return reseal_fail(reseal->box, error_r);
	}
	return 0;
}

void sealpost_reseal_end(struct sealpost_reseal **_reseal)
{
	struct sealpost_reseal *reseal = *_reseal;

	*_reseal = NULL;
	if (reseal == NULL)
		return;
	hash_table_destroy(&reseal->copied);
	sealpost_owner_free(&reseal->owner);
	mailbox_free(&reseal->copies);
	mailbox_free(&reseal->box);
	pool_unref(&reseal->pool);
}

/* ---- the copies ---- */

static int
reseal_copy(struct sealpost_reseal *reseal,
	    struct mailbox_transaction_context *to, struct mail *mail,
	    const struct sealpost_label *label, const char **error_r)
{
	struct mail_save_context *save_ctx = mailbox_save_alloc(to);
	time_t saved;

	mailbox_save_copy_flags(save_ctx, mail);
	if (mail_get_save_date(mail, &saved) > 0)
		mailbox_save_set_save_date(save_ctx, saved);
	sealpost_mailbox_set_label(reseal->copies, label);
	if (mailbox_copy(&save_ctx, mail) < 0)
		return reseal_fail(reseal->copies, error_r);
	return 0;
}

/* Returns 1 if the message is to be replaced, 0 if not, -1. Its copy_uid is 0
   while the copy isn't committed. */
static int
reseal_mail(struct sealpost_reseal *reseal,
	    struct mailbox_transaction_context *to, struct mail *mail,
	    struct reseal_mail *done, const char **error_r)
{
	struct sealpost_label label;
	const char *guid;
	void *copy;
	int ret;

	ret = sealpost_mail_is_sealed(mail, reseal->owner);
	if (ret == 0 && mail_get_special(mail, MAIL_FETCH_GUID, &guid) < 0)
		ret = -1;
	if (ret < 0)
		return mail->expunged ? 0 : reseal_fail(reseal->box, error_r);
	if (ret > 0) {
		reseal->counts.already++;
		return 0;
	}
	done->uid = mail->uid;
	done->flags = mail_get_flags(mail);
	done->keywords = p_strarray_dup(pool_datastack_create(),
					mail_get_keywords(mail));
	reseal_label(reseal, mail->uid, guid, &label);
	copy = hash_table_lookup(reseal->copied, reseal_label_key(&label));
	done->copy_uid = POINTER_CAST_TO(copy, uint32_t);
	done->resumed = copy != NULL;
	if (done->resumed)
		reseal->counts.resumed++;
	else if (reseal_copy(reseal, to, mail, &label, error_r) < 0)
		return -1;
	return 1;
}

/* Saves the sealed copies of the next messages. */
static int
reseal_copies(struct sealpost_reseal *reseal,
	      struct mailbox_transaction_context *to,
	      const ARRAY_TYPE(uint32_t) *uids, unsigned int *at,
	      ARRAY_TYPE(reseal_mail) *done, const char **error_r)
{
	struct mailbox_transaction_context *from;
	struct reseal_mail one;
	struct mail *mail;
	int ret = 0;

	from = mailbox_transaction_begin(reseal->box, 0, "sealpost seal");
	mail = mail_alloc(from, MAIL_FETCH_STREAM_HEADER |
			  MAIL_FETCH_STREAM_BODY | MAIL_FETCH_RECEIVED_DATE |
			  MAIL_FETCH_GUID | MAIL_FETCH_FLAGS, NULL);
	while (ret >= 0 && *at < array_count(uids) &&
	       array_count(done) < RESEAL_STEP) {
		if (mail_set_uid(mail, *array_idx(uids, *at))) {
			ret = reseal_mail(reseal, to, mail, &one, error_r);
			if (ret > 0)
				array_push_back(done, &one);
		}
		(*at)++;
	}
	mail_free(&mail);
	mailbox_transaction_rollback(&from);
	return ret < 0 ? -1 : 0;
}

/* Tells the copies' UIDs apart: they come in the order of saving. */
static int
reseal_take_uids(const struct mail_transaction_commit_changes *changes,
		 ARRAY_TYPE(reseal_mail) *done, const char **error_r)
{
	struct seq_range_iter iter;
	struct reseal_mail *one;
	unsigned int n = 0;

	seq_range_array_iter_init(&iter, &changes->saved_uids);
	array_foreach_modifiable(done, one) {
		if (one->copy_uid == 0 &&
		    !seq_range_array_iter_nth(&iter, n++, &one->copy_uid)) {
			*error_r = "the copies have no UIDs";
			return -1;
		}
	}
	return 0;
}

/* ---- the originals ---- */

static bool
reseal_same_keywords(const char *const *a, const char *const *b)
{
	unsigned int n = str_array_length(a);

	if (str_array_length(b) != n)
		return FALSE;
	for (; *a != NULL; a++) {
		if (!str_array_find(b, *a))
			return FALSE;
	}
	return TRUE;
}

static void
reseal_update(struct mail *copy, enum modify_type how,
	      const struct reseal_mail *now)
{
	struct mail_keywords *keywords;

	mail_update_flags(copy, how, now->flags);
	keywords = mailbox_keywords_create_valid(copy->box, now->keywords);
	mail_update_keywords(copy, how, keywords);
	mailbox_keywords_unref(&keywords);
}

/* The plaintext goes, if its copy is there. What was done to it meanwhile is
   done to the copy; where it has gone, its copy goes. */
static void
reseal_replace(struct sealpost_reseal *reseal, struct mail *mail,
	       struct mail *copy, const struct reseal_mail *was)
{
	struct reseal_mail now;

	if (!mail_set_uid(copy, was->copy_uid) ||
	    sealpost_mail_is_sealed(copy, reseal->owner) <= 0)
		return;
	if (!mail_set_uid(mail, was->uid)) {
		mail_expunge(copy);
		return;
	}
	now.flags = mail_get_flags(mail);
	now.keywords = mail_get_keywords(mail);
	if (was->resumed)
		reseal_update(copy, MODIFY_ADD, &now);
	else if (now.flags != was->flags ||
		 !reseal_same_keywords(now.keywords, was->keywords))
		reseal_update(copy, MODIFY_REPLACE, &now);
	mail_expunge(mail);
	reseal->counts.sealed++;
}

static int
reseal_originals(struct sealpost_reseal *reseal,
		 ARRAY_TYPE(reseal_mail) *done, const char **error_r)
{
	struct mailbox_transaction_context *trans;
	const struct reseal_mail *one;
	struct mail *mail, *copy;

	if (mailbox_sync(reseal->box, 0) < 0)
		return reseal_fail(reseal->box, error_r);
	trans = mailbox_transaction_begin(reseal->box, 0, "sealpost seal");
	mail = mail_alloc(trans, MAIL_FETCH_FLAGS, NULL);
	copy = mail_alloc(trans, 0, NULL);
	array_foreach(done, one)
		reseal_replace(reseal, mail, copy, one);
	mail_free(&copy);
	mail_free(&mail);
	if (mailbox_transaction_commit(&trans) < 0 ||
	    mailbox_sync(reseal->box, 0) < 0)
		return reseal_fail(reseal->box, error_r);
	return 0;
}

int sealpost_reseal_step(struct sealpost_reseal *reseal,
			 const ARRAY_TYPE(uint32_t) *uids, unsigned int *at,
			 const char **error_r)
{
	struct mail_transaction_commit_changes changes;
	struct mailbox_transaction_context *to;
	ARRAY_TYPE(reseal_mail) done;
	int ret;

	if (*at >= array_count(uids))
		return 1;
	t_array_init(&done, RESEAL_STEP);
	to = mailbox_transaction_begin(reseal->copies,
				       MAILBOX_TRANSACTION_FLAG_EXTERNAL |
				       MAILBOX_TRANSACTION_FLAG_ASSIGN_UIDS,
				       "sealpost seal");
	if (reseal_copies(reseal, to, uids, at, &done, error_r) < 0) {
		mailbox_transaction_rollback(&to);
		return -1;
	}
	if (mailbox_transaction_commit_get_changes(&to, &changes) < 0)
		return reseal_fail(reseal->copies, error_r);
	ret = reseal_take_uids(&changes, &done, error_r);
	pool_unref(&changes.pool);
	if (ret < 0)
		return -1;
	return array_count(&done) == 0 ? 0 :
		reseal_originals(reseal, &done, error_r);
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Two caches, both in Dovecot's index files. Whether a message is sealed is a
 * field of dovecot.index.cache, so each message is read once. The figures up to
 * a UID are an extension of the index's header: valid as long as no message
 * below that UID has been expunged, that is, as long as their number is the
 * same. New messages are added to them; an expunge has them rebuilt from the
 * first cache.
 */

#include "lib.h"
#include "buffer.h"
#include "mail-cache.h"
#include "mail-storage-private.h"
#include "mailbox-list-index.h"
#include "sealpost-compat.h"
#include "sealpost-scan.h"
#include "sealpost-sealed.h"

#define SCAN_EXT_NAME "sealpost-stats"
#define SCAN_FIELD_NAME "sealpost.sealed"
#define SCAN_VERSION 1
/* A folder whose messages vanish while they're counted is counted again. */
#define SCAN_MAX_RESTARTS 10

#define SCAN_MARK_SEALED 's'
#define SCAN_MARK_PLAIN 'p'

/* The index's header extension. */
struct scan_header {
	uint32_t version;
	uint32_t highest_uid;
	uint32_t messages;
	uint32_t sealed;
	uint64_t octets, physical, sealed_octets;
	uint64_t oldest, newest;
};

struct sealpost_scan {
	struct mailbox *box;
	struct mailbox_header_lookup_ctx *headers;
	struct sealpost_stats stats;

	struct scan_header hdr;
	uint32_t ext_id;
	unsigned int field_idx;
	uint32_t next_seq, last_seq;
	unsigned int restarts;

	bool opened:1;
	bool changed:1;
};

static bool
scan_header_is_valid(struct sealpost_scan *scan, const struct scan_header *hdr)
{
	uint32_t seq1, seq2;

	if (hdr->version != SCAN_VERSION || hdr->messages == 0 ||
	    hdr->sealed > hdr->messages)
		return FALSE;
	return mail_index_lookup_seq_range(scan->box->view, 1,
					   hdr->highest_uid, &seq1, &seq2) &&
		seq2 == hdr->messages;
}

/* Both counts are upper bounds: the mailbox's own one starts from what the
   index was when it was opened, and another session may have taken \Recent
   since; the index's header doesn't know yet what Maildir has in cur/. */
static uint32_t
scan_count_recent(struct mail_index_view *view, uint32_t recent)
{
	const struct mail_index_header *hdr = mail_index_get_header(view);
	uint32_t seq1, seq2;

	if (!mail_index_lookup_seq_range(view, I_MAX(hdr->first_recent_uid, 1),
					 (uint32_t)-1, &seq1, &seq2))
		return 0;
	return I_MIN(recent, seq2 - seq1 + 1);
}

static void scan_restart(struct sealpost_scan *scan)
{
	struct mailbox_status status;
	const void *data;
	size_t size;

	mail_index_get_header_ext(scan->box->view, scan->ext_id, &data, &size);
	i_zero(&scan->hdr);
	if (size >= sizeof(scan->hdr))
		memcpy(&scan->hdr, data, sizeof(scan->hdr));
	scan->changed = FALSE;
	if (!scan_header_is_valid(scan, &scan->hdr)) {
		i_zero(&scan->hdr);
		scan->hdr.version = SCAN_VERSION;
	}

	mailbox_get_open_status(scan->box, STATUS_MESSAGES | STATUS_UNSEEN |
				STATUS_RECENT, &status);
	scan->stats.folders = 1;
	scan->stats.messages = status.messages;
	scan->stats.unseen = status.unseen;
	scan->stats.recent = scan_count_recent(scan->box->view,
					       status.recent);
	scan->next_seq = scan->hdr.messages + 1;
	scan->last_seq = status.messages;
}

/* Without bringing the list's index up to date, for which the whole UID list of
   a Maildir would be read each time. Nobody is misled: that index tells by the
   folder's own files that it's out of date, and a commit brings it up to date. */
static int scan_sync(struct mailbox *box)
{
	struct mailbox_list_index *list_index = INDEX_LIST_CONTEXT(box->list);
	bool updating;
	int ret;

	if (list_index == NULL)
		return mailbox_sync(box, 0);
	updating = list_index->updating_status;
	list_index->updating_status = TRUE;
	ret = mailbox_sync(box, 0);
	list_index->updating_status = updating;
	return ret;
}

static int scan_open(struct sealpost_scan *scan)
{
	static const char *const wanted[] = { "Content-Type", NULL };
	struct mail_cache_field field = {
		.name = SCAN_FIELD_NAME,
		.type = MAIL_CACHE_FIELD_FIXED_SIZE,
		.field_size = 1,
		.decision = MAIL_CACHE_DECISION_YES,
	};

	if (mailbox_open(scan->box) < 0 || scan_sync(scan->box) < 0)
		return -1;
	scan->opened = TRUE;
	scan->ext_id = mail_index_ext_register(scan->box->index, SCAN_EXT_NAME,
					       sizeof(scan->hdr), 0, 0);
	sealpost_cache_register_field(scan->box->cache, &field);
	scan->field_idx = field.idx;
	scan->headers = mailbox_header_lookup_init(scan->box, wanted);
	scan_restart(scan);
	return 0;
}

struct sealpost_scan *
sealpost_scan_begin(struct mailbox_list *list, const char *vname)
{
	struct sealpost_scan *scan;

	scan = i_new(struct sealpost_scan, 1);
	scan->box = mailbox_alloc(list, vname, MAILBOX_FLAG_READONLY);
	return scan;
}

static bool
scan_lookup_mark(struct sealpost_scan *scan, struct mail *mail, bool *sealed_r)
{
	unsigned char mark = 0;
	buffer_t buf;

	buffer_create_from_data(&buf, &mark, sizeof(mark));
	if (mail_cache_lookup_field(mail->transaction->cache_view, &buf,
				    mail->seq, scan->field_idx) <= 0)
		return FALSE;
	*sealed_r = mark == SCAN_MARK_SEALED;
	return mark == SCAN_MARK_SEALED || mark == SCAN_MARK_PLAIN;
}

static void
scan_save_mark(struct sealpost_scan *scan, struct mail *mail, bool sealed)
{
	struct mail_cache_transaction_ctx *trans =
		mail->transaction->cache_trans;
	unsigned char mark = sealed ? SCAN_MARK_SEALED : SCAN_MARK_PLAIN;

	if (mail_cache_field_can_add(trans, mail->seq, scan->field_idx))
		mail_cache_add(trans, mail->seq, scan->field_idx, &mark, 1);
}

/* Two fields of that name are read in two ways by two readers: not sealed. */
static int
scan_read_mark(struct mail *mail, bool *sealed_r)
{
	const char *const *values, *value;
	int ret;

	ret = mail_get_headers(mail, "Content-Type", &values);
	if (ret < 0)
		return -1;
	*sealed_r = FALSE;
	if (ret == 0 || values[0] == NULL || values[1] != NULL)
		return 0;

	value = t_str_replace(t_str_replace(values[0], '\n', ' '), '\r', ' ');
	ret = sealpost_is_sealed_type(value, strlen(value));
	if (ret < 0) {
		mail_storage_set_error(mail->box->storage, MAIL_ERROR_TEMP,
				       "Out of memory");
		return -1;
	}
	*sealed_r = ret > 0;
	return 0;
}

static int
scan_is_sealed(struct sealpost_scan *scan, struct mail *mail, bool *sealed_r)
{
	if (scan_lookup_mark(scan, mail, sealed_r))
		return 0;
	if (scan_read_mark(mail, sealed_r) < 0)
		return -1;
	scan_save_mark(scan, mail, *sealed_r);
	return 0;
}

static int scan_mail(struct sealpost_scan *scan, struct mail *mail)
{
	struct scan_header *hdr = &scan->hdr;
	uoff_t octets, physical;
	uint64_t date;
	time_t received;
	bool sealed;

	if (mail_get_virtual_size(mail, &octets) < 0 ||
	    mail_get_physical_size(mail, &physical) < 0 ||
	    mail_get_received_date(mail, &received) < 0 ||
	    scan_is_sealed(scan, mail, &sealed) < 0)
		return -1;

	date = received < 0 ? 0 : (uint64_t)received;
	if (hdr->messages == 0 || date < hdr->oldest)
		hdr->oldest = date;
	if (hdr->messages == 0 || date > hdr->newest)
		hdr->newest = date;
	hdr->highest_uid = mail->uid;
	hdr->messages++;
	hdr->octets += octets;
	hdr->physical += physical;
	if (sealed) {
		hdr->sealed++;
		hdr->sealed_octets += octets;
	}
	scan->changed = TRUE;
	return 0;
}

static int
scan_mails(struct sealpost_scan *scan, struct mailbox_transaction_context *t,
	   unsigned int messages)
{
	struct mail *mail;
	int ret = 0;

	mail = mail_alloc(t, MAIL_FETCH_VIRTUAL_SIZE | MAIL_FETCH_PHYSICAL_SIZE |
			  MAIL_FETCH_RECEIVED_DATE, scan->headers);
	while (ret == 0 && messages-- > 0 && scan->next_seq <= scan->last_seq) {
		T_BEGIN {
			mail_set_seq(mail, scan->next_seq);
			ret = scan_mail(scan, mail);
		} T_END;
		if (ret == 0)
			scan->next_seq++;
	}
	mail_free(&mail);
	return ret;
}

/* The transaction ends with the step: another command may sync the folder
   meanwhile, and what was found out isn't lost if this one is cancelled. */
static int scan_step(struct sealpost_scan *scan, unsigned int messages)
{
	struct mailbox_transaction_context *t;
	enum mail_error error;
	int ret;

	if (scan->next_seq > scan->last_seq && !scan->changed)
		return 1;

	t = mailbox_transaction_begin(scan->box, 0, "sealpost statistics");
	ret = scan_mails(scan, t, messages);
	if (ret < 0)
		(void)mailbox_get_last_error(scan->box, &error);
	else if (scan->next_seq > scan->last_seq) {
		mail_index_update_header_ext(t->itrans, scan->ext_id, 0,
					     &scan->hdr, sizeof(scan->hdr));
		ret = 1;
	}
	if (ret < 0) {
		mailbox_transaction_rollback(&t);
		if (error != MAIL_ERROR_EXPUNGED ||
		    scan->restarts++ >= SCAN_MAX_RESTARTS)
			return -1;
		if (scan_sync(scan->box) < 0)
			return -1;
		scan_restart(scan);
		return 0;
	}
	/* if it can't be cached, the figures are right nevertheless */
	(void)mailbox_transaction_commit(&t);
	return ret;
}

static void scan_finish(struct sealpost_scan *scan)
{
	struct sealpost_stats *stats = &scan->stats;
	const struct scan_header *hdr = &scan->hdr;

	stats->octets = hdr->octets;
	stats->physical = hdr->physical;
	stats->oldest = hdr->oldest;
	stats->newest = hdr->newest;
	stats->sealed = hdr->sealed;
	stats->sealed_octets = hdr->sealed_octets;
	stats->plain = hdr->messages - hdr->sealed;
	stats->plain_octets = hdr->octets - hdr->sealed_octets;
}

int sealpost_scan_step(struct sealpost_scan *scan, unsigned int messages)
{
	int ret;

	if (!scan->opened && scan_open(scan) < 0)
		return -1;
	ret = scan_step(scan, messages);
	if (ret > 0)
		scan_finish(scan);
	return ret;
}

const struct sealpost_stats *sealpost_scan_stats(struct sealpost_scan *scan)
{
	return &scan->stats;
}

const char *
sealpost_scan_error(struct sealpost_scan *scan, enum mail_error *error_r)
{
	return mailbox_get_last_error(scan->box, error_r);
}

void sealpost_scan_end(struct sealpost_scan **_scan)
{
	struct sealpost_scan *scan = *_scan;

	*_scan = NULL;
	if (scan == NULL)
		return;
	if (scan->headers != NULL)
		mailbox_header_lookup_unref(&scan->headers);
	mailbox_free(&scan->box);
	i_free(scan);
}

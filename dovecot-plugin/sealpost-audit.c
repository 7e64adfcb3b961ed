/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "lib.h"
#include "istream.h"
#include "istream-crlf.h"
#include "mail-storage-private.h"
#include "sealpost-audit.h"
#include "sealpost-sealing.h"

static const char *const class_names[SEALPOST_CLASS_COUNT] = {
	[SEALPOST_CLASS_SEALED] = "sealed",
	[SEALPOST_CLASS_END_TO_END] = "end-to-end",
	[SEALPOST_CLASS_OTHER_KEY] = "other-key",
	[SEALPOST_CLASS_PLAIN] = "plain",
	[SEALPOST_CLASS_UNREADABLE] = "unreadable",
};

const char *sealpost_class_name(enum sealpost_class c)
{
	return class_names[c];
}

static int audit_fail(struct mail *mail, const struct sealpost_error *error)
{
	e_error(mail->box->event, "sealpost: %s", error->text);
	mail_storage_set_error(mail->box->storage, MAIL_ERROR_TEMP,
			       error->text);
	return -1;
}

/* Returns 1 proven, 0 not, -1 error, -2 if the message can't be read. */
static int
audit_feed(struct mail *mail, struct istream *input,
	   struct sealpost_proof *proof)
{
	struct sealpost_error error;
	const unsigned char *data;
	size_t size;
	int ret;

	while ((ret = i_stream_read_more(input, &data, &size)) > 0) {
		ret = sealpost_proof_put(proof, data, size, &error);
		if (ret < 0)
			return audit_fail(mail, &error);
		if (ret == 0)
			return 0;
		i_stream_skip(input, size);
	}
	if (input->stream_errno != 0)
		return -2;
	ret = sealpost_proof_finish(proof, &error);
	return ret < 0 ? audit_fail(mail, &error) : ret;
}

static int
audit_prove(struct mail *mail, struct istream *input,
	    const struct sealpost_owner *owner, bool *marker_r)
{
	struct sealpost_proof *proof;
	struct sealpost_error error;
	struct istream *crlf_input;
	int ret;

	ret = owner == NULL ? sealpost_proof_new_for_anyone(&proof, &error) :
		sealpost_proof_new(owner, &proof, &error);
	if (ret < 0)
		return audit_fail(mail, &error);
	i_stream_seek(input, 0);
	crlf_input = i_stream_create_crlf(input);
	ret = audit_feed(mail, crlf_input, proof);
	*marker_r = sealpost_proof_has_marker(proof);
	i_stream_unref(&crlf_input);
	sealpost_proof_free(&proof);
	return ret;
}

int sealpost_classify(struct mail *mail, const struct sealpost_owner *owner,
		      enum sealpost_class *class_r)
{
	struct istream *input;
	enum mail_error error;
	bool marker;
	int ret = 0;

	if (mail_get_stream_because(mail, NULL, NULL, "sealpost",
				    &input) < 0) {
		(void)mailbox_get_last_error(mail->box, &error);
		*class_r = SEALPOST_CLASS_UNREADABLE;
		return error == MAIL_ERROR_EXPUNGED ? 0 : 1;
	}
	if (owner != NULL)
		ret = audit_prove(mail, input, owner, &marker);
	if (ret == 1) {
		*class_r = marker ? SEALPOST_CLASS_SEALED :
			SEALPOST_CLASS_END_TO_END;
		return 1;
	}
	if (ret == 0)
		ret = audit_prove(mail, input, NULL, &marker);
	if (ret == -1)
		return -1;
	*class_r = ret == -2 ? SEALPOST_CLASS_UNREADABLE :
		ret > 0 ? SEALPOST_CLASS_OTHER_KEY : SEALPOST_CLASS_PLAIN;
	return 1;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What a stored message is, judged by its octets. */
#ifndef DOVECOT_PLUGIN_SEALPOST_AUDIT_H
#define DOVECOT_PLUGIN_SEALPOST_AUDIT_H

struct mail;
struct sealpost_owner;

enum sealpost_class {
	/* encrypted to a key of the owner, with a server's marker */
	SEALPOST_CLASS_SEALED,
	/* encrypted to a key of the owner, without it: by its sender */
	SEALPOST_CLASS_END_TO_END,
	/* encrypted, but to none of the owner's keys */
	SEALPOST_CLASS_OTHER_KEY,
	/* everything else, whatever it claims to be */
	SEALPOST_CLASS_PLAIN,
	/* its octets can't be read */
	SEALPOST_CLASS_UNREADABLE,
	SEALPOST_CLASS_COUNT
};

const char *sealpost_class_name(enum sealpost_class c);

/* The owner is NULL where the mailbox belongs to no account. Reads the whole
   message if it seems encrypted. Returns 1; 0 if the message is no longer
   there; -1 if it can't be told now, with the error of the mailbox's storage
   set. */
int sealpost_classify(struct mail *mail, const struct sealpost_owner *owner,
		      enum sealpost_class *class_r);

#endif

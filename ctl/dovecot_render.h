/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The templates of conf-templates/dovecot, and what they are filled in with. */
#ifndef CTL_DOVECOT_RENDER_H
#define CTL_DOVECOT_RENDER_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "dovecot_conf.h"

/* What a run of `sealpost dovecot` works on; the strings are borrowed. */
struct dovecot_run {
	const struct conf *conf;
	enum dovecot_version version;
	const char *templates; /* folder, of that version */
	const char *directory; /* of dovecot.conf, absolute */
	const char *name;      /* "dovecot.conf" */
	const char *mail_user; /* NULL: as dovecot.conf has it */
	const char *mail_directory;
	const char *queue_directory; /* of Postfix; NULL: as Postfix has it */
};

enum { DOVECOT_NAME_SIZE = 64, DOVECOT_SOCKET_SIZE = 512 };

/* What the machine and dovecot.conf add to it. */
struct dovecot_facts {
	const struct dovecot_run *run;
	struct buf protocols; /* a line for 2.3 */
	bool own_mailboxes; /* dovecot.conf names no format for virtual users */
	bool plugin;         /* sealpost's modules are where Dovecot looks */
	bool own_attributes; /* dovecot.conf has no place for METADATA */
	unsigned first_valid_uid;
	char mail_user[DOVECOT_NAME_SIZE], mail_group[DOVECOT_NAME_SIZE];
	char reader_user[DOVECOT_NAME_SIZE], reader_group[DOVECOT_NAME_SIZE];
	char internal_group[DOVECOT_NAME_SIZE]; /* of all of Dovecot */
	bool reader_is_root; /* secrets.db has no group of its own */
	char lmtp_socket[DOVECOT_SOCKET_SIZE]; /* "": the hop uses none */
	char lmtp_user[DOVECOT_NAME_SIZE], lmtp_group[DOVECOT_NAME_SIZE];
};

/*
 * Finds the facts; `path` is a dovecot.conf without our include. `notes` gets
 * lines for the administrator. facts is to be reset in any case.
 */
int dovecot_facts_find(struct dovecot_facts *f, const struct dovecot_run *run,
    const char *path, struct buf *notes, struct err *err) must_check;
void dovecot_facts_reset(struct dovecot_facts *f);

/* Puts the template of that name into `out`, filled in. */
int dovecot_render(const struct dovecot_facts *f, const char *name,
    struct buf *out, struct err *err) must_check;

#endif

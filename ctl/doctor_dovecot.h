/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Is Dovecot wired as it must be? Decides from what doveconf has printed and
 * from the files that it names. Pure.
 */
#ifndef CTL_DOCTOR_DOVECOT_H
#define CTL_DOCTOR_DOVECOT_H

#include "base/conf.h"
#include "doctor_report.h"
#include "dovecot_conf.h"

enum { DOCTOR_IMAP, DOCTOR_LMTP, DOCTOR_PROTOCOLS };

/* Strings are borrowed; none is NULL. */
struct doctor_dovecot {
	const struct conf *conf;
	enum dovecot_version version;
	const char *file;    /* of Dovecot */
	const char *changed; /* `doveconf -n` */
	const char *values;  /* as doveconf_values() */
	/* mail_plugins of each: a list, or since 2.4 `name = yes` lines */
	const char *plugins[DOCTOR_PROTOCOLS];
	const char *passdb_file, *userdb_file; /* 2.3: their text */
	bool modules;      /* sealpost's are where Dovecot looks */
	const char *apply; /* a command: `sealpost dovecot apply ...` */
};

int doctor_judge_dovecot(const struct doctor_dovecot *d,
    struct doctor_report *r, struct err *err) must_check;

/*
 * Where accounts' homes are and who owns them, from the query of the userdb
 * (SELECT 'DIR/%Ld/%Ln' AS home, 'USER' AS uid ...): false when it is none of
 * sealpost's.
 */
enum { DOCTOR_PLACE_SIZE = 300 };
struct doctor_mail_place {
	char directory[DOCTOR_PLACE_SIZE];
	char user[DOCTOR_PLACE_SIZE];
};
bool doctor_find_mail_place(const char *text, struct doctor_mail_place *out);

/*
 * One setting of `doveconf -n`, with the block that it stands in ("" or
 * "protocol imap"). False at the end.
 */
struct doctor_setting {
	char block[200];
	char name[100];
	const char *value; /* not ended by a NUL */
	size_t len;
};
struct doctor_settings {
	const char *at;
	char block[200]; /* with every block that is open */
};
bool doctor_next_setting(struct doctor_settings *s, struct doctor_setting *out);

#endif

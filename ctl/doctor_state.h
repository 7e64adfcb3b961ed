/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What is decided about files, sockets, keys, the clock and disks, from facts
 * that were gathered elsewhere. Pure.
 */
#ifndef CTL_DOCTOR_STATE_H
#define CTL_DOCTOR_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "doctor_report.h"
#include "openpgp/cert.h"

/* ---- files ---- */

enum doctor_file_kind {
	DOCTOR_DIRECTORY_DB,
	DOCTOR_SECRETS_DB,
	DOCTOR_STATS_DB,
	DOCTOR_FOLDER, /* that the accounts' databases lie in */
	DOCTOR_STATS_FOLDER,
	DOCTOR_FILE_KINDS
};

struct doctor_file {
	enum doctor_file_kind kind;
	const char *path;
	int error; /* errno of stat(); 0: the rest is known */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	const char *shut_out; /* a user who must read it and may not, or NULL */
	const char *group;    /* that is for him */
};

int doctor_judge_file(const struct doctor_file *f, struct doctor_report *r,
    struct err *err) must_check;

/* ---- sockets ---- */

enum doctor_peer {
	DOCTOR_MILTER,
	DOCTOR_POLICYD,
	DOCTOR_SASLAUTHD,
	DOCTOR_HOP,
	DOCTOR_DOVECOT_LMTP,
	DOCTOR_PEERS
};

struct doctor_socket {
	enum doctor_peer peer;
	const char *address; /* as it is configured */
	const char *error;   /* why nobody answers; NULL: somebody does */
	const uint8_t *reply;
	size_t reply_len;
	const char *mechanisms; /* of DOCTOR_SASLAUTHD: those wanted */
};

/* What is sent first; how many octets. */
size_t doctor_greeting(enum doctor_peer peer, const char **text);
/* Is the answer whole? */
bool doctor_reply_is_whole(
    enum doctor_peer peer, const uint8_t *reply, size_t len);
int doctor_judge_socket(const struct doctor_socket *s, struct doctor_report *r,
    struct err *err) must_check;

/* Who may connect. */
struct doctor_listener {
	enum doctor_peer peer;
	const char *address;
	bool is_unix, is_loopback;
	/* of a UNIX socket */
	const char *path;
	int error;
	mode_t mode;
	bool postfix_may;  /* its owner or one of its groups may write */
	const char *group; /* that it should belong to; "" */
};
int doctor_judge_listener(const struct doctor_listener *l,
    struct doctor_report *r, struct err *err) must_check;

/* ---- keys ---- */

struct doctor_key {
	const char *address;
	bool enabled;
	enum pgp_unusable why;
	int64_t until; /* 0 = for ever */
};
int doctor_judge_key(const struct doctor_key *k, int64_t now,
    const char *sealpost, struct doctor_report *r, struct err *err) must_check;

/* In which of 1, 7 and 30 days it ends; 0 = later, or never. */
int doctor_days_left(int64_t until, int64_t now);

/* ---- the clock ---- */

struct doctor_clock {
	int64_t now;
	bool known_synchronized, synchronized;
	int64_t newest_file; /* of the databases and the configuration */
	const char *newest_path;
	uint64_t future_counts; /* messages that were counted in the future */
};
int doctor_judge_clock(const struct doctor_clock *c, struct doctor_report *r,
    struct err *err) must_check;

/* ---- disks ---- */

struct doctor_disk {
	const char *what, *path; /* "queue", "/var/spool/postfix" */
	int error;
	uint64_t free_octets, all_octets; /* for users other than root */
	uint64_t free_files, all_files;   /* 0 of 0: it does not count them */
	bool read_only;
};
int doctor_judge_disk(const struct doctor_disk *d, struct doctor_report *r,
    struct err *err) must_check;

#endif

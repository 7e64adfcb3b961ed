/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Is Postfix wired as it must be? Decides from what postconf has printed and
 * from what the templates would make of it: what counts is what is in force,
 * also where another line of master.cf overrides main.cf. Pure.
 */
#ifndef CTL_DOCTOR_POSTFIX_H
#define CTL_DOCTOR_POSTFIX_H

#include "base/conf.h"
#include "doctor_report.h"
#include "postfix_conf.h"

/* Strings are borrowed. */
struct doctor_postfix {
	const struct conf *conf;
	/* as postconf_list(), postconf_services(), postconf_options() */
	const char *parameters[POSTCONF_HOW_COUNT];
	const char *services;
	const char *options;
	/* the templates main.cf and master.cf, filled in */
	const char *main_wanted;
	const char *master_wanted;
	const char *folder_option; /* " -c DIR", or "" for Postfix's own */
	const char *apply;         /* a command: `sealpost postfix apply` */
};

int doctor_judge_postfix(const struct doctor_postfix *p,
    struct doctor_report *r, struct err *err) must_check;

/* ---- shared by the files of this job ---- */

enum { DOCTOR_NAME_SIZE = 400 };

/* One service of master.cf. */
struct doctor_service {
	char id[DOCTOR_NAME_SIZE]; /* "127.0.0.1:10027/inet" */
	char program[100];         /* "smtpd" */
};

/* The next line of `postconf -M` at *at; false at the end. */
bool doctor_next_service(const char **at, struct doctor_service *out);

/* One line of `postconf -P`. */
struct doctor_option {
	char service[DOCTOR_NAME_SIZE]; /* "smtp/inet" */
	char name[200];
	const char *value; /* not ended by a NUL */
	size_t len;
};
bool doctor_next_option(const char **at, struct doctor_option *out);

/* Is it one of the hop's own services? */
bool doctor_is_hop(const struct doctor_postfix *p, const char *service);

/*
 * The value in force for the service (NULL: of main.cf), as a string in `out`
 * (empty, with its limit). *own: it is an option of the service. 0 or -1.
 */
int doctor_effective(const struct doctor_postfix *p, const char *service,
    const char *name, struct buf *out, bool *own, struct err *err) must_check;

/* Are they the same list, whatever separates its words? */
bool doctor_same_value(const char *a, const char *b);
/* Has the list the words of the entry one behind the other (first: at once)? */
bool doctor_list_has(const char *list, const char *entry, bool first);

/* What a setting is there for. */
struct doctor_setting_kind {
	const char *name; /* NULL in the last of a table: any other */
	struct doctor_kind kind;
};
const struct doctor_kind *doctor_kind_of(
    const struct doctor_setting_kind *table, const char *name);

/*
 * A command that sets or removes an option of a service, or a parameter of
 * main.cf (service NULL), and puts it in force.
 */
const char *doctor_mend_set(const struct doctor_postfix *p, const char *service,
    const char *name, const char *value, char out[DOCTOR_COMMAND_SIZE]);
const char *doctor_mend_unset(const struct doctor_postfix *p,
    const char *service, const char *name, char out[DOCTOR_COMMAND_SIZE]);
const char *doctor_mend_apply(
    const struct doctor_postfix *p, char out[DOCTOR_COMMAND_SIZE]);

/* The parts; each adds its findings. */
int doctor_judge_hop(const struct doctor_postfix *p, struct doctor_report *r,
    struct err *err) must_check;
int doctor_judge_main(const struct doctor_postfix *p, struct doctor_report *r,
    struct err *err) must_check;
int doctor_judge_smtpd(const struct doctor_postfix *p, struct doctor_report *r,
    struct err *err) must_check;

#endif

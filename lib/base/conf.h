/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost.conf: INI sections of "key = value" lines, '#' or ';' starts a
 * comment line. There is one table of settings (conf.c) for the whole suite, so
 * that every program checks the whole file the same way; the manual page
 * sealpost.conf(5) and the sample are checked against the same table.
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define CONF_DEFAULT_FILE "/etc/sealpost/sealpost.conf"

/* What becomes of a recipient without a usable key. */
enum conf_policy { POLICY_DEFER, POLICY_REJECT, POLICY_PASS };

/* Every string is owned by the struct; none is NULL after conf_load(). */
struct conf {
	struct {
		char *directory;
		char *secrets;
		char *recipient_delimiter; /* "" or one or more characters */
		uint32_t iterations;       /* PBKDF2 of new verifiers */
	} accounts;
	struct {
		char *database;
		uint32_t retention_days;
	} stats;
	struct {
		char *listen; /* unix:/path or inet:host:port */
		enum conf_policy missing_key; /* DEFER or REJECT */
		enum conf_policy unenrolled;
		char *spool_directory;
		char *user; /* to run as when started as root; "" stays */
		char *socket_group; /* of the UNIX socket; "" = own group */
		uint32_t max_threads;
		uint32_t stop_timeout; /* seconds given to messages in flight */
	} milter;
	struct {
		char *listen;
		char *user;         /* as the milter's */
		char *socket_group; /* as the milter's */
		uint32_t max_connections;
		uint32_t idle_timeout; /* seconds, of a silent connection */
		uint32_t max_unwritten; /* accounts and hours in memory */
	} policyd;
	struct {
		char *listen;
		char *mechanisms;
		char *user;         /* as the milter's */
		char *socket_group; /* as the milter's */
		bool allow_insecure; /* PLAIN and LOGIN without TLS */
		uint32_t threads;   /* that check passwords; 0 = one a CPU */
		uint32_t queue;     /* passwords that may wait for them */
		uint32_t max_delay; /* seconds, of the answer to a failure */
		uint32_t max_connections;
	} saslauthd;
	struct {
		char *listen;  /* host:port, as master.cf writes it */
		char *deliver; /* transport:nexthop */
		bool system_users;
	} hop;
	struct {
		char *admin;    /* who gets notices; "" nobody */
		char *sender;   /* who they are from */
		char *sendmail; /* the program */
	} notify;
};

/*
 * Reads `path`, or only the defaults when path is NULL. The file may be
 * missing (defaults then) when `optional`: programs say so when they were
 * given no -c and look at CONF_DEFAULT_FILE. Returns 0, or -1 with ERR_PERM and
 * "FILE:LINE: what is wrong" (ERR_TEMP when memory is short); *out is
 * untouched then. Blocks on the disk.
 */
int conf_load(const char *path, bool optional, struct conf **out,
    struct err *err) must_check;
void conf_free(struct conf **confp);

/* Prints every setting with its default, as a sample file without comments. */
void conf_print_defaults(FILE *to);

/* Is it the name of a SASL mechanism that the suite knows? */
bool conf_is_mechanism(const char *name, size_t len);

/* Where something listens: a path, or a host and a port. */
struct conf_socket {
	bool is_unix;
	char path[108]; /* absolute; fits sockaddr_un */
	char host[256]; /* a name or an address, IPv6 without brackets */
	uint16_t port;
};

/*
 * Reads `unix:/path` or `inet:host:port` (`inet:[::1]:port` for IPv6), as
 * Postfix writes them. Returns 0, or -1 with ERR_PERM and a sentence that
 * begins with the text itself. What conf_load() has accepted parses.
 */
int conf_socket_parse(const char *text, struct conf_socket *out,
    struct err *err) must_check;

#endif

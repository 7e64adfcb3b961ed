/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * bridge.conf: the listeners and one [account NAME] section for each account.
 * There is one table of settings (config.c), as for sealpost.conf.
 */
#ifndef BRIDGE_ACCOUNT_H
#define BRIDGE_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum server_tls { SERVER_TLS, SERVER_STARTTLS };

struct server {
	char *host;
	uint16_t port;
	enum server_tls tls;
	char *fingerprint; /* pinned certificate; "" = none */
	char *ca_file;     /* "" = the system's */
};

enum key_source { KEY_VAULT, KEY_FILE, KEY_KEYRING };

struct account {
	char *address;   /* normal form; the client logs in with it */
	char *user;      /* login name at the server; the address by default */
	bool login_secret; /* login = secret | password */
	enum key_source key;
	char *key_file;  /* for KEY_FILE */
	char *gnupg_home; /* for KEY_KEYRING; "" = the user's own */
	bool decrypt_foreign; /* foreign = decrypt | pass */
	char *sent_folder; /* "" = found by SPECIAL-USE */
	struct server imap, smtp;
};

struct bridge_conf {
	char *imap_listen; /* "inet:127.0.0.1:1143", several, blank-separated */
	char *smtp_listen;
	char *imaps_listen; /* implicit TLS; "" = none */
	char *smtps_listen;
	char *certificate_file; /* beyond loopback; "" = the bridge's own */
	char *certificate_key_file;
	char *state_directory; /* CA, cache, pins: mode 0700 */
	uint64_t max_message; /* octets of one restored message */
	uint64_t cache_memory; /* octets of decrypted messages held, a user */
	uint32_t timeout; /* seconds the server may be silent in a command */
	uint32_t idle_timeout; /* seconds a client may be silent */
	uint32_t max_connections;
	struct account *accounts;
	size_t account_count;
};

/*
 * Reads the file; defaults of paths follow XDG_CONFIG_HOME and XDG_STATE_HOME.
 * 0, or -1 ERR_PERM with "FILE:LINE: what is wrong".
 */
int bridge_conf_load(const char *path, struct bridge_conf **out,
    struct err *err) must_check;
void bridge_conf_free(struct bridge_conf **cp);

/* The account a client names at login (address in any case); NULL for none. */
const struct account *bridge_conf_account(
    const struct bridge_conf *c, const char *login);

#endif

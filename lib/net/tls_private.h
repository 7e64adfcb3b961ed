/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What tls.c and stream.c share. */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum { NET_PIN_LEN = 32 };

struct net_tls {
	SSL_CTX *ctx;
	bool is_pinned;
	uint8_t pin[NET_PIN_LEN]; /* SHA-256 of the leaf */
};

/* What OpenSSL says went wrong; empties its queue. Never NULL. */
const char *net_tls_reason(void);

#endif

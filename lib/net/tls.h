/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * TLS contexts (OpenSSL's libssl; its only door). Made once, constant
 * afterwards and shared by threads. TLS 1.2 and later; no renegotiation, no
 * compression.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/err.h"

struct net_tls;

/*
 * For connecting: certificates are verified for the host's name. With
 * `fingerprint` (SHA-256 of the leaf in hexadecimal, colons allowed) exactly
 * that certificate is accepted, whatever its name and issuer; with `ca_file`
 * what it certifies; with neither ("" both) what the system trusts. There is no
 * way to accept anything else. ERR_PERM when a value cannot be used.
 */
int net_tls_client_new(const char *fingerprint, const char *ca_file,
    struct net_tls **out, struct err *err) must_check;

/* For listening: chain and private key as PEM files. */
int net_tls_server_new(const char *chain_file, const char *key_file,
    struct net_tls **out, struct err *err) must_check;

void net_tls_free(struct net_tls **tp);

#endif

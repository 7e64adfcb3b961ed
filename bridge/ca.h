/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The certificates of the bridge's own listeners, in the state directory (see
 * net/authority.h): made on first run, renewed at start.
 */
#ifndef BRIDGE_CA_H
#define BRIDGE_CA_H

#include <stdint.h>

#include "account.h"
#include "base/buf.h"
#include "net/tls.h"

/*
 * What the listeners answer with. The log says when clients must trust a new
 * authority. The folder is there and the user's own.
 */
int ca_listener_tls(const char *state_directory, int64_t now,
    struct net_tls **out, struct err *err) must_check;

/*
 * certificate_file and certificate_key_file, where they are set; else *out is
 * NULL. ERR_PERM when they cannot be used: the key does not fit, others than
 * its owner have a permission on it.
 */
int ca_outer_tls(const struct bridge_conf *conf, struct net_tls **out,
    struct err *err) must_check;

/* The path of the authority's certificate (PEM), which is made if need be. */
int ca_certificate(const char *state_directory, int64_t now, struct buf *path,
    struct err *err) must_check;

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a client is told in answer to EHLO before it has said who it is: what
 * the submission servers of all accounts have in common. They are asked once an
 * hour at most; a server that does not answer is left out for a minute.
 */
#ifndef BRIDGE_SMTP_FEATURES_H
#define BRIDGE_SMTP_FEATURES_H

#include "account.h"
#include "base/buf.h"

struct smtp_features;

/* conf is borrowed for its life. Asks nobody yet. */
int smtp_features_new(const struct bridge_conf *conf,
    struct smtp_features **out, struct err *err) must_check;
void smtp_features_free(struct smtp_features **fp);

/* Filtered keyword lines (smtp_ehlo.h). May wait for servers. Thread-safe. */
int smtp_features_get(struct smtp_features *f, struct buf *lines,
    struct err *err) must_check;

#endif

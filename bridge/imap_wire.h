/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* lib/proto/imap_frame over a stream: blocking, one thread. */
#ifndef BRIDGE_IMAP_WIRE_H
#define BRIDGE_IMAP_WIRE_H

#include "base/sink.h"
#include "net/stream.h"
#include "proto/imap_frame.h"

/*
 * Gathers up to a literal or the end: 1 and *what; 0 when the peer has gone
 * before the first octet; -1 ERR_PROTO, ERR_TEMP.
 */
int imap_read(struct net_stream *s, struct imap_frame *f,
    enum imap_framed *what, struct err *err) must_check;

/* The literal that comes next, into `to`. -1 when the peer goes within it. */
int imap_read_literal(struct net_stream *s, uint64_t octets,
    const struct sink *to, struct err *err) must_check;
int imap_skip_literal(
    struct net_stream *s, uint64_t octets, struct err *err) must_check;
/* Keeps it in the frame's text, and resumes. ERR_PERM: over the text's limit.
 */
int imap_keep_literal(
    struct net_stream *s, struct imap_frame *f, struct err *err) must_check;

/* A sink that writes to a stream. */
struct sink imap_stream_sink(struct net_stream *s);

int imap_say(struct net_stream *s, struct err *err, const char *fmt,
    ...) must_check printf_like(3, 4);

#endif

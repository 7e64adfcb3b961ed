/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * One connection as its own thread sees it: blocking calls that never block
 * for longer than the timeout, plain or TLS, with a buffer of what was read. A
 * stream belongs to one thread; only net_stream_interrupt() may be called from
 * others. The program ignores SIGPIPE: OpenSSL writes without MSG_NOSIGNAL.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tls.h"

struct net_stream;

/*
 * Takes the socket (in any case; it is closed by net_stream_free()).
 * timeout_ms holds for each wait of a read or a write.
 */
int net_stream_new(int fd, unsigned timeout_ms, struct net_stream **out,
    struct err *err) must_check;

/*
 * Connects to host:port, every address it has, in turn. ERR_TEMP when nobody
 * answers within the timeout.
 */
int net_stream_connect(const char *host, uint16_t port, unsigned timeout_ms,
    struct net_stream **out, struct err *err) must_check;

/*
 * Handshakes. What was read and not taken before is thrown away (STARTTLS with
 * plaintext behind it). The client's verifies `host` (see tls.h): ERR_PERM when
 * the certificate is not the right one, with a sentence that says why.
 */
int net_stream_start_tls_client(struct net_stream *s, const struct net_tls *t,
    const char *host, struct err *err) must_check;
int net_stream_start_tls_server(struct net_stream *s, const struct net_tls *t,
    struct err *err) must_check;

/*
 * The unread octets: *data (borrowed until the next call on the stream) and
 * *len. When there are none yet, waits for some: 1, or 0 at the end of the
 * stream, -1 ERR_TEMP on error, timeout or interruption. net_stream_ate() says
 * how many are done with. net_stream_more() waits for octets behind those that
 * are there, up to the buffer's size of 64 KiB (ERR_PROTO then).
 */
int net_stream_read(struct net_stream *s, const uint8_t **data, size_t *len,
    struct err *err) must_check;
int net_stream_more(struct net_stream *s, const uint8_t **data, size_t *len,
    struct err *err) must_check;
void net_stream_ate(struct net_stream *s, size_t n);

/* Octets that net_stream_read() would give without waiting. */
size_t net_stream_buffered(const struct net_stream *s);

/*
 * Queues a copy; sends when more than 32 KiB wait, and in net_stream_flush().
 * Both wait for the peer up to the timeout. After a failure nothing is sent any
 * more, and both fail at once.
 */
int net_stream_write(struct net_stream *s, const void *data, size_t n,
    struct err *err) must_check;
int net_stream_flush(struct net_stream *s, struct err *err) must_check;

/*
 * Waits until one of them has octets to read (or has ended). Sets *a_ready and
 * *b_ready; 1, or 0 when timeout_ms passed, -1 when interrupted or broken.
 * b may be NULL.
 */
int net_stream_wait(struct net_stream *a, struct net_stream *b,
    unsigned timeout_ms, bool *a_ready, bool *b_ready, struct err *err)
    must_check;

/* Waits so long, whatever the peer does; less only when interrupted. */
void net_stream_pause(struct net_stream *s, unsigned ms);

/* Other timeouts from now on. */
void net_stream_set_timeout(struct net_stream *s, unsigned timeout_ms);

bool net_stream_is_tls(const struct net_stream *s);
const char *net_stream_peer(const struct net_stream *s);

/* From any thread: whatever waits on the stream, now or later, fails. */
void net_stream_interrupt(struct net_stream *s);

/* Says goodbye (TLS) without waiting, closes, wipes its buffers. */
void net_stream_free(struct net_stream **sp);

#endif

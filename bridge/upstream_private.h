/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What the two protocols of upstream.h share: lines, TLS and SASL. */
#ifndef BRIDGE_UPSTREAM_PRIVATE_H
#define BRIDGE_UPSTREAM_PRIVATE_H

#include "upstream.h"

/* Connected, and behind TLS when the server speaks it from the first octet. */
int upstream_connect(const struct bridge_conf *conf, const struct server *to,
    struct net_stream **out, struct err *err) must_check;

/*
 * After the server's yes to STARTTLS. ERR_PERM when more than that came before
 * TLS: somebody on the way would have put it there.
 */
int upstream_start_tls(const struct server *to, struct net_stream *s,
    struct err *err) must_check;

/*
 * The next line without its line end, waiting for it. ERR_TEMP when the server
 * is silent or gone; ERR_PROTO for a NUL or a line over the stream's buffer.
 */
int upstream_read_line(struct net_stream *s, struct buf *line,
    struct err *err) must_check;

/* Is the word one of the blank-separated ones, in any case of letters? */
bool upstream_has_word(const char *words, const char *word);

/* ---- SASL ---- */

enum sasl_said { SASL_MORE, SASL_DONE, SASL_REFUSED };

/*
 * How the protocol carries SASL messages. Both put what the server said behind
 * SASL_MORE into `challenge`, decoded; -1 when it said something else.
 */
struct sasl_wire {
	void *ctx;
	int (*begin)(void *ctx, const char *mechanism,
	    struct crypt_bytes initial, struct buf *challenge,
	    enum sasl_said *said, struct err *err);
	int (*step)(void *ctx, struct crypt_bytes message,
	    struct buf *challenge, enum sasl_said *said, struct err *err);
};

struct upstream_login {
	struct bridge *bridge;
	const struct account *account;
	const struct credentials *credentials;
	const struct server *server;
	const char *service;    /* "imap", "smtp": of the pin */
	bool has_scram, has_plain; /* what the server announces */
};

/* Behind TLS. 0 and *result; -1 as upstream.h has it. */
int upstream_authenticate(const struct upstream_login *l,
    const struct sasl_wire *wire, enum login_result *result, struct err *err)
    must_check;

/* Base64 of the server into out. ERR_PROTO when it is none. */
int upstream_put_decoded(const char *text, struct buf *out, struct err *err)
    must_check;
/* And to the server. */
int upstream_put_encoded(struct crypt_bytes message, struct buf *out,
    struct err *err) must_check;

/*
 * One IMAP response: its lines, with CRLF and the literal's octets behind each
 * that announces one. Bounded by out's limit. NUL-terminated.
 */
int imap_read_response(struct net_stream *s, struct buf *out, struct err *err)
    must_check;

/*
 * A LIST response: 1, the mailbox's name as IMAP writes it, and whether it has
 * the attribute \Sent (RFC 6154). 0 for any other response, -1 ERR_PROTO.
 */
int imap_list_entry(const struct buf *response, bool *is_sent,
    struct buf *name, struct err *err) must_check;

/*
 * The value of one entry of a METADATA response (RFC 5464, section 4.4.1) with
 * its literals behind their lines: 1 and the value, 0 when it is NIL or not
 * there, -1 ERR_PROTO.
 */
int imap_metadata_value(const struct buf *response, const char *entry,
    struct buf *out, struct err *err) must_check;

#endif

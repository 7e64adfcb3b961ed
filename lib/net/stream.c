/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "net/tls_private.h"

enum { IN_SIZE = 64 << 10, OUT_SIZE = 32 << 10, PAUSE_PIECE_MS = 100 };

struct net_stream {
	int fd;
	SSL *ssl; /* NULL = plain */
	bool is_tls; /* the handshake is done */
	unsigned timeout_ms;
	atomic_bool interrupted;
	char peer[NI_MAXHOST];
	size_t in_at, in_len; /* unread: in[in_at] on, in_len octets */
	size_t out_len;
	bool is_cut; /* some of what was to be sent is lost */
	uint8_t in[IN_SIZE], out[OUT_SIZE];
};

/* What one attempt that does not block came to. */
enum attempt { DONE, AT_END, WANTS_READ, WANTS_WRITE, FAILED };

void
net_stream_free(struct net_stream **sp)
{
	struct net_stream *s = steal(sp);

	if (s == NULL)
		return;
	if (s->ssl != NULL && s->is_tls &&
	    !atomic_load(&s->interrupted))
		(void)SSL_shutdown(s->ssl);
	SSL_free(s->ssl);
	ERR_clear_error();
	close_fd(&s->fd);
	explicit_bzero(s, sizeof *s);
	free(s);
}

static void
name_peer(struct net_stream *s)
{
	struct sockaddr_storage a;
	socklen_t size = sizeof a;

	if (getpeername(s->fd, (struct sockaddr *)&a, &size) < 0 ||
	    getnameinfo((struct sockaddr *)&a, size, s->peer, sizeof s->peer,
	        NULL, 0, NI_NUMERICHOST) != 0 ||
	    s->peer[0] == '\0')
		(void)snprintf(s->peer, sizeof s->peer, "local");
}

int
net_stream_new(int fd, unsigned timeout_ms, struct net_stream **out,
    struct err *err)
{
	cleanup(close_fd) int own = fd;
	cleanup(net_stream_free) struct net_stream *s = NULL;
	int flags = fcntl(fd, F_GETFL);
	int yes = 1;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return err_set(err, ERR_TEMP, "fcntl: %s", strerror(errno));
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return err_nomem(err);
	s->fd = own;
	own = -1;
	s->timeout_ms = timeout_ms;
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
	name_peer(s);
	*out = steal(&s);
	return 0;
}

/* ---- waiting ---- */

static int
poll_timeout(unsigned ms)
{
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int
fail_if_interrupted(struct net_stream *s, struct err *err)
{
	if (atomic_load(&s->interrupted))
		return err_set(err, ERR_TEMP, "the connection is being ended");
	return 0;
}

static int
wait_for(struct net_stream *s, enum attempt wanted, struct err *err)
{
	struct pollfd p = { .fd = s->fd,
		.events = wanted == WANTS_WRITE ? POLLOUT : POLLIN };
	int n;

	do {
		if (fail_if_interrupted(s, err) < 0)
			return -1;
		n = poll(&p, 1, poll_timeout(s->timeout_ms));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(err, ERR_TEMP, "poll: %s", strerror(errno));
	if (n == 0)
		return err_set(err, ERR_TEMP, "%s is silent", s->peer);
	return fail_if_interrupted(s, err);
}

/* ---- attempts ---- */

static enum attempt
tls_result(struct net_stream *s, int rc, struct err *err)
{
	int saved = errno;

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return WANTS_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return AT_END;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		(void)err_set(err, ERR_TEMP, "%s: %s", s->peer,
		    saved != 0 ? strerror(saved) : "the connection broke");
		return FAILED;
	default:
		(void)err_set(
		    err, ERR_TEMP, "%s: TLS: %s", s->peer, net_tls_reason());
		return FAILED;
	}
}

static enum attempt
socket_result(struct net_stream *s, enum attempt wanted, struct err *err)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		return wanted;
	(void)err_set(err, ERR_TEMP, "%s: %s", s->peer, strerror(errno));
	return FAILED;
}

/* Reads behind what is unread; there must be room. */
static enum attempt
try_read(struct net_stream *s, struct err *err)
{
	ssize_t n;

	if (s->in_len == 0)
		s->in_at = 0;
	if (s->in_at > 0 && s->in_at + s->in_len == IN_SIZE) {
		memmove(s->in, s->in + s->in_at, s->in_len);
		explicit_bzero(s->in + s->in_len, s->in_at);
		s->in_at = 0;
	}

	uint8_t *to = s->in + s->in_at + s->in_len;
	size_t room = IN_SIZE - s->in_at - s->in_len;

	errno = 0;
	if (s->is_tls) {
		ERR_clear_error();
		n = SSL_read(s->ssl, to, (int)room);
		if (n <= 0)
			return tls_result(s, (int)n, err);
	} else {
		n = recv(s->fd, to, room, 0);
		if (n < 0)
			return socket_result(s, WANTS_READ, err);
		if (n == 0)
			return AT_END;
	}
	s->in_len += (size_t)n;
	return DONE;
}

static enum attempt
try_write(struct net_stream *s, const uint8_t *data, size_t len, size_t *sent,
    struct err *err)
{
	ssize_t n;

	errno = 0;
	if (s->is_tls) {
		ERR_clear_error();
		n = SSL_write(s->ssl, data, (int)len);
		if (n <= 0)
			return tls_result(s, (int)n, err);
	} else {
		n = send(s->fd, data, len, MSG_NOSIGNAL);
		if (n < 0)
			return socket_result(s, WANTS_WRITE, err);
	}
	*sent = (size_t)n;
	return DONE;
}

/* ---- reading ---- */

static int
fill(struct net_stream *s, struct err *err)
{
	for (;;) {
		if (fail_if_interrupted(s, err) < 0)
			return -1;

		enum attempt a = try_read(s, err);

		/* shutdown() of an interruption looks like the end */
		if (fail_if_interrupted(s, err) < 0 || a == FAILED)
			return -1;
		if (a == DONE)
			return 1;
		if (a == AT_END)
			return 0;
		if (wait_for(s, a, err) < 0)
			return -1;
	}
}

static void
give(const struct net_stream *s, const uint8_t **data, size_t *len)
{
	*data = s->in + s->in_at;
	*len = s->in_len;
}

int
net_stream_read(struct net_stream *s, const uint8_t **data, size_t *len,
    struct err *err)
{
	int rc = s->in_len > 0 ? 1 : fill(s, err);

	give(s, data, len);
	return rc;
}

int
net_stream_more(struct net_stream *s, const uint8_t **data, size_t *len,
    struct err *err)
{
	if (s->in_len == IN_SIZE)
		return err_set(err, ERR_PROTO,
		    "%s sends a line of more than %d octets", s->peer, IN_SIZE);

	int rc = fill(s, err);

	give(s, data, len);
	return rc;
}

void
net_stream_ate(struct net_stream *s, size_t n)
{
	if (n > s->in_len)
		n = s->in_len;
	/* there may be a password in it, and the session may be long */
	explicit_bzero(s->in + s->in_at, n);
	s->in_at += n;
	s->in_len -= n;
}

size_t
net_stream_buffered(const struct net_stream *s)
{
	return s->in_len + (s->is_tls ? (size_t)SSL_pending(s->ssl) : 0);
}

/* ---- writing ---- */

static int
send_out(struct net_stream *s, struct err *err)
{
	size_t at = 0;

	while (at < s->out_len) {
		size_t sent = 0;

		if (fail_if_interrupted(s, err) < 0)
			return -1;

		enum attempt a =
		    try_write(s, s->out + at, s->out_len - at, &sent, err);

		if (a == AT_END)
			return err_set(err, ERR_TEMP, "%s has gone", s->peer);
		if (a == FAILED)
			return -1;
		if (a != DONE && wait_for(s, a, err) < 0)
			return -1;
		at += sent;
	}
	return 0;
}

static int
fail_if_cut(const struct net_stream *s, struct err *err)
{
	if (s->is_cut)
		return err_set(err, ERR_TEMP,
		    "%s has not taken what came before", s->peer);
	return 0;
}

int
net_stream_flush(struct net_stream *s, struct err *err)
{
	if (fail_if_cut(s, err) < 0)
		return -1;

	int rc = send_out(s, err);

	/* after a failure nobody knows how much of it has arrived */
	s->is_cut = rc < 0;
	explicit_bzero(s->out, s->out_len);
	s->out_len = 0;
	return rc;
}

int
net_stream_write(struct net_stream *s, const void *data, size_t n,
    struct err *err)
{
	const uint8_t *at = data;

	if (fail_if_cut(s, err) < 0)
		return -1;
	while (n > 0) {
		size_t room = OUT_SIZE - s->out_len;
		size_t some = n < room ? n : room;

		memcpy(s->out + s->out_len, at, some);
		s->out_len += some;
		at += some;
		n -= some;
		if (s->out_len == OUT_SIZE && net_stream_flush(s, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- waiting for one of two ---- */

/* Has it something to say? A readable socket of TLS need not. */
static bool
is_ready(struct net_stream *s)
{
	if (s == NULL)
		return false;
	if (s->in_len > 0)
		return true;

	enum attempt a = try_read(s, NULL);

	return a == DONE || a == AT_END || a == FAILED;
}

int
net_stream_wait(struct net_stream *a, struct net_stream *b, unsigned timeout_ms,
    bool *a_ready, bool *b_ready, struct err *err)
{
	struct pollfd p[2] = { { .fd = a->fd, .events = POLLIN },
		{ .fd = b == NULL ? -1 : b->fd, .events = POLLIN } };

	for (;;) {
		*a_ready = is_ready(a);
		*b_ready = is_ready(b);
		if (fail_if_interrupted(a, err) < 0 ||
		    (b != NULL && fail_if_interrupted(b, err) < 0))
			return -1;
		if (*a_ready || *b_ready)
			return 1;

		int n = poll(p, 2, poll_timeout(timeout_ms));

		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(
			    err, ERR_TEMP, "poll: %s", strerror(errno));
	}
}

/* ---- TLS ---- */

static int
handshake(struct net_stream *s, struct err *err)
{
	for (;;) {
		if (fail_if_interrupted(s, err) < 0)
			return -1;
		ERR_clear_error();
		errno = 0;

		int rc = SSL_do_handshake(s->ssl);

		if (rc == 1) {
			s->is_tls = true;
			return 0;
		}

		enum attempt a = tls_result(s, rc, err);

		if (a == AT_END)
			return err_set(err, ERR_TEMP,
			    "%s ended the connection in the TLS handshake",
			    s->peer);
		if (a == FAILED || wait_for(s, a, err) < 0)
			return -1;
	}
}

static int
prepare(struct net_stream *s, const struct net_tls *t, struct err *err)
{
	if (s->ssl != NULL)
		return err_set(err, ERR_PERM, "TLS is in use already");
	if (net_stream_flush(s, err) < 0)
		return -1;
	explicit_bzero(s->in, sizeof s->in);
	s->in_at = s->in_len = 0;
	s->ssl = SSL_new(t->ctx);
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1)
		return err_set(err, ERR_TEMP, "TLS: %s", net_tls_reason());
	return 0;
}

static bool
is_address(const char *host)
{
	uint8_t octets[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, octets) == 1 ||
	    inet_pton(AF_INET6, host, octets) == 1;
}

static int
expect_host(struct net_stream *s, const char *host, struct err *err)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(s->ssl);
	char name[NI_MAXHOST]; /* OpenSSL's macro wants no const */
	int ok;

	if (snprintf(name, sizeof name, "%s", host) >= (int)sizeof name)
		return err_set(err, ERR_PERM, "a host's name is too long");

	X509_VERIFY_PARAM_set_hostflags(
	    param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (is_address(host))
		ok = X509_VERIFY_PARAM_set1_ip_asc(param, host);
	else
		ok = SSL_set1_host(s->ssl, host) == 1 &&
		    SSL_set_tlsext_host_name(s->ssl, name) == 1;
	if (ok != 1)
		return err_set(err, ERR_PERM, "\"%s\" is no host's name", host);
	return 0;
}

static int
explain(struct net_stream *s, const struct net_tls *t, const char *host,
    struct err *err)
{
	long result = SSL_get_verify_result(s->ssl);

	if (result == X509_V_OK)
		return err_context(err, "TLS with %s", host);
	if (t->is_pinned)
		return err_set(err, ERR_PERM,
		    "the certificate of %s is not the one whose fingerprint is "
		    "in the configuration",
		    host);
	if (result == X509_V_ERR_HOSTNAME_MISMATCH ||
	    result == X509_V_ERR_IP_ADDRESS_MISMATCH)
		return err_set(err, ERR_PERM,
		    "the certificate of %s is for another name", host);
	return err_set(err, ERR_PERM,
	    "the certificate of %s cannot be trusted: %s", host,
	    X509_verify_cert_error_string(result));
}

int
net_stream_start_tls_client(struct net_stream *s, const struct net_tls *t,
    const char *host, struct err *err)
{
	if (prepare(s, t, err) < 0 || expect_host(s, host, err) < 0)
		return -1;
	SSL_set_connect_state(s->ssl);
	if (handshake(s, err) < 0)
		return explain(s, t, host, err);
	return 0;
}

int
net_stream_start_tls_server(
    struct net_stream *s, const struct net_tls *t, struct err *err)
{
	if (prepare(s, t, err) < 0)
		return -1;
	SSL_set_accept_state(s->ssl);
	return handshake(s, err);
}

/* ---- connecting ---- */

static int
connect_one(const struct addrinfo *a, unsigned timeout_ms)
{
	cleanup(close_fd) int fd = socket(a->ai_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n, wrong = 0;
	socklen_t size = sizeof wrong;

	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		if (errno != EINPROGRESS)
			return -1;
		do
			n = poll(&p, 1, poll_timeout(timeout_ms));
		while (n < 0 && errno == EINTR);
		if (n <= 0) {
			errno = n == 0 ? ETIMEDOUT : errno;
			return -1;
		}
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &wrong, &size) < 0)
			return -1;
		if (wrong != 0) {
			errno = wrong;
			return -1;
		}
	}

	int connected = fd;

	fd = -1;
	return connected;
}

static void
free_addresses(struct addrinfo **list)
{
	if (*list != NULL)
		freeaddrinfo(*list);
}

int
net_stream_connect(const char *host, uint16_t port, unsigned timeout_ms,
    struct net_stream **out, struct err *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	cleanup(free_addresses) struct addrinfo *list = NULL;
	char service[8];
	int fd = -1;

	(void)snprintf(service, sizeof service, "%u", (unsigned)port);

	int rc = getaddrinfo(host, service, &hints, &list);

	if (rc != 0)
		return err_set(err, ERR_TEMP, "%s: %s", host,
		    gai_strerror(rc));
	for (struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_one(a, timeout_ms);
	if (fd < 0)
		return err_set(err, ERR_TEMP, "connect to %s, port %u: %s",
		    host, (unsigned)port, strerror(errno));
	return net_stream_new(fd, timeout_ms, out, err);
}

/* ---- the rest ---- */

void
net_stream_set_timeout(struct net_stream *s, unsigned timeout_ms)
{
	s->timeout_ms = timeout_ms;
}

/* In pieces: a peer that has gone makes the socket ready, as an end does. */
void
net_stream_pause(struct net_stream *s, unsigned ms)
{
	while (ms > 0 && !atomic_load(&s->interrupted)) {
		unsigned piece = ms < PAUSE_PIECE_MS ? ms : PAUSE_PIECE_MS;

		(void)poll(NULL, 0, (int)piece);
		ms -= piece;
	}
}

bool
net_stream_is_tls(const struct net_stream *s)
{
	return s->is_tls;
}

const char *
net_stream_peer(const struct net_stream *s)
{
	return s->peer;
}

void
net_stream_interrupt(struct net_stream *s)
{
	atomic_store(&s->interrupted, true);
	(void)shutdown(s->fd, SHUT_RDWR);
}

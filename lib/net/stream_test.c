/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "net/stream.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, BULK = 1 << 20 };

static char folder[] = "/tmp/sealpost-stream-XXXXXX";
static char ca[80], other_ca[80], chain[80], key[80], pin[200];

#define shell(...)                                                    \
	do {                                                          \
		char command_[1000];                                  \
		(void)snprintf(command_, sizeof command_, __VA_ARGS__); \
		assert_int_equal(system(command_), 0);                \
	} while (0)

#define SELF_SIGNED                                                       \
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "  \
	"-nodes -days 2 -subj /CN=test -addext subjectAltName=DNS:%s "    \
	"-keyout %s -out %s 2>/dev/null"

static int
make_certificates(void **state)
{
	char file[100];

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(ca, sizeof ca, "%s/ca.pem", folder);
	(void)snprintf(other_ca, sizeof other_ca, "%s/other.pem", folder);
	(void)snprintf(chain, sizeof chain, "%s/ca.pem", folder);
	(void)snprintf(key, sizeof key, "%s/key.pem", folder);
	(void)snprintf(file, sizeof file, "%s/pin", folder);
	shell(SELF_SIGNED, "localhost", key, ca);
	(void)snprintf(pin, sizeof pin, "%s/k2.pem", folder);
	shell(SELF_SIGNED, "localhost", pin, other_ca);
	shell("openssl x509 -in %s -noout -fingerprint -sha256 | "
	      "sed 's/.*=//' | tr -d '\\n' > %s",
	    ca, file);

	cleanup(close_file) FILE *f = fopen(file, "r");

	return f != NULL && fgets(pin, sizeof pin, f) != NULL ? 0 : -1;
}

static int
remove_certificates(void **state)
{
	(void)state;
	shell("rm -rf %s", folder);
	return 0;
}

/* Two streams and a server's thread; what it got. */
struct pair {
	struct net_stream *client, *server;
	struct net_tls *tls;
	int (*serve)(struct pair *, struct err *);
	struct err err;
	int rc;
	pthread_t thread;
};

static void *
run(void *arg)
{
	struct pair *p = arg;

	p->rc = p->serve(p, &p->err);
	return NULL;
}

static void
open_pair(struct pair *p, int (*serve)(struct pair *, struct err *))
{
	int fd[2];
	struct err err = { 0 };

	*p = (struct pair){ .serve = serve };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(
	    net_stream_new(fd[0], PATIENCE_MS, &p->client, &err), 0);
	assert_int_equal(
	    net_stream_new(fd[1], PATIENCE_MS, &p->server, &err), 0);
	assert_int_equal(net_tls_server_new(chain, key, &p->tls, &err), 0);
	if (serve != NULL)
		assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
}

static void
close_pair(struct pair *p)
{
	if (p->serve != NULL)
		assert_int_equal(pthread_join(p->thread, NULL), 0);
	net_stream_free(&p->client);
	net_stream_free(&p->server);
	net_tls_free(&p->tls);
}

static int
echo(struct net_stream *s, struct err *err)
{
	const uint8_t *data;
	size_t len;
	int rc;

	while ((rc = net_stream_read(s, &data, &len, err)) > 0) {
		if (net_stream_write(s, data, len, err) < 0)
			return -1;
		net_stream_ate(s, len);
		if (net_stream_flush(s, err) < 0)
			return -1;
	}
	return rc;
}

static int
serve_plain(struct pair *p, struct err *err)
{
	return echo(p->server, err);
}

static int
serve_tls(struct pair *p, struct err *err)
{
	if (net_stream_start_tls_server(p->server, p->tls, err) < 0)
		return -1;
	return echo(p->server, err);
}

/* Everything comes back, in order, in pieces smaller than the buffers. */
static void
check_bulk(struct net_stream *s)
{
	struct err err = { 0 };
	uint8_t piece[1000];
	const uint8_t *data;
	size_t len, sent = 0, back = 0;

	while (sent < BULK) {
		for (size_t i = 0; i < sizeof piece; i++)
			piece[i] = (uint8_t)((sent + i) * 7 / 3);
		assert_int_equal(
		    net_stream_write(s, piece, sizeof piece, &err), 0);
		sent += sizeof piece;
		assert_int_equal(net_stream_flush(s, &err), 0);
		while (back < sent) {
			assert_int_equal(
			    net_stream_read(s, &data, &len, &err), 1);
			for (size_t i = 0; i < len; i++)
				assert_int_equal(data[i],
				    (uint8_t)((back + i) * 7 / 3));
			back += len;
			net_stream_ate(s, len);
		}
	}
}

static void
test_plain(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, serve_plain);
	check_bulk(p.client);
	assert_false(net_stream_is_tls(p.client));
	net_stream_free(&p.client);
	close_pair(&p);
	assert_int_equal(p.rc, 0);
}

static void
test_trust(void **state)
{
	const struct {
		const char *name, *pin, *ca, *host;
		const char *why; /* NULL = accepted */
	} cases[] = {
		{ "right CA and name", "", ca, "localhost", NULL },
		{ "another name", "", ca, "example.org", "another name" },
		{ "an address it lacks", "", ca, "127.0.0.1", "another name" },
		{ "unknown CA", "", other_ca, "localhost", "be trusted" },
		{ "the system's CAs", "", "", "localhost", "be trusted" },
		{ "pinned, whatever its name", pin, "", "example.org", NULL },
		{ "another one pinned",
		    "0000000000000000000000000000000000000000000000000000000"
		    "000000000",
		    "", "localhost", "fingerprint" },
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct pair p;
		struct net_tls *t = NULL;
		struct err err = { 0 };

		print_message("%s\n", cases[i].name);
		open_pair(&p, serve_tls);
		assert_int_equal(net_tls_client_new(cases[i].pin, cases[i].ca,
		                     &t, &err), 0);

		int rc = net_stream_start_tls_client(
		    p.client, t, cases[i].host, &err);

		if (cases[i].why == NULL) {
			assert_int_equal(rc, 0);
			assert_true(net_stream_is_tls(p.client));
			check_bulk(p.client);
		} else {
			assert_int_equal(rc, -1);
			assert_int_equal(err.kind, ERR_PERM);
			assert_non_null(strstr(err.text, cases[i].why));
		}
		net_stream_free(&p.client);
		close_pair(&p);
		assert_int_equal(p.rc, cases[i].why == NULL ? 0 : -1);
		net_tls_free(&t);
	}
}

static void
test_bad_settings(void **state)
{
	struct net_tls *t = NULL;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(net_tls_client_new("12:34", "", &t, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(net_tls_client_new("", "/nowhere", &t, &err), -1);
	assert_int_equal(err.kind, ERR_PERM);
	assert_int_equal(net_tls_server_new("/nowhere", key, &t, &err), -1);
	assert_null(t);
}

/* What came before the handshake is not there after it. */
static int
serve_starttls(struct pair *p, struct err *err)
{
	const uint8_t *data;
	size_t len;

	if (net_stream_write(p->server, "220\r\nevil\r\n", 11, err) < 0 ||
	    net_stream_flush(p->server, err) < 0 ||
	    net_stream_read(p->server, &data, &len, err) != 1)
		return -1;
	net_stream_ate(p->server, 1);
	/* as STARTTLS does: the client begins when it is told so */
	if (net_stream_write(p->server, "k", 1, err) < 0 ||
	    net_stream_flush(p->server, err) < 0)
		return -1;
	return serve_tls(p, err);
}

static void
test_plaintext_before_tls(void **state)
{
	struct pair p;
	struct net_tls *t = NULL;
	struct err err = { 0 };
	const uint8_t *data;
	size_t len;

	(void)state;
	open_pair(&p, serve_starttls);
	assert_int_equal(net_tls_client_new("", ca, &t, &err), 0);
	assert_int_equal(net_stream_read(p.client, &data, &len, &err), 1);
	net_stream_ate(p.client, 5);
	assert_int_equal(net_stream_buffered(p.client), 6);
	assert_int_equal(net_stream_write(p.client, "g", 1, &err), 0);
	assert_int_equal(net_stream_flush(p.client, &err), 0);
	assert_int_equal(net_stream_more(p.client, &data, &len, &err), 1);
	assert_int_equal(len, 7);
	assert_int_equal(
	    net_stream_start_tls_client(p.client, t, "localhost", &err), 0);
	assert_int_equal(net_stream_buffered(p.client), 0);
	check_bulk(p.client);
	net_stream_free(&p.client);
	close_pair(&p);
	assert_int_equal(p.rc, 0);
	net_tls_free(&t);
}

static void
test_timeout(void **state)
{
	struct pair p;
	struct err err = { 0 };
	const uint8_t *data;
	size_t len;
	bool a, b;

	(void)state;
	open_pair(&p, NULL);
	net_stream_set_timeout(p.client, 20);
	assert_int_equal(net_stream_read(p.client, &data, &len, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(
	    net_stream_wait(p.client, p.server, 10, &a, &b, &err), 0);
	assert_int_equal(net_stream_write(p.client, "x", 1, &err), 0);
	assert_int_equal(net_stream_flush(p.client, &err), 0);
	assert_int_equal(net_stream_wait(
	                     p.client, p.server, PATIENCE_MS, &a, &b, &err),
	    1);
	assert_true(!a && b);
	close_pair(&p);
}

/* What has arrived is that and nothing else, from `*at` on; until silence. */
static void
drain(struct net_stream *s, size_t *at)
{
	const uint8_t *data;
	size_t len;
	struct err err = { 0 };

	net_stream_set_timeout(s, 20);
	while (net_stream_read(s, &data, &len, &err) == 1) {
		for (size_t i = 0; i < len; i++, ++*at)
			assert_int_equal(data[i], (uint8_t)(*at * 7 / 3));
		net_stream_ate(s, len);
	}
}

/* A peer that reads nothing for a while gets nothing twice, nor with a gap. */
static void
test_slow_peer(void **state)
{
	struct pair p;
	struct err err = { 0 };
	size_t sent = 0, got = 0, later;
	uint8_t octet;

	(void)state;
	open_pair(&p, NULL);
	net_stream_set_timeout(p.client, 20);
	do
		octet = (uint8_t)(sent * 7 / 3);
	while (++sent < 16 * BULK &&
	    net_stream_write(p.client, &octet, 1, &err) == 0);
	assert_true(sent < 16 * BULK);
	drain(p.server, &got);
	assert_true(got > 0 && got < sent);
	later = got;
	assert_int_equal(net_stream_flush(p.client, &err), -1);
	assert_int_equal(net_stream_write(p.client, "x", 1, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	drain(p.server, &later);
	assert_int_equal(later, got);
	close_pair(&p);
}

static int
serve_nothing(struct pair *p, struct err *err)
{
	const uint8_t *data;
	size_t len;

	return net_stream_read(p->server, &data, &len, err);
}

static void
test_interrupt(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, serve_nothing);
	net_stream_interrupt(p.server);
	close_pair(&p);
	assert_int_equal(p.rc, -1);
	assert_int_equal(p.err.kind, ERR_TEMP);
}

static void
test_full(void **state)
{
	struct pair p;
	struct err err = { 0 };
	const uint8_t *data;
	size_t len = 0;
	int rc;

	(void)state;
	open_pair(&p, NULL);
	for (size_t i = 0; len < 64 << 10; i++) {
		char octets[1000] = { 0 };

		assert_int_equal(net_stream_write(p.server, octets,
		                     sizeof octets, &err), 0);
		assert_int_equal(net_stream_flush(p.server, &err), 0);
		assert_int_equal(
		    net_stream_more(p.client, &data, &len, &err), 1);
	}
	rc = net_stream_more(p.client, &data, &len, &err);
	assert_int_equal(rc, -1);
	assert_int_equal(err.kind, ERR_PROTO);
	close_pair(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_bad_settings),
		cmocka_unit_test(test_plaintext_before_tls),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_interrupt),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_slow_peer),
	};

	return cmocka_run_group_tests(
	    tests, make_certificates, remove_certificates);
}

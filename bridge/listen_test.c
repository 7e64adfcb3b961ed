/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"

enum { CLIENTS = 4, LINGER_MS = 200 };

struct fixture {
	struct bridge_conf conf;
	struct crypt *crypt;
	struct bridge bridge;
	struct bridge_listeners *listeners;
	sigset_t until;
	char name[64];
	uint16_t port;
};

/* As OpenSSL does: something is given back when a thread has ended. */
static pthread_key_t kept;
static atomic_int given_back;

static void
give_back(void *what)
{
	(void)what;
	(void)poll(NULL, 0, LINGER_MS);
	atomic_fetch_add(&given_back, 1);
}

/*
 * Says something, and waits for the end; meanwhile what the client says is what
 * becomes of it: k(nown), b(usy), s(tranger), and it is echoed.
 */
static void
session(struct bridge *b, struct net_stream *client, bool may_plain)
{
	struct err err = { 0 };
	const uint8_t *data;
	uint8_t octets[16];
	size_t n;

	(void)may_plain;
	(void)pthread_setspecific(kept, &kept);
	if (crypt_random(b->crypt, octets, sizeof octets, &err) < 0 ||
	    net_stream_write(client, octets, sizeof octets, &err) < 0 ||
	    net_stream_flush(client, &err) < 0)
		return;
	while (net_stream_read(client, &data, &n, &err) > 0) {
		bridge_client_becomes(b, client,
		    data[0] == 'k'     ? CLIENT_KNOWN
			: data[0] == 'b' ? CLIENT_BUSY
					 : CLIENT_STRANGER);
		if (net_stream_write(client, data, 1, &err) < 0 ||
		    net_stream_flush(client, &err) < 0)
			return;
		net_stream_ate(client, 1);
	}
}

/*
 * A port that was free a moment ago, and none that the system gives to outgoing
 * connections: those of other tests do not take it meanwhile.
 */
static uint16_t
free_port(void)
{
	enum { FIRST_PORT = 11000, PORTS = 21000 };
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup(close_fd) int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;

	do {
		assert_int_equal(
		    getrandom(&port, sizeof port, 0), sizeof port);
		port = (uint16_t)(FIRST_PORT + port % PORTS);
		a.sin_port = htons(port);
	} while (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 &&
		 errno == EADDRINUSE);
	return port;
}

static void
open_all(struct fixture *f)
{
	struct err err = { 0 };

	f->port = free_port();
	(void)snprintf(
	    f->name, sizeof f->name, "inet:127.0.0.1:%u", (unsigned)f->port);
	f->conf = (struct bridge_conf){ .idle_timeout = 60,
		.timeout = 60,
		.max_connections = CLIENTS };
	assert_int_equal(crypt_open(&f->crypt, &err), 0);
	f->bridge =
	    (struct bridge){ .conf = &f->conf, .crypt = f->crypt };

	const struct bridge_service service = { "test", f->name, false,
		"busy\r\n", session };

	assert_int_equal(bridge_listeners_open(
			     &f->bridge, &service, 1, &f->listeners, &err),
	    0);
	(void)sigemptyset(&f->until);
	(void)sigaddset(&f->until, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &f->until, NULL), 0);
}

static void *
serve(void *arg)
{
	struct fixture *f = arg;
	struct err err = { 0 };

	return bridge_listeners_run(f->listeners, &f->until, &err) == 0
		   ? f
		   : NULL;
}

static int
connect_to(const struct fixture *f)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(f->port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* It has a place: what its session says first has come. */
static int
enter(const struct fixture *f)
{
	char text[16];
	int fd = connect_to(f);

	assert_int_equal(recv(fd, text, sizeof text, MSG_WAITALL), 16);
	return fd;
}

static void
become(int fd, char what)
{
	char echo = '\0';

	assert_int_equal(send(fd, &what, 1, 0), 1);
	assert_int_equal(recv(fd, &echo, 1, 0), 1);
	assert_int_equal(echo, what);
}

static void
is_put_out(int *fd)
{
	char c;

	assert_true(recv(*fd, &c, 1, 0) <= 0);
	close_fd(fd);
}

static void
is_turned_away(const struct fixture *f)
{
	cleanup(close_fd) int fd = connect_to(f);
	char text[6];

	assert_int_equal(recv(fd, text, sizeof text, MSG_WAITALL), 6);
	assert_memory_equal(text, "busy\r\n", 6);
}

static void
end(struct fixture *f, pthread_t thread)
{
	void *rc = NULL;

	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(pthread_join(thread, &rc), 0);
	assert_ptr_equal(rc, f);
	bridge_listeners_free(&f->listeners);
	crypt_close(&f->crypt);
}

/*
 * All places are taken: a new client gets that of the oldest stranger, never of
 * one whose login is checked, or who has logged in.
 */
static void
test_places(void **state)
{
	struct fixture f = { .listeners = NULL };
	int clients[CLIENTS], more[3];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_key_create(&kept, give_back), 0);
	open_all(&f);
	assert_int_equal(pthread_create(&thread, NULL, serve, &f), 0);
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = enter(&f);
	become(clients[0], 'k');
	become(clients[1], 'b');
	more[0] = enter(&f);
	is_put_out(&clients[2]);
	more[1] = enter(&f);
	is_put_out(&clients[3]);
	become(clients[1], 's'); /* the oldest that is one */
	more[2] = enter(&f);
	is_put_out(&clients[1]);
	for (size_t i = 0; i < countof(more); i++)
		become(more[i], 'k');
	is_turned_away(&f);
	become(clients[0], 'k');
	become(more[0], 's');
	clients[1] = enter(&f);
	is_put_out(&more[0]);
	end(&f, thread);
	is_put_out(&clients[0]);
	is_put_out(&clients[1]);
	is_put_out(&more[1]);
	is_put_out(&more[2]);
	assert_int_equal(pthread_key_delete(kept), 0);
}

/*
 * Sessions that are open when the signal comes: all of them end, and their
 * threads have given everything back before the process may end.
 */
static void
test_stop(void **state)
{
	struct fixture f = { .listeners = NULL };
	int clients[CLIENTS];
	char text[16];
	pthread_t thread;

	(void)state;
	atomic_store(&given_back, 0);
	assert_int_equal(pthread_key_create(&kept, give_back), 0);
	open_all(&f);
	assert_int_equal(pthread_create(&thread, NULL, serve, &f), 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = enter(&f);
		become(clients[i], 'k');
	}
	is_turned_away(&f);
	end(&f, thread);
	assert_int_equal(atomic_load(&given_back), CLIENTS);
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(recv(clients[i], text, 1, 0), 0);
		close(clients[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_places),
		cmocka_unit_test(test_stop) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

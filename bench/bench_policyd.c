/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * bench_policyd PATH CONNECTIONS SECONDS USERS [IDLE]
 *
 * Asks the policy daemon that listens on the UNIX socket PATH as Postfix does:
 * CONNECTIONS connections, one request at a time on each, every request a
 * message of its own, USERS accounts in turn. Prints requests, seconds,
 * requests a second, and the median, 99th percentile and longest latency in
 * microseconds. With IDLE it opens so many connections besides, which stay
 * silent. CONNECTIONS 0: only holds the idle ones until its standard input
 * ends.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { LATENCIES = 1 << 17 }; /* microseconds; more is the last */

struct client {
	int fd;
	int64_t asked_ns;
};

struct bench {
	const char *path;
	int epoll;
	unsigned long users, asked, answered;
	unsigned long latency[LATENCIES];
};

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
dial(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
		err(1, "%s", path);
	return fd;
}

/* What Postfix 3.7 sends at END-OF-MESSAGE. */
static void
ask(struct bench *b, struct client *c)
{
	char text[2048];
	unsigned long user = b->users > 0 ? b->asked % b->users : 0;
	int n = snprintf(text, sizeof text,
	    "request=smtpd_access_policy\nprotocol_state=%s\n"
	    "protocol_name=ESMTP\nclient_address=192.0.2.17\n"
	    "client_name=client.example.net\nclient_port=40112\n"
	    "reverse_client_name=client.example.net\nserver_address=192.0.2.1\n"
	    "server_port=587\nhelo_name=[192.0.2.17]\n"
	    "sender=user%lu@example.org\nrecipient=\nrecipient_count=2\n"
	    "queue_id=4bXyZ12abcd\ninstance=%lx.%lx.%x.0\nsize=20480\n"
	    "etrn_domain=\nstress=\nsasl_method=PLAIN\n"
	    "sasl_username=user%lu@example.org\nsasl_sender=\n"
	    "ccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
	    "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
	    "encryption_cipher=TLS_AES_256_GCM_SHA384\n"
	    "encryption_keysize=256\npolicy_context=\n\n",
	    b->users > 0 ? "END-OF-MESSAGE" : "RCPT", user,
	    (unsigned long)getpid(), b->asked, (unsigned)time(NULL), user);

	b->asked++;
	c->asked_ns = now_ns();
	if (send(c->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		err(1, "send");
}

static void
take_answer(struct bench *b, struct client *c)
{
	static const char wanted[] = "action=DUNNO\n\n";
	char text[64];
	ssize_t n = recv(c->fd, text, sizeof text, 0);
	int64_t us = (now_ns() - c->asked_ns) / 1000;

	if (n != sizeof wanted - 1 || memcmp(text, wanted, (size_t)n) != 0)
		errx(1, "another answer: %zd octets", n);
	b->answered++;
	b->latency[us < LATENCIES ? us : LATENCIES - 1]++;
}

static unsigned
percentile(const struct bench *b, double part)
{
	unsigned long wanted = (unsigned long)((double)b->answered * part);
	unsigned long sum = 0;
	unsigned us = 0;

	while (us < LATENCIES - 1 && (sum += b->latency[us]) < wanted)
		us++;
	return us;
}

static unsigned
longest(const struct bench *b)
{
	unsigned us = LATENCIES - 1;

	while (us > 0 && b->latency[us] == 0)
		us--;
	return us;
}

static void
start(struct bench *b, struct client *clients, unsigned long count)
{
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned long i = 0; i < count; i++) {
		struct epoll_event e = { .events = EPOLLIN,
			.data.ptr = &clients[i] };

		clients[i].fd = dial(b->path);
		if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, clients[i].fd, &e) < 0)
			err(1, "epoll_ctl");
		ask(b, &clients[i]);
	}
}

static void
measure(struct bench *b, unsigned long count, double seconds)
{
	struct client *clients = calloc(count, sizeof *clients);
	int64_t from = now_ns(), until = from + (int64_t)(seconds * 1e9);
	struct epoll_event ready[64];

	if (clients == NULL)
		err(1, "calloc");
	start(b, clients, count);
	while (b->answered < b->asked) {
		int n = epoll_wait(b->epoll, ready, 64, 10000);

		if (n <= 0)
			errx(1, "no answer in 10 s");
		for (int i = 0; i < n; i++) {
			take_answer(b, ready[i].data.ptr);
			if (now_ns() < until)
				ask(b, ready[i].data.ptr);
		}
	}
	seconds = (double)(now_ns() - from) / 1e9;
	printf("%lu %.3f %.0f %u %u %u\n", b->answered, seconds,
	    (double)b->answered / seconds, percentile(b, .5),
	    percentile(b, .99), longest(b));
	free(clients);
}

static unsigned long
number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0')
		errx(2, "\"%s\" is no number", text);
	return n;
}

int
main(int argc, char **argv)
{
	static struct bench b;
	struct rlimit files = { 1 << 16, 1 << 16 };
	char piece[64];

	if (argc < 5)
		errx(2, "usage: bench_policyd PATH CONNECTIONS SECONDS USERS "
			"[IDLE]");
	b.path = argv[1];
	b.users = number(argv[4]);
	(void)setrlimit(RLIMIT_NOFILE, &files);
	for (unsigned long i = argc > 5 ? number(argv[5]) : 0; i > 0; i--)
		(void)dial(b.path);
	if (number(argv[2]) > 0) {
		measure(&b, number(argv[2]), (double)number(argv[3]));
		return 0;
	}
	puts("idle");
	fflush(stdout);
	while (read(0, piece, sizeof piece) > 0)
		;
	return 0;
}

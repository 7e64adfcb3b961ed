/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Real sockets: the server runs in the main thread, its client in another one,
 * which ends with a SIGTERM to the process. The server's protocol:
 *
 *	echo TEXT      TEXT
 *	pause N        takes no more input for N ms
 *	hold           holds; answered "held"
 *	release        releases all that hold and says "free" to them
 *	job TEXT       a thread waits for the gate, then TEXT
 *	flood          much output
 *	close, drop
 */

#include "net/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "net/testing.h"

static const struct net_limits usual = {
	.max_connections = 100,
	.max_input = LINE_MAX_SIZE,
	.max_output = OUTPUT_MAX,
	.idle_timeout_s = 60,
	.send_timeout_s = 60,
	.stop_timeout_s = 20,
};

/* ---- the protocol ---- */

static void
reply(struct session *s, const char *text)
{
	net_conn_send(s->conn, text, strlen(text));
	net_conn_send(s->conn, "\n", 1);
}

static void
do_hold(struct session *s)
{
	struct held *h = calloc(1, sizeof *h);

	assert_non_null(h);
	*h = (struct held){ s->site->waiting, s };
	s->site->waiting = h;
	net_conn_hold(s->conn);
	reply(s, "held");
}

static void
do_release(struct session *s)
{
	struct held *h;

	while ((h = s->site->waiting) != NULL) {
		s->site->waiting = h->next;
		reply(h->session, "free");
		net_conn_release(h->session->conn);
		free(h);
	}
}

struct job {
	struct session *session;
	char text[LINE_MAX_SIZE + 1];
	char got;
};

static void
run_job(void *arg)
{
	struct job *j = arg;

	(void)!read(j->session->site->gate[0], &j->got, 1);
}

static void
job_done(void *arg)
{
	struct job *j = arg;

	if (!net_conn_is_over(j->session->conn))
		reply(j->session, j->got == 0 ? "not run" : j->text);
	net_conn_release(j->session->conn);
	free(j);
}

static const struct net_job waiting_job = { run_job, job_done };

static void
do_job(struct session *s, const char *text)
{
	struct job *j = calloc(1, sizeof *j);
	struct err err = { 0 };

	assert_non_null(j);
	j->session = s;
	(void)snprintf(j->text, sizeof j->text, "%s", text);
	net_conn_hold(s->conn);
	if (net_pool_submit(s->site->pool, &waiting_job, j, &err) == 0)
		return;
	assert_int_equal(err.kind, ERR_TEMP);
	reply(s, "full");
	net_conn_release(s->conn);
	free(j);
}

static void
resume(void *arg)
{
	struct site *s = arg;
	struct held *h = s->waiting;

	s->waiting = h->next;
	s->fired++;
	net_conn_resume(h->session->conn);
	net_conn_release(h->session->conn);
	free(h);
}

static void
do_pause(struct session *s, const char *ms)
{
	do_hold(s);
	net_conn_pause(s->conn);
	net_timer_start(s->site->timer, strtoul(ms, NULL, 10));
}

static void
do_flood(struct session *s)
{
	memset(s->reply, 'f', sizeof s->reply);
	net_conn_send(s->conn, s->reply, sizeof s->reply);
}

static void
do_line(struct session *s, const char *line)
{
	if (strncmp(line, "echo ", 5) == 0)
		reply(s, line + 5);
	else if (strncmp(line, "job ", 4) == 0)
		do_job(s, line + 4);
	else if (strncmp(line, "pause ", 6) == 0)
		do_pause(s, line + 6);
	else if (strcmp(line, "hold") == 0)
		do_hold(s);
	else if (strcmp(line, "release") == 0)
		do_release(s);
	else if (strcmp(line, "flood") == 0)
		do_flood(s);
	else if (strcmp(line, "close") == 0)
		net_conn_close(s->conn);
	else
		net_conn_drop(s->conn);
}

/* One line a call. */
static size_t
on_input(void *arg, const uint8_t *data, size_t len)
{
	const uint8_t *end = memchr(data, '\n', len);
	char line[LINE_MAX_SIZE + 1];

	if (end == NULL || end - data > LINE_MAX_SIZE)
		return 0;
	memcpy(line, data, (size_t)(end - data));
	line[end - data] = '\0';
	do_line(arg, line);
	return (size_t)(end - data) + 1;
}

static void
on_reload(void *arg)
{
	struct site *s = arg;

	s->fired++;
	s->limits.max_connections = 1;
	net_server_set_limits(s->server, &s->limits);
}

static const struct net_handler handler = {
	.open = on_open,
	.input = on_input,
	.closed = on_closed,
	.turn = on_turn,
	.reload = on_reload,
};

/* ---- a run ---- */

static void
open_site(struct site *s, const struct net_limits *limits)
{
	struct net_listeners *l = NULL;
	char text[80];
	struct err err = { 0 };

	*s = (struct site){ .folder = "/tmp/sealpost-net-XXXXXX" };
	assert_non_null(mkdtemp(s->folder));
	(void)snprintf(s->path, sizeof s->path, "%s/s", s->folder);
	(void)snprintf(text, sizeof text, "unix:%s", s->path);
	s->limits = *limits;
	assert_int_equal(pipe2(s->gate, O_CLOEXEC), 0);
	assert_int_equal(
	    net_server_new(&handler, s, &s->limits, &s->server, &err), 0);
	assert_int_equal(net_pool_new(s->server, 2, 1, 2, &s->pool, &err), 0);
	assert_int_equal(
	    net_timer_new(s->server, resume, s, &s->timer, &err), 0);
	if (net_listeners_open(text, "", &l, &err) < 0 ||
	    net_server_take(s->server, &l, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(l);
}

static void
close_site(struct site *s)
{
	net_timer_free(&s->timer);
	net_pool_free(&s->pool);
	net_server_free(&s->server);
	assert_int_equal(access(s->path, F_OK), -1);
	assert_int_equal(rmdir(s->folder), 0);
	close(s->gate[0]);
	close(s->gate[1]);
}

static void
run_site(void (*client)(struct site *), const struct net_limits *limits,
    struct site *s)
{
	pthread_t thread;
	struct err err = { 0 };

	open_site(s, limits);
	s->client = client;
	assert_int_equal(pthread_create(&thread, NULL, run_client, s), 0);
	assert_int_equal(net_server_run(s->server, &err), 0);
	assert_int_equal(net_server_connections(s->server), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close_site(s);
	assert_string_equal(s->wrong, "");
	assert_int_equal(s->opened, s->closed);
}

/* ---- input ---- */

static void
bytes_and_pipelines(struct site *s)
{
	int a = dial(s), b = dial(s);

	talk(s, a, "echo one\n", "one\n");
	for (const char *p = "echo byte by byte\n"; *p != '\0'; p++) {
		say(s, a, (char[]){ *p, '\0' });
		/* the other one is served meanwhile */
		talk(s, b, "echo b\n", "b\n");
	}
	hear(s, a, "byte by byte\n");
	talk(s, a, "echo 1\necho 2\necho 3\nec", "1\n2\n3\n");
	talk(s, a, "ho 4\n", "4\n");
	close(a);
	close(b);
}

static void
test_input(void **state)
{
	struct site s;

	(void)state;
	run_site(bytes_and_pipelines, &usual, &s);
	assert_int_equal(s.opened, 2);
	assert_true(s.turns > 10);
}

static void
pipelined(struct site *s)
{
	int fd = dial(s);

	for (int i = 0; i < 500; i++)
		say(s, fd, "echo 1234567\n");
	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < 500; i++)
		hear(s, fd, "1234567\n");
	expect(s, is_over(fd));
	close(fd);
}

/* A peer that has shut its side down gets all its answers, then the end. */
static void
test_half_closed(void **state)
{
	struct site s;

	(void)state;
	run_site(pipelined, &usual, &s);
}

static void
long_lines(struct site *s)
{
	char line[2 * LINE_MAX_SIZE];
	int good = dial(s), bad = dial(s);

	memset(line, 'x', sizeof line);
	memcpy(line, "echo ", 5);
	line[LINE_MAX_SIZE] = '\0';
	say(s, good, line);
	say(s, good, "\n");
	memset(line, 'x', 5);
	line[LINE_MAX_SIZE - 5] = '\0';
	hear(s, good, line);
	hear(s, good, "\n");
	line[LINE_MAX_SIZE - 5] = line[LINE_MAX_SIZE] = 'x';
	line[LINE_MAX_SIZE + 1] = '\0';
	say(s, bad, line);
	expect(s, is_over(bad));
	talk(s, good, "echo still there\n", "still there\n");
	close(good);
	close(bad);
}

static void
test_line_limit(void **state)
{
	struct site s;

	(void)state;
	run_site(long_lines, &usual, &s);
}

static void
paused_input(struct site *s)
{
	int a = dial(s), b = dial(s);

	say(s, a, "echo 1\npause 50\necho 2\n");
	say(s, a, "echo 3\n");
	hear(s, a, "1\nheld\n");
	expect(s, recv(a, (char[1]){ 0 }, 1, MSG_DONTWAIT) < 0);
	talk(s, b, "echo b\n", "b\n");
	hear(s, a, "2\n3\n");
	close(a);
	close(b);
}

static void
test_pause(void **state)
{
	struct site s;

	(void)state;
	run_site(paused_input, &usual, &s);
	assert_int_equal(s.fired, 1);
}

static void
ends(struct site *s)
{
	int a = dial(s), b = dial(s);

	talk(s, a, "echo 1\nclose\necho 2\n", "1\n");
	expect(s, is_over(a));
	say(s, b, "echo 1\ndrop\n");
	expect(s, is_over(b));
	close(a);
	close(b);
}

static void
test_close_and_drop(void **state)
{
	struct site s;

	(void)state;
	run_site(ends, &usual, &s);
}

/* ---- limits ---- */

static void
too_many(struct site *s)
{
	int fd[3] = { dial(s), dial(s), dial(s) };

	talk(s, fd[0], "echo 0\n", "0\n");
	talk(s, fd[1], "echo 1\n", "1\n");
	expect(s, is_over(fd[2]));
	close(fd[1]);
	/* the place is free as soon as the server has seen the end */
	do {
		close(fd[2]);
		fd[2] = dial(s);
		(void)send(fd[2], "echo 2\n", 7, MSG_NOSIGNAL);
	} while (is_over(fd[2]));
	hear(s, fd[2], "\n");
	close(fd[2]);
	close(fd[0]);
}

static void
test_max_connections(void **state)
{
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	limits.max_connections = 2;
	run_site(too_many, &limits, &s);
}

static void
floods(struct site *s)
{
	int slow = dial(s), good = dial(s);

	/* more than the limit in one turn */
	say(s, slow, "flood\nflood\nflood\n");
	expect(s, is_over(slow));
	close(slow);
	/* as much as the kernel takes, then it is not read any more */
	slow = dial(s);
	while (send(slow, "flood\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) == 6)
		talk(s, good, "echo served\n", "served\n");
	/* dropped while the peer still does not read */
	while (send(slow, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ||
	       errno == EAGAIN)
		(void)poll(&(struct pollfd){ slow, 0, 0 }, 1, WAIT_MS);
	talk(s, good, "echo served\n", "served\n");
	close(slow);
	close(good);
}

static void
test_slow_reader(void **state)
{
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	limits.send_timeout_s = 1;
	run_site(floods, &limits, &s);
}

/* Backpressure: who reads late, but reads, gets everything. */
static void
late_reader(struct site *s)
{
	int fd = dial(s);
	size_t total = 0, sent = 0;
	char piece[4096];
	ssize_t n;

	while (sent < 400 &&
	       send(fd, "flood\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT) == 6) {
		sent++;
		(void)poll(NULL, 0, sent == 1 ? 10 : 0);
	}
	(void)shutdown(fd, SHUT_WR);
	while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
		total += (size_t)n;
	expect(s, n == 0);
	expect(s, total > 0 && total % (OUTPUT_MAX / 2) == 0);
	close(fd);
}

static void
test_late_reader(void **state)
{
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	limits.max_output = 400 * OUTPUT_MAX / 2;
	run_site(late_reader, &limits, &s);
}

static void
idlers(struct site *s)
{
	int holding = dial(s), silent, active;

	talk(s, holding, "hold\n", "held\n");
	silent = dial(s);
	expect(s, is_over(silent));
	/* longer than the timeout has passed for the holder, too */
	active = dial(s);
	say(s, active, "release\n");
	hear(s, holding, "free\n");
	expect(s, is_over(holding));
	close(silent);
	close(holding);
	close(active);
}

static void
test_idle_timeout(void **state)
{
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	limits.idle_timeout_s = 1;
	run_site(idlers, &limits, &s);
}

enum { CROWD = 2000 };

static void
crowd(struct site *s)
{
	int *fd = calloc(CROWD, sizeof *fd);

	if (fd == NULL)
		return;
	for (int i = 0; i < CROWD; i++)
		fd[i] = dial(s);
	for (int i = 0; i < CROWD; i += 97)
		talk(s, fd[i], "echo here\n", "here\n");
	for (int i = 0; i < CROWD; i++)
		close(fd[i]);
	free(fd);
}

static void
test_2000_idle(void **state)
{
	struct rlimit files = { 2 * CROWD + 100, 2 * CROWD + 100 };
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		skip();
	limits.max_connections = CROWD;
	run_site(crowd, &limits, &s);
	assert_int_equal(s.opened, CROWD);
}

/* ---- jobs ---- */

static void
open_gate(struct site *s, size_t n)
{
	while (n-- > 0)
		expect(s, write(s->gate[1], "g", 1) == 1);
}

/* Until a thread has taken each job: the queue is free again then. */
static void
wait_for_threads(struct site *s)
{
	while (net_pool_queued(s->pool) > 0)
		(void)poll(NULL, 0, 1);
}

static void
jobs(struct site *s)
{
	int a = dial(s), b = dial(s);

	/* two run (once the threads took them), two wait, the fifth is refused
	 */
	say(s, a, "job 1\njob 2\n");
	open_gate(s, 2);
	expect(s, recv(a, (char[4]){ 0 }, 4, MSG_WAITALL) == 4);
	talk(s, a, "job 3\njob 3\necho on\n", "on\n");
	wait_for_threads(s);
	talk(s, b, "job 4\njob 4\njob 5\n", "full\n");
	talk(s, b, "echo not held up\n", "not held up\n");
	open_gate(s, 4);
	hear(s, a, "3\n3\n");
	hear(s, b, "4\n4\n");
	close(a);
	close(b);
}

static void
test_pool(void **state)
{
	struct site s;

	(void)state;
	run_site(jobs, &usual, &s);
}

static void
gone(struct site *s)
{
	int a = dial(s), b = dial(s);

	say(s, a, "job 1\njob 2\n");
	talk(s, a, "drop\n", "");
	expect(s, is_over(a));
	talk(s, b, "echo 1\n", "1\n");
	open_gate(s, 2);
	close(a);
	wait_for_threads(s);
	/* half closed, it is kept for its answer */
	say(s, b, "job 3\n");
	(void)shutdown(b, SHUT_WR);
	open_gate(s, 1);
	hear(s, b, "3\n");
	expect(s, is_over(b));
	close(b);
}

/* A session outlives its connection while a job of it runs. */
static void
test_gone_before_the_job(void **state)
{
	struct site s;

	(void)state;
	run_site(gone, &usual, &s);
}

struct count {
	struct site *site;
	unsigned done;
};

static void
run_count(void *arg)
{
	struct count *c = arg;
	char got;

	(void)!read(c->site->gate[0], &got, 1);
}

static void
count_done(void *arg)
{
	struct count *c = arg;

	c->done++;
}

/* A pool that is freed calls `done` of what never ran, too. */
static void
test_pool_end(void **state)
{
	static const struct net_job job = { run_count, count_done };
	struct site s;
	struct count c = { .site = &s };
	struct err err = { 0 };

	(void)state;
	open_site(&s, &usual);
	assert_int_equal(net_pool_submit(s.pool, &job, &c, &err), 0);
	assert_int_equal(net_pool_submit(s.pool, &job, &c, &err), 0);
	while (net_pool_queued(s.pool) > 0)
		(void)poll(NULL, 0, 1);
	assert_int_equal(net_pool_submit(s.pool, &job, &c, &err), 0);
	assert_int_equal(net_pool_submit(s.pool, &job, &c, &err), 0);
	assert_int_equal(net_pool_submit(s.pool, &job, &c, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(c.done, 0);
	open_gate(&s, 4);
	net_pool_free(&s.pool);
	assert_int_equal(c.done, 4);
	close_site(&s);
}

/* ---- the end ---- */

static void
stopped_with_requests(struct site *s)
{
	int fd[20];

	/* what was sent before the signal is answered, accepted or not */
	for (size_t i = 0; i < countof(fd); i++) {
		fd[i] = dial(s);
		say(s, fd[i], "echo a\necho b\nhalf");
	}
	(void)kill(getpid(), SIGTERM);
	for (size_t i = 0; i < countof(fd); i++) {
		hear(s, fd[i], "a\nb\n");
		expect(s, is_over(fd[i]));
		close(fd[i]);
	}
}

static void
test_stop_answers(void **state)
{
	struct site s;

	(void)state;
	run_site(stopped_with_requests, &usual, &s);
}

static void
stopped_with_jobs(struct site *s)
{
	int fd = dial(s), idle = dial(s);

	talk(s, idle, "echo\n", "");
	talk(s, fd, "job 1\necho x\n", "x\n");
	(void)kill(getpid(), SIGTERM);
	expect(s, is_over(idle));
	open_gate(s, 1);
	hear(s, fd, "1\n");
	expect(s, is_over(fd));
	close(fd);
	close(idle);
}

static void
test_stop_waits_for_holds(void **state)
{
	struct site s;

	(void)state;
	run_site(stopped_with_jobs, &usual, &s);
}

static void
stopped_too_long(struct site *s)
{
	int fd = dial(s);

	talk(s, fd, "job 1\necho x\n", "x\n");
	(void)kill(getpid(), SIGTERM);
	expect(s, is_over(fd)); /* after stop_timeout_s */
	open_gate(s, 1);
	close(fd);
}

static void
test_stop_deadline(void **state)
{
	struct net_limits limits = usual;
	struct site s;

	(void)state;
	limits.stop_timeout_s = 1;
	run_site(stopped_too_long, &limits, &s);
}

/* ---- the service manager ---- */

static void
hangup(struct site *s)
{
	int fd = dial(s), next;

	talk(s, fd, "echo 1\n", "1\n");
	(void)kill(getpid(), SIGHUP);
	do {
		next = dial(s);
		(void)send(next, "drop\n", 5, MSG_NOSIGNAL);
		expect(s, is_over(next));
		close(next);
	} while (s->fired == 0);
	talk(s, fd, "echo 2\n", "2\n");
	close(fd);
}

static void
test_reload(void **state)
{
	struct site s;

	(void)state;
	run_site(hangup, &usual, &s);
	assert_true(s.fired > 0);
}

static void
assert_notice(int fd, const char *wanted)
{
	char text[100] = "";

	assert_true(recv(fd, text, sizeof text - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, wanted);
}

static void
nothing(struct site *s)
{
	int fd = dial(s);

	talk(s, fd, "echo 1\n", "1\n");
	close(fd);
}

static void
test_notices(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	cleanup(close_fd) int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char name[60];
	struct site s;
	socklen_t size;

	(void)state;
	(void)snprintf(name, sizeof name, "@sealpost-test-%ld", (long)getpid());
	memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
	size =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	(void)setenv("NOTIFY_SOCKET", name, 1);
	run_site(nothing, &usual, &s);
	(void)unsetenv("NOTIFY_SOCKET");
	assert_notice(fd, "READY=1");
	assert_notice(fd, "STOPPING=1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input),
		cmocka_unit_test(test_half_closed),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_close_and_drop),
		cmocka_unit_test(test_max_connections),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_late_reader),
		cmocka_unit_test(test_idle_timeout),
		cmocka_unit_test(test_2000_idle),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_gone_before_the_job),
		cmocka_unit_test(test_pool_end),
		cmocka_unit_test(test_stop_answers),
		cmocka_unit_test(test_stop_waits_for_holds),
		cmocka_unit_test(test_stop_deadline),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

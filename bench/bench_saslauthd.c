/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * bench_saslauthd [SECONDS]
 *
 * Starts a sealpost-saslauthd of its own and logs in as fast as it can, SECONDS
 * (3) for each line of the table. Rates are told by the clock and by the
 * processor time that the daemon used ("per core"), which other work on the
 * machine does not spoil. What PBKDF2 costs alone is measured in the same run:
 * ours, a bare loop over SHA-256, and OpenSSL's call.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/base64.h"
#include "bench.h"
#include "crypt/hash.h"
#include "crypt/kdf.h"
#include "crypt/verifier.h"
#include "store/secrets.h"
#include "store/stats.h"

enum {
	ITERATIONS = 100000,
	CLIENTS_MAX = 128,
	LINE_SIZE = 1024,
	SAMPLES_MAX = 200000,
	KEY = VERIFIER_KEY_LEN,
};

#define USER "ann@example.org"
#define PASSWORD "a password"
#define NONCE "0123456789abcdefghij"

enum way { SCRAM, CACHED, UNCACHED };

struct bench {
	char folder[64];
	pid_t daemon;
	struct crypt *crypt;
	struct verifier verifier;
	uint8_t client_key[KEY], stored_key[KEY];
};

struct client {
	int fd;
	enum way way;
	uint32_t id;
	char line[LINE_SIZE];
	size_t len;
	bool greeted;
	char said[3 * LINE_SIZE]; /* AuthMessage so far */
	double asked; /* when the last line was sent */
};

struct result {
	size_t logins, closed;
	double seconds, cpu;
	size_t samples;
	double *latency;
};

static double
daemon_cpu(const struct bench *b)
{
	clockid_t clock;

	if (clock_getcpuclockid(b->daemon, &clock) != 0)
		errx(1, "no clock of the daemon");
	return seconds_of(clock);
}

/* ---- the daemon ---- */

static void
path_of(const struct bench *b, const char *name, char out[128])
{
	(void)snprintf(out, 128, "%s/%s", b->folder, name);
}

static void
write_conf(const struct bench *b, const char *more)
{
	char path[128];

	path_of(b, "conf", path);

	FILE *f = fopen(path, "w");

	if (f == NULL)
		err(1, "%s", path);
	fprintf(f,
	    "[accounts]\nsecrets = %s/secrets.db\niterations = %d\n"
	    "[stats]\ndatabase = %s/stats.db\n"
	    "[saslauthd]\nlisten = unix:%s/auth\nsocket_group =\n"
	    "max_delay = 0s\n%s",
	    b->folder, ITERATIONS, b->folder, b->folder, more);
	fclose(f);
}

static void
make_databases(struct bench *b)
{
	cleanup(secrets_close) struct secrets *s = NULL;
	char path[128], verifier[VERIFIER_SIZE];
	struct err err;

	path_of(b, "stats.db", path);
	check(stats_create(path, &err), &err);
	path_of(b, "secrets.db", path);
	check(secrets_create(path, &err), &err);
	check(secrets_open(path, STORE_WRITE, &s, &err), &err);
	check(verifier_make(b->crypt, PASSWORD, strlen(PASSWORD), ITERATIONS,
	          verifier, &err), &err);
	check(secrets_verifier_put(s, USER, verifier, "", true, &err), &err);
	check(verifier_parse(verifier, &b->verifier, &err), &err);
}

/* What a client remembers, so that PBKDF2 is not measured on its side. */
static void
make_client_key(struct bench *b)
{
	uint8_t salted[KEY];
	struct err err;

	check(pbkdf2_sha256(b->crypt,
	          (struct crypt_bytes){ PASSWORD, strlen(PASSWORD) },
	          (struct crypt_bytes){ b->verifier.salt, b->verifier.salt_len },
	          ITERATIONS, salted, KEY, &err), &err);
	check(hmac_of(b->crypt, HASH_SHA256,
	          (struct crypt_bytes){ salted, KEY },
	          (struct crypt_bytes){ "Client Key", 10 }, b->client_key,
	          &err), &err);
	check(hash_of(b->crypt, HASH_SHA256, b->client_key, KEY,
	          b->stored_key, &err), &err);
}

static void
start_daemon(struct bench *b, const char *more)
{
	char conf[128], log[128];

	write_conf(b, more);
	path_of(b, "conf", conf);
	path_of(b, "log", log);
	b->daemon = fork();
	if (b->daemon < 0)
		err(1, "fork");
	if (b->daemon > 0)
		return;
	if (freopen(log, "w", stderr) != NULL)
		execl(SEALPOST_SASLAUTHD, SEALPOST_SASLAUTHD, "-c", conf, "-d",
		    (char *)NULL);
	_exit(127);
}

static void
stop_daemon(struct bench *b)
{
	(void)kill(b->daemon, SIGTERM);
	(void)waitpid(b->daemon, NULL, 0);
}

/* ---- a client ---- */

static void
send_text(struct client *c, const char *text)
{
	c->asked = now();
	/* a closed connection shows when it is read */
	(void)send(c->fd, text, strlen(text), MSG_NOSIGNAL);
}

static void
put_base64(char *out, const void *data, size_t n)
{
	out[base64_encode(data, n, out)] = '\0';
}

static void
begin_scram(struct client *c)
{
	char text[LINE_SIZE], first[200], coded[300];

	(void)snprintf(c->said, sizeof c->said, "n=%s,r=%s", USER, NONCE);
	(void)snprintf(first, sizeof first, "n,,n=%s,r=%s", USER, NONCE);
	put_base64(coded, first, strlen(first));
	(void)snprintf(text, sizeof text,
	    "AUTH\t%u\tSCRAM-SHA-256\tservice=smtp\trip=192.0.2.1\t"
	    "secured\tresp=%s\n",
	    c->id, coded);
	send_text(c, text);
}

static void
begin_plain(struct client *c)
{
	static const char right[] = "\0" USER "\0" PASSWORD;
	static const char wrong[] = "\0" USER "\0" "wrong";
	char text[LINE_SIZE], coded[200];

	if (c->way == CACHED)
		put_base64(coded, right, sizeof right - 1);
	else
		put_base64(coded, wrong, sizeof wrong - 1);
	(void)snprintf(text, sizeof text,
	    "AUTH\t%u\tPLAIN\tservice=smtp\trip=192.0.2.1\tsecured\t"
	    "resp=%s\n",
	    c->id, coded);
	send_text(c, text);
}

static void
begin_login(struct client *c)
{
	c->id++;
	if (c->way == SCRAM)
		begin_scram(c);
	else
		begin_plain(c);
}

/* The client's final message to the server's first. */
static void
prove(const struct bench *b, struct client *c, const char *server_first)
{
	char final[LINE_SIZE], text[2 * LINE_SIZE], coded[LINE_SIZE];
	uint8_t proof[KEY];
	struct err err;
	size_t nonce = strcspn(server_first, ",");

	(void)snprintf(final, sizeof final, "c=biws,%.*s", (int)nonce,
	    server_first);
	(void)snprintf(text, sizeof text, "%.400s,%.400s,%.400s", c->said,
	    server_first, final);
	check(hmac_of(b->crypt, HASH_SHA256,
	          (struct crypt_bytes){ b->stored_key, KEY },
	          (struct crypt_bytes){ text, strlen(text) }, proof, &err),
	    &err);
	for (size_t i = 0; i < KEY; i++)
		proof[i] ^= b->client_key[i];
	put_base64(coded, proof, KEY);
	(void)snprintf(text, sizeof text, "%.400s,p=%s", final, coded);
	put_base64(coded, text, strlen(text));
	(void)snprintf(text, sizeof text, "CONT\t%u\t%s\n", c->id, coded);
	send_text(c, text);
}

static void
answer_challenge(const struct bench *b, struct client *c, const char *coded)
{
	char said[LINE_SIZE];
	long n = base64_decode(coded, strlen(coded), (uint8_t *)said);

	if (n < 0)
		errx(1, "not base64: %s", coded);
	said[n] = '\0';
	if (said[0] == 'r') {
		prove(b, c, said);
		return;
	}
	(void)snprintf(said, sizeof said, "CONT\t%u\t\n", c->id);
	send_text(c, said);
}

static void
take_line(const struct bench *b, struct client *c, char *line,
    struct result *r)
{
	if (!c->greeted) {
		c->greeted = strcmp(line, "DONE") == 0;
		if (c->greeted)
			begin_login(c);
		return;
	}
	if (r->latency != NULL && r->samples < SAMPLES_MAX &&
	    c->way == SCRAM)
		r->latency[r->samples++] = now() - c->asked;
	if (strncmp(line, "CONT\t", 5) == 0) {
		answer_challenge(b, c, strrchr(line, '\t') + 1);
		return;
	}
	if (strncmp(line, c->way == UNCACHED ? "FAIL" : "OK", 2) != 0)
		errx(1, "unexpected: %s", line);
	if (r->latency == NULL || c->way == SCRAM)
		r->logins++;
	begin_login(c);
}

static void connect_client(const struct bench *b, struct client *c,
    enum way way);

static void
read_client(const struct bench *b, struct client *c, struct result *r)
{
	ssize_t n = recv(c->fd, c->line + c->len, sizeof c->line - c->len, 0);
	char *end;

	if (n <= 0) { /* a full queue ends the connection */
		r->closed++;
		close(c->fd);
		connect_client(b, c, c->way);
		return;
	}
	c->len += (size_t)n;
	while ((end = memchr(c->line, '\n', c->len)) != NULL) {
		char line[LINE_SIZE];
		size_t len = (size_t)(end - c->line);

		memcpy(line, c->line, len);
		line[len] = '\0';
		c->len -= len + 1;
		memmove(c->line, end + 1, c->len);
		take_line(b, c, line, r);
	}
}

static void
connect_client(const struct bench *b, struct client *c, enum way way)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const struct timespec pause = { .tv_nsec = 20000000 };

	*c = (struct client){ .way = way };
	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s/auth", b->folder);
	for (int i = 0;; i++) { /* the daemon may be about to start */
		c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(c->fd, (struct sockaddr *)&to, sizeof to) == 0)
			break;
		if (i == 250)
			err(1, "connect to %s", to.sun_path);
		close(c->fd);
		(void)nanosleep(&pause, NULL);
	}
	send_text(c, "VERSION\t1\t0\nCPID\t1\n");
}

/* ways[way] connections of each way, for so long. */
static void
run(const struct bench *b, const size_t ways[3], double seconds,
    struct result *r)
{
	static struct client clients[CLIENTS_MAX];
	struct pollfd fds[CLIENTS_MAX];
	size_t count = 0;

	for (enum way way = SCRAM; way <= UNCACHED; way++)
		for (size_t i = 0; i < ways[way]; i++)
			connect_client(b, &clients[count++], way);

	double start = now(), cpu = daemon_cpu(b);

	while (now() - start < seconds) {
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){ clients[i].fd, POLLIN, 0 };
		if (poll(fds, count, 100) < 0)
			err(1, "poll");
		for (size_t i = 0; i < count; i++)
			if (fds[i].revents != 0)
				read_client(b, &clients[i], r);
	}
	r->seconds = now() - start;
	r->cpu = daemon_cpu(b) - cpu;
	for (size_t i = 0; i < count; i++)
		close(clients[i].fd);
}

/* ---- PBKDF2 alone ---- */

/* Ours, as the daemon calls it. */
static double
own_cost(const struct bench *b, double seconds)
{
	double start = seconds_of(CLOCK_THREAD_CPUTIME_ID), used;
	uint8_t out[KEY];
	struct err err;
	int n = 0;

	do {
		check(pbkdf2_sha256(b->crypt, (struct crypt_bytes){ "wrong", 5 },
		          (struct crypt_bytes){ b->verifier.salt, 16 },
		          ITERATIONS, out, KEY, &err), &err);
		n++;
		used = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
	} while (used < seconds);
	return used / n;
}

static double
library_cost(const struct bench *b, double seconds)
{
	double start = seconds_of(CLOCK_THREAD_CPUTIME_ID), used;
	uint8_t out[KEY];
	int n = 0;

	do {
		if (PKCS5_PBKDF2_HMAC("wrong", 5, b->verifier.salt, 16,
		        ITERATIONS, EVP_sha256(), KEY, out) != 1)
			errx(1, "PBKDF2");
		n++;
		used = seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
	} while (used < seconds);
	return used / n;
}

static void
put_state(const SHA256_CTX *c, uint8_t block[64])
{
	for (size_t i = 0; i < 8; i++) {
		uint32_t h = __builtin_bswap32(c->h[i]);

		memcpy(block + 4 * i, &h, 4);
	}
}

/* Two compressions a round, from prepared states: nothing is left to save. */
static double
loop_cost(void)
{
	SHA256_CTX inner, outer, c;
	uint8_t block[64] = { 1 };
	double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);

	SHA256_Init(&inner);
	SHA256_Transform(&inner, block);
	outer = inner;
	block[32] = 0x80;
	block[62] = 3; /* 768 bits: the key's block and 32 octets */
	for (int i = 0; i < ITERATIONS; i++) {
		c = inner;
		SHA256_Transform(&c, block);
		put_state(&c, block);
		c = outer;
		SHA256_Transform(&c, block);
		put_state(&c, block);
	}
	return seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
}

/* ---- the table ---- */

static void
print_rate(const char *what, const struct result *r, const char *target)
{
	printf("%-28s %9.0f /s %12.0f /s per core   %s\n", what,
	    (double)r->logins / r->seconds, (double)r->logins / r->cpu,
	    target);
}

static void
bench_cheap(struct bench *b, double seconds)
{
	struct result scram = { 0 }, cached = { 0 };

	start_daemon(b, "");
	run(b, (size_t[3]){ [SCRAM] = 16 }, seconds, &scram);
	run(b, (size_t[3]){ [CACHED] = 1 }, 0.3, &(struct result){ 0 });
	run(b, (size_t[3]){ [CACHED] = 16 }, seconds, &cached);
	stop_daemon(b);
	print_rate("SCRAM-SHA-256", &scram, "target 2000 per core");
	print_rate("PLAIN, repeated", &cached, "target 5000 per core");
}

static void
print_cost(const char *what, double cost, double login)
{
	printf("%-28s %9.2f ms   the login costs %+.1f %%\n", what,
	    cost * 1e3, (login / cost - 1) * 100);
}

/* In turns, for the speed of the machine changes. */
static void
bench_pbkdf2(struct bench *b, double seconds)
{
	struct result r = { 0 };
	double own = own_cost(b, seconds / 2), loop = loop_cost();

	start_daemon(b, "threads = 1\n");
	run(b, (size_t[3]){ [UNCACHED] = 4 }, seconds, &r);
	stop_daemon(b);
	own = (own + own_cost(b, seconds / 2)) / 2;
	loop = (loop + loop_cost()) / 2;

	double login = r.cpu / (double)r.logins;

	printf("%-28s %9.2f ms of processor time, %d iterations\n",
	    "PLAIN, not repeated", login * 1e3, ITERATIONS);
	print_cost("PBKDF2 alone (target 20 %)", own, login);
	print_cost("PBKDF2, a bare loop", loop, login);
	print_cost("PBKDF2, OpenSSL's", library_cost(b, seconds / 2), login);
}

static void
bench_latency(struct bench *b, double seconds)
{
	struct result r = { 0 };

	r.latency = calloc(SAMPLES_MAX, sizeof *r.latency);
	if (r.latency == NULL)
		err(1, "memory");
	start_daemon(b, "queue = 64\n");
	run(b, (size_t[3]){ [SCRAM] = 1, [UNCACHED] = 100 }, seconds, &r);
	stop_daemon(b);
	qsort(r.latency, r.samples, sizeof *r.latency, ascending);
	if (r.samples > 0)
		printf("%-28s %9.2f ms median, %.2f ms of 99 %% "
		       "(target 50 ms), queue full: %zu connections ended\n",
		    "others behind a full queue",
		    r.latency[r.samples / 2] * 1e3,
		    r.latency[r.samples * 99 / 100] * 1e3, r.closed);
	free(r.latency);
}

static void
remove_folder(const struct bench *b)
{
	static const char *const names[] = { "conf", "log", "auth",
		"secrets.db", "stats.db", "stats.db-wal", "stats.db-shm" };
	char path[128];

	for (size_t i = 0; i < countof(names); i++) {
		path_of(b, names[i], path);
		(void)unlink(path);
	}
	(void)rmdir(b->folder);
}

int
main(int argc, char **argv)
{
	struct bench b = { .folder = "/tmp/bench_saslauthd.XXXXXX" };
	double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
	struct err err;

	if (seconds <= 0 || mkdtemp(b.folder) == NULL)
		errx(2, "usage: bench_saslauthd [SECONDS]");
	check(crypt_open(&b.crypt, &err), &err);
	make_databases(&b);
	make_client_key(&b);
	bench_cheap(&b, seconds);
	bench_pbkdf2(&b, seconds);
	bench_latency(&b, seconds);
	remove_folder(&b);
	crypt_close(&b.crypt);
	return 0;
}

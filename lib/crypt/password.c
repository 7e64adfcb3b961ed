/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "crypt/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>

#include "base/utf8.h"
#include "crypt/crypt.h"

enum { SIGNAL_POLL_MS = 100 };

void
password_init(struct password *p)
{
	*p = (struct password){ .len = 0 };
	(void)mlock(p, sizeof *p);
}

void
password_wipe(struct password *p)
{
	explicit_bzero(p, sizeof *p);
	(void)munlock(p, sizeof *p);
}

/*
 * One line, octet by octet: what follows it belongs to the next reader. wait
 * (may be NULL) returns -1 when the reading is to end.
 */
static int
read_line(int fd, struct password *p, int (*wait)(void *, struct err *),
    void *ctx, struct err *err)
{
	p->len = 0;
	while (p->len < sizeof p->text) {
		if (wait != NULL && wait(ctx, err) < 0)
			return -1;

		ssize_t n = read(fd, p->text + p->len, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, ERR_TEMP,
			    "read the password: %s", strerror(errno));
		if (n == 0 || p->text[p->len] == '\n')
			break;
		p->len++;
	}
	if (p->len > 0 && p->text[p->len - 1] == '\r')
		p->len--;
	if (p->len > LIMIT_PASSWORD)
		return err_set(err, ERR_PERM,
		    "the password has more than %d octets", LIMIT_PASSWORD);
	return 0;
}

static int
check_text(const struct password *p, struct err *err)
{
	for (size_t i = 0, n; i < p->len; i += n) {
		n = utf8_character(p->text + i, p->len - i);
		if (n == 0 || (unsigned char)p->text[i] < 0x20)
			return err_set(err, ERR_PERM,
			    "the password is not UTF-8 text, or holds "
			    "control characters");
	}
	return 0;
}

int
password_from_stdin(struct password *p, struct err *err)
{
	if (read_line(STDIN_FILENO, p, NULL, NULL, err) < 0)
		return -1;
	if (p->len == 0)
		return err_set(err, ERR_PERM,
		    "standard input holds no password");
	return check_text(p, err);
}

/* ---- the terminal ---- */

/* The signals that end the program. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

struct terminal {
	int fd;
	sigset_t before;
	struct termios settings;
	bool signals_held;
	bool echo_off;
};

static void
terminal_close(struct terminal *t)
{
	if (t->echo_off)
		(void)tcsetattr(t->fd, TCSAFLUSH, &t->settings);
	close_fd(&t->fd);
	if (t->signals_held)
		/* a signal that waits is delivered here */
		(void)sigprocmask(SIG_SETMASK, &t->before, NULL);
}

/* Nor may it be stopped with the echo off. */
static void
hold_signals(struct terminal *t)
{
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < countof(ending); i++)
		sigaddset(&held, ending[i]);
	sigaddset(&held, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &held, &t->before);
	t->signals_held = true;
}

static int
terminal_open(struct terminal *t, struct err *err)
{
	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0 || tcgetattr(t->fd, &t->settings) < 0)
		return err_set(err, ERR_PERM,
		    "no terminal to ask for the password (%s); use "
		    "--password-stdin",
		    strerror(errno));
	hold_signals(t);

	struct termios silent = t->settings;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	t->echo_off = true;
	if (tcsetattr(t->fd, TCSAFLUSH, &silent) < 0)
		return err_set(err, ERR_PERM,
		    "the terminal's echo cannot be switched off: %s",
		    strerror(errno));
	return 0;
}

static bool
is_interrupted(const struct terminal *t)
{
	sigset_t pending;

	sigemptyset(&pending);
	(void)sigpending(&pending);
	for (size_t i = 0; i < countof(ending); i++)
		if (sigismember(&pending, ending[i]) == 1 &&
		    sigismember(&t->before, ending[i]) == 0)
			return true;
	return false;
}

/* Held signals wake nobody, so they are looked for. */
static int
wait_for_input(void *ctx, struct err *err)
{
	const struct terminal *t = ctx;
	struct pollfd ready = { .fd = t->fd, .events = POLLIN };
	int n = 0;

	while (n == 0) {
		n = poll(&ready, 1, SIGNAL_POLL_MS);
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_TEMP, "poll: %s",
			    strerror(errno));
		if (is_interrupted(t))
			return err_set(err, ERR_PERM, "interrupted");
		if (n < 0)
			n = 0;
	}
	return 0;
}

static int
ask(struct terminal *t, const char *prompt, struct password *p,
    struct err *err)
{
	(void)!write(t->fd, prompt, strlen(prompt));

	int rc = read_line(t->fd, p, wait_for_input, t, err);

	(void)!write(t->fd, "\n", 1);
	return rc;
}

int
password_from_terminal(const char *prompt, const char *again,
    struct password *p, struct err *err)
{
	cleanup(terminal_close) struct terminal t = { .fd = -1 };
	cleanup(password_wipe) struct password second;

	password_init(&second);
	if (terminal_open(&t, err) < 0 || ask(&t, prompt, p, err) < 0)
		return -1;
	if (p->len == 0)
		return 0;
	if (check_text(p, err) < 0)
		return -1;
	if (again == NULL)
		return 1;
	if (ask(&t, again, &second, err) < 0)
		return -1;
	if (p->len != second.len ||
	    !crypt_equal(p->text, second.text, p->len))
		return err_set(err, ERR_PERM, "the two passwords differ");
	return 1;
}

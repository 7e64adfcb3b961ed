/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <termios.h>

#include "base/utf8.h"
#include "crypt/crypt.h"

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

struct terminal {
	int fd;
	int signals; /* signalfd of those that end the program */
	sigset_t before;
	struct termios settings;
	bool echo_off;
};

static void
terminal_close(struct terminal *t)
{
	if (t->echo_off)
		(void)tcsetattr(t->fd, TCSAFLUSH, &t->settings);
	close_fd(&t->fd);
	if (t->signals >= 0)
		/* a signal that waits is delivered here */
		(void)sigprocmask(SIG_SETMASK, &t->before, NULL);
	close_fd(&t->signals);
}

static int
watch_signals(struct terminal *t, struct err *err)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGQUIT);
	t->signals = signalfd(-1, &ending, SFD_CLOEXEC);
	if (t->signals < 0)
		return err_set(err, ERR_TEMP, "signalfd: %s",
		    strerror(errno));
	/* nor may it be stopped with the echo off */
	sigaddset(&ending, SIGTSTP);
	(void)sigprocmask(SIG_BLOCK, &ending, &t->before);
	return 0;
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
	if (watch_signals(t, err) < 0)
		return -1;

	struct termios silent = t->settings;

	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	t->echo_off = true;
	if (tcsetattr(t->fd, TCSAFLUSH, &silent) < 0)
		return err_set(err, ERR_PERM,
		    "the terminal's echo cannot be switched off: %s",
		    strerror(errno));
	return 0;
}

static int
wait_for_input(void *ctx, struct err *err)
{
	const struct terminal *t = ctx;
	struct pollfd fds[] = { { .fd = t->fd, .events = POLLIN },
		{ .fd = t->signals, .events = POLLIN } };

	while (poll(fds, countof(fds), -1) < 0)
		if (errno != EINTR)
			return err_set(err, ERR_TEMP, "poll: %s",
			    strerror(errno));
	if (fds[1].revents != 0)
		return err_set(err, ERR_PERM, "interrupted");
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
password_from_terminal(struct password *p, struct err *err)
{
	cleanup(terminal_close) struct terminal t = { .fd = -1,
		.signals = -1 };
	cleanup(password_wipe) struct password again;

	password_init(&again);
	if (terminal_open(&t, err) < 0 ||
	    ask(&t, "Password (empty for none): ", p, err) < 0)
		return -1;
	if (p->len == 0)
		return 0;
	if (check_text(p, err) < 0 ||
	    ask(&t, "The same again: ", &again, err) < 0)
		return -1;
	if (p->len != again.len || !crypt_equal(p->text, again.text, p->len))
		return err_set(err, ERR_PERM, "the two passwords differ");
	return 1;
}

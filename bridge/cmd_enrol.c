/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost-bridge enrol: asks for passwords, writes the files. No secret is an
 * argument, in the environment, or in a file save, protected, in those two.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/process.h"
#include "cmd.h"
#include "crypt/login_secret.h"
#include "crypt/password.h"
#include "enrol.h"
#include "enrol_vault.h"

static const char usage[] =
    "usage: sealpost-bridge enrol [option ...] ADDRESS\n"
    "       sealpost-bridge enrol --recover SHEET [option ...]\n"
    "       sealpost-bridge enrol --rewrap [--vault FILE] [option ...] "
    "ADDRESS\n"
    "\n"
    "Makes a key and writes the file that the server's administrator gives to\n"
    "`sealpost user enrol`, and the recovery sheet; or sets a new password for\n"
    "the key of a sheet, or for the key of which the password is known.\n"
    "\n"
    "  --algorithm NAME  curve25519 (the default), nistp256, nistp384, rsa3072,\n"
    "                    rsa4096\n"
    "  --out DIR         where the files are written (the current folder)\n"
    "  --password-stdin  read from standard input, one a line: the new\n"
    "                    password; before it, with --recover, the recovery\n"
    "                    code, with --rewrap the present password\n"
    "  --recover SHEET   the recovery sheet, as a file\n"
    "  --rewrap          change the password; the key stays\n"
    "  --vault FILE      the private key or the last enrolment file; without\n"
    "                    it the server is asked, see sealpost-bridge.conf(5)\n";

enum { PATH_SIZE = 4096 };

struct enrol_command {
	const char *conf_file;
	const char *algorithm, *out, *sheet, *vault;
	bool from_stdin, is_rewrap, help;
	char address[ADDRESS_SIZE];
	struct crypt *crypt;
	char file_path[PATH_SIZE], sheet_path[PATH_SIZE];
	struct password old, new;
	struct login_secret present; /* of the old password */
	char code[RECOVERY_CODE_SIZE];
	struct buf text; /* what the key is in */
	struct enrol_old key; /* borrows from the above */
};

static void
command_end(struct enrol_command *c)
{
	password_wipe(&c->old);
	password_wipe(&c->new);
	login_secret_wipe(&c->present);
	explicit_bzero(c->code, sizeof c->code);
	buf_reset(&c->text);
	crypt_close(&c->crypt);
}

static struct crypt_bytes
bytes_of(const struct password *p)
{
	return (struct crypt_bytes){ .data = p->text, .len = p->len };
}

/* ---- options ---- */

static void
read_option(struct enrol_command *c, int option)
{
	switch (option) {
	case 'a':
		c->algorithm = optarg;
		break;
	case 'o':
		c->out = optarg;
		break;
	case 'p':
		c->from_stdin = true;
		break;
	case 'r':
		c->sheet = optarg;
		break;
	case 'w':
		c->is_rewrap = true;
		break;
	case 'v':
		c->vault = optarg;
		break;
	default:
		c->help = true;
		break;
	}
}

static bool
fits_together(const struct enrol_command *c, int left)
{
	if (c->sheet != NULL)
		return left == 0 && !c->is_rewrap && c->algorithm == NULL &&
		       c->vault == NULL;
	if (c->is_rewrap)
		return left == 1 && c->algorithm == NULL;
	return left == 1 && c->vault == NULL;
}

static bool
read_options(struct enrol_command *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "algorithm", required_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },
		{ "out", required_argument, NULL, 'o' },
		{ "password-stdin", no_argument, NULL, 'p' },
		{ "recover", required_argument, NULL, 'r' },
		{ "rewrap", no_argument, NULL, 'w' },
		{ "vault", required_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	optind = 0; /* options may stand behind the address */
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == '?')
			return false;
		read_option(c, option);
	}
	return c->help || fits_together(c, argc - optind);
}

/* ---- passwords ---- */

/* One line of standard input, or of the terminal. */
static int
ask(const struct enrol_command *c, const char *prompt, const char *again,
    struct password *p, struct err *err)
{
	if (c->from_stdin)
		return password_from_stdin(p, err);

	int rc = password_from_terminal(prompt, again, p, err);

	if (rc == 0)
		return err_set(err, ERR_PERM, "nothing was entered");
	return rc < 0 ? -1 : 0;
}

static int
ask_new(struct enrol_command *c, struct err *err)
{
	return ask(c, "New password: ", "The same again: ", &c->new, err);
}

static int
ask_code(struct enrol_command *c, struct err *err)
{
	if (ask(c, "Recovery code (not shown): ", NULL, &c->old, err) < 0)
		return -1;
	return recovery_code_read(c->old.text, c->old.len, c->code, err);
}

/* ---- files ---- */

/* DIR/ADDRESS.KIND; a local part may have characters that a name may not. */
static int
make_path(const struct enrol_command *c, const char *kind,
    char out[PATH_SIZE], struct err *err)
{
	cleanup(buf_reset) struct buf b = { .limit = PATH_SIZE - 1 };

	if (buf_putf(&b, err, "%s/", c->out) < 0)
		return -1;
	for (const char *p = c->address; *p != '\0'; p++)
		if (buf_putc(&b, *p == '/' ? '_' : (uint8_t)*p, err) < 0)
			return -1;
	if (buf_putf(&b, err, ".%s", kind) < 0 || buf_str(&b, err) == NULL)
		return -1;
	memcpy(out, b.data, b.len + 1);
	return access(out, F_OK) == 0
	           ? err_set(err, ERR_PERM,
	                 "%s exists; nothing is overwritten", out)
	           : 0;
}

/* A new file of mode 0600, on the disk, or none. */
static int
write_new(const char *path, const struct buf *text, struct err *err)
{
	cleanup(close_fd) int fd = open(path,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(
		    err, ERR_PERM, "create %s: %s", path, strerror(errno));
	if (fd_write(fd, text->data, text->len) == 0 && fsync(fd) == 0)
		return 0;
	(void)err_set(err, ERR_TEMP, "write %s: %s", path, strerror(errno));
	(void)unlink(path);
	return -1;
}

static int
read_text(const char *path, struct buf *out, struct err *err)
{
	cleanup(close_file) FILE *f = fopen(path, "re");
	uint8_t piece[4096];
	size_t n;

	if (f == NULL)
		return err_set(
		    err, ERR_PERM, "open %s: %s", path, strerror(errno));
	while ((n = fread(piece, 1, sizeof piece, f)) > 0)
		if (buf_put(out, piece, n, err) < 0)
			return err_context(err, "%s", path);
	if (ferror(f))
		return err_set(
		    err, ERR_PERM, "read %s: %s", path, strerror(errno));
	return 0;
}

/* ---- the end ---- */

/*
 * The code goes where the password was asked for; with --password-stdin
 * a program asks, and gets it on standard output.
 */
static int
show_code(const struct enrol_command *c, const struct enrolled *e,
    struct err *err)
{
	cleanup(close_fd) int fd =
	    c->from_stdin ? dup(STDOUT_FILENO)
	                  : open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	cleanup(buf_reset) struct buf text = { .limit = 1000, .secret = true };

	if (fd < 0)
		return err_set(err, ERR_TEMP,
		    "the recovery code cannot be shown: %s", strerror(errno));
	if (buf_putf(&text, err,
	        "\nRecovery code, shown this once; write it down, not on "
	        "this machine:\n\n    %s\n\n",
	        e->code) < 0)
		return -1;
	if (fd_write(fd, text.data, text.len) == 0 &&
	    (fsync(fd) == 0 || errno == EINVAL || errno == EROFS))
		return 0; /* what cannot be synchronized was written */
	return err_set(err, ERR_TEMP, "the recovery code cannot be shown: %s",
	    strerror(errno));
}

static int
say(const struct enrol_command *c, const struct enrolled *e, struct err *err)
{
	printf("Address:            %s\nFingerprint:        %s\n", e->address,
	    e->fingerprint);
	if (e->sheet.len > 0)
		printf("To print:           %s\n", c->sheet_path);
	printf("For the server:     %s\n"
	       "Its administrator:  sealpost user enrol%s FILE\n",
	    c->file_path, e->sheet.len > 0 ? "" : " --replace");
	return fflush(stdout) == 0
	           ? 0
	           : err_set(err, ERR_TEMP, "standard output: %s",
	                 strerror(errno));
}

/* No enrolment file before the sheet is kept and its code was shown. */
static int
write_results(
    const struct enrol_command *c, const struct enrolled *e, struct err *err)
{
	bool has_sheet = e->sheet.len > 0;

	if (has_sheet && write_new(c->sheet_path, &e->sheet, err) < 0)
		return -1;
	if ((!has_sheet || show_code(c, e, err) == 0) &&
	    write_new(c->file_path, &e->file, err) == 0)
		return say(c, e, err);
	if (has_sheet)
		(void)unlink(c->sheet_path);
	return -1;
}

/* ---- the three ways: first all that is asked for ---- */

static int
prepare_new(struct enrol_command *c, struct err *err)
{
	if (make_path(c, "recovery.txt", c->sheet_path, err) < 0 ||
	    make_path(c, "enrolment.json", c->file_path, err) < 0)
		return -1;
	return ask_new(c, err);
}

static int
prepare_recovery(
    struct enrol_command *c, struct recovery_sheet *sheet, struct err *err)
{
	if (read_text(c->sheet, &c->text, err) < 0)
		return -1;
	if (recovery_sheet_read((const char *)c->text.data, c->text.len,
	        sheet, err) < 0)
		return err_context(err, "%s", c->sheet);
	memcpy(c->address, sheet->address, sizeof c->address);
	if (make_path(c, "enrolment.json", c->file_path, err) < 0 ||
	    ask_code(c, err) < 0)
		return -1;
	c->key = (struct enrol_old){ .address = c->address,
		.fingerprint = sheet->fingerprint,
		.armored = sheet->armored,
		.armored_len = sheet->armored_len,
		.passphrase = { .data = c->code, .len = strlen(c->code) } };
	return ask_new(c, err);
}

static int
get_vault(struct enrol_command *c, struct err *err)
{
	cleanup(buf_reset) struct buf file = { .limit = LIMIT_ENROLMENT,
		.secret = true };

	if (c->vault == NULL)
		return enrol_vault_fetch(c->conf_file, c->crypt, c->address,
		    bytes_of(&c->old), &c->text, err);
	if (read_text(c->vault, &file, err) < 0)
		return -1;
	if (enrol_vault_read((const char *)file.data, file.len, c->address,
	        &c->text, err) < 0)
		return err_context(err, "%s", c->vault);
	return 0;
}

static int
prepare_rewrap(struct enrol_command *c, struct err *err)
{
	if (make_path(c, "enrolment.json", c->file_path, err) < 0 ||
	    ask(c, "Present password: ", NULL, &c->old, err) < 0 ||
	    ask_new(c, err) < 0 || get_vault(c, err) < 0 ||
	    login_secret_derive(c->crypt, c->address, bytes_of(&c->old),
	        &c->present, err) < 0)
		return -1;
	c->key = (struct enrol_old){ .address = c->address,
		.armored = c->text.data,
		.armored_len = c->text.len,
		.passphrase = { .data = c->present.passphrase,
		    .len = strlen(c->present.passphrase) } };
	return 0;
}

/* ---- then the work ---- */

static int
rewrap(struct enrol_command *c, struct enrolled **out, struct err *err)
{
	int rc = enrol_again(c->crypt, &c->key, bytes_of(&c->new),
	    (int64_t)time(NULL), out, err);

	if (rc == 0)
		return err_set(err, ERR_PERM,
		    c->is_rewrap
		        ? "the present password does not open the private key"
		        : "this recovery code is not that of this sheet");
	return rc < 0 ? -1 : 0;
}

static int
produce(struct enrol_command *c, struct err *err)
{
	cleanup(enrolled_free) struct enrolled *e = NULL;
	int rc = c->key.armored != NULL
	             ? rewrap(c, &e, err)
	             : enrol_new(c->crypt, c->address,
	                   c->algorithm == NULL ? "curve25519" : c->algorithm,
	                   bytes_of(&c->new), (int64_t)time(NULL), &e, err);

	return rc < 0 ? -1 : write_results(c, e, err);
}

static int
run(struct enrol_command *c, struct err *err)
{
	struct recovery_sheet sheet;
	sigset_t ending, before;
	int rc;

	if (c->sheet != NULL)
		rc = prepare_recovery(c, &sheet, err);
	else
		rc = c->is_rewrap ? prepare_rewrap(c, err)
		                  : prepare_new(c, err);
	if (rc < 0)
		return -1;
	/* gpg's agent must not be left behind: signals wait */
	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGHUP);
	(void)sigaddset(&ending, SIGINT);
	(void)sigaddset(&ending, SIGQUIT);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &ending, &before);
	rc = produce(c, err);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return rc;
}

static int
start(struct enrol_command *c, const char *address, struct err *err)
{
	(void)umask(0077);
	(void)process_lock_memory();
	if (process_no_core_dumps(err) < 0 || crypt_open(&c->crypt, err) < 0)
		return -1;
	return address == NULL ? 0
	                       : address_normalize(address, c->address, err);
}

int
cmd_enrol(const char *conf_file, int argc, char **argv)
{
	cleanup(command_end) struct enrol_command c = {
		.conf_file = conf_file,
		.out = ".",
		.text = { .limit = LIMIT_ENROLMENT, .secret = true },
	};
	struct err err = { 0 };

	password_init(&c.old);
	password_init(&c.new);
	if (!read_options(&c, argc, argv))
		return cmd_wrong_usage(argv[0]);
	if (c.help)
		return fputs(usage, stdout) == EOF ? EXIT_FAILED : EXIT_DONE;
	if (start(&c, argv[optind], &err) < 0 || run(&c, &err) < 0)
		return cmd_fail(&err);
	return EXIT_DONE;
}

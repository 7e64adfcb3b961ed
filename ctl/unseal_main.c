/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * sealpost-unseal: a sealed message in, the original out, with the keys of
 * the user's own GnuPG. Nothing is written unless all of it is right.
 */
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "message.h"
#include "openpgp/unseal.h"

enum { EXIT_USAGE = 2, EXIT_TRY_AGAIN = 75 };

static const char help[] =
    "usage: sealpost-unseal < SEALED > ORIGINAL\n"
    "\n"
    "Rebuilds the original of a message that sealpost has sealed, with the\n"
    "private key in your own GnuPG (GNUPGHOME is respected). A message that\n"
    "somebody else has encrypted (PGP/MIME) is decrypted too. Line ends may\n"
    "be LF or CRLF; the original has the same. On any failure nothing is\n"
    "written.\n"
    "\n"
    "Exit status: 0 done, 1 the message is not sealed or cannot be\n"
    "decrypted, 2 wrong usage, 75 try again later.\n";

static void
forbid_core_files(void)
{
	const struct rlimit none = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
}

/* The answer to what stands on the command line, or -1 to go on. */
static int
answer_arguments(int argc, char **argv)
{
	if (argc == 1)
		return -1;
	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
		return fputs(help, stdout) < 0 || fflush(stdout) != 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("sealpost-unseal %s\n", SEALPOST_VERSION) < 0 ||
		    fflush(stdout) != 0;
	fputs("sealpost-unseal: it takes no arguments; see sealpost-unseal "
	      "--help\n",
	    stderr);
	return EXIT_USAGE;
}

static int
write_message(const struct buf *text, enum lineend form, struct err *err)
{
	struct message_writer writer = { STDOUT_FILENO };
	cleanup(lineend_reset) struct lineend_filter out;

	lineend_out_init(&out, form, message_sink(&writer));
	if (lineend_out_put(&out, text->data, text->len, err) < 0)
		return -1;
	return lineend_out_finish(&out, err);
}

static int
unseal(struct err *err)
{
	cleanup(buf_reset) struct buf sealed = { .limit = LIMIT_MESSAGE_FILE };
	cleanup(buf_reset) struct buf original = {
		.limit = LIMIT_MESSAGE_FILE, .secret = true
	};
	enum lineend form;

	if (message_read(STDIN_FILENO, &sealed, &form, err) < 0)
		return -1;

	int rc = unseal_message(NULL, sealed.data, sealed.len, &original, err);

	if (rc == 0)
		return err_set(err, ERR_PERM, "the message is not sealed");
	return rc < 0 ? -1 : write_message(&original, form, err);
}

int
main(int argc, char **argv)
{
	struct err err;
	int answer = answer_arguments(argc, argv);

	if (answer >= 0)
		return answer;
	forbid_core_files();
	if (unseal(&err) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "sealpost-unseal: %s\n", err.text);
	return err.kind == ERR_TEMP ? EXIT_TRY_AGAIN : EXIT_FAILURE;
}

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "cmd.h"

int
cmd_fail(const struct err *err)
{
	fprintf(stderr, "sealpost-bridge: %s\n", err->text);
	return err->kind == ERR_TEMP ? EXIT_TRY_AGAIN : EXIT_FAILED;
}

int
cmd_wrong_usage(const char *command)
{
	if (command == NULL)
		fprintf(stderr, "sealpost-bridge: see sealpost-bridge "
				"--help\n");
	else
		fprintf(stderr, "sealpost-bridge: wrong usage of \"%s\", see "
				"sealpost-bridge(1)\n", command);
	return EXIT_USAGE;
}

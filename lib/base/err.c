/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/err.h"

#include <stdarg.h>
#include <string.h>

static void
replace_control_bytes(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int
err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	if (err == NULL)
		return -1;

	va_list ap;

	err->kind = kind;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	replace_control_bytes(err->text);
	return -1;
}

int
err_nomem(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

int
err_context(struct err *err, const char *fmt, ...)
{
	if (err == NULL)
		return -1;

	char context[ERR_TEXT_SIZE];
	char text[ERR_TEXT_SIZE];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof context, fmt, ap);
	va_end(ap);
	memcpy(text, err->text, sizeof text);
	if (snprintf(err->text, sizeof err->text, "%s: %s", context, text) < 0)
		err->text[0] = '\0';
	replace_control_bytes(err->text);
	return -1;
}

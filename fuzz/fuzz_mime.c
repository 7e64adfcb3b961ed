/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Values of header fields: structured ones, and those with encoded words. */

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "fuzz.h"
#include "mail/encoded_word.h"
#include "mail/mime.h"
#include "mail/sealed.h"

static void
check_structured(const uint8_t *data, size_t size)
{
	cleanup(mime_value_free) struct mime_value *v = NULL;
	struct err err = { 0 };
	int rc = mime_value_parse(data, size, &v, &err);

	CHECK(rc == 0 || rc == 1);
	CHECK((v != NULL) == (rc == 1));
	if (rc == 0)
		return;
	CHECK(v->param_count <= LIMIT_MIME_PARAMETERS);
	for (size_t i = 0; i < v->param_count; i++)
		CHECK(mime_value_param(v, v->params[i].name) ==
		      v->params[i].value);
}

static void
check_words(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf out = { .limit = LIMIT_SUBJECT };
	struct err err = { 0 };
	bool complete;

	if (encoded_words_decode(data, size, &out, &complete, &err) < 0)
		CHECK(err.kind == ERR_PERM);
}

/* Whatever follows it, the password is noticed. */
static void
check_subject(const uint8_t *data, size_t size)
{
	cleanup(buf_reset) struct buf subject = { .limit = SIZE_MAX };

	(void)sealed_subject_has_password(data, size);
	CHECK(buf_puts(&subject, "Re: encrypt:", NULL) == 0);
	CHECK(buf_put(&subject, data, size, NULL) == 0);
	CHECK(sealed_subject_has_password(subject.data, subject.len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_structured(data, size);
	check_words(data, size);
	check_subject(data, size);
	return 0;
}

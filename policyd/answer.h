/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The answer to Postfix. There is one: counting decides nothing about a
 * message, and neither does a failure to count.
 */
#ifndef POLICYD_ANSWER_H
#define POLICYD_ANSWER_H

#include <stddef.h>

/* The text of the answer, with the empty line that ends it. */
const char *answer_text(size_t *len);

#endif

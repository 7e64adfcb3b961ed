/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Is it UTF-8? (RFC 3629)
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The length (1 to 4) of the character that begins at p, of which n > 0 octets
 * are readable; 0 when they begin with none: broken, overlong, a surrogate.
 */
size_t utf8_character(const void *p, size_t n);

#endif

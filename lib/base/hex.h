/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* Hexadecimal digits. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

/* What the digit `c` is worth, in either case; -1 when it is no digit. */
static inline int
hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif

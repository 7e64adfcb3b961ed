/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: reading a packet body from front to back. Every
 * take returns false, and takes nothing, when there are too few octets.
 */
#ifndef OPENPGP_CURSOR_H
#define OPENPGP_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed octets. */
struct octets {
	const uint8_t *p;
	size_t n;
};

static inline bool
take_octets(struct octets *from, size_t n, struct octets *out)
{
	if (n > from->n)
		return false;
	*out = (struct octets){ .p = from->p, .n = n };
	from->p += n;
	from->n -= n;
	return true;
}

/* Big-endian, of 1 to 4 octets. */
static inline bool
take_number(struct octets *from, size_t width, uint32_t *out)
{
	struct octets o;

	if (!take_octets(from, width, &o))
		return false;
	*out = 0;
	for (size_t i = 0; i < width; i++)
		*out = *out << 8 | o.p[i];
	return true;
}

/* A multiprecision integer; *out has no leading zero octets. */
static inline bool
take_mpi(struct octets *from, struct octets *out)
{
	struct octets rest = *from;
	uint32_t bits;

	if (!take_number(&rest, 2, &bits) ||
	    !take_octets(&rest, (bits + 7) / 8, out))
		return false;
	while (out->n > 0 && out->p[0] == 0) {
		out->p++;
		out->n--;
	}
	*from = rest;
	return true;
}

/* The size of an integer without leading zero octets, in bits. */
static inline size_t
mpi_bits(const struct octets *mpi)
{
	size_t bits = mpi->n * 8;

	for (unsigned mask = 0x80; mpi->n > 0 && (mpi->p[0] & mask) == 0;
	     mask >>= 1)
		bits--;
	return bits;
}

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * CRC-24 of OpenPGP armor (RFC 9580, section 6.1.1), eight octets a step.
 */
#ifndef OPENPGP_CRC24_H
#define OPENPGP_CRC24_H

#include <stddef.h>
#include <stdint.h>

#define CRC24_INIT UINT32_C(0xb704ce)

/* The checksum of what `crc` is the checksum of, followed by n octets. */
uint32_t crc24(uint32_t crc, const uint8_t *data, size_t n);

#endif

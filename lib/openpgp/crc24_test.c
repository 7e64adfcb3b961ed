/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "openpgp/crc24.h"

#include "crypt/testing.h"

/* RFC 9580, section 6.1.1, one bit at a time. */
static uint32_t
reference(const uint8_t *data, size_t n)
{
	uint32_t crc = CRC24_INIT;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint32_t)data[i] << 16;
		for (unsigned bit = 0; bit < 8; bit++) {
			crc <<= 1;
			if (crc & 0x1000000)
				crc ^= 0x1864cfb;
		}
	}
	return crc;
}

static void
test_every_length_and_cut(void **state)
{
	(void)state;
	uint8_t data[100];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 151 + 7);
	for (size_t n = 0; n <= sizeof data; n++) {
		uint32_t want = reference(data, n);

		for (size_t cut = 0; cut <= n; cut++) {
			uint32_t crc = crc24(CRC24_INIT, data, cut);

			assert_int_equal(crc24(crc, data + cut, n - cut), want);
		}
	}
}

/* Each octet in each of the eight places of a step. */
static void
test_every_entry(void **state)
{
	(void)state;
	for (unsigned b = 0; b < 256; b++)
		for (unsigned at = 0; at < 8; at++) {
			uint8_t data[8] = { 0 };

			data[at] = (uint8_t)b;
			assert_int_equal(
			    crc24(CRC24_INIT, data, 8), reference(data, 8));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_length_and_cut),
		cmocka_unit_test(test_every_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

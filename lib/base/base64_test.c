/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

static const struct {
	const char *plain, *text;
} vectors[] = { /* RFC 4648, section 10 */
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void
published_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(vectors); i++) {
		char text[16] = "";
		uint8_t plain[16];
		size_t n = strlen(vectors[i].plain);

		assert_int_equal(base64_encode(vectors[i].plain, n, text),
		    strlen(vectors[i].text));
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(base64_decode(text, strlen(text), plain), n);
		assert_memory_equal(plain, vectors[i].plain, n);
	}
}

static void
refuses_what_is_not_canonical(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA", "A===", "====",
		"=AAA", "A=AA", "AA=A", "AAAA=", "AA==AAAA", "AAA=AAAA",
		"A%AA", "AA A", "AAA\n", "Zh==", "Zm9=", "AA-_", "\xff\xff\xff\xff" };
	uint8_t out[16];

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		if (base64_decode(bad[i], strlen(bad[i]), out) != -1)
			fail_msg("%s was decoded", bad[i]);
	assert_int_equal(base64_decode("AA\0A", 4, out), -1);
}

static void
every_octet_comes_back(void **state)
{
	uint8_t plain[300], back[300];
	char text[400];
	unsigned seed = 1;

	(void)state;
	for (size_t n = 0; n <= sizeof plain; n++) {
		for (size_t i = 0; i < n; i++)
			plain[i] = (uint8_t)rand_r(&seed);
		size_t len = base64_encode(plain, n, text);

		assert_int_equal(len, base64_size(n));
		assert_int_equal(base64_decode(text, len, back), n);
		assert_memory_equal(plain, back, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(refuses_what_is_not_canonical),
		cmocka_unit_test(every_octet_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

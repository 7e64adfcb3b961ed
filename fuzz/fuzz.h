/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * What a harness needs: libFuzzer's entry point, and a check that stops the
 * program in any build. See fuzz/CMakeLists.txt for how to run.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                               \
	do {                                                           \
		if (!(condition)) {                                    \
			(void)fprintf(stderr, "%s:%d: not true: %s\n", \
			    __FILE__, __LINE__, #condition);           \
			abort();                                       \
		}                                                      \
	} while (0)

#endif

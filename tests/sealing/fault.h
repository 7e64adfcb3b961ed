/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Fails the n-th of all wrapped calls (CMakeLists.txt lists them: memory,
 * files, OpenSSL, SQLite), counted together, in the order they are made.
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>

/* Arms: the n-th call from now on fails (n from 1), and no other. */
void fault_at(unsigned long n);
/* Disarms. True when the call was reached; *name then says which it was. */
bool fault_off(const char **name);

#endif

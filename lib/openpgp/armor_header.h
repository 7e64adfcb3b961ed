/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * Private to lib/openpgp: the lines between an armor's first line and its
 * data. They are readable text in a sealed message, so only those are let pass
 * that known programs write by themselves.
 */
#ifndef OPENPGP_ARMOR_HEADER_H
#define OPENPGP_ARMOR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Is the line (without its line end) one of them? *seen gathers the keys that
 * occurred, 0 at first; each may occur once.
 */
bool armor_header_is_known(const uint8_t *line, size_t n, unsigned *seen);

#endif

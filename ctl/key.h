/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The commands of `sealpost key` that have a file of their own.
 */
#ifndef CTL_KEY_H
#define CTL_KEY_H

#include "command.h"

int key_show(struct ctl *ctl, int argc, char **argv);
int key_check(struct ctl *ctl, int argc, char **argv);

#endif

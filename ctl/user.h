/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The commands of `sealpost user` that have a file of their own.
 */
#ifndef CTL_USER_H
#define CTL_USER_H

#include "command.h"

int user_add(struct ctl *ctl, int argc, char **argv);
int user_enrol(struct ctl *ctl, int argc, char **argv);
int user_passwd(struct ctl *ctl, int argc, char **argv);
int user_list(struct ctl *ctl, int argc, char **argv);
int user_show(struct ctl *ctl, int argc, char **argv);
int user_set(struct ctl *ctl, int argc, char **argv);

#endif

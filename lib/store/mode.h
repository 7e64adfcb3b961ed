/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* How a database is opened. */
#ifndef STORE_MODE_H
#define STORE_MODE_H

enum store_mode { STORE_READ, STORE_WRITE };

#endif

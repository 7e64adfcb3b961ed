/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* The schemas of all databases of the server, private to lib/store. */
#ifndef STORE_SCHEMAS_H
#define STORE_SCHEMAS_H

#include "store/database.h"

extern const struct database_schema directory_schema;
extern const struct database_schema secrets_schema;
extern const struct database_schema stats_schema;
extern const struct database_schema notices_schema;

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The check of a password in a thread of the pool.
 */
#ifndef SASLAUTHD_CHECK_H
#define SASLAUTHD_CHECK_H

/*
 * ctx is a struct request in REQUEST_CHECKING. Sets `right` and, where that is
 * -1, `check_err`. What waited for so long that Postfix is about to give up is
 * not checked any more: -1. A failure costs the server's usual iterations at
 * least, whoever the verifier is of.
 */
void check_run(void *ctx);

#endif

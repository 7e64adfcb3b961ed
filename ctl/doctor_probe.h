/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/* What was stored of a probe: is it sealed to a valid key? Pure. */
#ifndef CTL_DOCTOR_PROBE_H
#define CTL_DOCTOR_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/directory.h"

/*
 * `text` is what doveadm prints of the message, with line ends of either kind;
 * `canary` stood in its body. 1 sealed to the key that is used now; 0 not, with
 * a sentence in *reason that is good as long as `why`; -1 with *err.
 */
enum { DOCTOR_REASON_SIZE = 300 };
int doctor_is_sealed(const void *text, size_t len, const char *canary,
    const struct cert_list *certs, int64_t now, char reason[DOCTOR_REASON_SIZE],
    struct err *err) must_check;

/*
 * The reason why Postfix keeps a message, from a line of `postqueue -j`; ""
 * when it tells none. false when the line is of no message to the address.
 */
struct doctor_queued {
	char id[40];
	char reason[DOCTOR_REASON_SIZE];
};
bool doctor_find_queued(const char *line, size_t len, const char *address,
    struct doctor_queued *out);

#endif

/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The service manager, as sd_notify(3) describes it: one datagram to the
 * socket in NOTIFY_SOCKET. Without that variable nothing here does anything.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

#include <stdbool.h>

/*
 * Is there a manager that waits to be told? It looks after the process itself,
 * which must not fork away from it.
 */
bool service_managed(void);

/*
 * Tells the manager ("READY=1", "STOPPING=1"), if there is one. Never blocks:
 * what it does not take is lost.
 */
void service_notify(const char *message);

/* "RELOADING=1" with the time that belongs to it; READY=1 must follow. */
void service_notify_reload(void);

#endif

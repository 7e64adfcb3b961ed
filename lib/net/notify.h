/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

#ifndef NET_NOTIFY_H
#define NET_NOTIFY_H

/* A message to the service manager, if there is one ("READY=1"). */
void net_notify(const char *message);

#endif

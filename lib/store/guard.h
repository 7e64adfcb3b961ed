/* SPDX-License-Identifier: MIT */
/* Copyright (c) 2026 The sealpost authors */

/*
 * The guard of a writer: a process that watches the one that writes, and rolls
 * back what it left behind when it was killed (or could not roll back itself).
 *
 * WHY. directory.db and secrets.db are read by processes that may write
 * neither the file nor its folder (if they might, a forged journal beside the
 * file would change what is in it), among them Postfix's and Dovecot's stock
 * drivers: sqlite3_open() and no setting of ours. No journal mode of SQLite
 * alone serves such readers in all cases; journal_test.c tries them (SQLite
 * 3.40 and 3.46, reader = nobody, file 0644 in a folder of root's):
 *
 *                                     rollback   WAL    WAL, PERSIST_WAL
 *   nobody has the file open             yes      no          yes
 *   a root shell opened and closed it    yes      no          NO
 *   writer killed in mid-transaction     NO       yes         yes
 *   killed, then a root shell            yes      no          NO
 *
 * The hole of WAL is dug by everyday tools (`postmap -q`, the sqlite3 shell, a
 * backup, run as root while no daemon has the file open): whoever closes last
 * removes -wal and -shm, and only somebody with write permission can bring them
 * back. So it is rollback mode (journal_mode=DELETE, which such tools use too,
 * and whose hot journal each of them repairs), and the guard closes its hole,
 * which is open from the journal's sync to the end of the commit.
 *
 * What is left: writer and guard killed together, or the power fails, within
 * the milliseconds of a change. Readers then get SQLITE_READONLY_ROLLBACK,
 * that is ERR_TEMP, until anything opens the file for writing: `sealpost init`,
 * which service files run (as root) before daemons start.
 *
 * The price of rollback mode: while a commit is being written (2 to 25 ms, the
 * disk's syncs) a look-up of Postfix's, which waits for no lock, is a temporary
 * failure. A writer therefore rests between two commits, four times as long as
 * the last one took.
 */
#ifndef STORE_GUARD_H
#define STORE_GUARD_H

#include "base/err.h"

struct guard;

/* Forks the guard of this process for `path`; before the file is opened. */
int guard_start(
    const char *path, struct guard **out, struct err *err) must_check;
/* After the file was closed: lets it look a last time, waits for its end. */
void guard_stop(struct guard **gp);

#endif

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The plugin under valgrind: does a process of imap, lmtp or doveadm show an
error, or a leak, with a frame of ours?
"""
import contextlib
import glob
import os
import re
import shutil
import sqlite3
import sys
import unittest

import harness
import test_dovecot_plugin as plugin
import test_dovecot_seal as sealing

PROGRAMS = "/usr/lib/dovecot"
OURS = re.compile(r"sealpost")
# a stack begins at such a line; the last is of what was lost
TROUBLE = re.compile(r"==\d+== (?:Invalid |Conditional jump|Use of uninit|"
                     r"Syscall param|Mismatched|Source and destination|"
                     r"Process terminating|[\d,]+ (?:\([^)]*\) )?bytes in "
                     r"[\d,]+ blocks are definitely lost)")
WRAPPER = """\
#!/bin/sh
exec valgrind --trace-children=yes --child-silent-after-fork=yes \\
    --vgdb=no \\
    --leak-check=full --show-leak-kinds=definite --num-callers=40 \\
    --keep-debuginfo=yes --log-file={folder}/valgrind/{name}.%p {program} "$@"
"""


class Server(sealing.SealServer):
    def make_folders(self):
        super().make_folders()
        os.mkdir(self.path("valgrind"), 0o777)
        os.chmod(self.path("valgrind"), 0o777)
        for name in ("imap", "lmtp"):
            self.wrap(name, os.path.join(PROGRAMS, name))
        self.wrap("doveadm", shutil.which("doveadm"))

    def wrap(self, name, program):
        path = self.path("valgrind-" + name)
        with open(path, "w") as f:
            f.write(WRAPPER.format(folder=self.folder, name=name,
                                   program=program))
        os.chmod(path, 0o755)

    def configure(self, conf):
        for name in ("imap", "lmtp"):
            conf += "service %s {\n  executable = %s\n}\n" % (
                name, self.path("valgrind-" + name))
        return super().configure(conf)

    def save(self, user, folder, message):
        return harness.run(*self.with_modules(
            self.path("valgrind-doveadm"), "-c", self.path("dovecot.conf"),
            "save", "-u", user, "-m", folder), stdin=message)

    def doveadm(self, *arguments, status=0):
        return harness.run(*self.with_modules(
            self.path("valgrind-doveadm"), "-c", self.path("dovecot.conf"),
            *arguments), status=status).stdout.decode()


def stacks(text):
    """The reports of a log, each with its stack."""
    report = []
    for line in text.splitlines():
        if re.fullmatch(r"==\d+== ?", line) or TROUBLE.match(line):
            if report:
                yield report
            report = []
        if TROUBLE.match(line) or report:
            report.append(line)
    if report:
        yield report


class Valgrind(sealing.SealCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stack.close)

    def logs(self):
        found = {}
        for path in glob.glob(self.server.path("valgrind", "*")):
            with open(path, errors="replace") as f:
                found[os.path.basename(path)] = f.read()
        return found

    def put_vault(self, user):
        armored = "-----BEGIN PGP PRIVATE KEY BLOCK-----\r\n\r\nQUJD\r\n"
        with contextlib.closing(sqlite3.connect(self.server.path(
                "db", "secrets.db"), isolation_level=None)) as db:
            db.execute("INSERT OR REPLACE INTO vaults VALUES (?, ?, ?)",
                       (user, armored, "AB12"))
        return armored

    def drive(self, form):
        user = "ann@" + form
        server = self.server
        sent = self.message()
        with server.login(user) as session:
            for folder in ("A", "B"):
                session.create(folder)
            for message in (sent, sent + b"x" * 70000):
                self.assertEqual(session.append(
                    "A", r"(\Flagged)", None, message)[0], "OK")
            session.select("A")
            self.assertEqual(session.copy("1:2", "B")[0], "OK")
            stored = session.fetch("1", "(BODY.PEEK[])")[1][0][1]
            self.assertEqual(session.append("B", None, None, stored)[0],
                             "OK")
            self.assertEqual(len(session.folder_stats()), 4)
            self.assertIn("SEALED", session.metadata("A", plugin.ENTRY))
            session.metadata('""', plugin.ENTRY)
            self.assertIsNone(session.metadata('""', plugin.VAULT))
            self.assertIsNone(session.metadata('""', plugin.FINGERPRINT))
            armored = self.put_vault(user)
            self.assertEqual(session.metadata('""', plugin.VAULT), armored)
            self.assertEqual(session.metadata('""', plugin.FINGERPRINT),
                             "AB12")
        with server.login("dan@" + form) as session:  # has no key
            self.assertEqual(session.append("INBOX", None, None, sent)[0],
                             "NO")
        server.deliver(sent, user, "bob@" + form)
        self.assertEqual(self.server.files_with(self.secret), [])
        server.save(user, "B", sent)
        self.assertEqual(self.server.files_with(self.secret), [])
        server.doveadm("sealpost", "folders", "-u", user)
        server.doveadm("sealpost", "audit", "-u", user)
        server.doveadm("copy", "-u", user, "kept/a", "mailbox", "A",
                       "all", status=None)
        with server.login(user) as session:
            session.create("kept/a")
            session.append("kept/a", None, None, sent)
        server.doveadm("sealpost", "seal", "-u", user, "mailbox", "kept/a")
        server.doveadm("sealpost", "audit", "-u", user)

    def test_no_error_and_no_leak(self):
        for form in "maildir", "mdbox":
            with self.subTest(form):
                self.drive(form)
        self.server.dovecot.stop()
        logs = self.logs()
        for name in ("imap", "lmtp", "doveadm"):
            # doveadm executes doveconf, which executes doveadm
            self.assertTrue(any(
                re.search(r"Command: \S*/%s\b" % name, text) and
                "HEAP SUMMARY" in text for text in logs.values()),
                "%s ran without valgrind: %s" % (name, sorted(logs)))
        for name, text in sorted(logs.items()):
            for report in stacks(text):
                text = "\n".join(report)
                if OURS.search(text):
                    self.fail("%s:\n%s" % (name, text))

    def test_it_would_be_found(self):
        """The logs are read right."""
        log = ("==7== Invalid read of size 1\n"
               "==7==    at 0x1: sealpost_scan_step (sealpost-scan.c:1)\n"
               "==7== \n"
               "==7== 10 bytes in 1 blocks are definitely lost in loss\n"
               "==7==    at 0x1: malloc\n"
               "==7==    by 0x2: i_malloc\n"
               "==7==\n")
        found = list(stacks(log))
        self.assertEqual(len(found), 2)
        self.assertEqual([bool(OURS.search("\n".join(r))) for r in found],
                         [True, False])


def main():
    harness.skip_unless_possible()
    if shutil.which("valgrind") is None:
        print("SKIP: valgrind is not installed")
        sys.exit(77)
    harness.end_on_signal()
    unittest.main()


if __name__ == "__main__":
    main()

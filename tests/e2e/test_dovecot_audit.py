# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""doveadm sealpost audit and seal: does the audit tell plaintext from what is
encrypted, and to whom; is what lay in plaintext sealed, byte for byte, nothing
lost and nothing twice, however often the command is killed?
"""
import contextlib
import email.utils
import json
import os
import pty
import random
import re
import subprocess
import threading
import unittest

import harness
import test_dovecot_seal as sealing
from test_dovecot_plugin import FORMATS
from test_dovecot_seal import each_format

CLASSES = ("sealed", "end-to-end", "other-key", "plain", "unreadable")


class AuditCase(sealing.SealCase):
    # ---- messages of known classes ----

    def pgp_mime(self, *recipients, text=None, armor=None, more=""):
        """As a sender's client makes it, with the fields of message()."""
        if armor is None:
            options = []
            for one in recipients:
                options += ["--recipient", one]
            armor = self.server.gpg(
                "--trust-model", "always", "--armor", "--encrypt", *options,
                stdin=(text or "Content-Type: text/plain\r\n\r\n%s\r\n" %
                       self.secret).encode()).stdout.decode()
            armor = armor.replace("\r\n", "\n").replace("\n", "\r\n")
        return ("From: Sender <sender@outside.example>\r\n"
                "Subject: encrypted\r\n"
                "Message-ID: %s\r\n" % self.message_id + more +
                "MIME-Version: 1.0\r\n"
                'Content-Type: multipart/encrypted; boundary="b";\r\n'
                ' protocol="application/pgp-encrypted"\r\n'
                "\r\n"
                "--b\r\n"
                "Content-Type: application/pgp-encrypted\r\n"
                "\r\n"
                "Version: 1\r\n"
                "\r\n"
                "--b\r\n"
                "Content-Type: application/octet-stream\r\n"
                "\r\n" + armor +
                "\r\n--b--\r\n").encode()

    def store(self, user, folder, message, date="1-Feb-2021 10:11:12 +0000"):
        """As it is: sealing is off for folders below `kept`."""
        with self.server.login(user) as session:
            session.create('"%s"' % folder)
            status, text = session.append('"%s"' % folder, r"(\Seen)",
                                          '"%s"' % date, message)
            self.assertEqual(status, "OK", text)

    def audit(self, user, *arguments, status=0):
        """{folder: {class: number}}"""
        done = self.server.doveadm("-f", "json", "sealpost", "audit", "-u",
                                   user, *arguments, status=status)
        return {row["mailbox"]: row for row in json.loads(done)}

    def counts(self, user, folder, status=0):
        row = self.audit(user, folder, status=status)[folder]
        return {c: int(row[c]) for c in CLASSES if int(row[c])}

    # ---- seal ----

    def seal(self, user, *query, status=0):
        text = self.server.doveadm("-f", "json", "sealpost", "seal", "-u",
                                   user, *query, status=status)
        return {row["mailbox"]: {k: int(v) for k, v in row.items()
                                 if k not in ("mailbox", "username")}
                for row in json.loads(text or "[]")}

    def state(self, user, folder):
        """Flags, keywords, date and message, unsealed, by Message-ID."""
        with self.server.login(user) as session:
            session.select('"%s"' % folder, readonly=True)
            if session.search(None, "ALL")[1] == [b""]:
                return []
            _, data = session.fetch(
                "1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")
        found = []
        for item in data:
            if not isinstance(item, tuple):
                continue
            head, message = item
            flags = re.search(rb"FLAGS \(([^)]*)\)", head).group(1).split()
            date = re.search(rb'INTERNALDATE "([^"]*)"', head).group(1)
            if b"\r\nX-Sealpost: " in b"\r\n" + message:
                message = harness.without_trace(self.server.unseal(message))
            found.append((sorted(set(flags) - {rb"\Recent"}), date, message))
        return sorted(found)

    def fill(self, user, folder, count):
        flags = [r"(\Seen)", r"(\Flagged $Own)", "()", r"(\Draft a b)"]
        with self.server.login(user) as session:
            session.create('"%s"' % folder)
            for i in range(count):
                session.append(
                    '"%s"' % folder, flags[i % 4],
                    '"%02d-Mar-2021 10:11:12 +0200"' % (1 + i % 28),
                    self.message("number %d: " % i + self.secret + "\r\n" +
                                 "x" * random.randrange(3000)))


class Audit(AuditCase):
    def forgeries(self):
        genuine = self.pgp_mime("ann@any.example").decode()
        armor = re.search(r"-----BEGIN.*END PGP MESSAGE-----\r\n", genuine,
                          re.S).group(0)
        yield "a bare Content-Type", (
            "Subject: x\r\nContent-Type: multipart/encrypted; boundary=b;"
            ' protocol="application/pgp-encrypted"\r\n\r\n%s\r\n' %
            self.secret).encode()
        yield "plaintext between armor lines", self.pgp_mime(
            armor="-----BEGIN PGP MESSAGE-----\r\n\r\n%s\r\n"
            "-----END PGP MESSAGE-----\r\n" % self.secret)
        yield "plaintext behind the armor", self.pgp_mime(
            armor=armor + self.secret + "\r\n")
        yield "plaintext behind the last boundary", (
            genuine + self.secret + "\r\n").encode()
        yield "a marker on plaintext", (
            "X-Sealpost: v=1; at-rest; body=1; head=AAAA\r\n" +
            self.message().decode()).encode()

    # ---- the audit ----

    @each_format
    def test_classes(self, user):
        folder = "kept/classes"
        self.empty(user, folder)
        self.assertEqual(self.counts(user, folder), {})
        with self.server.login(user) as session:
            session.create("Sealed")
            self.assertEqual(session.append("Sealed", None, None,
                                            self.message())[0], "OK")
        self.assertEqual(self.counts(user, "Sealed"), {"sealed": 1})
        self.store(user, folder, self.pgp_mime("ann@any.example"))
        self.assertEqual(self.counts(user, folder), {"end-to-end": 1})
        self.store(user, folder, self.pgp_mime("ann@any.example",
                                               "bob@any.example"))
        self.assertEqual(self.counts(user, folder), {"end-to-end": 2})
        self.store(user, folder, self.pgp_mime("bob@any.example"))
        self.assertEqual(self.counts(user, folder),
                         {"end-to-end": 2, "other-key": 1})
        plain = 0
        for name, message in self.forgeries():
            with self.subTest(name):
                self.store(user, folder, message)
                plain += 1
                self.assertEqual(self.counts(user, folder, status=1),
                                 {"end-to-end": 2, "other-key": 1,
                                  "plain": plain})
        self.empty(user, folder, "Sealed")

    @each_format
    def test_since_when(self, user):
        folder = "kept/since"
        self.empty(user, folder)
        dates = ["3-Mar-2021 10:11:12 +0000", "2-Feb-2020 01:02:03 +0000",
                 "4-Apr-2022 00:00:00 +0000"]
        for date in dates:
            self.store(user, folder, self.message(), date)
        row = self.audit(user, folder, status=1)[folder]
        self.assertEqual(int(row["plain"]), 3)
        self.assertEqual(int(row["plain-since"]), min(
            int(email.utils.parsedate_to_datetime(
                "Mon, " + date.replace("-", " ")).timestamp())
            for date in dates))
        lines = self.server.doveadm(
            "-f", "tab", "sealpost", "audit", "-u", user, "-m", folder,
            status=1).splitlines()
        self.assertEqual(lines[0].split("\t"),
                         ["mailbox", "uid", "class", "received"])
        self.assertEqual(len(lines), 4)
        self.assertEqual({line.split("\t")[2] for line in lines[1:]},
                         {"plain"})
        self.empty(user, folder)

    @each_format
    def test_changes_nothing(self, user):
        folder = "kept/looked-at"
        self.empty(user, folder)
        with self.server.login(user) as session:
            session.append(folder, None, None, self.message())
            session.append(folder, None, None,
                           self.pgp_mime("ann@any.example"))

        def state():
            with self.server.login(user) as session:
                return session.status(
                    folder, "(MESSAGES UNSEEN RECENT UIDNEXT HIGHESTMODSEQ)")
        before = state()
        self.counts(user, folder, status=1)
        self.assertEqual(state(), before)
        self.empty(user, folder)

    def test_all_users(self):
        for form in FORMATS:
            self.empty("ann@" + form, "kept/all")
        self.store("ann@mdbox", "kept/all", self.message())
        text = self.server.doveadm("-f", "json", "sealpost", "audit", "-A",
                                   "kept/all", status=1)
        plain = {row["username"]: int(row["plain"])
                 for row in json.loads(text)}
        self.assertEqual(plain["ann@mdbox"], 1)
        self.assertEqual(sum(plain.values()), 1)
        self.empty("ann@mdbox", "kept/all")
        self.server.doveadm("sealpost", "audit", "-A", "kept/all")

    @each_format
    def test_what_cannot_be_known(self, user):
        """No database, an unreadable message: never "no plaintext"."""
        folder = "kept/unknown"
        self.empty(user, folder)
        self.store(user, folder, self.pgp_mime("ann@any.example"))
        os.rename(self.server.directory(), self.server.directory() + ".off")
        try:
            self.server.doveadm("sealpost", "audit", "-u", user, folder,
                                status=75)
        finally:
            os.rename(self.server.directory() + ".off",
                      self.server.directory())
        self.assertEqual(self.counts(user, folder), {"end-to-end": 1})
        if user.endswith("@maildir"):
            path, = [p for p in self.mail_files(user) if "/.kept" in p and
                     "unknown" in p and "/cur/" in p]
            os.chmod(path, 0)
            try:
                self.server.doveadm("sealpost", "audit", "-u", user, folder,
                                    status=75)
            finally:
                os.chmod(path, 0o600)
        self.empty(user, folder)

    # ---- seal ----

    @each_format
    def test_seal(self, user):
        folder = "kept/old mail"
        self.empty(user, folder)
        self.fill(user, folder, 50)
        self.store(user, folder, self.pgp_mime("ann@any.example"))
        with self.server.login(user) as session:  # into the cache
            session.select('"%s"' % folder, readonly=True)
            session.fetch("1:*", "(ENVELOPE BODYSTRUCTURE PREVIEW)")
        before = self.state(user, folder)
        self.assertEqual(self.seal(user, "mailbox", folder),
                         {folder: {"sealed": 50, "resumed": 0,
                                   "already": 1}})
        self.assertEqual(self.state(user, folder), before)
        self.assertEqual(self.counts(user, folder),
                         {"sealed": 50, "end-to-end": 1})
        self.assert_nowhere()
        self.assertEqual(self.seal(user, "mailbox", folder),
                         {folder: {"sealed": 0, "resumed": 0,
                                   "already": 51}})
        self.empty(user, folder)

    @each_format
    def test_seal_what_the_query_finds(self, user):
        folder = "kept/some"
        self.empty(user, folder)
        self.fill(user, folder, 8)
        self.assertEqual(
            self.seal(user, "mailbox", folder, "keyword", "$Own")[folder],
            {"sealed": 2, "resumed": 0, "already": 0})
        self.assertEqual(self.counts(user, folder, status=1),
                         {"sealed": 2, "plain": 6})
        self.empty(user, folder)

    @each_format
    def test_seal_without_a_key(self, user):
        user = user.replace("ann", "dan")
        folder = "kept/none"
        self.empty(user, folder)
        self.fill(user, folder, 3)
        before = self.state(user, folder)
        self.seal(user, "mailbox", folder, status=75)
        self.assertEqual(self.state(user, folder), before)
        self.seal(user.replace("dan", "eve"), "mailbox", "*")
        self.empty(user, folder)

    @each_format
    def test_seal_without_sync(self, user):
        folder = "kept/unsafe"
        self.empty(user, folder)
        self.fill(user, folder, 1)
        self.server.doveadm("-o", "mail_fsync=never", "sealpost", "seal",
                            "-u", user, "mailbox", folder, status=75)
        self.assertEqual(self.counts(user, folder, status=1), {"plain": 1})
        self.empty(user, folder)

    @each_format
    def test_seal_twins(self, user):
        """A message and its copy in the same folder may share a GUID."""
        folder = "kept/twins"
        self.empty(user, folder)
        self.store(user, folder, self.message())
        with self.server.login(user) as session:
            session.select('"%s"' % folder)
            session.copy("1", '"%s"' % folder)
            session.copy("1:2", '"%s"' % folder)
            session.store("2:3", "+FLAGS", r"(\Flagged)")
        before = self.state(user, folder)
        self.assertEqual(len(before), 4)
        self.assertEqual(
            self.seal(user, "mailbox", folder, "flagged")[folder],
            {"sealed": 2, "resumed": 0, "already": 0})
        self.assertEqual(self.state(user, folder), before)
        self.assertEqual(
            self.seal(user, "mailbox", folder)[folder],
            {"sealed": 2, "resumed": 0, "already": 2})
        self.assertEqual(self.state(user, folder), before)
        self.assertEqual(self.counts(user, folder), {"sealed": 4})
        self.empty(user, folder)

    @each_format
    def test_seal_while_flags_change(self, user):
        folder = "kept/busy"
        self.empty(user, folder)
        self.fill(user, folder, 150)
        started, stop = threading.Event(), threading.Event()
        wrong = []

        def change():
            with self.server.login(user) as session:
                session.select('"%s"' % folder)
                while not stop.is_set():
                    status, text = session.store(
                        "1:*", "+FLAGS.SILENT", r"(\Answered)")
                    if status != "OK":
                        wrong.append(text)
                    started.set()
                    session.noop()

        def work():
            try:
                change()
            except Exception as e:
                wrong.append(repr(e))
            finally:
                started.set()
        thread = threading.Thread(target=work)
        thread.start()
        try:
            self.assertTrue(started.wait(harness.PATIENCE))
            self.seal(user, "mailbox", folder)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.counts(user, folder), {"sealed": 150})
        with self.server.login(user) as session:
            session.select('"%s"' % folder, readonly=True)
            self.assertEqual(len(session.search(
                None, "ANSWERED")[1][0].split()), 150)
        self.empty(user, folder)

    @each_format
    def test_seal_over_quota(self, user):
        folder = "kept/full"
        self.empty(user, folder)
        self.fill(user, folder, 40)
        before = self.state(user, folder)
        tight = self.server.path("tight.conf")
        with open(self.server.path("dovecot.conf")) as f:
            text = re.sub(r"(storage(_size = |=))1G", r"\g<1>10k", f.read())
        with open(tight, "w") as f:
            f.write(text)
        said = harness.run(*self.server.with_modules(
            "doveadm", "-c", tight, "sealpost", "seal", "-u", user,
            "mailbox", folder), status=75).stderr
        self.assertIn(b"uota", said)
        self.assertEqual(self.state(user, folder), before)
        self.empty(user, folder)

    def test_progress_on_a_terminal(self):
        user, folder = "ann@maildir", "kept/shown"
        self.empty(user, folder)
        self.fill(user, folder, 3)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self.server.with_modules(
                "doveadm", "-c", self.server.path("dovecot.conf"),
                "sealpost", "seal", "-u", user, "mailbox", folder),
            stdout=subprocess.DEVNULL, stderr=theirs)
        self.assertEqual(process.wait(harness.PATIENCE), 0)
        os.close(theirs)
        said = b""
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 1000):
                said += piece
        os.close(ours)
        self.assertIn(b"kept/shown: 3 of 3", said)
        self.empty(user, folder)


def main():
    harness.skip_unless_possible()
    harness.end_on_signal()
    unittest.main()


if __name__ == "__main__":
    main()


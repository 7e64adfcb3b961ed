# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Sealing on save in a Dovecot of its own: whatever enters an account's
mailbox, is its plaintext nowhere on the disk, and does sealpost-unseal give
it back byte for byte?

The domain of an account is its mailbox format (ann@maildir and so on).
"""
import contextlib
import functools
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import sqlite3
import unittest

import harness
from harness import BUILD, MAIL_USER, PASSWORD, forms_of, holds
from test_dovecot_plugin import (BUILT, FORMATS, SEALPOST_CONF, Server,
                                 Session)

MORE_23 = """\
mail_temp_dir = {folder}/temp
plugin {{
  sealpost_seal = yes
  sealpost_seal_except = Drafts, kept/*
  sealpost_directory = {folder}/db/directory.db
  sealpost_spool_directory = {folder}/spool
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
}}
"""

MORE_24 = """\
mail_temp_dir = {folder}/temp
sealpost_seal = yes
sealpost_seal_except = Drafts kept/*
sealpost_directory = {folder}/db/directory.db
sealpost_spool_directory = {folder}/spool
quota "User quota" {{
  driver = count
  storage_size = 1G
}}
"""

HEAD = ("From: Sender <sender@outside.example>\r\n"
        "To: someone@one.example\r\n"
        "Subject: a test\r\n"
        "Message-ID: %s\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n")

# Accounts: ann and bob have keys; eve is none; dan has no key, and old's has
# expired.
ENROLLED = ("ann", "bob")
NAMES = ENROLLED + ("eve", "dan", "old", "elg")


class SealServer(Server):
    def make_folders(self):
        super().make_folders()
        user = pwd.getpwnam(MAIL_USER)
        for name in ("spool", "temp", "gnupg"):
            os.mkdir(self.path(name), 0o700)
        for name in ("spool", "temp"):
            os.chown(self.path(name), user.pw_uid, user.pw_gid)
        with open(self.path("gnupg", "gpg.conf"), "w") as f:
            f.write("no-random-seed-file\nbatch\nno-tty\n")
        self.stack.callback(harness.run, "gpgconf", "--homedir",
                            self.path("gnupg"), "--kill", "all", status=None)
        with open(self.path("users"), "w") as f:
            for form in FORMATS:
                for name in NAMES:
                    f.write("%s@%s::%d:%d::%s\n" % (
                        name, form, user.pw_uid, user.pw_gid,
                        self.path("mail", "%s@%s" % (name, form))))
        self.make_accounts()

    def make_accounts(self):
        for form in FORMATS:
            self.sealpost("domain", "add", form)
            for name in NAMES:
                if name not in ("eve", "elg"):
                    self.sealpost("user", "add", "%s@%s" % (name, form))
        for name in ENROLLED + ("old",):
            certificate = self.make_key(name, "default")
            for form in FORMATS:
                self.sealpost("key", "import", "%s@%s" % (name, form),
                              stdin=certificate)

    def make_key(self, name, algorithm):
        done = self.gpg("--passphrase", "", "--status-fd", "1",
                        "--quick-generate-key", "<%s@any.example>" % name,
                        algorithm, "default", "0")
        fingerprint = re.search(r"KEY_CREATED \S ([0-9A-F]+)",
                                done.stdout.decode()).group(1)
        return self.gpg("--armor", "--export", fingerprint).stdout

    def expire_key(self, user):
        """Imported is only what is usable: so it expires in the database."""
        with contextlib.closing(sqlite3.connect(self.directory())) as db:
            db.execute("UPDATE subkeys SET expires = 1 WHERE certificate IN "
                       "(SELECT id FROM certificates WHERE address = ?)",
                       (user,))
            db.commit()

    def elgamal_key(self, user):
        self.gpg("--batch", "--gen-key", stdin=(
            "%%no-protection\nKey-Type: DSA\nKey-Length: 2048\n"
            "Subkey-Type: ELG-E\nSubkey-Length: 2048\nName-Email: %s\n"
            "Expire-Date: 0\n%%commit\n" % user).encode())
        return self.gpg("--armor", "--export", user).stdout

    def gpg(self, *arguments, stdin=None, status=0):
        return harness.run("gpg", "--homedir", self.path("gnupg"),
                           *arguments, stdin=stdin, status=status)

    def sealpost(self, *command, stdin=None, status=0):
        return harness.run(os.path.join(BUILD, "ctl", "sealpost"), "-c",
                           self.path("sealpost.conf"), *command, stdin=stdin,
                           status=status).stdout.decode()

    def configure(self, conf):
        more = (MORE_23 if self.old else MORE_24).format(folder=self.folder)
        if self.old:
            conf = conf.replace("mail_plugins = acl sealpost",
                                "mail_plugins = acl quota sealpost")
            conf = conf.replace("imap_acl imap_sealpost",
                                "imap_acl imap_quota imap_sealpost")
        else:
            conf = conf.replace("  sealpost = yes\n",
                                "  sealpost = yes\n  quota = yes\n", 1)
            conf = conf.replace("  imap_sealpost = yes\n",
                                "  imap_sealpost = yes\n"
                                "    imap_quota = yes\n")
        return conf + more

    def directory(self):
        return self.path("db", "directory.db")

    def save(self, user, folder, message, *settings, status=0):
        """By doveadm."""
        options = []
        for setting in settings:
            options += ["-o", ("plugin/" if self.old else "") + setting]
        return harness.run(*self.with_modules(
            "doveadm", "-c", self.path("dovecot.conf"), *options, "save",
            "-u", user, "-m", folder), stdin=message, status=status)

    def unseal(self, stored):
        return harness.run(os.path.join(BUILD, "ctl", "sealpost-unseal"),
                           stdin=stored,
                           env={"GNUPGHOME": self.path("gnupg")}).stdout

    def inside(self, *command):
        """Runs it where the server's own mounts are seen."""
        pid = str(self.dovecot.pid)
        harness.run("nsenter", "--target", pid, "--mount", "--root",
                    *command)

    @contextlib.contextmanager
    def small_disk(self, path, kilobytes):
        user = pwd.getpwnam(MAIL_USER)
        self.inside("mount", "-t", "tmpfs", "-o", "size=%dk,uid=%d,gid=%d" % (
            kilobytes, user.pw_uid, user.pw_gid), "tmpfs", path)
        try:
            yield
        finally:
            self.inside("umount", "--lazy", path)

    def files_with(self, text):
        """As the server sees them."""
        forms = forms_of(text)
        found = []
        root = "/proc/%d/root" % self.dovecot.pid
        for place in ("mail", "spool", "temp", "log", "db", "run",
                      "dovecot"):
            for folder, _, names in os.walk(root + self.path(place)):
                found += [path for path in (os.path.join(folder, name)
                                            for name in names)
                          if holds(path, forms)]
        return found

    def files_in_tmp(self):
        return [os.path.join(folder, name)
                for folder, _, names in os.walk(self.path("mail"))
                for name in names if os.path.basename(folder) == "tmp" or
                name.startswith("temp.")]


class Raw:
    """IMAP by hand."""

    def __init__(self, port, user):
        self.socket = socket.create_connection(("127.0.0.1", port),
                                               harness.PATIENCE)
        self.file = self.socket.makefile("rb")
        self.file.readline()
        self.command(b"LOGIN %s %s" % (user.encode(), PASSWORD.encode()))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def send(self, *pieces):
        """bytes are sent as they are, after each literal's continuation."""
        for piece in pieces:
            self.socket.sendall(piece)

    def answer(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise AssertionError("IMAP ended: %r" % lines)
            if line.startswith(b"t "):
                return line, lines
            lines.append(line)

    def command(self, *pieces):
        """Pieces of text, with tuples as (non-synchronizing) literals."""
        out = b"t "
        for piece in pieces:
            if isinstance(piece, tuple):
                out += b"{%d+}\r\n%s" % (len(piece[0]), piece[0])
            else:
                out += piece
        self.socket.sendall(out + b"\r\n")
        return self.answer()


def each_format(test):
    """Runs test(self, user) for a user of each mailbox format."""
    @functools.wraps(test)
    def run(self):
        for form in FORMATS:
            with self.subTest(form=form):
                test(self, "ann@" + form)
    return run


class SealCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = SealServer()
        cls.addClassCleanup(cls.server.stack.close)

    def setUp(self):
        self.secret = harness.canary()
        self.message_id = "<%s@outside.example>" % self.secret[7:27]

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            print("---- log after %s\n%s" % (
                self.id(), "".join(self.server.log()[-6000:])))

    def message(self, body="The secret is %s.\r\n.\r\n\r\n", more=""):
        head = HEAD % self.message_id + more
        if "%s" in body:
            body = body % self.secret
        return (head + "\r\n" + body).encode()

    def fetch(self, user, folder="INBOX"):
        """All messages of the folder, as IMAP gives them."""
        with self.server.login(user) as session:
            status, _ = session.select('"%s"' % folder, readonly=True)
            self.assertEqual(status, "OK")
            if session.search(None, "ALL")[1] == [b""]:
                return []
            _, data = session.fetch("1:*", "(BODY.PEEK[])")
            return [item[1] for item in data if isinstance(item, tuple)]

    def empty(self, user, *folders):
        for folder in folders or ("INBOX",):
            self.server.doveadm("mailbox", "create", "-u", user, folder,
                                status=None)
            self.server.doveadm("expunge", "-u", user, "mailbox", folder,
                                "all")
        self.server.doveadm("purge", "-u", user)

    def assert_nowhere(self):
        self.assertEqual(self.server.files_with(self.secret), [])
        self.assertEqual(self.server.files_in_tmp(), [])

    def assert_sealed(self, stored, sent):
        for form in forms_of(self.secret):
            self.assertNotIn(form, stored)
        self.assertIn(b"\r\nContent-Type: multipart/encrypted", stored)
        self.assertEqual(
            harness.without_trace(self.server.unseal(stored)), sent)

    def mail_files(self, user):
        found = []
        for folder, _, names in os.walk(self.server.path("mail", user)):
            found += [os.path.join(folder, name) for name in names]
        return found


class SealTest(SealCase):
    # ---- ways in ----

    @each_format
    def test_append(self, user):
        """Many shapes of a message; flags, date, UID, quota."""
        shapes = [
            self.message(),
            self.message("no end of line: %s"),
            self.message("%s\n bare LF \nand CRLF\r\n"),
            self.message(""),
            self.message().split(b"\r\n\r\n")[0] + b"\r\n",
            self.message("8 bit: \u00fc\u20ac %s\r\n"),
            self.message("%s\r\n" + 3000 * "x" + "\r\n"),
            b"no header at all, %s\r\n" % self.secret.encode(),
            self.message("%s\r\n" + 50000 * "a line of a larger one\r\n"),
        ]
        self.empty(user, "A")
        for sent in shapes:
            with self.server.login(user) as session:
                status, text = session.append(
                    "A", r"(\Flagged $Own)",
                    '"03-Mar-2021 10:11:12 +0200"', sent)
                self.assertEqual(status, "OK", text)
                uid = re.search(rb"APPENDUID \d+ (\d+)",
                                text[0]).group(1)
                session.select("A", readonly=True)
                _, data = session.uid(
                    "FETCH", uid.decode(),
                    "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])")
            (about, stored), after = data[0], data[1]
            about += after
            self.assertIn(b"$Own", about)
            self.assertIn(rb"\Flagged", about)
            self.assertIn(b'"03-Mar-2021', about)
            self.assertIn(b"RFC822.SIZE %d " % len(stored), about)
            self.assert_sealed(stored, re.sub(rb"(?<!\r)\n", b"\r\n",
                                              sent))
        self.assert_nowhere()
        self.check_quota(user)

    def quota(self, user):
        return self.server.doveadm("-f", "tab", "quota", "get", "-u", user)

    def check_quota(self, user):
        before = self.quota(user)
        self.assertNotRegex(before, r"STORAGE\t0\t")
        self.server.doveadm("quota", "recalc", "-u", user)
        self.assertEqual(self.quota(user), before)

    @each_format
    def test_multiappend_and_catenate(self, user):
        first, second = self.message(), self.message("%s, again\r\n")
        self.empty(user, "M")
        with Raw(self.server.port, user) as imap:
            line, _ = imap.command(b"APPEND M (\\Seen) ", (first,), b" ",
                                   (second,))
            self.assertRegex(line, rb"APPENDUID \d+ \d+:\d+")
            head, body = first.split(b"\r\n\r\n", 1)
            line, _ = imap.command(
                b"APPEND M CATENATE (TEXT ", (head + b"\r\n\r\n",),
                b" TEXT ", (body,), b")")
            self.assertRegex(line, rb"t OK \[APPENDUID")
        stored = self.fetch(user, "M")
        self.assertEqual(len(stored), 3)
        for message, sent in zip(stored, (first, second, first)):
            self.assert_sealed(message, sent)
        self.assert_nowhere()

    def guids(self, user, folder):
        found = self.server.doveadm("-f", "tab", "fetch", "-u", user, "guid",
                                    "mailbox", folder, "all")
        return found.split()[1:]

    def save_plain(self, user, folder):
        sent = self.message()
        self.server.save(user, folder, sent, "sealpost_seal=no")
        self.assertNotEqual(self.server.files_with(self.secret), [])
        return sent

    @each_format
    def test_copy_and_move(self, user):
        self.empty(user, "P", "Q", "R")
        sent = self.save_plain(user, "P")
        with Raw(self.server.port, user) as imap:
            imap.command(b"SELECT P")
            line, _ = imap.command(b"COPY 1 Q")
            self.assertRegex(line, rb"COPYUID \d+ 1 \d+")
            line, lines = imap.command(b"MOVE 1 R")
            self.assertRegex(line, rb"t OK")
            self.assertRegex(b"".join(lines), rb"COPYUID")
        for folder in ("Q", "R"):
            stored, = self.fetch(user, folder)
            self.assert_sealed(stored, sent)
        self.assertNotEqual(self.guids(user, "Q"), self.guids(user, "R"))
        self.server.doveadm("purge", "-u", user)
        self.assert_nowhere()
        self.check_copy_of_sealed(user)
        self.check_quota(user)

    def check_copy_of_sealed(self, user):
        """The same content, and no second file."""
        self.empty(user, "R")
        with Raw(self.server.port, user) as imap:
            imap.command(b"SELECT Q")
            line, _ = imap.command(b"COPY 1 R")
            self.assertRegex(line, rb"COPYUID")
        self.assertEqual(self.fetch(user, "Q"), self.fetch(user, "R"))
        self.assertEqual(self.guids(user, "Q"), self.guids(user, "R"))
        if user.endswith("mdbox"):
            return
        linked = [path for path in self.mail_files(user)
                  if os.stat(path).st_nlink == 2]
        self.assertEqual(len(linked), 2)

    def mail_files(self, user):
        for folder, _, names in os.walk(self.server.path("mail", user)):
            for name in names:
                if os.path.basename(folder) in ("new", "cur") or \
                        re.match(r"[mu]\.\d+", name):
                    yield os.path.join(folder, name)

    def test_lmtp(self):
        """Each recipient gets one's own; who is no account, plaintext."""
        for form in FORMATS:
            with self.subTest(form=form):
                users = ["%s@%s" % (name, form) for name in
                         ("ann", "bob", "eve")]
                for user in users:
                    self.empty(user)
                sent = self.message()
                self.server.deliver(sent, *users)
                found = [self.fetch(user) for user in users]
                for user, stored in zip(users[:2], found):
                    self.assertEqual(len(stored), 1)
                    self.assert_sealed(stored[0], sent)
                self.assertNotEqual(found[0], found[1])
                self.assertNotEqual(self.key_id(found[0][0]),
                                    self.key_id(found[1][0]))
                self.assertIn(self.secret.encode(), found[2][0])
                self.empty(users[2])
                self.assert_nowhere()

    def test_lmtp_plaintext_first(self):
        for form in FORMATS:
            with self.subTest(form=form):
                users = ["%s@%s" % (name, form) for name in
                         ("eve", "bob", "ann")]
                for user in users:
                    self.empty(user)
                sent = self.message()
                self.server.deliver(sent, *users)
                for user in users[1:]:
                    stored, = self.fetch(user)
                    self.assert_sealed(stored, sent)
                self.empty(users[0])
                self.assert_nowhere()

    @each_format
    def test_lmtp_large(self, user):
        """Larger than what LMTP keeps in memory; one that looks sealed."""
        many = 100000 * "some line of it\r\n"
        looks = ("Content-Type: multipart/encrypted; boundary=b;\r\n"
                 " protocol=\"application/pgp-encrypted\"\r\n\r\n%s%s\r\n" %
                 (many, self.secret)).encode()
        bob = user.replace("ann", "bob")
        self.empty(user)
        self.empty(bob)
        for sent in (self.message("%s\r\n" + many), looks):
            self.server.deliver(sent, user, bob)
            for name in (user, bob):
                self.assert_sealed(self.fetch(name)[-1], sent)
        self.assert_nowhere()

    def key_id(self, stored):
        armored = stored[stored.index(b"-----BEGIN PGP MESSAGE"):]
        listed = self.server.gpg("--list-packets", "--list-only",
                                 stdin=armored, status=None)
        return re.search(rb"keyid ([0-9A-F]+)",
                         listed.stdout + listed.stderr).group(1)

    @each_format
    def test_lda(self, user):
        self.empty(user)
        sent = self.message().replace(b"\r\n", b"\n")
        harness.run(*self.server.with_modules(
            "/usr/lib/dovecot/dovecot-lda", "-c",
            self.server.path("dovecot.conf"), "-d", user), stdin=sent)
        stored, = self.fetch(user)
        self.assert_sealed(stored, sent.replace(b"\n", b"\r\n"))
        self.assert_nowhere()

    @each_format
    def test_doveadm(self, user):
        """save, copy, move, import."""
        self.empty(user, "D", "E", "F")
        sent = self.message()
        self.server.save(user, "E", sent)
        self.save_plain(user, "D")
        self.server.doveadm("copy", "-u", user, "E", "mailbox", "D",
                            "all")
        self.server.doveadm("move", "-u", user, "E", "mailbox", "D",
                            "all")
        stored = self.fetch(user, "E")
        self.assertEqual(len(stored), 3)
        for message in stored:
            self.assert_sealed(message, sent)
        self.server.doveadm("purge", "-u", user)
        self.assert_nowhere()

    @each_format
    def test_import(self, user):
        """From another storage, in which it lies in plaintext."""
        self.empty(user, "I", "J")
        sent = self.save_plain(user, "I")
        copy = self.server.path("mail", user, "other")
        self.server.doveadm("backup", "-u", user, "maildir:" + copy)
        self.empty(user, "I")
        self.server.doveadm("import", "-u", user, "maildir:" + copy, "got",
                            "mailbox", "I", "all")
        shutil.rmtree(copy)
        stored, = self.fetch(user, "got/I")
        self.assert_sealed(stored, sent)
        self.empty(user, "got/I")
        self.assert_nowhere()

    @each_format
    def test_dsync(self, user):
        """A copy of the mailbox is a copy."""
        self.empty(user, "S")
        self.save_plain(user, "S")
        copy = self.server.path("mail", user, "copy")
        self.server.doveadm("backup", "-u", user, "maildir:" + copy)
        with open(next(
                os.path.join(folder, name)
                for folder, _, names in os.walk(copy) for name in names
                if os.path.basename(folder) in ("new", "cur") and
                holds(os.path.join(folder, name),
                      [self.secret.encode()])), "rb") as f:
            self.assertIn(self.secret.encode(), f.read())
        shutil.rmtree(copy)
        self.empty(user, "S")

    @each_format
    def test_except(self, user):
        for folder, sealed in (("Drafts", False), ("kept/more", False),
                               ("Drafts/x", True), ("kept", True)):
            self.empty(user, folder)
            with self.server.login(user) as session:
                status, _ = session.append(folder, None, None,
                                           self.message())
            self.assertEqual(status, "OK")
            stored, = self.fetch(user, folder)
            self.assertEqual(self.secret.encode() not in stored, sealed)
            self.empty(user, folder)
        self.assert_nowhere()

    @each_format
    def test_account(self, user):
        """Whose address says it; a user without one is refused."""
        sent = self.message()
        self.empty(user, "A")
        self.server.save(user, "A", sent)
        self.server.save(user, "A", sent, "sealpost_account=BOB@maildir")
        mine, his = self.fetch(user, "A")
        self.assert_sealed(his, sent)
        self.assertNotEqual(self.key_id(mine), self.key_id(his))
        self.assertNotEqual(self.server.save(
            user, "A", sent, "sealpost_account=ann", status=None).returncode,
            0)
        self.assertNotEqual(self.server.save(
            user, "A", sent, "sealpost_seal=perhaps",
            status=None).returncode, 0)
        self.assertEqual(len(self.fetch(user, "A")), 2)
        self.assert_nowhere()

    @each_format
    def test_already_sealed(self, user):
        """Passes as it is; but what only looks like it does not."""
        self.empty(user, "A", "B")
        sent = self.message()
        with self.server.login(user) as session:
            session.append("A", None, None, sent)
            stored, = self.fetch(user, "A")
            session.append("B", None, None, stored)
            session.append("B", None, None,
                           stored + self.secret.encode() + b"\r\n")
            bob = user.replace("ann", "bob")
            self.empty(bob, "A")
            with self.server.login(bob) as his:
                his.append("A", None, None, sent)
            other, = self.fetch(bob, "A")
            session.append("B", None, None, other)
        first, second, third = self.fetch(user, "B")
        self.assertEqual(first, stored)
        self.assert_sealed(third, other)
        # as it comes from the milter, its marker kept
        self.empty(user)
        self.server.deliver(stored, user, bob)
        delivered, = self.fetch(user)
        self.assertEqual(harness.without_trace(delivered), stored)
        self.assert_sealed(delivered, sent)
        delivered = self.fetch(bob)[-1]
        self.assert_sealed(delivered, stored)
        self.empty(bob)
        self.assert_sealed(second, stored + self.secret.encode() +
                           b"\r\n")
        self.assert_nowhere()

    @each_format
    def test_large(self, user):
        """60 MB need no 60 MB of memory."""
        sent = self.message("%s\r\n" + 840000 * (73 * "x" + "\r\n"))
        self.assertGreater(len(sent), 59 << 20)
        self.empty(user, "L")
        with Raw(self.server.port, user) as imap:
            imap.command(b"NOOP")
            line, _ = imap.command(b"APPEND L ", (sent,))
            self.assertRegex(line, rb"t OK")
            # its locked pages and OpenSSL included
            self.assertLess(max(self.peaks()), 48 << 10)
        stored, = self.fetch(user, "L")
        self.assert_sealed(stored, sent)
        self.empty(user, "L")
        self.assert_nowhere()

    def processes(self):
        """(pid, name) of this Dovecot's processes."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError, ValueError), \
                    open("/proc/%s/stat" % pid) as f:
                name, rest = f.read().split("(", 1)[1].rsplit(") ", 1)
                if int(rest.split()[1]) == self.server.dovecot.pid:
                    yield int(pid), name

    def peaks(self):
        """kB of memory that the imap processes had at most."""
        found = []
        for pid, name in self.processes():
            if name == "imap":
                with contextlib.suppress(OSError), \
                        open("/proc/%d/status" % pid) as f:
                    # none when it has just ended
                    found += map(int, re.findall(r"VmHWM:\s+(\d+)",
                                                 f.read()))
        return found

    def test_shared(self):
        """What somebody puts into bob's folder is sealed to bob."""
        if not self.server.old:
            self.skipTest("shared folders are set up for Dovecot 2.3 only")
        self.empty("bob@maildir", "open")
        self.empty("ann@maildir", "P")
        with self.server.login("bob@maildir") as bob:
            self.assertEqual(bob.setacl("open", "ann@maildir",
                                        "lrswite")[0], "OK")
        sent = self.save_plain("ann@maildir", "P")
        with Raw(self.server.port, "ann@maildir") as imap:
            line, _ = imap.command(b"APPEND shared/bob@maildir/open ",
                                   (sent,))
            self.assertRegex(line, rb"t OK \[APPENDUID")
            imap.command(b"SELECT P")
            line, _ = imap.command(b"MOVE 1 shared/bob@maildir/open")
            self.assertRegex(line, rb"t OK")
        stored = self.fetch("bob@maildir", "open")
        self.assertEqual(len(stored), 2)
        self.empty("bob@maildir")
        self.server.save("bob@maildir", "INBOX", sent)
        his, = self.fetch("bob@maildir")
        for message in stored:
            self.assert_sealed(message, sent)
            self.assertEqual(self.key_id(message), self.key_id(his))
        self.assert_nowhere()

    @each_format
    def test_gpgme(self, user):
        """An algorithm that goes through GnuPG."""
        user = user.replace("ann", "elg")
        key = self.server.elgamal_key(user)
        self.server.sealpost("user", "add", user)
        self.server.sealpost("key", "import", user, stdin=key)
        self.empty(user, "A")
        with self.server.login(user) as session:
            status, text = session.append("A", None, None, self.message())
        self.assertEqual(status, "OK", text)
        stored, = self.fetch(user, "A")
        self.assert_sealed(stored, self.message())
        self.assert_nowhere()

    # ---- what goes wrong ----

    def assert_refused(self, user, text):
        """By APPEND, COPY and LMTP; and nothing is left behind."""
        self.empty(user, "A")
        with Raw(self.server.port, user) as imap:
            line, _ = imap.command(b"APPEND A ", (self.message(),))
            self.assertRegex(line, rb"t NO \[UNAVAILABLE\] " + text)
            line, _ = imap.command(b"APPEND A ", (self.message(),), b" ",
                                   (self.message(),))
            self.assertRegex(line, rb"t NO \[UNAVAILABLE\] " + text)
            line, lines = imap.command(b"STATUS A (MESSAGES)")
            self.assertIn(b"MESSAGES 0", b"".join(lines))
        with smtplib.LMTP(self.server.path("run", "lmtp")) as lmtp, \
                self.assertRaises(smtplib.SMTPDataError) as refused:
            lmtp.sendmail("a@x.example", [user], self.message())
        self.assertEqual(refused.exception.smtp_code // 100, 4)
        self.assert_nowhere()

    @each_format
    def test_no_key(self, user):
        user = user.replace("ann", "dan")
        self.assert_refused(user, rb"The message can't be sealed now, so "
                            rb"it isn't saved: the account has no usable "
                            rb"key \(")

    @each_format
    def test_expired_key(self, user):
        user = user.replace("ann", "old")
        self.empty(user, "A")
        self.server.save(user, "A", self.message())
        stored, = self.fetch(user, "A")
        self.server.expire_key(user)
        self.assert_refused(user, rb"The message can't be sealed now, so "
                            rb"it isn't saved: .* \(.*expired")
        # what is sealed to it is no plaintext
        self.server.save(user, "A", self.message(), "sealpost_seal=no")
        with Raw(self.server.port, user) as imap:
            imap.command(b"SELECT A")
            line, _ = imap.command(b"COPY 1 INBOX")
            self.assertRegex(line, rb"t NO \[UNAVAILABLE\]")
        self.empty(user, "A")
        self.assert_nowhere()
        self.assertIsNotNone(stored)

    @each_format
    def test_locked_and_missing_database(self, user):
        with contextlib.closing(sqlite3.connect(
                self.server.directory(), isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            self.assert_refused(user, rb"The message can't be sealed")
        os.rename(self.server.directory(),
                  self.server.directory() + ".away")
        try:
            self.assert_refused(user, rb"The message can't be sealed")
            with open(self.server.directory(), "w") as f:
                f.write("no database at all" * 100)
            self.assert_refused(user, rb"The message can't be sealed")
        finally:
            os.rename(self.server.directory() + ".away",
                      self.server.directory())

    @each_format
    def test_full_disks(self, user):
        """The spool's disk is full, or not there; and the mailbox's own."""
        sent = self.message("%s\r\n" + 200000 * "some line of it\r\n")
        spool = self.server.path("spool")
        self.empty(user, "A")
        with self.server.small_disk(spool, 1000):
            self.assert_no_room(user, sent)
        os.rename(spool, spool + ".away")
        try:
            self.assert_no_room(user, sent)
        finally:
            os.rename(spool + ".away", spool)
        os.makedirs(self.server.path("mail", user), exist_ok=True)
        with self.server.small_disk(self.server.path("mail", user), 400):
            self.assert_no_room(user, sent)
        with self.server.login(user) as session:
            self.assertEqual(session.append("A", None, None, sent)[0], "OK")
        self.empty(user, "A")

    def assert_no_room(self, user, sent):
        with Raw(self.server.port, user) as imap:
            imap.command(b"CREATE A")
            line, _ = imap.command(b"APPEND A ", (sent,))
            self.assertRegex(line, rb"t NO ")
            line, lines = imap.command(b"STATUS A (MESSAGES)")
            self.assertIn(b"MESSAGES 0", b"".join(lines))
            self.assert_nowhere()

    @each_format
    def test_abort(self, user):
        """The client is gone in the middle of a message."""
        sent = self.message("%s\r\n" + 200000 * "some line of it\r\n")
        self.empty(user, "A")
        with Raw(self.server.port, user) as imap:
            imap.send(b"t APPEND A {%d+}\r\n" % len(sent),
                      sent[:len(sent) // 2])
        harness.wait_for("the end of imap", lambda: not self.peaks())
        self.assertEqual(self.fetch(user, "A"), [])
        self.assert_nowhere()

    @each_format
    def test_killed(self, user):
        """kill -9 in the middle of a message."""
        sent = self.message("%s\r\n" + 200000 * "some line of it\r\n")
        self.empty(user, "A")
        with Raw(self.server.port, user) as imap:
            imap.send(b"t APPEND A {%d+}\r\n" % len(sent),
                      sent[:len(sent) // 2])
            pids = [pid for pid, name in self.processes()
                    if name == "imap"]
            self.assertTrue(pids)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        harness.wait_for("the end of imap", lambda: not self.peaks())
        self.assertEqual(self.server.files_with(self.secret), [])
        self.assertEqual(self.fetch(user, "A"), [])
        for path in self.server.files_in_tmp():
            os.unlink(path)


def main():
    if not os.path.isdir(BUILT):
        print("skipped: the Dovecot plugin was not built")
        raise SystemExit(77)
    harness.main()


if __name__ == "__main__":
    main()

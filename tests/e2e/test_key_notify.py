# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""`sealpost key check --notify`: owner and admin are told ahead of the end of a
key, once per step, and not twice after a crash. Mail is handed to a program in
sendmail's place that keeps it; the last test hands it to a real Postfix."""
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import unittest

import harness
from harness import BUILD, run

CONF = """\
[accounts]
directory = {folder}/db/directory.db
secrets = {folder}/db/secrets.db
[stats]
database = {folder}/db/stats.db
[notify]
admin = {admin}
sender = keys@one.example
sendmail = {folder}/sendmail
"""
# Keeps each mail and how it was called; fails, or waits, when a file says so.
SENDMAIL = """\
#!/bin/sh
test ! -e {folder}/fail || exit 75
n=$(ls {folder}/mails | wc -l)
{{ echo "$@"; cat; }} > {folder}/mails/$n
test ! -e {folder}/hang || {{ touch {folder}/hangs; exec sleep 60; }}
"""
PROGRAM = os.path.join(BUILD, "ctl", "sealpost")


class NotifyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sealpost-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("db", "mails", "gnupg"):
            os.mkdir(self.path(name), 0o700)
        self.addCleanup(run, "gpgconf", "--homedir", self.path("gnupg"),
                        "--kill", "all", status=None)
        self.configure()
        with open(self.path("sendmail"), "w") as f:
            f.write(SENDMAIL.format(folder=self.folder))
        os.chmod(self.path("sendmail"), 0o755)
        self.sealpost("init")
        self.sealpost("domain", "add", "one.example")

    def configure(self, admin="root@one.example"):
        with open(self.path("sealpost.conf"), "w") as f:
            f.write(CONF.format(folder=self.folder, admin=admin))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def sealpost(self, *command, stdin=None, status=0):
        done = run(PROGRAM, "-c", self.path("sealpost.conf"), *command,
                   stdin=stdin, status=status)
        return done.stdout.decode()

    def gpg(self, *arguments):
        return run("gpg", "--homedir", self.path("gnupg"), "--batch",
                   "--no-tty", "--passphrase", "", *arguments).stdout

    def add(self, name, expire):
        """An account whose key ends then (gpg's syntax)."""
        address = name + "@one.example"
        self.gpg("--quick-generate-key", "<%s>" % address, "future-default",
                 "default", expire)
        self.sealpost("user", "add", address)
        self.sealpost("key", "import", address, stdin=self.gpg(
            "--export", "<%s>" % address))
        return address

    def extend(self, address, expire):
        """The owner renews the key, and the admin imports it."""
        listed = self.gpg("--with-colons", "--list-keys", "<%s>" % address)
        primary, *_ = re.findall(r"(?m)^fpr:+([0-9A-F]+):", listed.decode())
        self.gpg("--quick-set-expire", primary, expire)
        self.gpg("--quick-set-expire", primary, expire, "*")
        self.sealpost("key", "import", address, stdin=self.gpg(
            "--export", "<%s>" % address))

    def notify(self, status=0):
        """(owners mailed, accounts the admin was told about)."""
        said = json.loads(self.sealpost("key", "check", "--notify", "--json",
                                        status=status))
        return said["mailed_owners"], said["told_admin"]

    def mails(self):
        """[(arguments, text)] since the last call."""
        found = []
        for name in sorted(os.listdir(self.path("mails")), key=int):
            with open(self.path("mails", name)) as f:
                arguments, _, text = f.read().partition("\n")
            found.append((arguments, text))
            os.unlink(self.path("mails", name))
        return found

    def test_once_per_step(self):
        ann = self.add("ann", "20d")
        self.add("bob", "0")
        self.assertEqual(self.notify(), (1, 1))
        (to_owner, owner), (to_admin, admin) = self.mails()
        self.assertEqual(to_owner, "-i -f keys@one.example -- " + ann)
        self.assertEqual(to_admin,
                         "-i -f keys@one.example -- root@one.example")
        self.assertIn("To: <%s>\nSubject: Your mail key ends on " % ann,
                      owner)
        self.assertIn("Auto-Submitted: auto-generated\n", owner)
        self.assertIn("within 30 days", owner)
        self.assertIn(ann, admin)
        self.assertNotIn("bob", admin)
        for _ in range(2):
            self.assertEqual(self.notify(), (0, 0))
        self.assertEqual(self.mails(), [])

        for expire, within in (("5d", "within 7 days"),
                               ("seconds=72000", "within 1 day")):
            self.extend(ann, expire)
            self.assertEqual(self.notify(), (1, 1))
            mails = self.mails()
            self.assertEqual(len(mails), 2)
            self.assertTrue(all(within in text for _, text in mails))
            self.assertEqual(self.notify(), (0, 0))
        self.mails()

        self.extend(ann, "2y")
        self.assertEqual(self.notify(), (0, 0))
        self.extend(ann, "21d")  # another end is told anew
        self.assertEqual(self.notify(), (1, 1))

    def test_when_it_is_over(self):
        """The owner of a key that is over cannot be mailed; the admin is."""
        ann = self.add("ann", "seconds=2")
        harness.wait_for("the end of the key", lambda: "expired" in
                         self.sealpost("key", "check", status=None))
        self.assertEqual(self.notify(status=1), (0, 1))
        (arguments, text), = self.mails()
        self.assertIn("root@one.example", arguments)
        self.assertIn(ann + ": ended on", text)
        self.assertEqual(self.notify(status=1), (0, 0))
        self.assertEqual(self.mails(), [])

    def test_without_the_option_nobody_is_mailed(self):
        self.add("ann", "5d")
        self.sealpost("key", "check")
        self.assertEqual(self.mails(), [])
        self.assertFalse(os.path.exists(self.path("db", "notices.db")))

    def test_what_failed_is_sent_later(self):
        self.add("ann", "5d")
        open(self.path("fail"), "w").close()
        done = run(PROGRAM, "-c", self.path("sealpost.conf"), "key", "check",
                   "--notify", status=75)
        self.assertIn(b"sealpost: mail to ", done.stderr)
        os.unlink(self.path("fail"))
        self.assertEqual(self.notify(), (1, 1))
        self.assertEqual(len(self.mails()), 2)
        os.unlink(self.path("sendmail"))
        self.assertEqual(self.notify(), (0, 0))  # nothing to send

    def test_nobody_to_tell(self):
        self.configure(admin="")
        self.add("ann", "5d")
        self.assertEqual(self.notify(), (1, 0))
        (arguments, text), = self.mails()
        self.assertIn("ann@", arguments)

    def test_a_disabled_owner(self):
        ann = self.add("ann", "5d")
        self.sealpost("user", "disable", ann)
        self.assertEqual(self.notify(), (0, 1))

    def test_killed_while_sending(self):
        """Neither the owner's mail nor any other is sent twice."""
        self.add("ann", "5d")
        open(self.path("hang"), "w").close()
        check = subprocess.Popen([PROGRAM, "-c", self.path("sealpost.conf"),
                                  "key", "check", "--notify"],
                                 stdout=subprocess.DEVNULL,
                                 start_new_session=True)
        harness.wait_for("the mail", lambda: os.path.exists(
            self.path("hangs")))
        os.killpg(check.pid, signal.SIGKILL)
        check.wait()
        os.unlink(self.path("hang"))
        self.assertEqual(len(self.mails()), 1)
        self.assertEqual(self.notify(), (0, 1))  # the owner's was claimed
        (arguments, _), = self.mails()
        self.assertIn("root@", arguments)
        with contextlib.closing(sqlite3.connect(
                self.path("db", "notices.db"))) as db:
            db.execute("UPDATE notices SET claimed = claimed - 7200")
            db.commit()
        done = run(PROGRAM, "-c", self.path("sealpost.conf"), "key", "check",
                   "--notify")
        self.assertIn(b"may not have been sent", done.stderr)
        self.assertEqual(self.mails(), [])
        done = run(PROGRAM, "-c", self.path("sealpost.conf"), "key", "check",
                   "--notify")
        self.assertEqual(done.stderr, b"")

    def test_two_at_once(self):
        for n in range(5):
            self.add("user%d" % n, "5d")
        runs = [subprocess.Popen([PROGRAM, "-c", self.path("sealpost.conf"),
                                  "key", "check", "--notify", "--json"],
                                 stdout=subprocess.PIPE) for _ in range(4)]
        said = [json.loads(r.communicate()[0]) for r in runs]
        self.assertEqual([r.returncode for r in runs], [0] * 4)
        self.assertEqual(sum(s["mailed_owners"] for s in said), 5)
        self.assertEqual(sum(s["told_admin"] for s in said), 5)

    def test_backups_have_it(self):
        self.add("ann", "5d")
        self.notify()
        self.mails()
        self.assertIn("notices.db", self.sealpost("backup", self.path("b")))
        os.unlink(self.path("db", "notices.db"))
        self.sealpost("restore", self.path("b"), "--replace")
        self.assertEqual(self.notify(), (0, 0))


class RealPostfix(harness.SiteTest):
    def test_the_owner_gets_it_sealed(self):
        site = self.site
        site.write_conf(hop_more="[notify]\nadmin = root@outside.example")
        os.environ["MAIL_CONFIG"] = site.path("etc")
        self.addCleanup(os.environ.pop, "MAIL_CONFIG")
        site.add_account("ann@one.example", expire="5d")
        site.sealpost("key", "check", "--notify")
        stored = harness.wait_for("the notice", lambda: next(
            (open(p, "rb").read() for p in site.stored_files()), None))
        self.assertIn(b"BEGIN PGP MESSAGE", stored)
        self.assertNotIn(b"within 7 days", stored)
        self.assertIn(b"within 7 days", site.unseal(stored))
        _, recipients, text = site.sink.wait("Mail keys that end")
        self.assertIn(b"ann@one.example", text)


if __name__ == "__main__":
    harness.main()

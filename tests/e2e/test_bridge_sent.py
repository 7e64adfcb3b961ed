# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The sealed copy of what is sent through sealpost-bridge, in Sent on a real
Dovecot: there once, whoever brings it and whatever ends in between."""
import base64
import imaplib
import os
import re
import shutil
import signal

import harness
from bridge_site import main, verifier
from fake_imap import Tap
from harness import forms_of, holds, wait_for
from test_bridge_smtp import ANN, BOB, OUT, SIZE, SmtpCase


class Sent(SmtpCase):
    """The copy of what was sent."""

    def stored(self, folder="Sent", address=ANN):
        """Messages in the folder on the server, with our Message-ID."""
        with self.site.direct(address) as c:
            c.select(folder, readonly=True)
            _, found = c.search(None, "HEADER", "Message-ID",
                                '"%s"' % self.message_id)
            return [c.fetch(n.decode(), "(FLAGS BODY.PEEK[])")[1][0]
                    for n in found[0].split()]

    def subscribed(self, folder, address):
        with self.site.direct(address) as c:
            return any(folder.encode() in (one or b"")
                       for one in c.lsub()[1])

    def wait_stored(self, count=1):
        return wait_for("a copy in Sent", lambda: (
            lambda s: s if len(s) >= count else None)(self.stored()))

    def read(self, address=ANN):
        """The copies as the bridge shows them."""
        with self.site.client(address) as c:
            c.select("Sent", readonly=True)
            _, found = c.search(None, "HEADER", "Message-ID",
                                '"%s"' % self.message_id)
            return [c.fetch(n.decode(), "(BODY.PEEK[])")[1][0][1]
                    for n in found[0].split()]

    def assert_sealed(self, stored):
        self.assertIn(b"multipart/encrypted", stored)
        for form in forms_of(self.secret):
            self.assertNotIn(form, stored)

    def submit(self, message, *recipients):
        raw = self.logged_in()
        raw.envelope(*recipients)
        self.assertEqual(raw.data(message + b".\r\n")[0], 250)
        return raw

    def left_behind(self):
        return [n for n in os.listdir(self.site.path("state"))
                if n.startswith("sent-")]

    def wait_nothing_left(self):
        wait_for("an empty queue", lambda: not self.left_behind())

    def test_copy(self):
        self.submit(self.message())
        (head, stored), = self.wait_stored()
        self.assertIn(b"\\Seen", head)
        self.assert_sealed(stored)
        self.assertEqual(self.read(), [self.message()])
        self.wait_nothing_left()

    def test_bcc(self):
        """Recipients that no field names are in the copy alone."""
        message = self.message(to="%s, %s" % (OUT, BOB))
        self.submit(message, OUT, BOB, "hidden@outside.example")
        self.wait_stored()
        copy, = self.read()
        head, body = message.split(b"\r\n\r\n", 1)
        self.assertEqual(copy, head + b"\r\nBcc: hidden@outside.example"
                         b"\r\n\r\n" + body)
        self.assertEqual(self.outside(), message)

    def test_refused_has_no_copy(self):
        raw = self.logged_in()
        raw.envelope()
        self.assertEqual(raw.data(self.message(
            body="x" * 70 + "\n" * SIZE) + b".\r\n")[0], 552)
        self.assertEqual(self.left_behind(), [])
        self.assertEqual(self.stored(), [])

    def test_client_appends_too(self):
        """Thunderbird's order: SMTP, then APPEND with a Bcc."""
        message = self.message()
        copy = message.replace(b"\r\n\r\n", b"\r\nBcc: h@x.example\r\n\r\n",
                               1)
        self.submit(message)
        with self.site.client(ANN) as c:
            status, said = c.append("Sent", "(\\Seen)", None, copy)
            self.assertEqual(status, "OK")
            self.assertIn(b"APPENDUID", said[0])
            self.assertEqual(len(self.wait_stored()), 1)
            # a second one is meant
            c.append("Sent", "(\\Seen)", None, copy)
            self.assertEqual(len(self.wait_stored(2)), 2)
        self.wait_nothing_left()

    def test_client_appends_after_a_restart(self):
        copy = self.message().replace(
            b"\r\n\r\n", b"\r\nBcc: h@x.example\r\n\r\n", 1)
        self.submit(self.message())
        self.wait_stored()
        self.wait_nothing_left()
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.site.stop_bridge(number=number)
            self.site.start_bridge()
        with self.site.client(ANN) as c:
            status, said = c.append("Sent", "(\\Seen)", None, copy)
            self.assertEqual(status, "OK")
            uid = re.search(rb"APPENDUID \d+ (\d+)", said[0]).group(1)
            self.assertEqual(len(self.stored()), 1)
            c.select("Sent", readonly=True)
            _, found = c.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
            self.assertEqual(found[0][1], self.message())
            # a second one is meant
            c.append("Sent", "(\\Seen)", None, copy)
            self.assertEqual(len(self.stored()), 2)

    def test_client_brings_it_back(self):
        """What has left Sent since is stored when a client appends it."""
        for restart in (False, True):
            self.message_id = "<%s@x.example>" % harness.canary()
            self.submit(self.message())
            self.wait_stored()
            self.wait_nothing_left()
            if restart:
                self.site.stop_bridge()
                self.site.start_bridge()
            with self.site.client(ANN) as c:
                c.select("Sent")
                _, found = c.uid("SEARCH", "HEADER", "Message-ID",
                                 '"%s"' % self.message_id)
                uid = found[0].decode()
                self.assertEqual(c.uid("MOVE", uid, "Drafts")[0], "OK")
                status, said = c.append("Sent", None, None, self.message())
                self.assertEqual(status, "OK")
                self.assertNotIn(b" %s]" % uid.encode(), said[0])
            self.assertEqual(len(self.stored()), 1)

    def test_client_is_cut_off(self):
        """It appends anew when its APPEND had no answer: there is one copy."""
        tap = Tap(self.site.tls, self.site.imaps_port)
        self.addCleanup(tap.close)
        settings = self.site.accounts[ANN].settings
        before = dict(settings)
        settings["imap_port"] = tap.port
        self.site.stop_bridge()
        self.site.start_bridge("timeout = 2s")
        try:
            self.submit(self.message())
            self.wait_stored()
            self.wait_nothing_left()
            with self.assertRaises(imaplib.IMAP4.abort), \
                    self.site.client(ANN) as c:
                c.select("Sent")
                tap.hold()
                c.append("Sent", None, None, self.message())
            tap.cut()
            tap.let_go()
            with self.site.client(ANN) as c:
                self.assertEqual(c.append("Sent", None, None,
                                          self.message())[0], "OK")
            self.assertEqual(len(self.stored()), 1)
        finally:
            settings.clear()
            settings.update(before)
            self.site.stop_bridge()
            self.site.start_bridge()

    def test_client_appends_first(self):
        message = self.message()
        with self.site.client(ANN) as c:
            self.assertEqual(c.append("Sent", "(\\Seen)", None, message)[0],
                             "OK")
        self.submit(message)
        self.wait_nothing_left()
        self.assertEqual(len(self.stored()), 1)

    def test_another_body(self):
        message = self.message()
        self.submit(message)
        with self.site.client(ANN) as c:
            c.append("Sent", None, None, message + b"more\r\n")
        self.assertEqual(len(self.wait_stored(2)), 2)

    def test_drafts(self):
        """The same message elsewhere is another one."""
        message = self.message()
        with self.site.client(ANN) as c:
            c.append("Drafts", None, None, message)
        self.submit(message)
        self.assertEqual(len(self.wait_stored()), 1)
        self.assertEqual(len(self.stored("Drafts")), 1)

    def hand_in_while_imap_is_down(self):
        raw = self.logged_in()
        raw.envelope()
        raw.ask("DATA")
        self.site.stop_dovecot()
        raw.send(self.message() + b".\r\n")
        self.assertEqual(raw.reply()[0], 250)

    def copy_that_waits(self):
        """Its path, and where the log's lines begin."""
        self.addCleanup(self.site.restart_dovecot)
        start = len(self.site.bridge.lines)
        self.hand_in_while_imap_is_down()
        self.outside()
        self.site.bridge.wait_line("warning: sent: .*not stored", start)
        left, = self.left_behind()
        return self.site.path("state", left), start

    def test_imap_is_down(self):
        """The mail is sent; the copy comes later, also after a restart."""
        path, _ = self.copy_that_waits()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertFalse(holds(path, forms_of(self.secret)))
        self.site.stop_bridge()
        self.site.restart_dovecot()
        self.site.start_bridge()
        with self.site.submission_client(ANN):
            pass
        self.assertEqual(len(self.wait_stored()), 1)
        self.assertEqual(self.read(), [self.message()])
        self.wait_nothing_left()

    def test_file_is_removed(self):
        """By its user, while it waits: it is tried no more."""
        path, start = self.copy_that_waits()
        os.unlink(path)
        before = self.logins()
        self.site.restart_dovecot()
        self.site.bridge.wait_line("warning: sent: .*its file has gone",
                                   start)
        self.assertEqual(self.logins(), before)
        self.assertEqual(len([line for line in self.site.bridge.lines[start:]
                              if "warning: sent:" in line]), 2)

    def logins(self):
        """Those that the server has taken."""
        return self.site.log_of("dovecot").count("imap-login: Login: user=")

    def test_copy_outlives_a_power_cut(self):
        """Its file is on the disk, and then its name."""
        if shutil.which("strace") is None or harness.run(
                "strace", "-o", "/dev/null", "true",
                status=None).returncode != 0:
            self.skipTest("there is no strace that may trace")
        trace = self.site.path("trace")
        strace = harness.Daemon([
            "strace", "-f", "-y", "-o", trace, "-e", "trace=fsync,rename",
            "-p", str(self.site.bridge.pid)], self.site.path("log", "strace"))
        self.addCleanup(strace.stop)
        strace.wait_line("attached")
        self.submit(self.message())
        state = re.escape(self.site.path("state"))
        steps = (r"fsync\(\d+<%s/sent-[^>]*\.new>.* = 0" % state,
                 r'rename.*%s/sent-[^"]*\.eml"\) = 0' % state,
                 r"fsync\(\d+<%s>.* = 0" % state)

        def traced():
            with open(trace) as f:
                return re.search("(?s)" + ".*".join(steps), f.read())
        wait_for("what strace has seen", traced)

    def test_login_is_refused(self):
        """The password is another one at the server: no try but one."""
        ann = self.site.accounts[ANN]
        right = ann.verifier
        rounds, salt = right.split("}")[1].split(",")[:2]
        raw = self.logged_in()
        self.site.put_verifier(ann, verifier(
            "another", int(rounds), base64.b64decode(salt)))
        start = len(self.site.bridge.lines)
        failures = self.failures()
        try:
            for _ in range(2):
                raw.envelope()
                self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
                self.site.bridge.wait_line(
                    "warning: sent: .* until the user logs in again", start)
            self.assertEqual(len(self.left_behind()), 2)
        finally:
            self.site.put_verifier(ann, right)
        with self.site.client(ANN):
            self.wait_nothing_left()
        self.assertEqual(len(self.stored()), 2)
        self.assertEqual(self.failures(), failures + 1)
        self.assertEqual(len([line for line in self.site.bridge.lines[start:]
                              if "warning: sent:" in line]), 1)

    def failures(self):
        """Logins that the server has refused."""
        with open(self.site.path("log", "dovecot")) as f:
            return len([line for line in f if re.search(
                "auth: .*(mismatch|failed)", line)])

    def kill_before_the_copy(self):
        """The bridge, between the server's yes and the copy; its path."""
        self.hand_in_while_imap_is_down()
        self.site.stop_bridge(number=signal.SIGKILL)
        left, = self.left_behind()
        self.site.restart_dovecot()
        self.assertEqual(self.stored(), [])
        return self.site.path("state", left)

    def resume(self):
        """The next run, and a login."""
        self.site.start_bridge()
        with self.site.client(ANN):
            pass
        self.wait_nothing_left()

    def test_killed(self):
        self.addCleanup(self.site.restart_dovecot)
        path = self.kill_before_the_copy()
        kept = self.site.path("kept.eml")
        shutil.copy2(path, kept)
        self.resume()
        self.assertEqual(self.read(), [self.message()])
        self.outside()
        # killed once more, before it knew that the copy was stored
        self.site.stop_bridge()
        os.rename(kept, path)
        shutil.chown(path, harness.MAIL_USER)
        self.resume()
        self.assertEqual(len(self.stored()), 1)

    def test_killed_before_the_clients_copy(self):
        self.addCleanup(self.site.restart_dovecot)
        self.kill_before_the_copy()
        self.site.start_bridge()
        with self.site.client(ANN) as c:
            c.append("Sent", "(\\Seen)", None, self.message().replace(
                b"\r\n\r\n", b"\r\nBcc: h@x.example\r\n\r\n", 1))
        self.wait_nothing_left()
        self.assertEqual(len(self.stored()), 1)

    def test_folders(self):
        """The configured one; else that with the attribute, of any name."""
        for name, settings in (("Out/M&APw-ll \\ \"x\"", True),
                               ("Sent", False)):
            quoted = '"%s"' % re.sub(r'([\\"])', r"\\\1", name)
            with self.site.direct(BOB) as c:
                c.create(quoted)
            if settings:
                self.site.accounts[BOB].settings["sent_folder"] = name
            self.site.stop_bridge()
            self.site.start_bridge()
            self.message_id = "<%s@x.example>" % harness.canary()
            with self.site.submission_client(BOB) as c:
                c.sendmail(ANN, [OUT], self.message())
            wait_for("a copy", lambda: self.stored(quoted, BOB))
            self.site.accounts[BOB].settings.pop("sent_folder", None)
        for name, made in (("Not there/yet", True), ("Never//there", False)):
            self.site.accounts[BOB].settings["sent_folder"] = name
            self.site.stop_bridge()
            self.site.start_bridge()
            self.message_id = "<%s@x.example>" % harness.canary()
            start = len(self.site.bridge.lines)
            with self.site.submission_client(BOB) as c:
                c.sendmail(ANN, [OUT], self.message())
            if made:
                wait_for("the folder", lambda: self.subscribed(name, BOB))
                wait_for("a copy", lambda: self.stored('"%s"' % name, BOB))
        self.site.bridge.wait_line("warning: sent: .*not stored", start)
        self.site.accounts[BOB].settings.pop("sent_folder", None)
        self.site.stop_bridge()
        self.site.start_bridge()
        with self.site.submission_client(BOB):
            pass
        self.wait_nothing_left()

    def test_missing_folder_later(self):
        """It is made by a try that is not the first, as by the first."""
        self.addCleanup(self.site.restart_dovecot)
        name = "Not there/later"
        settings = self.site.accounts[ANN].settings
        settings["sent_folder"] = name
        self.site.stop_bridge()
        self.site.start_bridge()
        try:
            self.kill_before_the_copy()
            self.resume()
            self.assertEqual(len(self.stored('"%s"' % name)), 1)
            self.assertTrue(self.subscribed(name, ANN))
        finally:
            del settings["sent_folder"]
            self.site.stop_bridge()
            self.site.start_bridge()

    def test_no_plaintext_on_disk(self):
        for _ in range(3):
            self.submit(self.message())
        self.wait_stored(3)
        self.assertEqual(self.site.files_with(
            self.secret, "mail/" + ANN, "state", "home", "log", "run",
            "spool"), [])


if __name__ == "__main__":
    main()

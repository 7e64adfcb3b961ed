#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Whatever breaks, nothing of a message reaches the store in plaintext."""
import contextlib
import os
import signal
import smtplib
import sqlite3
import subprocess
import threading

from harness import SiteTest, main, wait_for, with_crlf, without_trace

ANN = "ann@one.example"
BOB = "bob@one.example"
KEYLESS = "keyless@one.example"
LEGACY = "legacy@one.example"
STORE = ("mail", "spool", "log", "db", "stats", "run", "dovecot")


class FailClosed(SiteTest):
    @classmethod
    def prepare(cls):
        cls.site.add_account(ANN)
        cls.site.add_account(BOB)
        cls.site.add_account(KEYLESS, key=False)
        cls.site.sealpost("alias", "add", "nobody.home@one.example", KEYLESS)
        cls.site.sealpost("alias", "add", "half@one.example", KEYLESS, ANN)

    def tearDown(self):
        if self.site.milter is None:
            self.site.start_milter()
        self.site.empty_queue()

    def assert_deferred(self, address, reason=""):
        said = self.site.wait_deferred(address, reason)
        self.assert_not_stored()
        self.assert_nowhere(*STORE)
        return said

    def assert_arrives(self, address, sent):
        """The cause is gone: the message comes, sealed."""
        self.site.flush()
        self.assert_sealed_copy(address, sent)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def big_message(self, octets):
        line = ("%s %s\n" % (self.secret, "x" * 20)).encode()
        return self.message() + line * (octets // len(line))

    # ---- the milter ----

    def test_milter_stopped(self):
        sent = self.message()
        with self.site.milter_stopped():
            self.site.send(sent, ANN)
            self.assert_deferred(ANN)
        self.assert_arrives(ANN, sent)

    def test_milter_killed_in_a_message(self):
        sent = self.big_message(9 << 20)
        pid = self.site.milter.pid

        def octets_read():
            with open("/proc/%d/io" % pid) as f:
                return int(f.readline().split()[1])
        at_start = octets_read()
        self.site.send(sent, ANN)
        wait_for("a message in the milter",
                 lambda: octets_read() - at_start > 1 << 20)
        self.site.stop_milter(signal.SIGKILL)
        if self.site.find_stored(ANN, self.message_id):
            self.skipTest("the milter was faster than its killer")
        self.assert_deferred(ANN)
        self.site.start_milter()
        self.assert_arrives(ANN, sent)

    def test_milter_killed_while_it_answers_nothing(self):
        sent = self.message()
        start = len(self.site.maillog())
        self.site.milter.send_signal(signal.SIGSTOP)
        self.site.send(sent, ANN)
        self.site.wait_maillog(r"postfix/hop/smtpd\[\d+\]: connect", start)
        self.site.stop_milter(signal.SIGKILL)
        self.assert_deferred(ANN)
        self.site.start_milter()
        self.assert_arrives(ANN, sent)

    def test_stop_finishes_messages_in_flight(self):
        sent = self.big_message(9 << 20)
        self.site.send(sent, ANN)
        wait_for("the message in the hop",
                 lambda: any(e["queue_name"] == "active"
                             for e in self.site.queue()) or
                 self.site.find_stored(ANN, self.message_id))
        self.assertEqual(self.site.stop_milter(), 0)
        self.site.start_milter()
        self.assert_arrives(ANN, sent)

    def test_reload_under_load(self):
        """SIGHUP again and again: no message is lost, doubled or plain."""
        count, senders = 20, 4
        ids, done = [], threading.Event()
        failures = []

        def send(sender):
            for n in range(count):
                message_id = "<load-%d-%d-%s" % (sender, n,
                                                 self.message_id[1:])
                ids.append(message_id)
                try:
                    self.site.send(self.message().replace(
                        self.message_id.encode(), message_id.encode()), ANN)
                except Exception as e:  # pylint: disable=broad-except
                    failures.append(e)

        def reload():
            while not done.is_set():
                self.site.reload_milter()
        threads = [threading.Thread(target=send, args=(n,))
                   for n in range(senders)]
        reloader = threading.Thread(target=reload)
        for t in threads + [reloader]:
            t.start()
        for t in threads:
            t.join()
        self.site.flush()
        self.site.wait_queue_empty()
        done.set()
        reloader.join()
        self.assertEqual(failures, [])
        with self.site.imap(ANN) as client:
            client.select(readonly=True)
            for message_id in ids:
                _, found = client.search(None, "HEADER", "Message-ID",
                                         '"%s"' % message_id)
                self.assertEqual(len(found[0].split()), 1, message_id)
        self.assert_nowhere()

    def test_reload_of_a_bad_configuration(self):
        """The old one stays in force."""
        start = len(self.site.milter.lines)
        good = self.site.more["milter"]
        self.site.write_conf(milter="nonsense = yes")
        self.site.milter.send_signal(signal.SIGHUP)
        self.site.milter.wait_line("nonsense", start)
        sent = self.message()
        self.site.send(sent, ANN)
        self.assert_sealed_copy(ANN, sent)
        self.site.write_conf(milter=good)
        self.site.reload_milter()

    # ---- the database ----

    @contextlib.contextmanager
    def in_queue(self, address):
        """A message that waits for the milter."""
        sent = self.message()
        self.site.stop_milter()
        self.site.send(sent, address)
        self.assert_deferred(address)
        yield sent

    def test_database_locked(self):
        """Postfix waits or fails for now, and so does the milter."""
        database = sqlite3.connect(self.site.path("db", "directory.db"),
                                   isolation_level=None)
        self.addCleanup(database.close)
        with self.in_queue(ANN) as sent:
            self.site.start_milter()
            database.execute("BEGIN EXCLUSIVE")
            reply = self.site.milter_reply(ANN, sent)
            self.assertEqual(reply[:4], b"y451", reply)
            self.site.flush()
            with contextlib.suppress(smtplib.SMTPServerDisconnected):
                self.assertEqual(
                    self.site.rcpt_reply(ANN, timeout=2)[0] // 100, 4)
            self.assert_not_stored()
            self.assert_nowhere(*STORE)
            database.execute("ROLLBACK")
        # Postfix gives a service that failed a rest of a minute.
        self.site.restart_postfix()
        self.assert_arrives(ANN, sent)

    @contextlib.contextmanager
    def damaged_database(self, damage):
        path = self.site.path("db", "directory.db")
        with open(path, "rb") as f:
            good = f.read()
        mode = os.stat(path).st_mode & 0o777
        damage(path)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with open(path, "wb") as f:
                f.write(good)
            os.chmod(path, mode)
            # Postfix's proxymap has the old file open.
            self.site.restart_postfix()

    def check_damage(self, damage):
        with self.in_queue(ANN) as sent, self.damaged_database(damage):
            self.site.start_milter()
            reply = self.site.milter_reply(ANN, sent)
            self.assertEqual(reply[:4], b"y451", reply)
            self.site.flush()
            self.assert_not_stored()
            self.assert_nowhere(*STORE)
        self.assert_arrives(ANN, sent)

    def test_database_removed(self):
        self.check_damage(os.unlink)

    def test_database_is_garbage(self):
        def scribble(path):
            with open(path, "r+b") as f:
                f.write(os.urandom(os.path.getsize(path)))
        self.check_damage(scribble)

    def test_database_of_a_newer_version(self):
        def renew(path):
            with contextlib.closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA user_version = 9999")
        self.check_damage(renew)

    def test_statistics_cannot_be_written(self):
        """Counting never decides about mail."""
        os.chmod(self.site.path("stats"), 0)
        try:
            sent = self.message()
            self.site.send(sent, ANN)
            self.assert_sealed_copy(ANN, sent)
        finally:
            os.chmod(self.site.path("stats"), 0o755)

    # ---- the disk ----

    def test_disk_full(self):
        spool = self.site.path("spool")
        mount = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=1777",
                 "sealpost-test", spool]
        if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("a file system cannot be mounted here")
        try:
            sent = self.big_message(4 << 20)
            self.site.send(sent, ANN)
            self.site.milter.wait_line("deferred, rcpt=<%s>.*No space" % ANN)
            self.assert_deferred(ANN, "Cannot encrypt now")
            subprocess.run(["mount", "-o", "remount,size=64m", spool],
                           check=True)
            self.assert_arrives(ANN, sent)
        finally:
            subprocess.run(["umount", spool], check=True)

    # ---- keys ----

    def test_no_key_is_refused_at_rcpt(self):
        for address in (KEYLESS, "Keyless+x@one.example",
                        "nobody.home@one.example"):
            with self.subTest(address):
                code, text = self.site.rcpt_reply(address)
                self.assertEqual(code, 450)
                self.assertTrue(text.startswith(b"4.7.1"), text)
        self.assertEqual(self.site.rcpt_reply("half@one.example")[0], 250)

    def test_no_key_behind_an_alias(self):
        """The one who has a key gets his copy, the other's waits."""
        sent = self.message()
        self.site.send(sent, "half@one.example")
        self.assert_sealed_copy(ANN, sent)
        self.assertIn("Cannot encrypt", self.site.wait_deferred(KEYLESS))
        self.assertIsNone(self.site.find_stored(KEYLESS, self.message_id))
        self.assert_nowhere(*STORE)

    def test_key_expires_in_the_queue(self):
        address = "short@one.example"
        self.site.add_account(address, expire="seconds=6")
        self.assertEqual(self.site.rcpt_reply(address)[0], 250)
        sent = self.message()
        with self.site.milter_stopped():
            self.site.send(sent, address)
            self.assert_deferred(address)
            wait_for("the end of the key",
                     lambda: self.site.rcpt_reply(address)[0] == 450)
        self.site.flush()
        self.site.milter.wait_line("deferred, rcpt=<%s>" % address)
        self.assert_deferred(address, "Cannot encrypt now")
        self.site.sealpost("key", "import", address,
                           stdin=self.site.make_key(address, force=True))
        self.assert_arrives(address, sent)

    def test_missing_key_reject(self):
        sent = self.message()
        with self.site.milter_stopped():
            self.site.send(sent, "half@one.example")
            self.site.wait_deferred(KEYLESS)
        self.site.write_conf(milter="missing_key = reject")
        self.site.apply()
        self.site.reload_postfix()
        self.site.reload_milter()
        try:
            wait_for("the new answer", lambda: self.site.rcpt_reply(
                KEYLESS)[0] == 550)
            self.site.flush()
            _, recipients, bounce = self.site.sink.wait(self.message_id)
            self.assertIn("sender@outside.example", recipients[0])
            self.assertIn(b"5.7.1", bounce)
            self.assertNotIn(self.secret.encode(), bounce)
            self.assert_sealed_copy(ANN, sent)
            self.assert_nowhere(*STORE)
        finally:
            self.site.write_conf(milter="")
            self.site.apply()
            self.site.reload_postfix()
            self.site.reload_milter()

    def test_disabled_account(self):
        self.site.sealpost("user", "disable", BOB)
        try:
            self.assertEqual(self.site.rcpt_reply(BOB)[0], 450)
        finally:
            self.site.sealpost("user", "enable", BOB)
        self.assertEqual(self.site.rcpt_reply(BOB)[0], 250)

    # ---- addresses that are no accounts ----

    def test_unenrolled_defer(self):
        self.site.send(self.message(), LEGACY)
        self.assert_deferred(LEGACY, "Cannot encrypt now")

    def with_policy(self, policy):
        self.site.write_conf(milter="unenrolled = " + policy)
        self.site.reload_milter()
        self.addCleanup(self.site.reload_milter)
        self.addCleanup(self.site.write_conf, milter="")

    def test_unenrolled_reject(self):
        self.with_policy("reject")
        self.site.send(self.message(), LEGACY)
        _, _, bounce = self.site.sink.wait(self.message_id)
        self.assertNotIn(self.secret.encode(), bounce)
        self.assert_not_stored()
        self.assert_nowhere(*STORE)

    def test_unenrolled_pass(self):
        self.with_policy("pass")
        before = self.site.stats()["plaintext"]
        start = len(self.site.milter.lines)
        sent = self.message()
        self.site.send(sent, LEGACY)
        stored = self.site.wait_stored(LEGACY, self.message_id)
        self.assertEqual(without_trace(stored), sent)
        self.site.milter.wait_line("warning: .*plaintext.*<%s>" % LEGACY,
                                   start)
        self.assertEqual(self.site.stats()["plaintext"], before + 1)

    # ---- forgeries ----

    def test_forged_marker(self):
        sent = self.message(more="X-Sealpost: v=1; at-rest; body=3; "
                            "head=AAAA\nx-sealpost : v=1\n")
        self.site.send(sent, ANN)
        stored = self.site.wait_stored(ANN, self.message_id)
        self.assertEqual(len(self.site.key_ids(stored)), 1)
        header = stored.split(b"\n\n", 1)[0].lower()
        self.assertEqual(header.count(b"\nx-sealpost:"), 1)
        self.assertNotIn(b"head=aaaa\n", header)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_forged_encryption(self):
        """A Content-Type proves nothing."""
        sent = self.message().replace(
            b"Content-Type: text/plain; charset=utf-8\n",
            b"Content-Type: multipart/encrypted; boundary=b;\n"
            b" protocol=\"application/pgp-encrypted\"\n").replace(
                b"\n\n", b"\n\n--b\nContent-Type: application/"
                b"pgp-encrypted\n\nVersion: 1\n\n--b\nContent-Type: "
                b"application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n\n",
                1) + b"-----END PGP MESSAGE-----\n\n--b--\n"
        self.site.send(sent, ANN)
        self.assert_sealed_copy(ANN, sent)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_already_sealed_for_another(self):
        """What is sealed for Bob is sealed again for Ann; for Bob it stays."""
        foreign = self.site.sealpost("seal", BOB, stdin=self.message())
        head, body = foreign.encode().split(b"\n\n", 1)
        kept, skipping = [], False
        for line in head.splitlines(True):
            if not line.startswith((b" ", b"\t")):
                skipping = line.startswith(b"X-Sealpost")
            if not skipping:
                kept.append(line)
        foreign = b"".join(kept).rstrip(b"\n") + b"\n\n" + body
        self.site.send(foreign, ANN, BOB)
        self.site.wait_stored(ANN, self.message_id)
        bob = self.site.wait_stored(BOB, self.message_id)
        self.assertEqual(without_trace(bob), foreign)
        ann = self.site.find_stored(ANN, self.message_id)
        self.assertEqual(self.site.key_ids(ann), self.site.subkey_ids(ANN))
        self.assertEqual(without_trace(self.site.unseal(ann)), foreign)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    # ---- sizes ----

    def test_largest_message(self):
        """What port 25 takes, the hop takes too, though it grows."""
        limit = 10240000
        sent = self.big_message(limit - 5000)
        sent = with_crlf(sent)[:limit - 3000] + b"\r\n"
        self.site.send(sent, ANN)
        stored = self.site.wait_stored(ANN, self.message_id)
        self.assertGreater(len(stored), limit)
        self.assertEqual(without_trace(self.site.unseal(stored)),
                         sent.replace(b"\r\n", b"\n"))
        self.site.wait_queue_empty()
        self.assert_nowhere()


if __name__ == "__main__":
    main()

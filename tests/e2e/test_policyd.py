#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""sealpost-policyd, asked directly as Postfix does. Needs no root."""
import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

from harness import free_ports, wait_for
from policy_client import DUNNO, Server, request

ANN, BOB = "ann@example.org", "bob@example.org"


class Case(unittest.TestCase):
    options = {}

    def setUp(self):
        self.server = Server(**self.options)
        self.addCleanup(self.server.close)

    def connect(self):
        c = self.server.connect()
        self.addCleanup(c.close)
        return c

    def ask(self, *requests):
        """One answer for each, on a connection of its own."""
        c = self.connect()
        c.send(b"".join(requests))
        c.end()
        self.assertEqual(c.read_all(), DUNNO * len(requests))


class Counting(Case):
    def test_counters(self):
        self.ask(request("1", size=100, recipients=3),
                 request("2", size=50), request("3", user=BOB, size=7))
        self.assertEqual(self.server.rows(),
                         {ANN: (2, 4, 150), BOB: (1, 1, 7)})

    def test_once_per_instance(self):
        self.ask(request("1"), request("1"))
        self.ask(request("1"))
        self.assertEqual(self.server.rows(), {ANN: (1, 1, 1000)})

    def test_end_of_message_only(self):
        self.ask(*(request(state, state=state) for state in (
            "CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "VRFY", "")))
        self.assertEqual(self.server.rows(), {})

    def test_one_name_for_one_account(self):
        self.ask(request("1"), request("2", user="Ann@EXAMPLE.org"))
        self.assertEqual(self.server.rows(), {ANN: (2, 2, 2000)})

    def test_total_only(self):
        self.ask(request("1", user=""), request("2", user="no address"),
                 request("3", user="x" * 5000))
        self.assertEqual(self.server.rows(), {"": (3, 3, 3000)})

    def test_nothing_else_is_stored(self):
        self.ask(request("instance-of-this", more="recipient=eve@secret.x\n"))
        for name in ("stats.db", "stats.db-wal"):
            with open(os.path.join(self.server.folder, name), "rb") as f:
                data = f.read()
            for text in (b"eve@secret", b"instance-of-this", b"192.0.2.17"):
                self.assertNotIn(text, data)

    def test_nonsense_of_the_right_shape(self):
        self.ask(b"\n", b"a=b\n\n", b"request=x\nsize=-1\n\n",
                 b"protocol_state=END-OF-MESSAGE\nsize=9e99\n"
                 b"recipient_count=many\n\n")
        self.assertEqual(self.server.rows(), {"": (1, 0, 0)})

    def test_nonsense_of_the_wrong_shape(self):
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"=x\n", b"a=\0\n\n",
                     b"a=" + b"x" * 20000, b"\x16\x03\x01\n"):
            c = self.connect()
            good = self.connect()
            self.assertEqual(c.ask(request(text.hex()[:50])), DUNNO)
            with contextlib.suppress(OSError):
                c.send(text)
            self.assertEqual(c.read_all(), b"", text)
            self.assertEqual(good.ask(request("x" + text.hex()[:50])), DUNNO)
        self.assertEqual(self.server.rows()[ANN][0], 10)

    def test_byte_by_byte(self):
        c = self.connect()
        for octet in request("1", size=5):
            c.send(bytes([octet]))
        self.assertEqual(c.read(len(DUNNO)), DUNNO)
        self.assertEqual(self.server.rows(), {ANN: (1, 1, 5)})

    def test_a_large_pipeline(self):
        self.ask(*(request(str(n)) for n in range(2000)))
        self.assertEqual(self.server.rows(), {ANN: (2000, 2000, 2000000)})

    def test_retention(self):
        self.ask(request("1"))
        with contextlib.closing(sqlite3.connect(self.server.database)) as db:
            for days, address in ((3, "old"), (5, "older"), (1, "young")):
                db.execute(
                    "INSERT INTO counters SELECT hour - ?, ?, logins, "
                    "failed_logins, sent, recipients, octets, received, "
                    "sealed, already_sealed, deferred, refused, plaintext "
                    "FROM counters WHERE address = ?",
                    (days * 86400, address, ANN))
            db.commit()
        self.server.write_conf(stats="retention = 2d")
        self.server.daemon.send_signal(signal.SIGHUP)
        wait_for("the old to go",
                 lambda: sorted(self.server.rows()) == [ANN, "young"])


class Outage(Case):
    options = {"policyd": "max_unwritten = 3"}

    def assert_quick(self, user=ANN, count=15):
        """Half of the answers within 100 ms: the machine may be busy. A try to
        write takes half of that: of few answers it may be the middle one."""
        c = self.connect()
        times = []
        for n in range(count):
            start = time.monotonic()
            self.assertEqual(
                c.ask(request("%s-%d" % (time.monotonic(), n), user=user)),
                DUNNO)
            times.append(time.monotonic() - start)
        self.assertLess(sorted(times)[count // 2], 0.1, times)
        self.assertLess(max(times), 1.0, times)

    def assert_written_later(self, expected):
        wait_for("the counters", lambda: {
            address: row[0] for address, row in self.server.rows().items()
        } == expected)
        self.server.daemon.wait_line("counting in the database again")

    @contextlib.contextmanager
    def locked(self):
        db = sqlite3.connect(self.server.database, isolation_level=None)
        with contextlib.closing(db):
            db.execute("BEGIN EXCLUSIVE")
            yield
            db.execute("ROLLBACK")

    def test_locked(self):
        with self.locked():
            self.assert_quick()
            self.server.daemon.wait_line("warning: counting in memory: .*"
                                         "another program is writing")
        self.assert_written_later({ANN: 15})

    def test_full(self):
        limit = (16 << 10, resource.RLIM_INFINITY)
        self.ask(request("1"))
        resource.prlimit(self.server.daemon.pid, resource.RLIMIT_FSIZE, limit)
        self.assert_quick()
        self.server.daemon.wait_line("counting in memory")
        resource.prlimit(self.server.daemon.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY,) * 2)
        self.assert_written_later({ANN: 16})

    def test_broken(self):
        """Another file in its place: the daemon has mapped what was there."""
        broken = os.path.join(self.server.folder, "broken")
        with open(broken, "wb") as f:
            f.write(b"nonsense" * 4000)
        self.remove_database()
        os.rename(broken, self.server.database)
        self.assert_quick()
        self.server.daemon.wait_line("counting in memory")
        self.remove_database()
        self.server.init()
        self.assert_written_later({ANN: 15})

    def remove_database(self):
        for name in os.listdir(self.server.folder):
            if name.startswith("stats.db"):
                os.unlink(os.path.join(self.server.folder, name))

    def test_replaced(self):
        """The handle on a file that was removed is not written to."""
        self.ask(request("1"))
        self.remove_database()
        self.assert_quick()
        self.server.init()
        self.assert_written_later({ANN: 15})

    def test_missing_at_start(self):
        self.server.stop()
        self.remove_database()
        self.server.start()
        self.assert_quick()
        self.server.init()
        self.assert_written_later({ANN: 15})

    def test_no_more_than_the_bound(self):
        """Of entries, one for an account and hour: within one hour."""
        left = 3600 - time.time() % 3600
        if left < 10:
            wait_for("the next hour", lambda: time.time() % 3600 < 1800,
                     left + 5)
        with self.locked():
            for n in range(5):
                self.assert_quick("user%d@example.org" % n, 7)
        self.assert_written_later(
            {"user%d@example.org" % n: 7 for n in range(3)})
        self.server.daemon.wait_line(r"written=3, lost=14\)")
        # what comes next is counted again
        self.ask(request("last", user=BOB))
        self.assertEqual(self.server.rows()[BOB][0], 1)

    def test_stopped_before_the_next_try(self):
        with self.locked():
            self.assert_quick()
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(self.server.rows()[ANN][0], 15)


class Killed(Case):
    """What was answered is in the database, whatever happens then."""

    def ask_on(self, thread, run, counts):
        n = 0
        with contextlib.suppress(OSError), \
                contextlib.closing(self.server.connect()) as c:
            while True:
                c.send(request("%d-%d-%d" % (run, thread, n),
                               user="user%d@example.org" % thread))
                counts[thread][0] += 1
                if c.read(len(DUNNO)) != DUNNO:
                    break
                counts[thread][1] += 1
                n += 1

    def test_kill(self):
        counts = [[0, 0] for _ in range(8)]  # asked, answered
        for run in range(3):
            threads = [threading.Thread(target=self.ask_on,
                                        args=(n, run, counts))
                       for n in range(8)]
            for t in threads:
                t.start()
            wanted = sum(c[1] for c in counts) + 500
            wait_for("answers", lambda: sum(c[1] for c in counts) > wanted)
            self.server.stop(signal.SIGKILL)
            for t in threads:
                t.join()
            rows = self.server.rows()
            for n, (asked, answered) in enumerate(counts):
                is_there = rows.get("user%d@example.org" % n, (0,))[0]
                self.assertGreaterEqual(is_there, answered)
                self.assertLessEqual(is_there, asked)
            self.server.start()


class Inherited(Case):
    options = {"inherit": True}

    def test_restart(self):
        """Who comes while there is no daemon waits and is answered."""
        first = self.connect()
        self.assertEqual(first.ask(request("1")), DUNNO)
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(first.read_all(), b"")
        waiting = self.connect()
        waiting.send(request("2"))
        self.server.start()
        self.assertEqual(waiting.read(len(DUNNO)), DUNNO)
        self.assertEqual(self.server.rows()[ANN][0], 2)

    def test_socket_stays(self):
        self.server.stop()
        self.assertTrue(os.path.exists(self.server.address))
        self.server.start()


class Program(Case):
    def status(self, *options):
        return subprocess.run(self.server.program(*options),
                              capture_output=True, text=True)

    def test_options(self):
        self.assertEqual(self.status("-n").returncode, 0)
        self.assertIn("usage:", self.status("-h").stdout)
        self.assertEqual(self.status("-x").returncode, 2)
        self.assertEqual(self.status("-d", "more").returncode, 2)

    def test_bad_configuration(self):
        self.server.write_conf(policyd="max_connections = 0")
        for options in (["-n"], ["-d"]):
            done = self.status(*options)
            self.assertEqual(done.returncode, 1)
            self.assertIn("max_connections", done.stderr)
        # a running daemon keeps what it had
        self.server.daemon.send_signal(signal.SIGHUP)
        self.server.daemon.wait_line("not reloaded")
        self.ask(request("1"))

    def test_second_one(self):
        done = self.status("-d")
        self.assertEqual(done.returncode, 75)
        self.assertIn("another process listens", done.stderr)
        self.ask(request("1"))

    def test_stop(self):
        c = self.connect()
        c.send(request("1") + request("2") + b"size=")
        self.assertEqual(self.server.stop(), 0)
        self.assertEqual(c.read_all(), DUNNO * 2)
        self.assertEqual(self.server.rows()[ANN][0], 2)
        self.assertFalse(os.path.exists(self.server.address))

    def test_after_a_kill(self):
        self.server.stop(signal.SIGKILL)
        self.assertTrue(os.path.exists(self.server.address))
        self.server.start()
        self.ask(request("1"))


class Inet(Case):
    def setUp(self):
        port, = free_ports(1)
        self.options = {"listen": "inet:127.0.0.1:%d" % port}
        super().setUp()
        self.server.address = ("127.0.0.1", port)

    def test_requests(self):
        self.ask(request("1"), request("2"))
        self.assertEqual(self.server.rows()[ANN][0], 2)


if __name__ == "__main__":
    unittest.main()

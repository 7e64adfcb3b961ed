#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""sealpost-saslauthd, spoken to directly as Postfix does. Needs no root."""
import contextlib
import os
import signal
import sqlite3
import threading
import time
import unittest

from auth_client import (AuthConnection, Closed, PASSWORD, PATIENCE, Scram,
                         Server, b64, plain)

ANN, BOB = "ann@example.org", "bob@example.org"
OK_ANN = ("OK", "user=" + ANN)
FAIL = ("FAIL", "")


class Case(unittest.TestCase):
    conf = "max_delay = 0s\n"
    inherit = False

    @classmethod
    def setUpClass(cls):
        cls.server = Server(cls.conf, cls.inherit)
        cls.addClassCleanup(cls.server.close)
        cls.server.add(ANN)

    def connect(self, **more):
        c = self.server.connect(**more)
        self.addCleanup(c.close)
        return c


class Logins(Case):
    def test_greeting(self):
        greeting = self.connect().greeting
        words = [line.split("\t")[0] for line in greeting]
        self.assertEqual(words, ["VERSION", "MECH", "MECH", "MECH", "SPID",
                                 "CUID", "COOKIE", "DONE"])
        self.assertEqual(greeting[0], "VERSION\t1\t2")
        self.assertIn("MECH\tPLAIN\tplaintext", greeting)
        self.assertIn("MECH\tSCRAM-SHA-256\tmutual-auth", greeting)
        self.assertNotEqual(greeting[5], self.connect().greeting[5])

    def test_every_mechanism(self):
        c = self.connect()
        self.assertEqual(c.plain(ANN), OK_ANN)
        self.assertEqual(c.plain(ANN), OK_ANN)
        self.assertEqual(c.login(ANN), OK_ANN)
        self.assertEqual(c.scram(ANN), OK_ANN)
        self.assertEqual(c.plain("Ann@EXAMPLE.org"), OK_ANN)

    def test_plain_without_initial_response(self):
        c = self.connect()
        self.assertEqual(c.auth("PLAIN"), ("CONT", b""))
        self.assertEqual(c.cont(plain(ANN, PASSWORD)), OK_ANN)

    def test_empty_initial_response(self):
        """As Exim sends it when there is none."""
        c = self.connect()
        self.assertEqual(c.auth("PLAIN", b""), ("CONT", b""))
        self.assertEqual(c.cont(plain(ANN, PASSWORD)), OK_ANN)
        self.assertEqual(c.auth("LOGIN", b""), ("CONT", b"Username:"))
        c.send("CANCEL\t%d\n" % c.id)

    def test_login_with_initial_response(self):
        c = self.connect()
        self.assertEqual(c.auth("LOGIN", ANN.encode()),
                         ("CONT", b"Password:"))
        self.assertEqual(c.cont(PASSWORD.encode()), OK_ANN)

    def test_scram_says_y(self):
        c = self.connect()
        client = Scram(ANN, PASSWORD, "y,,")
        _, said = c.auth("SCRAM-SHA-256", client.first())
        _, said = c.cont(client.final(said))
        client.check(said)
        self.assertEqual(c.cont(b""), OK_ANN)

    def test_wrong_password(self):
        c = self.connect()
        self.assertEqual(c.plain(ANN, "wrong"), FAIL)
        self.assertEqual(c.login(ANN, "wrong"), FAIL)
        self.assertEqual(c.scram(ANN, "wrong"), FAIL)
        self.assertEqual(c.plain(ANN), OK_ANN)
        self.server.wait_line(r"\]: login failed, user=<%s>, rip=192\.0\.2\.1, "
                              r"mechanism=PLAIN, reason=password" % ANN)

    def test_authzid(self):
        c = self.connect()
        self.assertEqual(c.auth("PLAIN", plain(ANN, PASSWORD, ANN)), OK_ANN)
        self.assertEqual(c.auth("PLAIN", plain(ANN, PASSWORD, BOB)), FAIL)

    def test_channel_binding_is_refused(self):
        c = self.connect()
        client = Scram(ANN, PASSWORD, "p=tls-exporter,,")
        self.assertEqual(c.auth("SCRAM-SHA-256", client.first()), FAIL)
        client = Scram(ANN, PASSWORD)
        _, said = c.auth("SCRAM-SHA-256", client.first())
        self.assertEqual(c.cont(client.final(said, binding="y,,")), FAIL)

    def test_nonce_is_checked(self):
        c = self.connect()
        client = Scram(ANN, PASSWORD)
        _, said = c.auth("SCRAM-SHA-256", client.first())
        self.assertEqual(c.cont(client.final(said, nonce="other")), FAIL)

    def test_insecure(self):
        c = self.connect()
        self.assertEqual(c.plain(ANN, secured=False), FAIL)
        self.assertEqual(c.auth("LOGIN", secured=False), FAIL)
        self.assertEqual(c.scram(ANN, secured=False), OK_ANN)

    def test_unknown_mechanism(self):
        c = self.connect()
        self.assertEqual(c.auth("CRAM-MD5"), FAIL)
        self.assertEqual(c.auth("SCRAM-SHA-256-PLUS"), FAIL)
        self.assertEqual(c.plain(ANN), OK_ANN)

    def test_garbled_responses(self):
        c = self.connect()
        for line in ("AUTH\t%d\tPLAIN\tsecured\tresp=%%%%\n",
                     "AUTH\t%d\tPLAIN\tsecured\tresp=AAAA\tsecured\n",
                     "AUTH\t%d\tSCRAM-SHA-256\tresp=bg==\n"):
            c.id += 1
            c.send(line % c.id)
            self.assertEqual(c.answer(), FAIL)
        for rubbish in (b"\0", b"\0\0", b"\0ann\0", b"\0\0pw",
                        b"\0" * 2000, b"\xff\0\xff\0\xff",
                        b"\0" + b"a" * 5000 + b"\0pw",
                        b"\0ann\0" + b"p" * 5000):
            self.assertEqual(c.auth("PLAIN", rubbish), FAIL)
        self.assertEqual(c.plain(ANN), OK_ANN)

    def test_cancel(self):
        c = self.connect()
        self.assertEqual(c.auth("LOGIN"), ("CONT", b"Username:"))
        c.send("CANCEL\t%d\n" % c.id)
        self.assertEqual(c.plain(ANN), OK_ANN)
        c.id -= 1
        self.assertEqual(c.cont(b"late"), FAIL)

    def test_interleaved(self):
        """As Dovecot's own clients do: many requests on one connection."""
        c = self.connect()
        for number in range(1, 11):
            c.send("AUTH\t%d\tPLAIN\tsecured\tresp=%s\n" % (
                number, b64(plain(ANN, PASSWORD if number % 2 else "no"))))
        answers = {line.split("\t")[1]: line.split("\t")[0]
                   for line in (c.read() for _ in range(10))}
        self.assertEqual(answers, {str(n): "OK" if n % 2 else "FAIL"
                                   for n in range(1, 11)})

    def test_counters(self):
        c = self.connect()
        c.plain(ANN)
        c.scram(ANN)
        c.plain("nobody-at-all@example.org")
        self.server.stop()
        self.server.start()
        found = dict((m, (ok, failed)) for m, ok, failed in self.server.stats(
            "SELECT mechanism, sum(logins), sum(failed_logins) "
            "FROM mechanisms GROUP BY mechanism"))
        self.assertGreaterEqual(found["PLAIN"][0], 1)
        self.assertGreaterEqual(found["PLAIN"][1], 1)
        self.assertGreaterEqual(found["SCRAM-SHA-256"][0], 1)
        days = self.server.stats("SELECT address, day FROM last_logins")
        self.assertEqual([(a, d % 86400) for a, d in days], [(ANN, 0)])
        self.assertEqual(self.server.stats(
            "SELECT count(*) FROM counters WHERE address NOT IN ('', '%s')"
            % ANN), [(0,)])


class Strangers(Case):
    """Nothing tells an unknown user from a wrong password."""

    def scram_salt(self, user):
        c = self.connect()
        c.scram(user, "wrong")
        return c.last_scram.salt, c.last_scram.iterations

    def test_fake_salt(self):
        salt, iterations = self.scram_salt("eve@example.org")
        self.assertEqual(iterations, 100000)
        self.assertEqual(len(salt), 16)
        self.assertEqual(self.scram_salt("EVE@example.org"),
                         (salt, iterations))
        self.assertNotEqual(self.scram_salt("eva@example.org")[0], salt)
        self.server.stop()
        self.server.start()
        self.assertEqual(self.scram_salt("eve@example.org")[0], salt)
        other = Server(self.conf)
        self.addCleanup(other.close)
        with other.connect() as c:
            c.scram("eve@example.org", "wrong")
            self.assertNotEqual(c.last_scram.salt, salt)

    def test_same_answers(self):
        c = self.connect()
        self.server.add("out@example.org")
        self.server.sealpost("user", "disable", "out@example.org")
        for user, password in ((ANN, "wrong"), ("eve@example.org", PASSWORD),
                               ("out@example.org", PASSWORD),
                               ("no address", PASSWORD)):
            self.assertEqual(c.plain(user, password), FAIL)
            self.assertEqual(c.login(user, password), FAIL)
            self.assertEqual(c.scram(user, password), FAIL)

    def cpu_time(self):
        """What all threads of the daemon have used, in nanoseconds."""
        folder = "/proc/%d/task" % self.server.process.pid
        total = 0
        for task in os.listdir(folder):
            with open("%s/%s/schedstat" % (folder, task)) as f:
                total += int(f.read().split()[0])
        return total

    def test_same_work(self):
        """The processor time of the cheapest of a few, measured in turn: the
        machine may be slower at one moment than at another."""
        c = self.connect()
        self.server.add("off@example.org")
        self.server.sealpost("user", "disable", "off@example.org")

        def cost(user, password):
            start = self.cpu_time()
            self.assertEqual(c.plain(user, password), FAIL)
            return self.cpu_time() - start
        logins = ((ANN, "wrong"), ("eve@example.org", PASSWORD),
                  ("off@example.org", PASSWORD))
        rounds = [[cost(*login) for login in logins] for _ in range(8)]
        wrong, eve, off = (min(times) for times in zip(*rounds))
        for other in (eve, off):
            self.assertLess(abs(other - wrong), wrong * 0.3, rounds)


class Accounts(Case):
    def test_disable_and_enable_at_once(self):
        self.server.add("c1@example.org")
        c = self.connect()
        self.assertEqual(c.plain("c1@example.org")[0], "OK")
        self.server.sealpost("user", "disable", "c1@example.org")
        self.assertEqual(c.plain("c1@example.org"), FAIL)
        self.assertEqual(c.scram("c1@example.org"), FAIL)
        self.server.sealpost("user", "enable", "c1@example.org")
        self.assertEqual(c.plain("c1@example.org")[0], "OK")

    def test_new_password_at_once(self):
        self.server.add("c2@example.org")
        c = self.connect()
        self.assertEqual(c.plain("c2@example.org")[0], "OK")
        self.server.sealpost("user", "passwd", "c2@example.org",
                             "--password-stdin", data="new\n")
        self.assertEqual(c.plain("c2@example.org"), FAIL)
        self.assertEqual(c.plain("c2@example.org", "new")[0], "OK")

    def test_disabled_in_mid_exchange(self):
        self.server.add("c3@example.org")
        c = self.connect()
        client = Scram("c3@example.org", PASSWORD)
        _, said = c.auth("SCRAM-SHA-256", client.first())
        _, said = c.cont(client.final(said))
        self.server.sealpost("user", "disable", "c3@example.org")
        self.assertEqual(c.cont(b""), FAIL)

    def test_mechanisms_of_an_account(self):
        self.server.add("c4@example.org")
        c = self.connect()
        self.assertEqual(c.plain("c4@example.org")[0], "OK")
        self.server.sealpost("user", "set", "c4@example.org",
                             "mechanisms=SCRAM-SHA-256")
        self.assertEqual(c.plain("c4@example.org"), FAIL)
        self.assertEqual(c.login("c4@example.org"), FAIL)
        self.assertEqual(c.scram("c4@example.org")[0], "OK")

    def test_removed(self):
        self.server.add("c5@example.org")
        c = self.connect()
        self.assertEqual(c.plain("c5@example.org")[0], "OK")
        self.server.sealpost("user", "remove", "c5@example.org")
        self.assertEqual(c.plain("c5@example.org"), FAIL)


class Trouble(Case):
    def test_database_gone(self):
        """Never FAIL: the end of the connection is a temporary error."""
        path = os.path.join(self.server.folder, "db", "secrets.db")
        with self.connect() as c:
            self.assertEqual(c.plain(ANN), OK_ANN)
            self.away(path)
            with self.assertRaises(Closed):
                c.plain(ANN)
        for method in ("plain", "scram", "login"):
            with self.connect() as c, self.assertRaises(Closed):
                getattr(c, method)(ANN)
        self.back(path)
        self.eventually_ok()

    def away(self, path):
        """Renamed; back() is called when the test fails, too."""
        os.rename(path, path + ".away")
        self.addCleanup(self.back, path)

    def back(self, path):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + ".away", path)

    def eventually_ok(self):
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.connect() as c, contextlib.suppress(Closed):
                self.assertEqual(c.plain(ANN), OK_ANN)
                return
            self.assertLess(time.monotonic(), deadline)

    def test_database_locked(self):
        path = os.path.join(self.server.folder, "db", "secrets.db")
        with contextlib.closing(sqlite3.connect(
                path, isolation_level=None)) as db:
            db.execute("BEGIN EXCLUSIVE")
            with self.connect() as c, self.assertRaises(Closed):
                c.plain(ANN)
            db.execute("ROLLBACK")
        self.eventually_ok()

    def test_damaged_verifier(self):
        self.server.add("d1@example.org")
        path = os.path.join(self.server.folder, "db", "secrets.db")
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE verifiers SET verifier = 'x' "
                       "WHERE address = 'd1@example.org'")
        with self.connect() as c, self.assertRaises(Closed):
            c.plain("d1@example.org")
        with self.connect() as c:
            self.assertEqual(c.plain(ANN), OK_ANN)

    def test_stats_gone(self):
        path = os.path.join(self.server.folder, "stats")
        self.away(path)
        c = self.connect()
        self.assertEqual(c.plain(ANN), OK_ANN)
        self.assertEqual(c.plain(ANN, "wrong"), FAIL)
        self.back(path)

    def test_malformed_lines(self):
        """Each costs its sender the connection, and nobody else anything."""
        other = self.connect()
        for line in (b"\n", b"HELLO\n", b"VERSION\t2\t0\n", b"VERSION\n",
                     b"VERSION\t1\t0\nVERSION\t1\t0\n",
                     b"CPID\t1\n", b"AUTH\t1\tPLAIN\n",
                     b"VERSION\t1\t0\nCPID\tx\n",
                     b"VERSION\t1\t0\nCPID\t1\nAUTH\n",
                     b"VERSION\t1\t0\nCPID\t1\nAUTH\t99999999999\tPLAIN\n",
                     b"VERSION\t1\t0\nCPID\t1\nAUTH\t1\n",
                     b"VERSION\t1\t0\nCPID\t1\nAUTH\t1\t" + b"X" * 100 + b"\n",
                     b"VERSION\t1\t0\nCPID\t1\nAUTH\t1\tLOGIN\tsecured\n"
                     b"AUTH\t1\tLOGIN\tsecured\n",
                     b"VERSION\t1\t0\nCPID\t1\n" + b"A" * 20000,
                     b"\0" * 100 + b"\n", b"\xff\xfe\n"):
            with self.subTest(line[:60]), \
                    AuthConnection(self.server.address, greet=False) as c:
                c.read_greeting()
                with self.assertRaises(Closed):
                    c.send(line)
                    while True:
                        c.read()
            self.assertEqual(other.plain(ANN), OK_ANN)

    def test_too_many_requests(self):
        with self.connect() as c, self.assertRaises(Closed):
            c.send("".join("AUTH\t%d\tLOGIN\tsecured\n" % n
                           for n in range(1, 100)))
            while True:
                c.read()


class Reload(Case):
    def reload(self, more):
        start = len(self.server.lines)
        self.server.configure(more)
        self.server.process.send_signal(signal.SIGHUP)
        self.server.wait_line(r"reloaded the configuration|not reloaded",
                              start)

    def test_mechanisms(self):
        before = self.connect()
        self.reload("mechanisms = SCRAM-SHA-256\n")
        c = self.connect()
        self.assertEqual([g for g in c.greeting if g.startswith("MECH")],
                         ["MECH\tSCRAM-SHA-256\tmutual-auth"])
        for connection in (before, c):
            self.assertEqual(connection.plain(ANN), FAIL)
            self.assertEqual(connection.scram(ANN), OK_ANN)
        self.reload("mechanisms = NONE\n")
        self.assertEqual(c.scram(ANN), OK_ANN)
        self.reload(self.conf)
        self.assertEqual(before.plain(ANN), OK_ANN)


class Delays(Case):
    conf = "max_delay = 1s\n"

    def cost(self, c, *arguments, **more):
        start = time.monotonic()
        self.assertEqual(c.plain(*arguments, **more), FAIL)
        return time.monotonic() - start

    def test_they_grow_up_to_the_cap(self):
        self.server.add("e1@example.org")
        c = self.connect(rip="2001:db8:1:1::1")
        times = [self.cost(c, "e1@example.org", "wrong") for _ in range(4)]
        self.assertGreater(times[1], 0.45)
        self.assertGreater(times[3], 0.95)
        self.assertLess(max(times), 3)

    def test_a_failure_delays_nobody_else(self):
        slow = self.connect(rip="198.51.100.1")
        for _ in range(4):
            self.cost(slow, "e2@example.org", "wrong")
        with self.connect() as c:
            c.plain(ANN)
            slow.id += 1
            slow.send("AUTH\t%d\tPLAIN\tsecured\tresp=%s\n" % (
                slow.id, b64(plain("e2@example.org", "wrong"))))
            start = time.monotonic()
            self.assertEqual(c.plain(ANN), OK_ANN)
            self.assertLess(time.monotonic() - start, 0.8)
        self.assertEqual(slow.answer(), FAIL)

    def test_by_network(self):
        """Other accounts from the same /64 wait as well."""
        c = self.connect()
        for n in range(6):
            last = self.cost(c, "n%d@example.org" % n, "wrong",
                             rip="2001:db8:2:2::%d" % n)
        self.assertGreater(last, 0.95)
        self.assertLess(self.cost(c, "m@example.org", "wrong",
                                  rip="2001:db8:3:3::1"), 0.9)


class Full(Case):
    conf = "max_delay = 0s\nthreads = 1\nqueue = 2\n"

    def test_a_full_queue_ends_connections(self):
        clients = [self.connect() for _ in range(8)]
        self.assertEqual(clients[0].plain(ANN), OK_ANN)
        # all at once, however slowly they are sent
        self.server.process.send_signal(signal.SIGSTOP)
        try:
            for c in clients:
                c.id += 1
                c.send("AUTH\t%d\tPLAIN\tsecured\tresp=%s\n" % (
                    c.id, b64(plain(ANN, "wrong"))))
        finally:
            self.server.process.send_signal(signal.SIGCONT)
        # meanwhile others are served: the cache, and SCRAM
        with self.connect() as c:
            self.assertEqual(c.plain(ANN), OK_ANN)
        ends = []
        for c in clients:
            try:
                ends.append(c.answer())
            except Closed:
                ends.append("closed")
        self.assertGreaterEqual(ends.count(FAIL), 2)
        self.assertGreaterEqual(ends.count("closed"), 3)


class Load(Case):
    inherit = True

    def test_500_at_once(self):
        clients = [self.connect() for _ in range(500)]
        clients[0].plain(ANN)
        for c in clients:
            c.id += 1
            c.send("AUTH\t%d\tPLAIN\tsecured\tresp=%s\n" % (
                c.id, b64(plain(ANN, PASSWORD))))
        for c in clients:
            self.assertEqual(c.answer(), OK_ANN)

    def test_restart_loses_no_login(self):
        """The socket is inherited; a client does as Postfix: it connects again
        where it cannot write, and never where it waits for an answer."""
        stop = threading.Event()
        done, lost = [], []

        def work(kind):
            c = self.server.connect()
            while not stop.is_set():
                try:
                    try:
                        word, _ = getattr(c, kind)(ANN)
                    except Closed as e:
                        if not isinstance(e.__cause__, BrokenPipeError):
                            raise
                        c.close()
                        c = self.server.connect()
                        word, _ = getattr(c, kind)(ANN)
                    done.append(word)
                except Exception as e:
                    lost.append(repr(e) + repr(e.__cause__))
                    c.close()
                    c = self.server.connect()
            c.close()
        workers = [threading.Thread(target=work, args=(kind,))
                   for kind in ("plain", "scram", "login", "plain")]
        for w in workers:
            w.start()
        for _ in range(5):
            before = len(done)
            while len(done) < before + 30 and not lost:
                stop.wait(0.01)
            self.assertEqual(self.server.stop(), 0)
            self.server.start()
        stop.set()
        for w in workers:
            w.join()
        self.assertEqual(lost, [])
        self.assertEqual(set(done), {"OK"})

    def test_killed_in_mid_login(self):
        c = self.connect()
        c.auth("LOGIN")
        self.server.stop(signal.SIGKILL)
        with self.assertRaises(Closed):
            c.cont(ANN.encode())
        self.server.start()
        self.assertEqual(self.connect().login(ANN), OK_ANN)


if __name__ == "__main__":
    unittest.main()

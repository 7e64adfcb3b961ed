# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Who has not logged in to sealpost-bridge: guesses passwords, takes places."""
import concurrent.futures
import contextlib
import socket
import time

from bridge_site import BridgeCase, main
from harness import PASSWORD, PATIENCE
from test_bridge_smtp import Raw, b64

ANN = "ann@one.example"


class Imap:
    """IMAP by hand."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        self.greeting = self.file.readline()
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def ask(self, line):
        """The tagged answer; b"" at the end."""
        self.socket.sendall(b"a " + line.encode() + b"\r\n")
        for answer in self.file:
            if answer.startswith(b"a "):
                return answer[2:]
        return b""


class Strangers(BridgeCase):
    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN, login="password", key="file")

    def imap(self):
        return Imap(self.site.bridge_imap)


class Places(Strangers):
    def test_strangers_make_room(self):
        """Of three places one is ann's; others come and say nothing."""
        self.site.start_bridge("max_connections = 3")
        self.addCleanup(self.site.stop_bridge)
        with self.site.client(ANN) as ann, contextlib.ExitStack() as stack:
            silent = []
            for port in (self.site.bridge_imap, self.site.bridge_smtp) * 3:
                silent.append(stack.enter_context(socket.create_connection(
                    ("127.0.0.1", port), PATIENCE)))
                self.assertRegex(silent[-1].recv(1000), rb"^(\* OK|220) ")
            # the last two have the places
            for s in silent[:-2]:
                self.assertEqual(s.recv(1000), b"")
            with self.site.submission_client(ANN) as c:
                self.assertEqual(c.noop()[0], 250)
            ann.noop()


class Guessing(Strangers):

    def setUp(self):
        super().setUp()
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)

    def fail_imap(self, address):
        """Seconds until the refusal, on a connection of its own."""
        with self.imap() as c:
            start = time.monotonic()
            self.assertIn(b"NO [AUTHENTICATIONFAILED]",
                          c.ask("LOGIN %s guess" % address))
            return time.monotonic() - start

    def fail_smtp(self, address):
        with contextlib.closing(Raw(self.site.bridge_smtp)) as c:
            c.ask("EHLO client.example")
            start = time.monotonic()
            self.assertEqual(c.ask("AUTH PLAIN " + b64(
                "\0%s\0guess" % address))[0], 535)
            return time.monotonic() - start

    def test_each_failure_waits_longer(self):
        """Whatever the connection and the protocol."""
        for fail, seconds in ((self.fail_imap, 0.25), (self.fail_smtp, 0.5),
                              (self.fail_imap, 1), (self.fail_smtp, 2)):
            self.assertGreaterEqual(fail(ANN), seconds)

    def test_unknown_addresses_share_one(self):
        for i, fail in enumerate((self.fail_imap, self.fail_smtp) * 2):
            took = fail("nobody%d@one.example" % i)
        self.assertGreaterEqual(took, 2)

    def test_the_owner_does_not_wait(self):
        """Logged in already, or with the right password."""
        with self.site.client(ANN) as old, \
                concurrent.futures.ThreadPoolExecutor() as pool:
            for _ in range(5):
                self.fail_imap(ANN)
            guess = pool.submit(self.fail_imap, ANN)  # for 8 s
            old.noop()
            with self.imap() as c:
                self.assertIn(b"OK", c.ask("LOGIN %s %s" % (ANN, PASSWORD)))
            with self.site.submission_client(ANN):
                pass
            old.noop()
            self.assertFalse(guess.done())
            self.assertGreaterEqual(guess.result(), 8)

    def test_stop(self):
        """SIGTERM does not wait for what waits."""
        for _ in range(5):
            self.fail_imap(ANN)
        start = len(self.site.bridge.lines)
        with self.imap() as c:
            c.socket.sendall(b"a LOGIN %s guess\r\n" % ANN.encode())
            self.site.bridge.wait_line("login refused, user=<%s>" % ANN,
                                       start)
            start = time.monotonic()
            self.site.stop_bridge()
            self.assertLess(time.monotonic() - start, 4)


if __name__ == "__main__":
    main()

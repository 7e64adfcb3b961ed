# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Two hundred connections that break off at random octets, on the client's side
and on the server's: no session of the bridge hangs, no descriptor is leaked, and
nothing half is stored.
"""
import contextlib
import os
import random
import select
import socket
import struct
import threading

import bridge_site
import harness

USER = "ann@one.example"
SEED = int(os.environ.get("SEALPOST_SEED", "20261121"))
ROUNDS = 100


class Cutter:
    """Forwards connections to a port and cuts them after some octets of the
    server's. It sees TLS only."""

    def __init__(self, port):
        self.port = port
        self.budget = None  # octets; None = all
        self.abrupt = False
        self.cuts = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def address(self):
        return self.listener.getsockname()[1]

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(harness.PATIENCE)

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.forward, args=(client,),
                             daemon=True).start()

    def forward(self, client):
        budget = self.budget
        with client, socket.create_connection(
                ("127.0.0.1", self.port)) as server, \
                contextlib.suppress(OSError):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    if one is client:
                        server.sendall(data)
                        continue
                    if budget is not None and len(data) >= budget:
                        client.sendall(data[:budget])
                        self.cuts += 1
                        reset(client, self.abrupt)
                        return
                    budget = budget and budget - len(data)
                    client.sendall(data)


def reset(sock, abrupt):
    """The connection ends with RST instead of FIN."""
    if abrupt:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))


class Disconnects(bridge_site.BridgeCase):
    @classmethod
    def prepare(cls):
        cls.cutter = Cutter(cls.site.imaps_port)
        cls.addClassCleanup(cls.cutter.close)
        cls.site.enrol(USER, settings={"imap_port": cls.cutter.address()})
        for i in range(5):
            cls.site.deliver(b"From: a@b.example\nSubject: %d\n\n%s\n" % (
                i, b"some text\n" * 500 * i), USER)
        cls.site.start_bridge(wrap=("env", "TMPDIR=" + cls.site.path("spool")))
        cls.idle = cls.count("task")

    @classmethod
    def count(cls, what):
        """Descriptors ("fd") or threads ("task") of the bridge."""
        return len(os.listdir("/proc/%d/%s" % (cls.site.bridge.pid, what)))

    def descriptors(self):
        """When all sessions have ended."""
        harness.wait_for("the end of all sessions",
                         lambda: self.count("task") <= self.idle,
                         3 * harness.PATIENCE)
        return self.count("fd")

    def script(self):
        password = self.site.accounts[USER].password
        message = ("Subject: half\r\n\r\n%s\r\n" % self.secret).encode() * 20
        return b"".join((
            b"a LOGIN %s %s\r\n" % (USER.encode(), password.encode()),
            b"b SELECT INBOX\r\n",
            b"c FETCH 1:* (RFC822.SIZE ENVELOPE)\r\n",
            b"d UID FETCH 1:* (UID BODY.PEEK[])\r\n",
            b"e UID SEARCH BODY text\r\n",
            b"f APPEND Drafts {%d+}\r\n" % len(message), message, b"\r\n",
            b"g IDLE\r\n", b"DONE\r\n", b"h LOGOUT\r\n"))

    def talk(self, data, abrupt, read_to_end):
        with socket.create_connection(
                ("127.0.0.1", self.site.bridge_imap),
                harness.PATIENCE) as sock:
            with contextlib.suppress(ConnectionError):
                sock.sendall(data)
                while read_to_end and sock.recv(65536):
                    pass
            reset(sock, abrupt)

    def use(self):
        """All is well."""
        with self.site.client(USER) as session:
            self.assertEqual(session.select()[1], [b"5"])
            self.assertEqual(session.fetch("5", "(BODY.PEEK[TEXT])")[1][0][1],
                             b"some text\r\n" * 2000 + b"\r\n")

    def assert_nothing_half(self):
        with self.site.client(USER) as session:
            session.select("Drafts", readonly=True)
            numbers = session.search(None, "ALL")[1][0].split()
            for n in numbers:
                text = session.fetch(n, "(BODY.PEEK[])")[1][0][1]
                self.assertEqual(text.count(self.secret.encode()), 20)
        self.assertEqual(self.site.files_with(
            self.secret, "log", "state", "home", "mail", "queue", "data",
            "run", "spool", "dovecot"), [])

    def test_clients(self):
        rng = random.Random(SEED)
        script = self.script()
        self.use()
        before = self.descriptors()
        for _ in range(ROUNDS):
            # most of them log in, which is work: not a hundred at once
            harness.wait_for("room",
                             lambda: self.count("task") < self.idle + 8)
            cut = rng.randint(1, len(script) - 1)
            with self.subTest(cut=cut, seed=SEED):
                self.talk(script[:cut], rng.random() < 0.5, False)
        self.assertLessEqual(self.descriptors(), before)
        self.use()
        self.assert_nothing_half()

    def test_servers(self):
        rng = random.Random(SEED + 1)
        script = self.script()
        self.use()
        before = self.descriptors()
        cuts = self.cutter.cuts
        for _ in range(ROUNDS):
            self.cutter.budget = int(10 ** rng.uniform(0, 4.6))
            self.cutter.abrupt = rng.random() < 0.5
            with self.subTest(budget=self.cutter.budget, seed=SEED):
                # the bridge must end the session: else this never returns
                self.talk(script, False, True)
        self.cutter.budget = None
        self.assertGreater(self.cutter.cuts - cuts, ROUNDS / 2)
        self.assertLessEqual(self.descriptors(), before)
        self.use()
        self.assert_nothing_half()


if __name__ == "__main__":
    harness.main()

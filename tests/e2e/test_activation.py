# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The daemons under a service manager, which is played by this test as systemd
does it: the listening socket is descriptor 3 (sd_listen_fds(3)), and a datagram
socket hears that they are ready, reload and stop (sd_notify(3))."""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from harness import BUILD, PATIENCE, free_ports, run
from milter_client import MilterClient
from policy_client import DUNNO, request

CONF = """\
[accounts]
directory = {folder}/directory.db
secrets = {folder}/secrets.db
[stats]
database = {folder}/stats.db
[milter]
listen = unix:{folder}/milter
socket_group =
spool_directory = {folder}
[policyd]
listen = unix:{folder}/own
socket_group =
[saslauthd]
listen = unix:{folder}/own
socket_group =
"""
BRIDGE_CONF = """\
[bridge]
imap_listen = inet:127.0.0.1:{imap}
smtp_listen = inet:127.0.0.1:{smtp}
state_directory = {folder}/state
[account ann@example.org]
imap_host = 127.0.0.1
smtp_host = 127.0.0.1
"""
GREETING = b"VERSION\t1\t2\n"
HELLO = b"VERSION\t1\t0\nCPID\t1\n"


class Manager:
    """What systemd is for one service; its folder and its configuration."""

    def __init__(self, program, abstract=False):
        self.folder = tempfile.mkdtemp(prefix="sealpost-activation-")
        self.program = program
        self.process = self.listener = None
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.notices.settimeout(PATIENCE)
        name = self.path("notify")
        self.notify = "@" + name if abstract else name
        self.notices.bind("\0" + name if abstract else name)
        self.conf = self.path("conf")
        with open(self.conf, "w") as f:
            f.write(CONF.format(folder=self.folder))
        if not program.endswith("bridge"):
            run(os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
                "init")

    def path(self, name):
        return os.path.join(self.folder, name)

    def listen(self, family=socket.AF_UNIX, backlog=1000):
        self.listener = socket.socket(family)
        self.listener.bind(self.path("socket") if family == socket.AF_UNIX
                           else ("127.0.0.1", 0))
        self.listener.listen(backlog)
        self.address = self.listener.getsockname()

    def start(self, wait=True, pid="$$"):
        """As the units do: no option, and so no -d."""
        command = ["/bin/bash", "-c", 'exec "$@"', "sh", self.program, "-c",
                   self.conf]
        fds = ()
        if self.listener:
            command[2] = ("exec 3<&%d; LISTEN_FDS=1 LISTEN_PID=%s "
                          "LISTEN_FDNAMES=x exec \"$@\"" % (
                              self.listener.fileno(), pid))
            fds = (self.listener.fileno(),)
        self.process = subprocess.Popen(
            command, pass_fds=fds, stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": self.notify})
        if wait:
            self.wait("READY=1")

    def wait(self, text):
        """The next notice is this one, and from the process itself."""
        credentials = socket.CMSG_SPACE(struct.calcsize("3i"))
        data, ancillary, _, _ = self.notices.recvmsg(4096, credentials)
        pid = struct.unpack("3i", ancillary[0][2])[0]
        data = data.decode()
        if not re.fullmatch(text, data) or pid != self.process.pid:
            raise AssertionError("notice of %d (not of %d): %r" % (
                pid, self.process.pid, data))

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGTERM)
        status = self.process.wait(PATIENCE)
        self.wait("STOPPING=1")
        return status

    def connect(self):
        s = socket.socket(self.listener.family)
        s.settimeout(PATIENCE)
        s.connect(self.address)
        return s

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.listener:
            self.listener.close()
        self.notices.close()
        shutil.rmtree(self.folder)


def program(name):
    return os.path.join(BUILD, name, "sealpost-" + name)


class Case(unittest.TestCase):
    def manager(self, name, **more):
        m = Manager(program(name), **more)
        self.addCleanup(m.close)
        return m


class Notices(Case):
    """Ready, reloading, stopping; and the process is the one that was started:
    without -d, and yet it does not go to the background."""

    def check(self, m, reload=True):
        m.start()
        if reload:
            m.signal(signal.SIGHUP)
            m.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+")
            m.wait("READY=1")
        self.assertIsNone(m.process.poll())
        self.assertEqual(m.stop(), 0)

    def test_milter(self):
        m = self.manager("milter")
        m.start(wait=False)
        m.wait("READY=1")
        # ready is who answers
        client = MilterClient(m.path("milter"), PATIENCE)
        client.close()
        m.signal(signal.SIGHUP)
        m.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+")
        m.wait("READY=1")
        self.assertEqual(m.stop(), 0)
        self.assertFalse(os.path.exists(m.path("milter")))

    def test_milter_that_reads_nonsense(self):
        """The old configuration stays, and the manager hears the end."""
        m = self.manager("milter")
        m.start()
        with open(m.conf, "a") as f:
            f.write("nonsense = 1\n")
        m.signal(signal.SIGHUP)
        m.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+")
        m.wait("READY=1")
        MilterClient(m.path("milter"), PATIENCE).close()
        self.assertEqual(m.stop(), 0)

    def test_milter_that_is_told_at_once(self):
        """libmilter's own thread takes no signal, not even while it starts."""
        for _ in range(40):
            m = self.manager("milter")
            m.start()
            m.signal(signal.SIGHUP)
            m.wait(r"RELOADING=1\nMONOTONIC_USEC=\d+")
            m.wait("READY=1")
            self.assertEqual(m.stop(), 0)

    def test_policyd(self):
        self.check(self.manager("policyd"))

    def test_saslauthd(self):
        self.check(self.manager("saslauthd"))

    def test_abstract_socket(self):
        for name in ("milter", "policyd"):
            self.check(self.manager(name, abstract=True))

    def test_stopped_again_and_again(self):
        """Who is told to stop while it does stops as it would have."""
        for name in ("milter", "policyd", "saslauthd"):
            for _ in range(5):
                m = self.manager(name)
                m.start()
                m.signal(signal.SIGTERM)
                m.wait("STOPPING=1")
                deadline = time.monotonic() + PATIENCE
                while m.process.poll() is None:
                    self.assertLess(time.monotonic(), deadline, name)
                    for number in (signal.SIGTERM, signal.SIGHUP):
                        m.signal(number)
                with self.subTest(name):
                    self.assertEqual(m.process.returncode, 0)

    def test_never_ready(self):
        """It cannot start: no READY=1, and a status that says so."""
        for name in ("milter", "policyd", "saslauthd"):
            m = self.manager(name)
            with open(m.conf, "a") as f:
                f.write("nonsense = 1\n")
            m.start(wait=False)
            self.assertEqual(m.process.wait(PATIENCE), 1)
            self.assertEqual(select.select([m.notices], [], [], 0)[0], [])

    @unittest.skipUnless(os.path.exists(program("bridge")), "no bridge")
    def test_bridge(self):
        m = self.manager("bridge")
        imap, smtp = free_ports(2)
        with open(m.conf, "w") as f:
            f.write(BRIDGE_CONF.format(folder=m.folder, imap=imap, smtp=smtp))
        self.check(m, reload=False)


class Activation(Case):
    """The socket is the manager's: it is there before the daemon, and stays."""

    speak = {
        "policyd": (request("a.1.b"), DUNNO),
        "saslauthd": (HELLO, GREETING),
    }

    def ask(self, s, name):
        question, wanted = self.speak[name]
        s.sendall(question)
        with s.makefile("rb") as f:
            answer = f.read(len(wanted))
        if not answer:
            raise ConnectionResetError("closed without an answer")
        self.assertEqual(answer, wanted)

    def each(self):
        for name in self.speak:
            for family in (socket.AF_UNIX, socket.AF_INET):
                with self.subTest(name, family=family.name):
                    m = self.manager(name)
                    m.listen(family)
                    yield m, name

    def test_who_came_before_the_daemon(self):
        for m, name in self.each():
            early = [m.connect() for _ in range(20)]
            for s in early:
                s.sendall(self.speak[name][0])
            m.start()
            for s in early:
                with s, s.makefile("rb") as f:
                    self.assertEqual(f.read(len(self.speak[name][1])),
                                     self.speak[name][1])
            self.assertFalse(os.path.exists(m.path("own")))
            self.assertEqual(m.stop(), 0)

    def test_restart(self):
        """Who connects while it is away waits and is answered."""
        for m, name in self.each():
            m.start()
            for _ in range(3):
                with m.connect() as s:
                    self.ask(s, name)
                self.assertEqual(m.stop(), 0)
                between = [m.connect() for _ in range(20)]
                for s in between:
                    s.sendall(self.speak[name][0])
                m.start()
                for s in between:
                    with s:
                        self.ask_read(s, name)
            self.assertEqual(m.stop(), 0)

    def ask_read(self, s, name):
        with s.makefile("rb") as f:
            self.assertEqual(f.read(len(self.speak[name][1])),
                             self.speak[name][1])

    def client(self, m, name, ended, done, lost):
        """Postfix connects again, once, where the daemon has hung up; that
        nobody listens is what must never be."""
        while not ended.is_set():
            try:
                with contextlib.suppress(BrokenPipeError,
                                         ConnectionResetError):
                    with m.connect() as s:
                        self.ask(s, name)
                    done.append(1)
                    continue
                with m.connect() as s:
                    self.ask(s, name)
                done.append(2)
            except Exception as e:
                lost.append(repr(e))
                return

    def test_restarts_under_load(self):
        for m, name in self.each():
            ended, done, lost = threading.Event(), [], []
            m.start()
            clients = [threading.Thread(target=self.client, args=(
                m, name, ended, done, lost)) for _ in range(4)]
            for c in clients:
                c.start()
            for _ in range(5):
                before = len(done)
                m.stop()
                m.start()
                deadline = time.monotonic() + PATIENCE
                while len(done) < before + 20 and not lost:
                    self.assertLess(time.monotonic(), deadline)
                    select.select([], [], [], 0.01)
            ended.set()
            for c in clients:
                c.join()
            self.assertEqual(lost, [])
            self.assertEqual(m.stop(), 0)

    def test_a_socket_for_somebody_else(self):
        """LISTEN_PID is not ours: the environment of a parent."""
        for name in self.speak:
            m = self.manager(name)
            m.listen()
            m.start(pid="1")
            m.address = m.path("own")
            with m.connect() as s:
                self.ask(s, name)
            self.assertEqual(m.stop(), 0)

    def test_not_a_listener(self):
        for name in self.speak:
            m = self.manager(name)
            m.listener = socket.socket(socket.AF_UNIX)
            m.start(wait=False)
            self.assertEqual(m.process.wait(PATIENCE), 1)


if __name__ == "__main__":
    unittest.main()

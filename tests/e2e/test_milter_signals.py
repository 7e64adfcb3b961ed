# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The milter as a process: a stop finishes the message in flight, a reload
under load loses nothing, memory does not grow with the message. It is spoken to
over its socket, as Postfix does."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

import milter_client

BUILD = os.environ.get("SEALPOST_BUILD", "build")
FIELDS = [(b"From", b" a@example.com"), (b"Subject", b" hello"),
          (b"Content-Type", b" text/plain")]
CANARY = b"canary of the plaintext "


def gpg(home, *args, **kwargs):
    return subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet",
                           *args], check=True, capture_output=True, **kwargs)


class Milter:
    """A milter with one account, in a temporary folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sealpost-milter.")
        self.conf = os.path.join(self.folder, "sealpost.conf")
        self.socket = os.path.join(self.folder, "milter.sock")
        self.process = None
        self.write_conf("")
        self.make_account()
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_conf(self, more):
        with open(self.conf, "w") as f:
            f.write(f"""[accounts]
directory = {self.path("directory.db")}
secrets = {self.path("secrets.db")}
[stats]
database = {self.path("stats.db")}
[milter]
listen = unix:{self.socket}
socket_group =
spool_directory = {self.folder}
max_threads = 64
{more}
""")

    def sealpost(self, *args, **kwargs):
        return subprocess.run([f"{BUILD}/ctl/sealpost", "-c", self.conf,
                               *args], check=True, capture_output=True,
                              stdin=subprocess.DEVNULL, **kwargs)

    def make_account(self):
        home = self.path("gnupg")
        os.mkdir(home, 0o700)
        gpg(home, "--passphrase", "", "--quick-generate-key",
            "ann@example.org", "future-default", "default", "never")
        key = self.path("ann.asc")
        with open(key, "wb") as f:
            f.write(gpg(home, "--export", "ann@example.org").stdout)
        self.sealpost("init")
        self.sealpost("domain", "add", "example.org")
        self.sealpost("user", "add", "ann@example.org", "--key", key)

    def start(self):
        self.log = open(self.path("log"), "ab")
        self.process = subprocess.Popen(
            [f"{BUILD}/milter/sealpost-milter", "-d", "-c", self.conf],
            stderr=subprocess.PIPE)
        self.wait_for(b"ready")
        self.pump = threading.Thread(target=self.copy_log, daemon=True)
        self.lines = []
        self.seen = threading.Condition()
        self.pump.start()

    def wait_for(self, text):
        while True:
            line = self.process.stderr.readline()
            if not line:
                raise AssertionError("the milter did not start")
            if text in line:
                return

    def copy_log(self):
        for line in self.process.stderr:
            with self.seen:
                self.lines.append(line)
                self.seen.notify_all()

    def wait_log(self, text, count=1, timeout=20):
        with self.seen:
            ok = self.seen.wait_for(
                lambda: sum(text in x for x in self.lines) >= count, timeout)
        assert ok, f"{text} is not in the log"

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def stop(self):
        """Twice is fine; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(30)
        self.pump.join(10)
        self.process.stderr.close()
        return code

    def close(self):
        self.stop()
        self.log.close()
        subprocess.run(["gpgconf", "--homedir", self.path("gnupg"), "--kill",
                        "all"], check=False, capture_output=True)
        shutil.rmtree(self.folder)


class Signals(unittest.TestCase):
    def setUp(self):
        self.milter = Milter()
        self.addCleanup(self.milter.close)

    def check_sealed(self, answer, edits):
        self.assertEqual(answer[0], b"c", answer)
        body = milter_client.new_body(edits)
        self.assertIn(b"-----BEGIN PGP MESSAGE-----", body)
        self.assertNotIn(CANARY, body)

    def test_stop_finishes_the_message_in_flight(self):
        c = milter_client.MilterClient(self.milter.socket)
        self.assertEqual(c.envelope("ann@example.org")[0], b"c")
        self.assertEqual(c.header(FIELDS)[0], b"c")
        self.assertEqual(c.body(CANARY * 100)[0], b"c")
        self.milter.process.send_signal(signal.SIGTERM)
        # no new message is taken, so the stop has begun
        late = milter_client.MilterClient(self.milter.socket)
        while late.envelope("ann@example.org")[0] == b"c":
            late.send(b"A")
        late.close()
        self.assertEqual(c.body(CANARY * 100)[0], b"c")
        self.check_sealed(*c.end())
        c.close()
        self.assertEqual(self.milter.process.wait(20), 0)

    def test_stop_without_mail_is_clean(self):
        self.assertEqual(self.milter.stop(), 0)
        self.assertFalse(os.path.exists(self.milter.socket))

    def test_reload_storm_under_load(self):
        done = threading.Event()
        failures = []

        def send():
            while not done.is_set():
                c = milter_client.MilterClient(self.milter.socket)
                try:
                    self.check_sealed(*c.message(
                        "ann@example.org", FIELDS, CANARY * 2000))
                except Exception as e:
                    failures.append(e)
                    return
                finally:
                    c.close()

        senders = [threading.Thread(target=send) for _ in range(4)]
        for t in senders:
            t.start()
        for i in range(1, 41):
            self.milter.process.send_signal(signal.SIGHUP)
            self.milter.process.send_signal(signal.SIGHUP)
            self.milter.wait_log(b"reloaded", i)
        done.set()
        for t in senders:
            t.join()
        self.assertEqual(failures, [])
        self.assertIsNone(self.milter.process.poll())

    def test_reload_takes_effect_and_a_bad_one_does_not(self):
        c = milter_client.MilterClient(self.milter.socket)
        answer, _ = c.message("nobody@example.org", FIELDS, CANARY)
        self.assertTrue(answer[1].startswith(b"451"), answer)
        self.milter.write_conf("unenrolled = reject")
        self.milter.process.send_signal(signal.SIGHUP)
        self.milter.wait_log(b"reloaded")
        # the same session, the next message
        answer, _ = c.message("nobody@example.org", FIELDS, CANARY)
        self.assertTrue(answer[1].startswith(b"550"), answer)
        self.milter.write_conf("unenrolled = perhaps")
        self.milter.process.send_signal(signal.SIGHUP)
        self.milter.wait_log(b"not reloaded")
        answer, _ = c.message("nobody@example.org", FIELDS, CANARY)
        self.assertTrue(answer[1].startswith(b"550"), answer)
        c.close()

    def test_memory_does_not_grow_with_the_message(self):
        body = CANARY * (25 * 1000 * 1000 // len(CANARY))
        results = []

        def send():
            c = milter_client.MilterClient(self.milter.socket)
            self.assertEqual(c.envelope("ann@example.org")[0], b"c")
            self.assertEqual(c.header(FIELDS)[0], b"c")
            self.assertEqual(c.body(body)[0], b"c")
            ready.wait()  # all bodies are in before any is taken out
            c.send(b"E")
            size = 0
            while True:
                command, data = c.receive()
                if command == b"c":
                    break
                if command != b"b":
                    continue
                size += len(data)
            results.append(size)
            c.close()

        ready = threading.Barrier(16)
        senders = [threading.Thread(target=send) for _ in range(16)]
        for t in senders:
            t.start()
        for t in senders:
            t.join()
        self.assertEqual(len(results), 16)
        self.assertTrue(all(size > len(body) for size in results))
        self.assertLess(self.milter.resident(), 64 << 20)

    def test_it_refuses_what_is_in_its_way(self):
        self.milter.stop()
        with open(self.milter.socket, "w") as f:
            f.write("a file")
        p = subprocess.run([f"{BUILD}/milter/sealpost-milter", "-d", "-c",
                            self.milter.conf], capture_output=True)
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"is no socket", p.stderr)
        with open(self.milter.socket) as f:
            self.assertEqual(f.read(), "a file")

    def test_many_sessions_are_bounded(self):
        clients = [milter_client.MilterClient(self.milter.socket)
                   for _ in range(66)]
        answers = [c.envelope("ann@example.org")[0] for c in clients]
        self.assertEqual(answers.count(b"c"), 64)
        for c in clients:
            c.close()


class CommandLine(unittest.TestCase):
    def run_milter(self, *args):
        return subprocess.run([f"{BUILD}/milter/sealpost-milter", *args],
                              capture_output=True)

    def test_help_and_usage(self):
        p = self.run_milter("-h")
        self.assertEqual((p.returncode, p.stderr), (0, b""))
        self.assertIn(b"usage: sealpost-milter", p.stdout)
        p = self.run_milter("--help")
        self.assertEqual(p.returncode, 0)
        for args in (["-x"], ["extra"], ["-c"]):
            self.assertEqual(self.run_milter(*args).returncode, 2)

    def test_check_names_file_and_line(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
            f.write("[milter]\nlisten = nowhere\n")
            f.flush()
            p = self.run_milter("-n", "-c", f.name)
            self.assertEqual(p.returncode, 1)
            self.assertIn(f"{f.name}:2:".encode(), p.stderr)
        p = self.run_milter("-n", "-c", "/nonexistent/sealpost.conf")
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"/nonexistent/sealpost.conf", p.stderr)


if __name__ == "__main__":
    unittest.main()

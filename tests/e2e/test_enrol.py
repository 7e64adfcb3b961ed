#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""From `sealpost-bridge enrol` to a login and mail that is read.

The bridge makes the files, `sealpost user enrol` takes them, a Dovecot with the
plugin serves verifier and vault. What the password becomes is computed here, by
hashlib alone, and gpg opens the vault with it.
"""
import base64
import contextlib
import imaplib
import itertools
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import tempfile
import time

import harness
from auth_client import Scram
from bridge_site import (Account, BridgeCase, PROGRAM, login_secret, main,
                         verifier)
from harness import PATIENCE, run, wait_for
from test_dovecot_command import sasl

ADDRESS = "eve@one.example"
FIRST, SECOND, THIRD = "first pässword", "second pässword", "third one"
CODE = re.compile(r"^    ((?:[0-9A-Z]{5}-){6}[0-9A-Z]{5})$", re.M)


def words(*lines):
    return "".join(line + "\n" for line in lines).encode()


class Gnupg:
    """A GNUPGHOME of its own, for one look at a key."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="test_enrol.")
        return self

    def __exit__(self, *_):
        run("gpgconf", "--homedir", self.home, "--kill", "all", status=None)
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *arguments, stdin=None, status=0):
        return run("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback",
                   *arguments, stdin=stdin, status=status,
                   env={"GNUPGHOME": self.home})

    def opens(self, armored, passphrase):
        """The fingerprint, when the passphrase opens the private key."""
        self.gpg("--import", stdin=armored.encode())
        listing = self.gpg("--with-colons", "--list-secret-keys")
        fingerprint = re.search(rb"^fpr:+([0-9A-F]+):", listing.stdout,
                                re.M).group(1).decode()
        sealed = self.gpg("--trust-model", "always", "--encrypt",
                          "--recipient", fingerprint, stdin=b"canary").stdout
        opened = self.gpg("--passphrase", passphrase, "--decrypt",
                          stdin=sealed, status=None)
        return fingerprint if opened.stdout == b"canary" else None


class FromElsewhere(imaplib.IMAP4_SSL):
    """Each from an address of its own: Dovecot delays an address that fails."""

    last = 1

    def _create_socket(self, timeout):
        FromElsewhere.last += 1
        plain = socket.create_connection(
            ("127.0.0.1", self.port), PATIENCE,
            ("127.0.1.%d" % FromElsewhere.last, 0))
        return self.ssl_context.wrap_socket(plain, server_hostname=self.host)


class EnrolCase(BridgeCase):
    def setUp(self):
        super().setUp()
        self.out = self.site.path("home", "out")
        run(*self.site.as_user("mkdir", "-m", "0700", self.out))
        self.addCleanup(shutil.rmtree, self.out, ignore_errors=True)

    def enrol(self, *arguments, stdin, status=0):
        """What it said; on failure, its one line."""
        done = self.site.bridge_command(
            "enrol", "--password-stdin", "--out", self.out, *arguments,
            stdin=stdin, status=status)
        if status == 0:
            self.assertEqual(done.stderr, b"")
            return done.stdout.decode()
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done.stderr.decode()

    def path(self, kind):
        return os.path.join(self.out, ADDRESS + "." + kind)

    def read(self, kind):
        with open(self.path(kind)) as f:
            return f.read()

    def take_file(self):
        """The enrolment file, out of the way of the next one."""
        content = json.loads(self.read("enrolment.json"))
        kept = self.path("enrolment.json") + ".kept"
        os.replace(self.path("enrolment.json"), kept)
        return kept, content


class Files(EnrolCase):
    """What is made; no server is needed."""

    def test_files(self):
        said = self.enrol(ADDRESS.upper(), stdin=words(FIRST))
        code = CODE.search(said).group(1)
        content = json.loads(self.read("enrolment.json"))
        self.assertEqual(
            {name: type(value).__name__ for name, value in content.items()},
            dict.fromkeys(("format", "created", "address", "fingerprint",
                           "certificate", "verifier", "vault"), "str")
            | {"version": "int"})
        self.assertEqual(content["address"], ADDRESS)
        self.assertIn(content["fingerprint"], said)
        for kind in ("enrolment.json", "recovery.txt"):
            self.assertEqual(
                stat.S_IMODE(os.stat(self.path(kind)).st_mode), 0o600)
        self.assertEqual(sorted(os.listdir(self.out)), [
            ADDRESS + ".enrolment.json", ADDRESS + ".recovery.txt"])

        secret, passphrase = login_secret(ADDRESS, FIRST)
        with Gnupg() as g:
            self.assertEqual(g.opens(content["vault"], passphrase),
                             content["fingerprint"])
        with Gnupg() as g:
            self.assertIsNone(g.opens(content["vault"], FIRST))
        with Gnupg() as g:
            self.assertIsNone(g.opens(content["vault"], secret))
        with Gnupg() as g:
            self.assertEqual(g.opens(self.read("recovery.txt"), code),
                             content["fingerprint"])
        iterations, salt, stored, server = content["verifier"].removeprefix(
            "{SCRAM-SHA-256}").split(",")
        self.assertEqual(int(iterations), 4096)
        self.assertEqual(content["verifier"], verifier(
            secret, 4096, base64.b64decode(salt)))
        for text in (FIRST, secret, passphrase, code):
            self.assertNotIn(text, json.dumps(content))
            self.assertNotIn(text, self.read("recovery.txt"))

    def test_algorithms(self):
        for name, line in [("curve25519", b":22:"), ("nistp256", b":19:"),
                           ("rsa3072", b":1:")]:
            with self.subTest(name):
                self.enrol("--algorithm", name, ADDRESS, stdin=words(FIRST))
                with Gnupg() as g:
                    g.gpg("--import", stdin=json.loads(
                        self.read("enrolment.json"))["certificate"].encode())
                    self.assertIn(line, g.gpg("--with-colons",
                                              "--list-keys").stdout)
                    packets = g.gpg("--list-packets", stdin=json.loads(
                        self.read("enrolment.json"))["certificate"].encode())
                    self.assertIn(b"pref-zip-algos: 0 ", packets.stdout)
                    self.assertNotIn(b"pref-aead", packets.stdout)
                for kind in ("enrolment.json", "recovery.txt"):
                    os.unlink(self.path(kind))

    def test_nothing_is_overwritten(self):
        for kind in ("enrolment.json", "recovery.txt"):
            with open(self.path(kind), "w") as f:
                f.write("mine")
            self.assertIn("exists", self.enrol(ADDRESS, stdin=words(FIRST),
                                               status=1))
            self.assertEqual(self.read(kind), "mine")
            self.assertEqual(os.listdir(self.out),
                             [os.path.basename(self.path(kind))])
            os.unlink(self.path(kind))

    def test_refused(self):
        for arguments, stdin, status, why in [
                (["eve"], words(FIRST), 1, "eve"),
                ([ADDRESS], b"", 1, "password"),
                ([ADDRESS], b"\xff\n", 1, "UTF-8"),
                ([ADDRESS, "--algorithm", "dsa"], words(FIRST), 1, "dsa"),
                ([], words(FIRST), 2, "usage"),
                ([ADDRESS, "x"], words(FIRST), 2, "usage"),
                ([ADDRESS, "--rewrap", "--recover", "x"], b"", 2, "usage"),
                ([ADDRESS, "--vault", "x"], b"", 2, "usage"),
                (["--recover", "/nonexistent"], b"", 1, "nonexistent"),
                (["--recover", "/etc/passwd"], b"", 1, "sheet"),
                (["--rewrap", "--vault", "/etc/passwd", ADDRESS],
                 words(FIRST, SECOND), 1, "")]:
            with self.subTest(arguments):
                self.assertIn(why, self.enrol(*arguments, stdin=stdin,
                                              status=status))
                self.assertEqual(os.listdir(self.out), [])

    def test_no_room(self):
        """A file that cannot be written whole is not there."""
        done = run(*self.site.as_user(
            "sh", "-c", 'ulimit -f 2; trap "" XFSZ; exec "$@"', "sh",
            PROGRAM, "enrol", "--password-stdin", "--algorithm", "rsa3072",
            "--out", self.out, ADDRESS), stdin=words(FIRST), status=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(b"Fingerprint", done.stdout)
        self.assertEqual(os.listdir(self.out), [])

    def test_recover(self):
        said = self.enrol(ADDRESS, stdin=words(FIRST))
        code = CODE.search(said).group(1)
        _, first = self.take_file()
        sheet = self.path("recovery.txt")
        self.assertIn("group 1 ", self.enrol(
            "--recover", sheet, status=1,
            stdin=words(("0" if code[0] != "0" else "1") + code[1:],
                        SECOND)))
        typed = code.replace("-", " ").lower()
        self.enrol("--recover", sheet, stdin=words(typed, SECOND))
        _, second = self.take_file()
        self.assertEqual(first["fingerprint"], second["fingerprint"])
        before, after = (c["verifier"].split(",") for c in (first, second))
        self.assertEqual(before[:2], after[:2])  # pinned by bridges
        self.assertNotEqual(before[2:], after[2:])
        with Gnupg() as g:
            self.assertEqual(g.opens(second["vault"], login_secret(
                ADDRESS, SECOND)[1]), first["fingerprint"])
        with Gnupg() as g:
            self.assertIsNone(g.opens(second["vault"], login_secret(
                ADDRESS, FIRST)[1]))

    def test_code_of_another_sheet(self):
        self.enrol(ADDRESS, stdin=words(FIRST))
        sheet = self.path("recovery.txt") + ".kept"
        os.replace(self.path("recovery.txt"), sheet)
        self.take_file()
        code = CODE.search(self.enrol(ADDRESS, stdin=words(FIRST))).group(1)
        self.take_file()
        self.assertIn("not that of this sheet", self.enrol(
            "--recover", sheet, stdin=words(code, SECOND), status=1))

    def test_rewrap_of_a_file(self):
        self.enrol(ADDRESS, stdin=words(FIRST))
        kept, first = self.take_file()
        armored = self.path("asc")
        with open(armored, "w") as f:
            f.write(first["vault"])
        for source in (kept, armored):
            os.chmod(source, 0o644)
            self.assertIn("does not open", self.enrol(
                "--rewrap", "--vault", source, ADDRESS,
                stdin=words(SECOND, THIRD), status=1))
            self.enrol("--rewrap", "--vault", source, ADDRESS,
                       stdin=words(FIRST, SECOND))
            with Gnupg() as g:
                content = json.loads(self.read("enrolment.json"))
                self.assertEqual(g.opens(content["vault"], login_secret(
                    ADDRESS, SECOND)[1]), first["fingerprint"])
            os.unlink(self.path("enrolment.json"))

    def test_an_unprotected_vault_is_refused(self):
        """Anybody could have put it there."""
        with Gnupg() as g:
            g.gpg("--passphrase", "", "--quick-gen-key", ADDRESS,
                  "future-default", "default", "never")
            secret = g.gpg("--passphrase", "", "--armor",
                           "--export-secret-keys").stdout
        with open(self.path("asc"), "wb") as f:
            f.write(secret)
        os.chmod(self.path("asc"), 0o644)
        self.assertIn("not protected", self.enrol(
            "--rewrap", "--vault", self.path("asc"), ADDRESS,
            stdin=words(FIRST, SECOND), status=1))

    def test_terminal(self):
        """The passwords are not shown, the code is, standard output has it
        not."""
        command = self.site.as_user(PROGRAM, "enrol", "--out", self.out,
                                    ADDRESS)
        process, terminal = pty.fork()
        if process == 0:
            fd = os.open(os.path.join(self.out, "stdout"),
                         os.O_WRONLY | os.O_CREAT, 0o666)
            os.dup2(fd, 1)
            os.execvp(command[0], command)
        seen = b""

        def read_until(text):
            nonlocal seen
            deadline = time.monotonic() + PATIENCE
            while text not in seen:
                self.assertLess(time.monotonic(), deadline, seen)
                if select.select([terminal], [], [], 1)[0]:
                    try:
                        seen += os.read(terminal, 4096)
                    except OSError:  # the other side has ended
                        break
        read_until(b"New password: ")
        os.write(terminal, FIRST.encode() + b"\n")
        read_until(b"The same again: ")
        os.write(terminal, FIRST.encode() + b"\n")
        read_until(b"no such text")
        _, status = os.waitpid(process, 0)
        os.close(terminal)
        self.assertEqual(status, 0, seen)
        self.assertNotIn(FIRST.encode(), seen)
        code = CODE.search(seen.decode().replace("\r", "")).group(1)
        with open(os.path.join(self.out, "stdout")) as f:
            said = f.read()
        self.assertIn("Fingerprint", said)
        self.assertNotIn(code, said)
        with Gnupg() as g:
            self.assertIsNotNone(g.opens(self.read("recovery.txt"), code))

    def test_interrupted(self):
        """Ended at any moment it leaves no agent and no folder."""
        memory = os.path.join(self.out, "memory")
        run(*self.site.as_user("mkdir", "-m", "0700", memory))
        command = self.site.as_user(
            "env", "XDG_RUNTIME_DIR=" + memory, PROGRAM, "enrol",
            "--password-stdin", "--out", self.out, ADDRESS)
        for step, number in itertools.product(
                range(12), (signal.SIGTERM, signal.SIGQUIT)):
            process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE)
            process.stdin.write(words(FIRST))
            process.stdin.flush()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(step * 0.04)
            process.send_signal(number)
            process.communicate()
            wait_for("the agent's end", lambda: not [
                pid for pid in os.listdir("/proc") if pid.isdigit() and
                memory in self.command_line(pid)])
            self.assertEqual(os.listdir(memory), [])
            for kind in ("enrolment.json", "recovery.txt"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.path(kind))

    @staticmethod
    def command_line(pid):
        with contextlib.suppress(OSError), open(
                "/proc/%s/cmdline" % pid, "rb") as f:
            return f.read().decode(errors="replace")
        return ""

    def test_no_secret_in_arguments_or_environment(self):
        """strace sees what each program that is run is given."""
        if shutil.which("strace") is None:
            self.skipTest("there is no strace")
        trace = os.path.join(self.out, "trace")
        done = run(*self.site.as_user(
            "strace", "-f", "-v", "-s", "10000", "-e", "trace=execve", "-o",
            trace, PROGRAM, "enrol", "--password-stdin", "--out", self.out,
            ADDRESS), stdin=words(FIRST))
        with open(trace) as f:
            seen = f.read()
        self.assertIn("gpg", seen)
        for secret in (*login_secret(ADDRESS, FIRST), "first p",
                       CODE.search(done.stdout.decode()).group(1)):
            self.assertNotIn(secret, seen)


class WithServer(EnrolCase):
    """The server takes the file; then logins and vaults are real."""

    @classmethod
    def prepare(cls):
        if "one.example" not in cls.site.sealpost("domain", "list"):
            cls.site.sealpost("domain", "add", "one.example")

    def take_over(self, path, *options, password):
        """`sealpost user enrol`, and what Dovecot's passdb would see."""
        said = self.site.sealpost("user", "enrol", path, *options)
        with contextlib.closing(sqlite3.connect(
                self.site.path("db", "secrets.db"))) as db:
            stored, enabled = db.execute(
                "SELECT verifier, enabled FROM verifiers WHERE address = ?",
                (ADDRESS,)).fetchone()
        self.assertEqual(enabled, 1)
        a = self.site.accounts[ADDRESS] = Account(ADDRESS, password, "secret")
        a.secret, a.passphrase = login_secret(ADDRESS, password)
        a.verifier = stored
        self.site.write_users()
        self.site.publish_databases()
        self.site.write_bridge_conf()
        return said

    def logins(self, secret):
        """By SCRAM and by PLAIN: who gets in."""
        scram = Scram(ADDRESS, secret)
        ways = [
            ("PLAIN", [lambda _: b"\0".join((b"", ADDRESS.encode(),
                                             secret.encode()))]),
            ("SCRAM-SHA-256", [lambda _: scram.first(), scram.final,
                               lambda said: scram.check(said) or b""])]
        answers = []
        for mechanism, steps in ways:
            with FromElsewhere(
                    "localhost", self.site.imaps_port,
                    ssl_context=self.site.tls.context()) as c:
                try:
                    answers.append(sasl(c, mechanism, steps)[0])
                except imaplib.IMAP4.error:
                    answers.append("NO")
        return answers

    def wait_login(self, password):
        """Dovecot looks at its file of users once a second."""
        secret = login_secret(ADDRESS, password)[0]
        wait_for("Dovecot", lambda: self.logins(secret) == ["OK", "OK"])

    def test_life(self):
        """Enrolled, rewrapped by the server's vault, recovered."""
        said = self.enrol(ADDRESS, stdin=words(FIRST))
        code = CODE.search(said).group(1)
        path, first = self.take_file()
        self.assertIn(first["fingerprint"],
                      self.take_over(path, password=FIRST))
        secret, passphrase = login_secret(ADDRESS, FIRST)
        self.wait_login(FIRST)
        self.assertEqual(self.logins(FIRST), ["NO", "NO"])
        self.assertEqual(self.logins(passphrase), ["NO", "NO"])

        self.assertIn("refuses", self.enrol(
            "--rewrap", ADDRESS, stdin=words(SECOND, THIRD), status=1))
        self.enrol("--rewrap", ADDRESS, stdin=words(FIRST, SECOND))
        path, second = self.take_file()
        self.assertEqual(first["fingerprint"], second["fingerprint"])
        self.site.sealpost("user", "enrol", path, status=1)
        self.take_over(path, "--replace", password=SECOND)
        self.wait_login(SECOND)
        self.assertEqual(self.logins(secret), ["NO", "NO"])

        self.enrol("--recover", self.path("recovery.txt"),
                   stdin=words(code, THIRD))
        path, third = self.take_file()
        self.take_over(path, "--replace", password=THIRD)
        self.wait_login(THIRD)
        self.read_through_the_bridge()

    def read_through_the_bridge(self):
        """Sealed to the key of the first day, read with the last password."""
        message = harness.text_message(self.secret, self.message_id, ADDRESS)
        self.site.deliver(message, ADDRESS)
        with self.site.direct(ADDRESS) as c:
            c.select()
            stored = c.fetch("1", "(BODY.PEEK[])")[1][0][1]
        self.assertIn(b"BEGIN PGP MESSAGE", stored)
        self.assertNotIn(self.secret.encode(), stored)
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)
        with self.site.client(ADDRESS) as c:
            c.select()
            self.assertIn(self.secret.encode(),
                          c.fetch("1", "(BODY.PEEK[])")[1][0][1])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""A client of Dovecot's auth protocol, a SCRAM-SHA-256 client (RFC 5802), and a
sealpost-saslauthd of one's own for tests."""
import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading

SOURCE = os.environ.get("SEALPOST_SOURCE") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("SEALPOST_BUILD") or os.path.join(SOURCE, "build")
PATIENCE = float(os.environ.get("SEALPOST_PATIENCE", "60"))
PASSWORD = "for-tests-only"

CONF = """\
[accounts]
directory = {folder}/db/directory.db
secrets = {folder}/db/secrets.db
iterations = 100000
[stats]
database = {folder}/stats/stats.db
[saslauthd]
listen = {listen}
socket_group =
{more}
"""


def b64(data):
    return base64.b64encode(data).decode()


def plain(user, password, authzid=""):
    return "\0".join((authzid, user, password)).encode()


class Scram:
    """The client's side of one exchange; raises ValueError where the server
    does not know the password either."""

    def __init__(self, user, password, gs2="n,,"):
        self.password = password.encode()
        self.gs2 = gs2
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.nonce = secrets.token_urlsafe(18)
        self.bare = "n=%s,r=%s" % (name, self.nonce)

    def first(self):
        return (self.gs2 + self.bare).encode()

    def final(self, server_first, nonce=None, binding=None):
        text = server_first.decode()
        parts = dict(p.split("=", 1) for p in text.split(","))
        if not parts["r"].startswith(self.nonce) or parts["r"] == self.nonce:
            raise ValueError("nonce")
        self.salt = base64.b64decode(parts["s"])
        self.iterations = int(parts["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, self.salt,
                                     self.iterations)
        key = hmac.digest(salted, b"Client Key", "sha256")
        without_proof = "c=%s,r=%s" % (
            b64((binding or self.gs2).encode()), nonce or parts["r"])
        self.said = ",".join((self.bare, text, without_proof)).encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), self.said,
                                "sha256")
        self.server_key = hmac.digest(salted, b"Server Key", "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature))
        return ("%s,p=%s" % (without_proof, b64(proof))).encode()

    def check(self, server_final):
        wanted = "v=" + b64(hmac.digest(self.server_key, self.said, "sha256"))
        if server_final.decode() != wanted:
            raise ValueError("the server's signature is wrong")


class Closed(Exception):
    """The server closed the connection: Postfix makes 454 of it."""


class AuthConnection:
    """As Postfix speaks the protocol."""

    def __init__(self, address, rip="192.0.2.1", greet=True):
        family = socket.AF_UNIX if isinstance(address, str) else \
            socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")
        self.rip = rip
        self.id = 0
        self.greeting = []
        if greet:
            self.send("VERSION\t1\t0\nCPID\t%d\n" % os.getpid())
            self.read_greeting()

    def read_greeting(self):
        while not self.greeting or self.greeting[-1] != "DONE":
            self.greeting.append(self.read())

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def send(self, text):
        try:
            self.socket.sendall(text if isinstance(text, bytes)
                                else text.encode())
        except OSError as e:
            raise Closed from e

    def read(self):
        try:
            line = self.file.readline()
        except ConnectionError as e:
            raise Closed from e
        if not line.endswith(b"\n"):
            raise Closed
        return line[:-1].decode()

    def auth(self, mechanism, response=None, secured=True, rip=None):
        """AUTH; returns the answer's first word and its rest."""
        self.id += 1
        line = "AUTH\t%d\t%s\tservice=smtp\tnologin\tlip=127.0.0.1\trip=%s" % (
            self.id, mechanism, rip or self.rip)
        if secured:
            line += "\tsecured"
        if response is not None:
            line += "\tresp=" + b64(response)
        self.send(line + "\n")
        return self.answer()

    def cont(self, response):
        self.send("CONT\t%d\t%s\n" % (self.id, b64(response)))
        return self.answer()

    def answer(self):
        """("OK", "user=..."), ("FAIL", "") or ("CONT", octets)"""
        word, number, *rest = self.read().split("\t")
        if int(number) != self.id:
            raise AssertionError("an answer to %s" % number)
        if word == "CONT":
            return word, base64.b64decode(rest[0])
        return word, "\t".join(rest)

    def plain(self, user, password=PASSWORD, **more):
        return self.auth("PLAIN", plain(user, password), **more)

    def login(self, user, password=PASSWORD, **more):
        if self.auth("LOGIN", **more) != ("CONT", b"Username:"):
            raise AssertionError("LOGIN asks for no name")
        if self.cont(user.encode()) != ("CONT", b"Password:"):
            raise AssertionError("LOGIN asks for no password")
        return self.cont(password.encode())

    def scram(self, user, password=PASSWORD, **more):
        client = Scram(user, password)
        self.last_scram = client
        word, said = self.auth("SCRAM-SHA-256", client.first(), **more)
        if word != "CONT":
            return word, said
        word, said = self.cont(client.final(said))
        if word != "CONT":
            return word, said
        client.check(said)
        return self.cont(b"")


class Server:
    """A sealpost-saslauthd of its own, with its databases."""

    def __init__(self, more="", inherit=False):
        self.folder = tempfile.mkdtemp(prefix="sealpost-auth-")
        self.address = os.path.join(self.folder, "auth.sock")
        self.process = self.listener = None
        self.lines = []
        self.changed = threading.Condition()
        try:
            self.set_up(more, inherit)
            self.start()
        except BaseException:
            self.close()
            raise

    def set_up(self, more, inherit):
        for name in ("db", "stats"):
            os.mkdir(os.path.join(self.folder, name))
        self.configure(more)
        self.sealpost("init")
        self.sealpost("domain", "add", "example.org")
        if inherit:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(self.address)
            self.listener.listen(1024)

    def configure(self, more):
        self.conf = os.path.join(self.folder, "sealpost.conf")
        with open(self.conf, "w") as f:
            f.write(CONF.format(folder=self.folder, more=more,
                                listen="unix:" + self.address))

    def sealpost(self, *command, data=""):
        return subprocess.run(
            [os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
             *command], input=data, check=True, capture_output=True,
            text=True).stdout

    def add(self, user, password=PASSWORD):
        self.sealpost("user", "add", user, "--password-stdin",
                      data=password + "\n")

    def start(self):
        program = os.path.join(BUILD, "saslauthd", "sealpost-saslauthd")
        command = [program, "-c", self.conf, "-d"]
        fds = ()
        if self.listener is not None:
            # As systemd does: descriptor 3, and LISTEN_PID is the process.
            command = ["/bin/sh", "-c", 'exec 3<&%d; LISTEN_PID=$$ '
                       'LISTEN_FDS=1 exec "$@"' % self.listener.fileno(),
                       "sh"] + command
            fds = (self.listener.fileno(),)
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True,
                                        errors="replace", pass_fds=fds)
        start = len(self.lines)
        self.reader = threading.Thread(target=self.read, daemon=True,
                                       args=(self.process.stderr,))
        self.reader.start()
        self.wait_line(r"\]: ready", start)

    def read(self, stream):
        for line in stream:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def wait_line(self, pattern, start=0):
        def find():
            return next((m for m in (re.search(pattern, line)
                                     for line in self.lines[start:]) if m),
                        None)
        with self.changed:
            if not self.changed.wait_for(find, PATIENCE):
                raise AssertionError("in vain waited for %r in:\n%s" % (
                    pattern, "".join(self.lines)))
            return find()

    def stop(self, number=signal.SIGTERM):
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            status = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            self.reader.join()
            process.stderr.close()
        return status

    def close(self):
        with contextlib.suppress(Exception):
            if self.process is not None:
                self.stop()
        if self.listener is not None:
            self.listener.close()
        shutil.rmtree(self.folder)

    def connect(self, **more):
        return AuthConnection(self.address, **more)

    def stats(self, sql):
        with contextlib.closing(sqlite3.connect(
                os.path.join(self.folder, "stats", "stats.db"))) as db:
            return db.execute(sql).fetchall()

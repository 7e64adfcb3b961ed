#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The units as the system's own systemd runs them.

For a freshly booted system that sealpost, Postfix and GnuPG were installed in
(scripts/boot-in-debootstrap), as root. Changes that system.
"""
import grp
import os
import pathlib
import pwd
import socket
import subprocess
import sys
import threading

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(SOURCE / "tests/e2e"))

from auth_client import AuthConnection  # noqa: E402
from milter_client import MilterClient  # noqa: E402
from policy_client import DUNNO, PolicyConnection, request  # noqa: E402

DAEMONS = ("milter", "policyd", "saslauthd")
AUTH, POLICY = ("127.0.0.1", 12345), ("127.0.0.1", 10028)
MILTER = "/run/sealpost/milter.sock"
ANN, RARE, ENDS = (n + "@units.example" for n in ("ann", "rare", "ends"))
MAILDROP = pathlib.Path("/var/spool/postfix/maildrop")
PASSWORD = "for-tests-only"
CANARY = b"canary of the plaintext\r\n"


def run(*command, status=0, data=None):
    done = subprocess.run(command, input=data, text=True, stdout=-1,
                          stderr=subprocess.STDOUT)
    expect("%s: %s" % (command, done.stdout), done.returncode == status)
    return done.stdout


def expect(what, truth):
    if not truth:
        raise AssertionError(what)


def unit(name, suffix="service"):
    return "sealpost-%s.%s" % (name, suffix)


def show(name, key):
    return run("systemctl", "show", "-P", key, unit(name)).strip()


def pid_of(name):
    return show(name, "MainPID")


def accounts():
    """Keys: one of today, one that only gpg encrypts to, one that ends soon."""
    os.environ["GNUPGHOME"] = "/root/units-gnupg"
    os.makedirs("/root/units-gnupg", 0o700)
    gpg = ("gpg", "--batch", "--quiet", "--passphrase", "")
    run(*gpg, "--quick-generate-key", ANN, "future-default")
    run(*gpg, "--generate-key", data="%%no-protection\nKey-Type: DSA\n"
        "Key-Length: 2048\nSubkey-Type: ELG-E\nSubkey-Length: 2048\n"
        "Name-Email: %s\n%%commit\n" % RARE)
    run(*gpg, "--quick-generate-key", ENDS, "future-default", "default", "5d")
    run("sealpost", "domain", "add", "units.example")
    for address in (ANN, RARE, ENDS):
        key = "/root/%s.asc" % address
        run(*gpg, "--armor", "--output", key, "--export", address)
        run("sealpost", "user", "add", address, "--password-stdin", "--key",
            key, data=PASSWORD + "\n")


def as_postfix(function):
    """In a process of Postfix's user, with none of root's rights."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            user = pwd.getpwnam("postfix")
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            function()
            status = 0
        except Exception as e:
            print("as postfix:", repr(e))
        finally:
            sys.stdout.flush()
            os._exit(status)
    expect("as postfix", os.waitpid(pid, 0)[1] == 0)


def seal(address, size):
    client = MilterClient(MILTER, 60)
    expect(address, client.envelope(address)[0] == b"c")
    client.header([(b"Subject", b" x"), (b"Content-Type", b" text/plain")])
    client.body(CANARY * (size // len(CANARY)))
    answer, edits = client.end()
    body = b"".join(data for kind, data in edits if kind == b"b")
    expect("%s: %s" % (address, answer), b"BEGIN PGP MESSAGE" in body and
           CANARY.strip() not in body and len(body) > size)
    client.close()


def milter():
    for address in (ANN, RARE):
        for size in (200, 3 << 20):  # in memory, and in a file
            as_postfix(lambda a=address, s=size: seal(a, s))
    socket_file = os.stat(MILTER)
    expect("the socket is Postfix's alone",
           socket_file.st_mode & 0o067 == 0o060 and
           socket_file.st_gid == grp.getgrnam("postfix").gr_gid)


def login():
    with AuthConnection(AUTH) as c:
        expect("SCRAM", c.scram(ANN)[0] == "OK")
    with AuthConnection(AUTH) as c:
        expect("PLAIN", c.plain(ANN)[0] == "OK")


def count(instance):
    c = PolicyConnection(POLICY)
    expect("policyd", c.ask(request(instance, user=ANN)) == DUNNO)
    c.close()


def activated():
    """Nobody runs it, and it answers."""
    for name in ("policyd", "saslauthd"):
        run("systemctl", "stop", unit(name))
        expect(name, show(name, "ActiveState") == "inactive")
    login()
    count("a.1")
    for name in ("policyd", "saslauthd"):
        expect(name, show(name, "ActiveState") == "active")


def restarts():
    """The door is never closed."""
    ended, lost, done = threading.Event(), [], []

    def connect():
        while not ended.wait(0.005):
            for address in (AUTH, POLICY):
                try:
                    socket.create_connection(address, 10).close()
                    done.append(address)
                except OSError as e:
                    lost.append(repr(e))

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    for _ in range(5):
        run("systemctl", "restart", unit("saslauthd"), unit("policyd"))
        login()
    ended.set()
    thread.join()
    expect("%s of %d" % (lost, len(done)), done and not lost)


def reloads():
    for name in DAEMONS:
        before = pid_of(name)
        run("systemctl", "reload", unit(name))
        expect(name, pid_of(name) == before)
        expect(name, "reloaded the configuration" in
               run("journalctl", "-u", unit(name), "-o", "cat"))
    login()
    count("b.1")
    milter()


def sandboxes():
    for name in DAEMONS:
        pid = pid_of(name)
        with open("/proc/%s/status" % pid) as f:
            status = dict(line.split(":\t") for line in f if ":\t" in line)
        expect(name, int(status["CapEff"], 16) == 0 and
               status["NoNewPrivs"].strip() == "1" and
               status["Seccomp"].strip() == "2")
        expect("%s has a network" % name,
               os.readlink("/proc/%s/ns/net" % pid) !=
               os.readlink("/proc/self/ns/net"))
        for program in ("/bin/sh", "/usr/bin/env", "/usr/bin/gpg"):
            # the milter may start gpg, and nothing else
            run("nsenter", "-t", pid, "-m", program, "--version",
                status=0 if (name, program) == ("milter", "/usr/bin/gpg")
                else 126)
    for name, may in (("milter", False), ("policyd", False),
                      ("saslauthd", True)):
        done = subprocess.run(
            ["runuser", "-u", "sealpost-" + name, "--", "cat",
             "/var/lib/sealpost/secrets.db"], capture_output=True)
        expect(name, (done.returncode == 0) == may)


def notifies():
    """From its sandbox, once; with Postfix stopped the mail stays in sight."""
    run("systemctl", "stop", "postfix.service", "postfix@*")
    before = set(MAILDROP.iterdir())
    run("systemctl", "start", unit("key-check"))
    mails = set(MAILDROP.iterdir()) - before
    expect("to the owner and to postmaster: %s" % mails, len(mails) == 2 and
           all(ENDS.encode() in path.read_bytes() for path in mails))
    run("systemctl", "start", unit("key-check"))
    expect("once", set(MAILDROP.iterdir()) - before == mails)


def main():
    run("systemctl", "start", unit("policyd", "socket"),
        unit("saslauthd", "socket"), unit("milter"))
    for step in (accounts, milter, login, activated, restarts, reloads,
                 sandboxes, notifies):
        print("units:", step.__name__, flush=True)
        step()
    counted = run("sealpost", "stats", "--user", ANN)
    print(counted)
    for name in DAEMONS:
        expect(name, show(name, "NRestarts") == "0")
    print("units: all passed")


if __name__ == "__main__":
    try:
        main()
    except AssertionError:
        print(subprocess.run(["journalctl", "-n", "60", "--no-pager"],
                             stdout=-1, text=True).stdout)
        raise

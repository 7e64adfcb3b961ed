#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""What the bridge keeps of secrets, and what it lets a client do unsealed.

Its memory is read as root reads it: passwords are gone once they were used, and
of a user who has left nothing is there at all.
"""
import base64
import re
import ssl
import unittest

import bridge_site
import harness
from bridge_site import main
from harness import PASSWORD, wait_for
from imap_client import Gone, Raw

ANN = "ann@one.example"
BOB = "bob@one.example"
MESSAGE = b"From: x@outside.example\r\nSubject: kept\r\n\r\n%s\r\n"


def memory(pid):
    """All of a process's writable memory that can be read."""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            at, to, modes = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            # nor what a sanitizer sets aside
            if "w" not in modes or int(to, 16) - int(at, 16) > 1 << 30:
                continue
            try:
                mem.seek(int(at, 16))
                yield line.strip(), mem.read(int(to, 16) - int(at, 16))
            except (OSError, OverflowError):
                continue


class Secrets(bridge_site.BridgeCase):
    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN)
        cls.site.enrol(BOB, password="horse battery staple 77 x",
                       login="password", key="file")
        cls.site.start_bridge()

    def bridge_process(self):
        return self.site.bridge.process.pid

    def found(self, *secrets):
        pid = self.bridge_process()
        return ["%s: %s" % (where, secret[:12]) for where, data in memory(pid)
                for secret in secrets if secret in data]

    def imap(self, tls=False):
        c = Raw(self.site.bridge_imap)
        self.addCleanup(c.close)
        if tls:
            c.ok("STARTTLS")
            context = ssl._create_unverified_context()
            c.start_tls(context, "localhost")
        return c

    def wait_for_none(self, *words):
        """The answer may come before all is wiped."""
        wait_for("memory without them", lambda: not self.found(*words))

    def secrets_of(self, address):
        a = self.site.accounts[address]
        plain = a.password.encode()
        sasl = b"\0" + address.encode() + b"\0"
        return [plain, base64.b64encode(sasl + plain)[:-4],
                a.passphrase.encode(), a.secret.encode()]

    def test_reading_memory_finds_what_is_there(self):
        word = harness.canary().encode()
        c = self.imap()
        c.send(b"t CAPABILITY " + word)
        wait_for("the word", lambda: self.found(word))

    def test_no_password_after_the_login(self):
        for address in (ANN, BOB):
            a = self.site.accounts[address]
            sasl = base64.b64encode(b"\0%s\0%s" % (
                address.encode(), a.password.encode())).decode()
            for tls in (False, True):
                for how in ("LOGIN %s \"%s\"" % (address, a.password),
                            "AUTHENTICATE PLAIN " + sasl):
                    with self.subTest(address, tls=tls, how=how.split()[0]):
                        c = self.imap(tls)
                        c.ok(how)
                        self.wait_for_none(*self.secrets_of(address))

    def test_no_password_after_smtp(self):
        for address in (ANN,):
            with self.site.submission_client(address):
                # what reconnects keeps the login secret, not the password
                self.wait_for_none(*self.secrets_of(address)[:2])
            self.wait_for_none(*self.secrets_of(address))

    def test_nothing_after_the_end(self):
        with self.site.direct(ANN) as c:
            c.append("INBOX", None, None, self.site.seal(
                ANN, MESSAGE % self.secret.encode()))
        c = self.imap()
        c.ok("LOGIN %s \"%s\"" % (ANN, PASSWORD))
        c.ok("SELECT INBOX")
        got = b"".join(c.ok("FETCH * (BODY.PEEK[])"))
        self.assertIn(self.secret.encode(), got)
        c.ok("LOGOUT")
        c.close()
        wait_for("the end", lambda: not self.found(
            self.secret.encode(), *self.secrets_of(ANN)))


class Smuggling(bridge_site.BridgeCase):
    """Octets that the bridge takes for a literal and the server does not."""

    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN)
        cls.site.start_bridge()

    def stored(self):
        out = b""
        for path in self.site.stored_files():
            with open(path, "rb") as f:
                out += f.read()
        return out

    def test_append_within_a_literal(self):
        text = MESSAGE % self.secret.encode()
        append = b"x APPEND INBOX {%d+}\r\n%s\r\n" % (len(text), text)
        for opening in (b'SUBSCRIBE "a', b'SELECT "\\', b"STORE 1 FLAGS (x",
                        b'SEARCH SUBJECT "x', b'FETCH 1 (BODY["',
                        b"NOOP", b"IDLE ", b"ENABLE x"):
            with self.subTest(opening):
                c = Raw(self.site.bridge_imap, login=(ANN, PASSWORD))
                self.addCleanup(c.close)
                c.ok("SELECT INBOX")
                c.send(b"t %s{%d+}\r\n%s\r\nu NOOP\r\nv NOOP\r\n" % (
                    opening, len(append), append))
                try:
                    c.until(b"v")
                except Gone:
                    pass
                self.assertNotIn(self.secret.encode(), self.stored())


if __name__ == "__main__":
    main()

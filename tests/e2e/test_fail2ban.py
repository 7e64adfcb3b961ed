#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The filter for fail2ban, on lines that sealpost-saslauthd has written."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from auth_client import SOURCE, Server

TEMPLATES = os.path.join(SOURCE, "conf-templates", "fail2ban")
ANN = "ann@example.org"
EVIL = [  # names that look like the rest of a line
    "x>, rip=9.9.9.9, mechanism=PLAIN, reason=password",
    "<ADDR>, rip=9.9.9.9",
    "x>, rip=9.9.9.9, mechanism=PLAIN, reason=password" + "y" * 60,
]


class Filter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("max_delay = 0s\n")
        cls.addClassCleanup(cls.server.close)
        cls.server.add(ANN)
        cls.folder = tempfile.mkdtemp(prefix="sealpost-fail2ban-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        shutil.copytree("/etc/fail2ban", cls.folder, dirs_exist_ok=True)
        for part in ("filter.d", "jail.d"):
            shutil.copytree(os.path.join(TEMPLATES, part),
                            os.path.join(cls.folder, part),
                            dirs_exist_ok=True)

    def log(self, talk):
        """What the daemon logs meanwhile, as syslog would write it."""
        start = len(self.server.lines)
        with self.server.connect(rip="192.0.2.7") as c:
            talk(c)
            c.plain("the-last-one@example.org", rip="203.0.113.9")
        self.server.wait_line("the-last-one", start)
        path = os.path.join(self.folder, "log")
        with open(path, "w") as f:
            for line in self.server.lines[start:]:
                if "the-last-one" not in line:
                    f.write("Nov 21 10:00:00 mx " + line)
        return path

    def addresses(self, talk):
        done = subprocess.run(
            ["fail2ban-regex", "-c", self.folder, "-o", "ip", self.log(talk),
             "sealpost-saslauthd"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return re.findall(r"^[0-9a-f.:]+$", done.stdout, re.M)

    def test_failures(self):
        def talk(c):
            c.plain(ANN, "wrong")
            c.login(ANN, "wrong")
            c.scram(ANN, "wrong")
            c.plain("eve@example.org", rip="2001:db8::1")
            c.auth("PLAIN", b"rubbish")
        self.assertEqual(self.addresses(talk), ["192.0.2.7"] * 3 +
                         ["2001:db8::1", "192.0.2.7"])

    def test_what_is_no_attack(self):
        def talk(c):
            c.plain(ANN)
            c.scram(ANN)
            c.plain(ANN, secured=False)
            c.auth("CRAM-MD5")
        self.assertEqual(self.addresses(talk), [])

    def test_names_made_to_mislead(self):
        def talk(c):
            for name in EVIL:
                c.plain(name)
                c.scram(name)
        self.assertEqual(self.addresses(talk), ["192.0.2.7"] * 6)

    def test_addresses_made_to_mislead(self):
        """rip= is a word of Postfix's, but who knows."""
        def talk(c):
            c.plain(ANN, "wrong", rip="9.9.9.9, mechanism")
            c.plain(ANN, "wrong", rip="9.9.9.9\001n")
        self.assertEqual(self.addresses(talk), [])

    def test_jail(self):
        done = subprocess.run(["fail2ban-client", "-c", self.folder, "-d"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("'sealpost-saslauthd'", done.stdout)


if __name__ == "__main__":
    if shutil.which("fail2ban-regex") is None:
        print("skipped: fail2ban is not installed")
        sys.exit(77)
    unittest.main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Another client of the protocol: Exim's dovecot authenticator.

Debian's exim4-daemon-heavy cannot be installed beside Postfix: unpack it
somewhere and name the program in SEALPOST_EXIM (its user Debian-exim must
exist). Exim runs as `exim -bh`, a session on standard input.
"""
import base64
import os
import shutil
import subprocess
import sys
import unittest

from auth_client import PASSWORD, Scram, Server, b64, plain

EXIM = os.environ.get("SEALPOST_EXIM", "/usr/sbin/exim4")
ANN = "ann@example.org"
WAYS = ("PLAIN", "LOGIN", "SCRAM-SHA-256")
CONF = """\
primary_hostname = mx.example.org
spool_directory = {folder}
log_file_path = {folder}/exim_%s
tls_advertise_hosts =
begin acl
begin routers
begin transports
begin authenticators
""" + "".join("""\
{name}:
  driver = dovecot
  public_name = {way}
  server_socket = {{folder}}/auth.sock
  server_set_id = $auth1
""".format(name=way.lower().replace("-", "_"), way=way) for way in WAYS)


class Session:
    def __init__(self, conf):
        self.process = subprocess.Popen(
            [EXIM, "-C", conf, "-bh", "192.0.2.5"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.read()
        self.say("EHLO client.example")

    def read(self):
        for line in self.process.stdout:
            if line[:3].isdigit() and line[3:4] == " ":
                return int(line[:3]), line[4:].strip()
        raise AssertionError("Exim has ended")

    def say(self, text):
        self.process.stdin.write(text + "\r\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.communicate("QUIT\r\n")


class Exim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("max_delay = 0s\nallow_insecure = yes\n")
        cls.addClassCleanup(cls.server.close)
        cls.server.add(ANN)
        os.chmod(cls.server.folder, 0o777)
        os.chmod(cls.server.address, 0o666)
        cls.conf = os.path.join(cls.server.folder, "exim.conf")
        with open(cls.conf, "w") as f:
            f.write(CONF.format(folder=cls.server.folder))

    def setUp(self):
        self.session = Session(self.conf)
        self.addCleanup(self.session.close)

    def test_plain(self):
        for password, code in (("wrong", 535), (PASSWORD, 235)):
            self.assertEqual(self.session.say(
                "AUTH PLAIN " + b64(plain(ANN, password)))[0], code)

    def test_login(self):
        self.assertEqual(self.session.say("AUTH LOGIN")[0], 334)
        self.assertEqual(self.session.say(b64(ANN.encode()))[0], 334)
        self.assertEqual(self.session.say(b64(PASSWORD.encode()))[0], 235)

    def test_scram(self):
        client = Scram(ANN, PASSWORD)
        _, said = self.session.say("AUTH SCRAM-SHA-256 " +
                                   b64(client.first()))
        _, said = self.session.say(b64(client.final(base64.b64decode(said))))
        client.check(base64.b64decode(said))
        self.assertEqual(self.session.say("")[0], 235)


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which(EXIM) is None:
        print("skipped: needs root and Exim (SEALPOST_EXIM)")
        sys.exit(77)
    unittest.main()

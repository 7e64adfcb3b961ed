# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The figures of folders over doveadm: `sealpost stats --folders`, Prometheus,
and Dovecot's HTTP interface. Are they those of the folders, and is there an
error and no figure where they cannot be had?
"""
import base64
import json
import os
import re
import unittest
import urllib.request

import harness
import test_dovecot_plugin as plugin
from harness import BUILD

API_KEY = "a key for a test"
HTTP_23 = """
plugin {{
  sealpost_directory = {folder}/db/directory.db
}}
doveadm_api_key = {key}
service doveadm {{
  inet_listener http {{
    address = 127.0.0.1
    port = {http}
  }}
}}
"""
HTTP_24 = """
sealpost_directory = {folder}/db/directory.db
doveadm_api_key = {key}
service doveadm {{
  inet_listener http {{
    listen = 127.0.0.1
    port = {http}
  }}
}}
"""
SEALED = (b"Subject: x\r\nContent-Type: multipart/encrypted; boundary=b;\r\n"
          b' protocol="application/pgp-encrypted"\r\n\r\nsealed\r\n')
PLAIN = b"Subject: x\r\n\r\nplain\r\n"
ODD = 'o"d\\d \u65e5'


class Server(plugin.Server):
    def configure(self, conf):
        self.http, = harness.free_ports(1)
        return conf + (HTTP_23 if self.old else HTTP_24).format(
            key=API_KEY, http=self.http, folder=self.folder)


class Stats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = server = Server()
        cls.addClassCleanup(server.stack.close)
        for form in plugin.FORMATS:
            cls.sealpost("domain", "add", form)
        for user in plugin.USERS:
            cls.sealpost("user", "add", user)
        server.doveadm("mailbox", "create", "-u", "ann@mdbox", ODD)
        with server.login("ann@mdbox") as session:
            for message in (SEALED, PLAIN, PLAIN):
                session.append("INBOX", None, None, message)
            session.append(plugin.mutf7(ODD), r"(\Seen)", None, SEALED)
        with server.login("bob@maildir") as session:
            session.append("INBOX", None, None, PLAIN)

    @classmethod
    def run_sealpost(cls, *command, status=0):
        return harness.run(*cls.server.with_modules(
            os.path.join(BUILD, "ctl", "sealpost"), "-c",
            cls.server.path("sealpost.conf"), *command), status=status)

    @classmethod
    def sealpost(cls, *command):
        return cls.run_sealpost(*command).stdout.decode()

    def stats(self, *options):
        return self.sealpost("stats", "--folders", "--config-file",
                             self.server.path("dovecot.conf"), *options)

    def folders(self, *options):
        found = json.loads(self.stats("--json", *options))["folders"]
        return {(f["user"], f["folder"]): f for f in found}

    def test_json(self):
        every = self.folders()
        self.assertEqual({user for user, _ in every}, set(plugin.USERS))
        inbox = every["ann@mdbox", "INBOX"]
        self.assertEqual(
            {k: inbox[k] for k in ("messages", "unseen", "sealed", "plain")},
            {"messages": 3, "unseen": 3, "sealed": 1, "plain": 2})
        self.assertEqual(inbox["octets"], len(SEALED) + 2 * len(PLAIN))
        self.assertEqual(inbox["sealed_octets"], len(SEALED))
        self.assertEqual(inbox["plain_octets"], 2 * len(PLAIN))
        self.assertEqual(every["ann@mdbox", ODD]["sealed"], 1)
        self.assertEqual(every["ann@mdbox", ODD]["unseen"], 0)
        self.assertEqual(every["ann@maildir", "INBOX"]["messages"], 0)

    def test_one_user(self):
        of_ann = self.folders("--user", "Ann@mdbox")
        self.assertEqual(of_ann, {key: value for key, value in
                                  self.folders().items()
                                  if key[0] == "ann@mdbox"})
        said = self.run_sealpost("stats", "--folders", "--user", "eve@mdbox",
                                 status=1).stderr.decode()
        self.assertIn("eve@mdbox", said)

    def test_text(self):
        lines = self.stats("--user", "bob@maildir").splitlines()
        self.assertEqual(lines[0].split(), "account folder messages unseen "
                         "octets sealed plain".split())
        self.assertIn(["bob@maildir", "INBOX", "1", "1", str(len(PLAIN)), "0",
                       "1"], [line.split() for line in lines])

    def test_prometheus(self):
        text = self.stats("--prometheus")
        for line in ('sealpost_mailbox_sealed{account="ann@mdbox"} 2',
                     'sealpost_mailbox_plain{account="ann@mdbox"} 2',
                     'sealpost_mailbox_plain{account="bob@maildir"} 1',
                     'sealpost_mailbox_messages{account="bob@sdbox"} 0',
                     "# TYPE sealpost_mailbox_plain_octets gauge",
                     "# TYPE sealpost_received_total counter"):
            self.assertIn(line, text.splitlines())
        for line in text.splitlines():
            self.assertRegex(
                line, r'^# (HELP|TYPE) sealpost_\w+ |'
                r'^sealpost_\w+({account="[^"]*"})? \d+$')
        self.assertNotIn("mailbox", self.sealpost("stats", "--prometheus"))

    def test_no_figure_without_doveadm(self):
        """An error in one sentence, and nothing on standard output."""
        for options in ((), ("--json",), ("--prometheus",)):
            done = self.run_sealpost(
                "stats", "--folders", "--config-file", "/nonexistent",
                *options, status=1)
            self.assertEqual(done.stdout, b"")
            self.assertEqual(done.stderr.count(b"\n"), 1)
        # a Dovecot without the plugin has no such command
        plain = self.server.path("plain.conf")
        with open(self.server.path("dovecot.conf")) as f:
            text = f.read()
        with open(plain, "w") as f:
            f.write(text.replace("mail_plugins = acl sealpost",
                                 "mail_plugins = acl")
                    .replace("  sealpost = yes\n", ""))
        done = self.run_sealpost("stats", "--folders", "--config-file", plain,
                                 status=1)
        self.assertEqual(done.stdout, b"")

    def test_usage(self):
        self.run_sealpost("stats", "--folders", "--since", "24h", status=2)
        self.run_sealpost("stats", "--config-file", "/x", status=2)

    # ---- the HTTP interface ----

    def ask(self, command, parameters):
        request = urllib.request.Request(
            "http://127.0.0.1:%d/doveadm/v1" % self.server.http,
            data=json.dumps([[command, parameters, "tag"]]).encode(),
            headers={"Content-Type": "application/json",
                     "Authorization": "X-Dovecot-API " +
                     base64.b64encode(API_KEY.encode()).decode()})
        with urllib.request.urlopen(request, timeout=harness.PATIENCE) as r:
            return json.loads(r.read())[0]

    def test_http(self):
        kind, rows, tag = self.ask("sealpostFolders", {
            "user": "ann@mdbox", "mailboxMask": ["*"]})
        self.assertEqual((kind, tag), ("doveadmResponse", "tag"), rows)
        found = {row["mailbox"]: row for row in rows}
        self.assertEqual(int(found["INBOX"]["sealed"]), 1)
        self.assertEqual(int(found["INBOX"]["plain"]), 2)
        self.assertEqual(int(found[ODD]["sealed"]), 1)
        kind, rows, _ = self.ask("sealpostAudit", {"user": "ann@maildir"})
        self.assertEqual(kind, "doveadmResponse", rows)
        self.assertEqual(int(rows[0]["plain"]), 0)
        # what is a status of 1 on the command line hides no row here
        kind, rows, _ = self.ask("sealpostAudit", {
            "user": "ann@mdbox", "mailboxMask": ["INBOX"]})
        self.assertEqual(kind, "doveadmResponse", rows)
        self.assertGreater(int(rows[0]["plain"]), 0)


def main():
    harness.skip_unless_possible()
    harness.end_on_signal()
    unittest.main()


if __name__ == "__main__":
    main()

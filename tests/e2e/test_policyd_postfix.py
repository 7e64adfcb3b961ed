#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Postfix asks the policy daemon for what is handed in, and for nothing else."""
import json
import os
import signal
import smtplib

from harness import (BUILD, Daemon, SiteTest, check, main, send_data, tls,
                     wait_for, PASSWORD, PATIENCE)

ANN = "ann@one.example"
BOB = "bob@one.example"


class Policy(SiteTest):
    @classmethod
    def prepare(cls):
        cls.site.add_account(ANN)
        cls.site.add_account(BOB)

    def setUp(self):
        super().setUp()
        self.start()
        self.addCleanup(lambda: self.policyd.stop(signal.SIGKILL))

    def start(self):
        self.policyd = Daemon(
            [os.path.join(BUILD, "policyd", "sealpost-policyd"), "-c",
             self.site.path("sealpost.conf"), "-d"],
            self.site.path("log", "policyd"))
        self.policyd.wait_line("ready")

    def counted(self, address=ANN):
        """What was handed in, by one and by all."""
        keys = ("sent", "recipients", "octets")
        own = self.stats(address)
        return tuple(own[k] for k in keys), self.stats()["sent"]

    def stats(self, address=None):
        return json.loads(self.site.sealpost(
            "stats", "--json", *(["--user", address] if address else [])))

    def submit(self, *recipients):
        SiteTest.setUp(self)  # another message
        sent = self.message(to=BOB)
        with smtplib.SMTP_SSL("127.0.0.1", self.site.submissions,
                              context=tls(), timeout=PATIENCE) as client:
            client.ehlo()
            client.login(ANN, PASSWORD)
            check(client.mail(ANN, ["BODY=8BITMIME"]))
            for recipient in recipients:
                check(client.rcpt(recipient))
            check(send_data(client, sent))
        self.assert_sealed_copy(BOB, sent)

    def test_counted_once_each(self):
        (sent, recipients, octets), total = self.counted()
        self.submit(BOB, "friend@far.example")
        self.submit(BOB)
        now = self.counted()
        self.assertEqual(now[0][:2], (sent + 2, recipients + 3))
        self.assertGreater(now[0][2], octets + 100)
        # the hop, which each message has passed, has asked nobody
        self.assertEqual(now[1], total + 2)

    def test_port_25_is_not_counted(self):
        before = self.counted()
        message = self.message(to=BOB)
        self.site.send(message, BOB)
        self.assert_sealed_copy(BOB, message)
        self.assertEqual(self.counted(), before)

    def test_dead(self):
        """Mail passes, and is counted again when there is a daemon again."""
        before = self.counted()
        self.policyd.stop(signal.SIGKILL)
        self.submit(BOB)
        self.assertEqual(self.counted(), before)
        self.start()
        self.submit(BOB)
        wait_for("a count", lambda: self.counted()[1] == before[1] + 1)

    def test_hung(self):
        self.policyd.send_signal(signal.SIGSTOP)
        self.submit(BOB)
        self.policyd.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    main()

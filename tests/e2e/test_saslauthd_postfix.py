#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Logins through a real Postfix over STARTTLS, wired by `sealpost postfix
apply`; sealpost-saslauthd runs as a user of its own, behind a UNIX socket."""
import base64
import contextlib
import grp
import os
import pwd
import re
import signal
import smtplib
import sys
import unittest

import harness
from auth_client import PASSWORD, Scram, plain
from harness import BUILD, MAIL_USER, Daemon, Site, check, send_data, tls

ANN, BOB, CARL = "ann@one.example", "bob@one.example", "carl@one.example"
FAILED = "5.7.8 Error: authentication failed"


class AuthSite(Site):
    """A site whose only auth server is ours, and which delivers nothing."""

    def __init__(self):
        self.saslauthd = None
        super().__init__(start_milter=False)
        user = pwd.getpwnam(MAIL_USER)
        self.sealpost("domain", "add", "one.example")
        os.chown(self.path("db", "secrets.db"), 0, user.pw_gid)
        self.start_saslauthd()

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stop_saslauthd()
        super().close()

    def start_dovecot(self):
        pass

    def write_conf(self, **more):
        super().write_conf(**more)
        with open(self.path("sealpost.conf")) as f:
            text = f.read()
        with open(self.path("sealpost.conf"), "w") as f:
            f.write(text.replace(
                "listen = inet:127.0.0.1:%d\n" % self.sasl_port,
                "listen = unix:%s\nuser = %s\nsocket_group = postfix\n"
                "max_delay = 0s\n" % (self.path("run", "auth.sock"),
                                      MAIL_USER)))

    def start_saslauthd(self):
        self.saslauthd = Daemon(
            [os.path.join(BUILD, "saslauthd", "sealpost-saslauthd"), "-c",
             self.path("sealpost.conf"), "-d"], self.path("log", "saslauthd"))
        self.saslauthd.wait_line("ready")

    def stop_saslauthd(self, number=signal.SIGTERM):
        daemon, self.saslauthd = self.saslauthd, None
        return daemon.stop(number) if daemon else None

    def add(self, address):
        self.sealpost("user", "add", address, "--password-stdin",
                      stdin=PASSWORD.encode() + b"\n")

    @contextlib.contextmanager
    def session(self):
        with self.smtp(self.submission) as client:
            check(client.starttls(context=tls()))
            client.ehlo()
            yield client


def b64(octets):
    return base64.b64encode(octets).decode()


def unb64(reply):
    if reply[0] != 334:
        raise AssertionError(reply)
    return base64.b64decode(reply[1])


def auth_plain(client, user, password=PASSWORD):
    return client.docmd("AUTH", "PLAIN " + b64(plain(user, password)))


def auth_login(client, user, password=PASSWORD):
    if unb64(client.docmd("AUTH", "LOGIN")) != b"Username:":
        raise AssertionError("no Username:")
    if unb64(client.docmd(b64(user.encode()))) != b"Password:":
        raise AssertionError("no Password:")
    return client.docmd(b64(password.encode()))


def auth_scram(client, user, password=PASSWORD):
    scram = Scram(user, password)
    said = unb64(client.docmd("AUTH", "SCRAM-SHA-256 " + b64(scram.first())))
    reply = client.docmd(b64(scram.final(said)))
    if reply[0] != 334:
        return reply
    scram.check(unb64(reply))
    return client.docmd("")


WAYS = {"PLAIN": auth_plain, "LOGIN": auth_login,
        "SCRAM-SHA-256": auth_scram}


class Postfix(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = AuthSite()
        cls.addClassCleanup(cls.site.close)
        for address in (ANN, BOB, CARL):
            cls.site.add(address)

    def assert_reply(self, reply, code, text=""):
        self.assertEqual(reply[0], code, reply)
        self.assertIn(text, reply[1].decode())

    def login(self, way, *arguments):
        with self.site.session() as client:
            return WAYS[way](client, *arguments)

    def test_offered_behind_tls_alone(self):
        with self.site.smtp(self.site.submission) as client:
            self.assertFalse(client.has_extn("auth"))
            check(client.starttls(context=tls()))
            client.ehlo()
            self.assertEqual(sorted(client.esmtp_features["auth"].split()),
                             ["LOGIN", "PLAIN", "SCRAM-SHA-256"])

    def test_every_mechanism(self):
        for way in WAYS:
            self.assert_reply(self.login(way, ANN), 235)
            self.site.saslauthd.wait_line(
                r"login ok, user=<%s>, rip=127\.0\.0\.1, mechanism=%s" % (
                    ANN, way))

    def test_smtplib_itself(self):
        with self.site.session() as client:
            self.assert_reply(client.login(ANN, PASSWORD), 235)

    def test_wrong_unknown_disabled_are_alike(self):
        self.site.sealpost("user", "disable", BOB)
        for way in WAYS:
            replies = {self.login(way, ANN, "wrong"),
                       self.login(way, "eve@one.example"),
                       self.login(way, BOB)}
            self.assertEqual(len(replies), 1, replies)
            self.assert_reply(replies.pop(), 535, FAILED)
        self.site.sealpost("user", "enable", BOB)
        self.assert_reply(self.login("PLAIN", BOB), 235)

    def test_account_without_plain(self):
        self.site.sealpost("user", "set", CARL, "mechanisms=SCRAM-SHA-256")
        self.assert_reply(self.login("PLAIN", CARL), 535, FAILED)
        self.assert_reply(self.login("LOGIN", CARL), 535, FAILED)
        self.assert_reply(self.login("SCRAM-SHA-256", CARL), 235)

    def test_garbage_from_a_client(self):
        """It costs its sender the login, not the others the server."""
        with self.site.session() as client:
            for text in ("PLAIN %%%", "PLAIN AAAA",
                         "SCRAM-SHA-256 " + b64(b"p=tls-unique,,n=a,r=b"),
                         "SCRAM-SHA-256 " + "A" * 1000):
                self.assert_reply(client.docmd("AUTH", text), 535)
        with self.site.session() as client:
            unb64(client.docmd("AUTH", "LOGIN"))
            self.assert_reply(client.docmd("*"), 501)
            unb64(client.docmd("AUTH", "LOGIN"))
            self.assert_reply(client.docmd("a\tb\tsecured"), 535)
        self.assert_reply(self.login("PLAIN", ANN), 235)

    def test_may_send(self):
        with self.site.session() as client:
            self.assert_reply(auth_scram(client, ANN), 235)
            check(client.mail(ANN))
            check(client.rcpt("someone@far.example"))
            check(send_data(client, b"Subject: x\n\nsent-by-ann\n"))
        self.site.sink.wait("sent-by-ann")
        self.site.wait_maillog(
            "sasl_method=SCRAM-SHA-256, sasl_username=" + ANN)

    def test_where_it_was_sent_from(self):
        """With what doc/virtual-mail.md says of headers, nobody is told."""
        with open(os.path.join(harness.SOURCE, "doc", "virtual-mail.md")) as f:
            text = f.read()
        kind = re.search(r"-o header_checks=(\w+):", text).group(1)
        checks = self.site.path("etc", "header_checks")
        with open(checks, "w") as f:
            f.writelines(re.findall(r"(?m)^ *(/\^.* IGNORE\n)", text))
        users = "127.0.0.1:%d/inet" % self.site.submission
        self.site.postconf("-M", "users-cleanup/unix=users-cleanup unix n - n "
                           "- 0 cleanup -o header_checks=%s:%s" % (
                               kind, checks))
        for name, words, more in (("as-ever", "", ""),
                                  ("as-told", "", "on"), ("in-utf8",
                                                         "SMTPUTF8", "on")):
            if more:
                self.site.postconf("-P", users + "/cleanup_service_name="
                                   "users-cleanup")
                self.site.restart_postfix()
            with self.subTest(name), self.site.session() as client:
                self.assert_reply(auth_plain(client, ANN), 235)
                check(client.docmd("MAIL", "FROM:<%s> %s" % (ANN, words)))
                check(client.rcpt("someone@far.example"))
                check(send_data(client, b"X-Mailer: of Ann\nSubject: x\n\n" +
                                name.encode() + b"\n"))
                sent = self.site.sink.wait(name)[2]
                for mark in (b"client.example", b"[127.0.0.1]", b"of Ann"):
                    self.assertEqual(mark in sent, not more, sent)

    def test_killed_between_sessions(self):
        self.assert_reply(self.login("PLAIN", ANN), 235)
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.site.stop_saslauthd(number)
            self.site.start_saslauthd()
            for way in WAYS:
                self.assert_reply(self.login(way, ANN), 235)

    def test_killed_during_a_login(self):
        self.restart_afterwards()
        with self.site.session() as client:
            unb64(client.docmd("AUTH", "LOGIN"))
            self.site.stop_saslauthd(signal.SIGKILL)
            self.assert_reply(client.docmd(b64(ANN.encode())), 454)
            # as long as it is down
            self.assert_reply(auth_plain(client, ANN), 454)
            self.site.start_saslauthd()
            self.assert_reply(auth_plain(client, ANN), 235)

    def test_stopped_during_a_login(self):
        """A stop waits for it."""
        self.restart_afterwards()
        with self.site.session() as client:
            unb64(client.docmd("AUTH", "LOGIN"))
            self.site.saslauthd.send_signal(signal.SIGTERM)
            unb64(client.docmd(b64(ANN.encode())))
            self.assert_reply(client.docmd(b64(PASSWORD.encode())), 235)
        self.site.saslauthd.wait_line("stopped")
        self.assertEqual(self.site.stop_saslauthd(), 0)

    def restart_afterwards(self):
        """The next test finds a daemon, also when this one fails."""
        self.addCleanup(self.site.start_saslauthd)
        self.addCleanup(self.site.stop_saslauthd)

    def test_database_gone(self):
        path = self.site.path("db", "secrets.db")

        def back():
            with contextlib.suppress(FileNotFoundError):
                os.rename(path + ".away", path)
        self.addCleanup(back)
        with self.site.session() as client:
            os.rename(path, path + ".away")
            for way in WAYS.values():
                try:
                    self.assert_reply(way(client, ANN), 454)
                except AssertionError as e:
                    # LOGIN and SCRAM end at an earlier step
                    self.assertIn("454", str(e))
            back()
        harness.wait_for("the database", lambda: self.login(
            "PLAIN", ANN)[0] == 235)

    def test_runs_as_its_user(self):
        with open("/proc/%d/status" % self.site.saslauthd.pid) as f:
            lines = dict(line.split(":", 1) for line in f)
        user = pwd.getpwnam(MAIL_USER)
        self.assertEqual(set(lines["Uid"].split()), {str(user.pw_uid)})
        st = os.stat(self.site.path("run", "auth.sock"))
        self.assertEqual(st.st_mode & 0o777, 0o660)
        self.assertEqual(grp.getgrgid(st.st_gid).gr_name, "postfix")


if __name__ == "__main__":
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/postfix"):
        print("skipped: needs root and Postfix")
        sys.exit(77)
    unittest.main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Real messages: SMTP, the hop, LMTP, IMAP and back, byte for byte.

What the mail system itself makes of a message before it is sealed (Postfix
takes a blank before a colon, a Bcc field, a bare CR ...) is known from a second
recipient on the outside, whose copy is compared.
"""
import glob
import imaplib
import os
import re
import secrets
import shutil
import unittest

from harness import (SOURCE, Daemon, SiteTest, main, run, text_message, wait_for,
                     with_crlf, without_trace)

ANN = "ann@one.example"

# With a milter Postfix cuts a header field here, whatever header_size_limit.
FIELD_MAX = 60000


def corpus():
    folders = [os.path.join(SOURCE, "tests", "corpus"),
               os.environ.get("SEALPOST_CORPUS", "")]
    return [path for folder in folders if folder
            for path in sorted(glob.glob(os.path.join(folder, "*.eml")))]


def fields_fit(message):
    head = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
    return all(len(f) < FIELD_MAX
               for f in re.split(rb"\r?\n(?![ \t])", head))


def has_separator(message):
    """A milter cannot know of a message without: Postfix then adds it."""
    return re.search(rb"\r?\n\r?\n", message) is not None


class Corpus(SiteTest):
    @classmethod
    def prepare(cls):
        cls.site.add_account(ANN)
        imaplib._MAXLINE = 10 << 20

    def mailbox(self):
        """What IMAP gives, by the envelope's sender."""
        found = {}
        with self.site.imap(ANN) as client:
            client.select(readonly=True)
            _, data = client.fetch("1:*", "(BODY.PEEK[])")
        for part in data:
            if isinstance(part, tuple):
                sender = re.match(rb"Return-Path: <(.*)>", part[1]).group(1)
                found[sender.decode()] = part[1]
        return found

    def outside(self):
        return {recipients[0][len("RCPT TO:<"):].split("@")[0]: data
                for _, recipients, data in self.site.sink.messages}

    def test_round_trip(self):
        paths = corpus()
        self.assertGreater(len(paths), 0)
        for n, path in enumerate(paths):
            with open(path, "rb") as f:
                message = with_crlf(f.read())
            self.site.send(message, ANN, "m%d@far.example" % n,
                           sender="m%d@outside.example" % n)
        self.site.wait_queue_empty()
        stored, outside = self.mailbox(), self.outside()
        self.assertEqual(len(stored), len(paths))
        self.assertEqual(len(outside), len(paths))
        for n, path in enumerate(paths):
            with self.subTest(os.path.basename(path)):
                self.compare(stored["m%d@outside.example" % n],
                             outside["m%d" % n])

    def compare(self, stored, expected):
        if not fields_fit(expected):
            self.assertIn(b"X-Sealpost:", stored)
            return
        if not has_separator(expected):
            expected += b"\r\n"
        # Of LMTP Return-Path, Delivered-To and Received, of the hop Received.
        self.assertEqual(without_trace(self.site.unseal(stored), 4), expected)


class Strange(SiteTest):
    """Sizes and shapes that a corpus of real messages does not have."""

    @classmethod
    def prepare(cls):
        cls.site.add_account(ANN)

    def compare(self, message):
        secret = "s" + secrets.token_hex(8)
        self.site.send(message, ANN, "%s@far.example" % secret,
                       sender="%s@outside.example" % secret)
        self.site.wait_queue_empty()
        stored = self.stored_from(secret)
        outside = self.outside(secret)
        if not has_separator(outside):
            outside += b"\r\n"
        self.assertEqual(without_trace(self.site.unseal(stored), 4),
                         outside.replace(b"\r\n", b"\n"))

    def outside(self, secret):
        return wait_for("mail outside", lambda: next(
            (data for _, recipients, data in self.site.sink.messages
             if secret in recipients[0]), None))

    def stored_from(self, sender):
        for path in self.site.stored_files():
            with open(path, "rb") as f:
                text = f.read()
            if sender.encode() in text[:200]:
                return text
        raise AssertionError("not stored: mail from " + sender)

    def test_empty_body(self):
        self.compare(b"Subject: x\r\n\r\n")

    def test_no_header(self):
        self.compare(b"\r\nbody\r\n")

    def test_nothing_at_all(self):
        self.compare(b"\r\n")

    def test_header_alone(self):
        self.compare(b"Subject: x\r\nContent-Type: text/plain\r\n")

    def test_long_lines(self):
        self.compare(b"Subject: x\r\n\r\n" + b"y" * 50000 + b"\r\n" +
                     b"\xe4" * 5000 + b"\r\n")

    def test_control_bytes(self):
        self.compare(b"Subject: x\r\nContent-Type: application/binary\r\n"
                     b"\r\n" + bytes(n for n in range(256)
                                     if n not in (10, 13)) + b"\r\n")

    def test_many_fields(self):
        self.compare(b"".join(b"X-%d: %d\r\n" % (n % 7, n)
                              for n in range(2000)) + b"\r\nbody\r\n")

    def test_long_fields(self):
        """Such that the record of what was taken does not fit one field."""
        self.compare(
            b"Subject: x\r\nX-Long: " + b"z" * 59000 + b"\r\n" +
            b"".join(b"Content-X%d: %s\r\n" %
                     (n, b"\r\n ".join([b"w" * 70] * 700))
                     for n in range(4)) +
            b"Content-Type: text/plain\r\n\r\nbody\r\n")

    def test_dots(self):
        self.compare(b"Subject: x\r\n\r\n.\r\n..\r\n.x\r\n")


@unittest.skipUnless(shutil.which("opendkim", path="/usr/sbin"),
                     "opendkim is not installed")
class Dkim(SiteTest):
    """OpenDKIM signs on port 25; the signature outlives the sealing."""

    @classmethod
    def setUpClass(cls):
        cls.site_options = {
            "main": "smtpd_milters = unix:opendkim.sock\n"
                    "milter_default_action = tempfail\n"}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        site = cls.site
        site.add_account(ANN)
        key, conf = site.path("db", "dkim.pem"), site.path("db", "dkim.conf")
        run("openssl", "genrsa", "-out", key, "2048")
        with open(conf, "w") as f:
            f.write("Syslog no\nMode s\nDomain one.example\nSelector test\n"
                    "KeyFile %s\nCanonicalization simple/simple\n"
                    "InternalHosts 127.0.0.1\nRequireSafeKeys no\n"
                    "SignatureAlgorithm rsa-sha256\nUMask 0\n"
                    "Socket local:%s\n" % (
                        key, site.path("queue", "opendkim.sock")))
        opendkim = Daemon(["/usr/sbin/opendkim", "-f", "-x", conf],
                          site.path("log", "opendkim"))
        cls.addClassCleanup(opendkim.stop)
        wait_for("OpenDKIM", lambda: os.path.exists(
            site.path("queue", "opendkim.sock")))
        public = run("openssl", "rsa", "-in", key, "-pubout").stdout.decode()
        with open(site.path("db", "dns"), "w") as f:
            f.write("test._domainkey.one.example v=DKIM1; k=rsa; p=%s\n" %
                    "".join(public.splitlines()[1:-1]))
        with open(site.path("db", "verify.conf"), "w") as f:
            f.write("Syslog no\nMode v\nTestDNSData %s\n"
                    "Socket inet:0@127.0.0.1\n" % site.path("db", "dns"))

    def verifies(self, message):
        path = self.site.path("db", "message")
        with open(path, "wb") as f:
            f.write(message)
        done = run("/usr/sbin/opendkim", "-x",
                   self.site.path("db", "verify.conf"), "-t", path, "-vvv",
                   status=None)
        os.unlink(path)
        return b"succeeded" in done.stdout + done.stderr

    def test_signature_outlives_sealing(self):
        sent = text_message(self.secret, self.message_id).replace(
            b"sender@outside.example", b"boss@one.example").replace(
            b"charset=utf-8\n", b"charset=utf-8 ; x=y\n"
            b"Content-Transfer-Encoding:  8bit\n").replace(
            b"Subject: a test", b"SUBJECT: a\n\t test")
        self.site.send(sent, ANN, "friend@far.example",
                       sender="boss@one.example")
        _, _, outside = self.site.sink.wait(self.secret)
        self.assertTrue(self.verifies(outside))
        stored = self.site.wait_stored(ANN, self.message_id)
        self.assertNotIn(self.secret.encode(), stored)
        unsealed = self.site.unseal(stored)
        self.assertIn(b"DKIM-Signature:", unsealed)
        self.assertTrue(self.verifies(unsealed))
        over_imap = self.site.unseal(self.site.fetch(ANN, self.message_id))
        self.assertTrue(self.verifies(over_imap))
        self.assertFalse(self.verifies(unsealed.replace(
            b"The secret", b"The  secret")))


if __name__ == "__main__":
    main()

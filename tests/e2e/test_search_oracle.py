#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""SEARCH: what bridge/search.h finds is what Dovecot finds.

The messages are plain, so that Dovecot can answer every program; we treat them
as sealed, some of them, or none, and what Dovecot answers to the program that
is written anew must be the same. SEALPOST_SEED repeats a run.
"""
import email
import email.policy
import os
import random
import re
import subprocess
import unittest

import harness
import plain_dovecot
from plain_dovecot import with_crlf

SAY = os.path.join(harness.BUILD, "tests", "structure", "search_say")
SEED = int(os.environ.get("SEALPOST_SEED", "20260521"))
PROGRAMS = int(os.environ.get("SEALPOST_PROGRAMS", "600"))
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "\\Draft", "blue"]
FIELDS = ["Subject", "Content-Type", "content-transfer-encoding",
          "MIME-Version", "Thread-Topic", "Content-Disposition", "X-Sealpost",
          "Content-Language"]

MADE = [  # messages for the edges
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?q?_aus_K=F6ln?=\n"
    b"Content-Type: text/plain; charset=iso-8859-1\n"
    b"Content-Transfer-Encoding: quoted-printable\n\n"
    b"Stra=DFe in K=F6ln, lang=\ne Zeile  \nEnde =\n",
    b"Subject: a\n  b\tc   d\nSubject: second\n"
    b"Content-Type: text/plain; charset=utf-16\n"
    b"Content-Transfer-Encoding: base64\n\n/v8AegBlAGIAcgBhACAA5A==\n",
    b"Content-Type: multipart/mixed; boundary=x\n\npreamble zebra\n--x\n\n"
    b"first zebra\n--x\nContent-Type: application/x-a\n\nhidden zebra\n--x\n"
    b"Content-Type: message/rfc822\n\nSubject: inner lion\n\ninner zebra\n"
    b"--x\nContent-Type: text/plain\nContent-Transfer-Encoding: x-foo\n\n"
    b"unknown zebra\n--x--\nepilogue zebra\n",
    b"Subject: =?unknown?q?T=C3=A4st?= =?utf-8?b?w4TDpA==?= rest\n"
    b"Content-Type: text/plain; charset=unknown\n\nT\xc3\xa4st \xe4 end\n",
    b"Subject: x\nContent-Type: text/html; charset=gb2312\n"
    b"Content-Transfer-Encoding: base64\n\nxOO6w8rAvecK\n",
    b"Subject: kana\nContent-Type: text/plain; charset=iso-2022-jp\n\n"
    b"\x1b$B%+%J\x1b(B end\n",
    b"Subject:\n\n",
    b"Subject: \xed\x95\x9c\xea\xb8\x80 \xef\xac\x81ne\n"
    b"Content-Type: text/plain; charset=utf-8\n\n"
    b"\xed\x95\x9c\xea\xb8\x80 o\xef\xac\x83ce \xc4\xb0I\xc4\xb1\n",
    b"Subject: base64 broken\nContent-Transfer-Encoding: base64\n\n"
    b"emVicmEg\nemVi*cmEg\nemVicmEg\n",
    b"Subject: =?utf-8?q?a?= b =?utf-8?q?c?=\nThread-Topic: topic\n"
    b"Content-Transfer-Encoding: quoted-printable\n"
    b"Content-Type: text/plain\n\n= \nx=3Dy =zz =4 =\n  \ttrail \t \nend=",
]


def text_of(message):
    """Some of what a reader sees."""
    found = [message.split(b"\r\n\r\n")[0].decode("latin-1")]
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    for part in parsed.walk():
        if part.get_content_maintype() != "text":
            continue
        try:
            found.append(part.get_content())
        except (LookupError, UnicodeError, ValueError, AttributeError):
            found.append(str(part.get_payload()))
    try:
        found.append(str(parsed["Subject"]))
    except Exception:  # its parser does not like some
        pass
    return "\n".join(found)


def at_once(program):
    """Its literals as {n+}, for which the server need not be awaited."""
    token = re.compile(rb'"(?:\\.|[^"\\])*"|\{(\d+)\}\r\n|[^"{]+', re.S)
    at, out = 0, b""
    while at < len(program):
        m = token.match(program, at)
        at = m.end()
        if m.group(1) is None:
            out += m.group(0)
        else:
            n = int(m.group(1))
            out += b"{%d+}\r\n%s" % (n, program[at:at + n])
            at += n
    return out


class Dice(random.Random):
    """Programs."""

    def prepare(self, messages):
        self.texts = [text_of(m) for m in messages]
        self.sizes = [len(m) for m in messages]
        self.charset = "utf-8"

    def phrase(self):
        """A piece of a message, often with its case changed."""
        text = self.choice(self.texts)
        at = self.randrange(max(1, len(text)))
        if self.random() < 0.6:
            words = re.findall(r"\w+", text[at:at + 200]) or ["zebra"]
            piece = self.choice(words)
        else:
            piece = text[at:at + self.choice((1, 2, 3, 5, 12, 30))]
        piece = re.sub(r"[\0]", "", piece)
        if self.random() < 0.5:
            piece = re.sub(r"[\r\n\t]", " ", piece)
        return self.choice((str, str.upper, str.lower, str.title))(piece)

    def string(self, text):
        octets = text.encode(self.charset, "ignore")
        if self.random() < 0.05:
            octets = b""
        if re.search(rb"[^ -~]", octets) or self.random() < 0.1:
            return b"{%d+}\r\n%s" % (len(octets), octets)
        return b'"%s"' % re.sub(rb'(["\\])', rb"\\\1", octets)

    def size(self):
        return b"%d" % max(0, self.choice(self.sizes) +
                           self.choice((-1, 0, 1, 100)))

    def blind(self):
        kind = self.choice(("BODY", "TEXT", "SUBJECT", "HEADER", "LARGER",
                            "SMALLER"))
        if kind in ("LARGER", "SMALLER"):
            return kind.encode() + b" " + self.size()
        if kind == "HEADER":
            return b"HEADER " + self.choice(FIELDS).encode() + b" " + \
                self.string(self.choice((
                    "", "text", "base64", "1.0", "topic",
                    re.sub(r"[\r\n]", "", self.phrase()))))
        text = self.phrase()
        if kind == "SUBJECT":
            # in Dovecot 2.3 a key that begins with a line end may lie across
            # the Subjects of two messages
            text = re.sub(r"[\r\n]", "", text)
        return kind.encode() + b" " + self.string(text)

    def server(self):
        count = len(self.sizes)
        some = b"%d:%d" % (self.randrange(1, count), self.randrange(1, count))
        return self.choice((
            b"ALL", b"SEEN", b"UNFLAGGED", b"DELETED", b"NOT DRAFT",
            b"KEYWORD blue", b"UNKEYWORD blue", b"UID " + some, some,
            b"FROM " + self.string(self.choice(("a", "example", "com"))),
            b"TO " + self.string("example"), b"SINCE 1-Jan-2000",
            b"SENTBEFORE 1-Jan-2010", b"HEADER Received \"\"", b"*",
            b"HEADER Date 2008"))

    def key(self, depth=0):
        dice = self.random()
        if depth > 3 or dice < 0.45:
            return self.blind()
        if dice < 0.6:
            return self.server()
        if dice < 0.72:
            return b"NOT " + self.key(depth + 1)
        if dice < 0.88:
            return b"OR %s %s" % (self.key(depth + 1), self.key(depth + 1))
        return b"(%s)" % self.keys(depth + 1)

    def keys(self, depth=0):
        return b" ".join(self.key(depth)
                         for _ in range(self.choice((1, 1, 2, 3))))

    def program(self):
        self.charset, name = self.choice((
            ("utf-8", b""), ("utf-8", b""), ("utf-8", b"CHARSET UTF-8 "),
            ("latin-1", b"CHARSET iso-8859-1 "),
            ("ascii", b"CHARSET us-ascii ")))
        ret = self.choice((b"", b"", b"RETURN () ", b"RETURN (COUNT) ",
                           b"RETURN (MIN MAX) ", b"RETURN (ALL COUNT MAX) "))
        while True:
            keys = self.keys()
            # Dovecot 2.3 takes "NOT SMALLER 150 NOT SMALLER 350" for
            # "NOT SMALLER 150"; we do not
            if b"NOT" not in keys or max(keys.count(b"SMALLER"),
                                         keys.count(b"LARGER")) < 2:
                return ret + name + keys


class Sayer:
    """Our side."""

    def __init__(self):
        self.process = subprocess.Popen([SAY], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def send(self, request):
        self.process.stdin.write(request)
        self.process.stdin.flush()

    def read(self):
        line = self.process.stdout.readline()
        return at_once(self.process.stdout.read(int(line)))

    def keep(self, uid, message):
        self.send(b"M %d %d\n%s" % (uid, len(message), message))

    def parse(self, program):
        """The first word of the answer, and the candidates' program."""
        self.send(b"S %d\n%s" % (len(program), program))
        word = self.process.stdout.readline().split()
        return word[0], self.read() if word[0] == b"ok" else None

    def look(self, uids):
        """Negative ones are plain."""
        self.send(b"P %s 0\n" % b" ".join(b"%d" % u for u in uids))
        return self.read()

    def parts(self, room):
        while True:
            self.send(b"A %d\n" % room)
            part = self.read()
            if part == b"":
                return
            yield part


def answer_of(untagged):
    """The SEARCH or ESEARCH answer, without the tag in it."""
    found = [re.sub(rb'\(TAG "[^"]*"\)', b"", line) for line in untagged
             if re.match(rb"\* E?SEARCH", line)]
    if len(found) != 1:
        raise AssertionError("%r" % untagged)
    return found[0]


def numbers_of(answer):
    return [int(n) for n in answer.split()[2:]]


class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = plain_dovecot.Server()
        cls.addClassCleanup(server.stack.close)
        cls.sayer = Sayer()
        cls.addClassCleanup(cls.sayer.close)
        cls.client = server.client()
        cls.addClassCleanup(cls.client.__exit__)
        cls.dice = Dice(SEED)
        messages = [with_crlf(m) for m in MADE]
        for path in plain_dovecot.corpus():
            with open(path, "rb") as f:
                messages.append(with_crlf(f.read()))
        # a NUL is told as 0x80, and searched as what it is
        cls.messages = [m for m in messages if b"\0" not in m]
        cls.store()
        cls.dice.prepare(cls.messages)

    @classmethod
    def store(cls):
        cls.client.ok(b"CREATE box")
        cls.client.ok(b"SELECT box")
        # UIDs that are no sequence numbers
        cls.client.append(b"box", b"Subject: gone\r\n\r\n")
        for uid, message in enumerate(cls.messages, 2):
            cls.client.append(b"box", message)
            cls.sayer.keep(uid, message)
        cls.client.ok(b"STORE 1 FLAGS (\\Deleted)")
        cls.client.ok(b"EXPUNGE")
        for n in range(1, len(cls.messages) + 1):
            flags = [f for f in FLAGS if cls.dice.random() < 0.4]
            cls.client.ok(b"STORE %d FLAGS.SILENT (%s)" % (
                n, " ".join(flags).encode()))

    def compare(self, program, how):
        """`how` says of a UID whether it is looked at as sealed."""
        command = self.dice.choice((b"SEARCH ", b"UID SEARCH "))
        status, untagged = self.client.command(command + program)
        word, candidates = self.sayer.parse(program)
        self.assertEqual((status[:2], word), (b"OK", b"ok"), program)
        looked = numbers_of(answer_of(
            self.client.ok(b"UID SEARCH " + candidates)))
        rewritten = self.sayer.look(u if how(u) else -u for u in looked)
        got = answer_of(self.client.ok(command + rewritten))
        self.assertEqual(got, answer_of(untagged), rewritten[:3000])
        return len(numbers_of(got)) if got.startswith(b"* SEARCH") else 1

    def compare_many(self, count, how):
        found = 0
        for number in range(count):
            program = self.dice.program()
            with self.subTest("seed %d, number %d" % (SEED, number),
                              program=program):
                found += self.compare(program, how)
        print("%d programs, %d found" % (count, found))
        self.assertGreater(found, count)

    def test_all_sealed(self):
        self.compare_many(PROGRAMS, lambda uid: True)

    def test_some_sealed(self):
        self.compare_many(PROGRAMS // 2, lambda uid: uid % 3 != 0)

    def test_none_sealed(self):
        self.compare_many(PROGRAMS // 10, lambda uid: False)

    def test_in_parts(self):
        """What is too long for one command."""
        for number in range(PROGRAMS // 10):
            program = re.sub(rb"^RETURN \([^)]*\) ", b"", self.dice.program())
            with self.subTest("seed %d, number %d" % (SEED, number),
                              program=program):
                expected = self.client.ok(b"UID SEARCH " + program)
                _, candidates = self.sayer.parse(program)
                looked = numbers_of(answer_of(
                    self.client.ok(b"UID SEARCH " + candidates)))
                self.sayer.look(u if u % 3 else -u for u in looked)
                parts = list(self.sayer.parts(len(program) * 2 + 400))
                found = [n for part in parts for n in numbers_of(answer_of(
                    self.client.ok(b"UID SEARCH " + part)))]
                self.assertEqual(found, numbers_of(answer_of(expected)))

    def test_refused_alike(self):
        for program, expected in (
                (b"CHARSET x-none BODY a", (b"NO", b"perm")),
                (b"CHARSET x-none SEEN", (b"NO", b"perm")),
                (b"BODY", (b"BA", b"proto")),
                (b"OR BODY a", (b"BA", b"proto")),
                (b"()", (b"BA", b"proto")),
                (b"(BODY a", (b"BA", b"proto")),
                (b"LARGER x", (b"BA", b"proto")),
                (b"BODY {1+}\r\n\xff", (b"BA", b"proto")),
                (b"NOSUCHKEY", (b"BA", b"proto")),
                (b"", (b"BA", b"proto"))):
            with self.subTest(program):
                status, _ = self.client.command(b"SEARCH " + program)
                word, _ = self.sayer.parse(program)
                self.assertEqual((status[:2], word), expected)

    def test_what_came_meanwhile_is_not_searched(self):
        _, candidates = self.sayer.parse(b"BODY zebra")
        looked = numbers_of(answer_of(
            self.client.ok(b"UID SEARCH " + candidates)))[:-1]
        rewritten = self.sayer.look(looked)
        self.client.append(b"box", b"Subject: x\r\n\r\nzebra\r\n")
        found = numbers_of(answer_of(
            self.client.ok(b"UID SEARCH " + rewritten)))
        self.assertTrue(set(found) <= set(looked))


if __name__ == "__main__":
    plain_dovecot.skip_unless_possible()
    unittest.main(verbosity=2)

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""BODYSTRUCTURE, BODY, ENVELOPE and every section of BODY[...]: what
lib/mail/structure.h says is, octet for octet, what Dovecot says.

SEALPOST_SEED repeats a run of the mutations.
"""
import os
import random
import subprocess
import unittest

import harness
import plain_dovecot
from plain_dovecot import list_of, string_of, with_crlf

SAY = os.path.join(harness.BUILD, "tests", "structure", "structure_say")
SEED = int(os.environ.get("SEALPOST_SEED", "20260521"))
MUTATIONS = int(os.environ.get("SEALPOST_MUTATIONS", "400"))
FIELDS = (b"HEADER.FIELDS (CONTENT-TYPE SUBJECT X-NONE)",
          b"HEADER.FIELDS (DATE FROM TO RECEIVED MIME-VERSION)",
          b"HEADER.FIELDS (X-NONE)",
          b"HEADER.FIELDS.NOT (CONTENT-TYPE SUBJECT RECEIVED)")
OF_PART = (b"", b".MIME", b".HEADER", b".TEXT", b"." + FIELDS[0],
           b"." + FIELDS[3])

# What a mutation puts in: what MIME parsers stumble over.
MORSELS = [
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"--", b"\r\n--", b"=", b"\"", b"\\",
    b"(", b")", b"<", b">", b"@", b",", b";", b":", b".", b"[", b"]", b" ",
    b"\t", b"\r\n ", b"*0*=", b"*1=", b"*=", b"=?utf-8?q?x?=", b"\xe4",
    b"\xf0\x9f\x98\x80", b"{3}", b"NIL", b"/", b"boundary", b"charset=",
    b"Content-Type: multipart/mixed; boundary=\"x\"\r\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: text\r\n",
    b"Content-Type: multipart/digest; boundary=x\r\n",
    b"Content-Disposition: attachment; filename*0=a; filename*1*=b%20c\r\n",
    b"Content-Language: de, en\r\n", b"Content-MD5: abc\r\n",
    b"Content-Transfer-Encoding: base64 x\r\n", b"Mime-Version: 1.0\r\n",
    b"From: a b <@x,@y:c@d>, e@f (g), h: i@j, k;, l\r\n",
    b"To: \"a\\\"b\\\\c\" <d>, e f, <>, \"g\", @h, (i)\r\n",
    b"Subject: \"a\\b\"  c\r\n\td\r\n",
]


def mutate(dice, message):
    """The message damaged in a few places."""
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(message) + 1)
        end = at + dice.choice((0, 0, 1, 2, 10, 100))
        piece = dice.choice((
            b"", dice.choice(MORSELS), dice.choice(MORSELS),
            message[dice.randrange(len(message) + 1):][:dice.randrange(80)]))
        message = message[:at] + piece + message[end:]
    return with_crlf(message)


def paths_of(structure, path=()):
    """The parts of a BODYSTRUCTURE, and some that are none."""
    if isinstance(structure[0], list):
        for n, part in enumerate(structure):
            if not isinstance(part, list) or \
                    any(isinstance(p, bytes) for p in structure[:n]):
                break
            yield path + (n + 1,)
            yield from paths_of(part, path + (n + 1,))
        yield path + (n + 1,)
        return
    if not path:
        path = (1,)
        yield path
    if structure[0].lower() == b'"message"' and \
            structure[1].lower() == b'"rfc822"':
        inside = structure[8]
        if isinstance(inside[0], list):
            yield from paths_of(inside, path)
        else:
            yield path + (1,)
            yield from paths_of(inside, path + (1,))
    yield path + (1,)
    yield path + (2,)


def sections_of(bodystructure):
    sections = [b"", b"HEADER", b"TEXT", *FIELDS]
    paths = sorted(set(paths_of(list_of(bodystructure)[0])))
    # the deep ones are many
    for path in paths[:40]:
        name = b".".join(b"%d" % n for n in path)
        sections += [name + part for part in OF_PART]
    return sections


class Sayer:
    """Our side."""

    def __init__(self):
        self.process = subprocess.Popen([SAY], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def read(self):
        return self.process.stdout.read(int(self.process.stdout.readline()))

    def say(self, message, sections):
        """Three structures, and the sections."""
        self.process.stdin.write(b"%d %d\n%s%s" % (
            len(message), len(sections), message,
            b"".join(s + b"\n" for s in sections)))
        self.process.stdin.flush()
        return [self.read() for _ in range(3 + len(sections))]


class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        server = plain_dovecot.Server()
        cls.addClassCleanup(server.stack.close)
        sayer = Sayer()
        cls.addClassCleanup(sayer.close)
        cls.sayer = sayer
        cls.client = server.client()
        cls.addClassCleanup(cls.client.__exit__)
        cls.messages = 0

    def store(self, messages, folder):
        self.client.ok(b"CREATE " + folder)
        for message in messages:
            self.client.append(folder, message)
        self.client.ok(b"SELECT " + folder)

    def dovecot(self, number):
        """What Dovecot says: the three structures and sections; and which."""
        names = [b"BODYSTRUCTURE", b"BODY", b"ENVELOPE"]
        found = {}
        said = self.client.fetch(number, names)
        sections = sections_of(said[b"BODYSTRUCTURE"])
        for at in range(0, len(sections), 100):
            items = [b"BODY.PEEK[%s]" % s for s in sections[at:at + 100]]
            found.update(self.client.fetch(number, items))
        return ([said[n] for n in names] +
                [string_of(found[b"BODY[%s]" % s]) for s in sections],
                sections)

    def compare(self, number, message, name):
        expected, sections = self.dovecot(number)
        got = self.sayer.say(message, sections)
        titles = [b"BODYSTRUCTURE", b"BODY", b"ENVELOPE"] + sections
        for title, ours, theirs in zip(titles, got, expected):
            # a literal holds no NUL
            ours = ours.replace(b"\0", b"\x80") \
                if title in sections else ours
            self.assertEqual(ours, theirs, "%s, %s" % (name, title))
        return len(titles)

    def compare_all(self, folder, messages):
        """[(name, message)]"""
        self.store([m for _, m in messages], folder)
        compared = 0
        for number, (name, message) in enumerate(messages, 1):
            with self.subTest(name):
                compared += self.compare(number, message, name)
        print("%s: %d messages, %d answers" % (folder.decode(), len(messages),
                                              compared))

    def test_corpus(self):
        messages = []
        for path in plain_dovecot.corpus():
            with open(path, "rb") as f:
                messages.append((os.path.basename(path), with_crlf(f.read())))
        self.assertGreater(len(messages), 0)
        self.compare_all(b"corpus", messages)

    def test_mutations(self):
        dice = random.Random(SEED)
        seeds = []
        for path in plain_dovecot.corpus():
            with open(path, "rb") as f:
                seeds.append(with_crlf(f.read()))
        # a NUL makes Dovecot's strings end early, in many places
        seeds = [m for m in seeds if len(m) < 20000 and b"\0" not in m]
        self.compare_all(b"mutations", [
            ("seed %d, number %d" % (SEED, n), mutate(dice, dice.choice(seeds)))
            for n in range(MUTATIONS)])


if __name__ == "__main__":
    plain_dovecot.skip_unless_possible()
    unittest.main(verbosity=2)

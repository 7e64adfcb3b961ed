# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The same messages twice: in plaintext on the server, asked directly, and
sealed, asked through the bridge. Every answer must be the same.

What differs on purpose is in DIFFERENCES and nowhere else.
"""
import os
import random
import re
import socket

import bridge_site
import harness

HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN, SEALED = "plain@one.example", "ann@one.example"
SEED = int(os.environ.get("SEALPOST_SEED", "20261121"))

# What must differ: message, and how the items begin. What the bridge adds, it
# adds to messages that their senders encrypted, and the corpus has none to a key
# of ours.
DIFFERENCES = {
    # Dovecot makes a CRLF of a bare LF; what was sealed comes back as it was
    # (test_restored).
    "bare-cr.eml": b"", "bare-lf.eml": b"", "binary.eml": b"",
    # A header without an end: Dovecot says it otherwise the second time, from
    # its cache.
    "no-separator-no-line-end.eml": b"BODY[HEADER.FIELDS ",
}

if harness.dovecot_release() >= (2, 4):
    # It decodes the parameters of RFC 2231; the bridge tells what is there.
    DIFFERENCES["attachment-qp.eml"] = b"BODYSTRUCTURE"

FIELDS = "(Date From To Cc Subject Content-Type)"
ITEMS = [
    "FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY",
    "BODYSTRUCTURE", "ALL", "FAST", "FULL", "(FLAGS)",
    "(UID RFC822.SIZE FLAGS)", "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)",
    "RFC822.HEADER", "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
    "(UID RFC822.SIZE BODY.PEEK[])", "body.peek[header.fields (subject)]",
    "BODY.PEEK[HEADER.FIELDS %s]" % FIELDS,
    "BODY.PEEK[HEADER.FIELDS (date \"Subject\" DATE x-none)]",
    "BODY.PEEK[HEADER.FIELDS (X-Sealpost)]",
    "BODY.PEEK[HEADER.FIELDS (Mime-Version Content-Transfer-Encoding)]",
    "BODY.PEEK[HEADER.FIELDS.NOT %s]" % FIELDS,
    "BODY.PEEK[HEADER.FIELDS.NOT (x-none)]",
    "(BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[1])",
    "(FLAGS UID INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (DATE FROM "
    "SENDER SUBJECT TO CC MESSAGE-ID REFERENCES CONTENT-TYPE "
    "CONTENT-DESCRIPTION IN-REPLY-TO REPLY-TO LINES LIST-POST X-LABEL)])",
]
PATHS = ["1", "2", "3", "4", "9", "1.1", "1.2", "1.3", "2.1", "2.2", "3.1",
         "1.1.1", "1.1.2", "1.2.1", "2.1.1", "2.1.2", "2.2.1", "1.1.1.1",
         "2.1.1.1"]
SUFFIXES = ["", ".MIME", ".HEADER", ".TEXT", ".HEADER.FIELDS (Subject To)",
            ".HEADER.FIELDS.NOT (Subject)"]
RANGES = [(0, 1), (0, 100), (1, 1), (13, 64), (100, 1000), (0, 1 << 20),
          (500, 65536), (999999, 10)]


class Imap:
    """A connection and its answers, octet by octet."""

    def __init__(self, sock, address, password):
        self.file = sock.makefile("rwb")
        self.sock = sock
        self.count = 0
        self.file.readline()
        self.ok("LOGIN %s %s" % (address, password))

    def close(self):
        self.file.close()
        self.sock.close()

    def answer(self):
        """A response with its literals in it."""
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise AssertionError("the connection has ended: %r" % line)
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal is None:
                return whole[:-2]
            size = int(literal.group(1))
            data = self.file.read(size)
            if len(data) != size:
                raise AssertionError("the connection has ended")
            whole += data

    def command(self, text):
        """(status, [untagged responses])"""
        self.count += 1
        tag = b"t%d" % self.count
        self.file.write(tag + b" " + text.encode() + b"\r\n")
        self.file.flush()
        untagged = []
        while True:
            one = self.answer()
            if one.startswith(tag + b" "):
                return one[len(tag) + 1:].split(b" ")[0], untagged
            untagged.append(one[2:])

    def ok(self, text):
        status, untagged = self.command(text)
        if status != b"OK":
            raise AssertionError("%s: %r %r" % (text, status, untagged))
        return untagged


def tokens(text):
    """The parts of a list, nested; literals and strings as octets."""
    at, stack = 0, [[]]
    while at < len(text):
        c = text[at:at + 1]
        if c == b" ":
            at += 1
        elif c == b"(":
            stack.append([])
            at += 1
        elif c == b")":
            done = stack.pop()
            stack[-1].append(tuple(done))
            at += 1
        elif c == b'"':
            end = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S).match(text, at)
            stack[-1].append(
                ("string", re.sub(rb"\\(.)", rb"\1", end.group(1))))
            at = end.end()
        elif c == b"{":
            head = re.compile(rb"\{(\d+)\}\r\n").match(text, at)
            at = head.end() + int(head.group(1))
            stack[-1].append(("string", text[head.end():at]))
        else:
            atom = re.compile(
                rb"[^\s()\[]+(?:\[[^\]]*\](?:<\d+>)?)?").match(text, at)
            stack[-1].append(atom.group(0))
            at = atom.end()
    return stack[0]


def fetched(untagged):
    """{sequence number: {item: value}} of FETCH responses."""
    found = {}
    for one in untagged:
        head = re.match(rb"(\d+) FETCH ", one)
        if head is None:
            continue
        items = tokens(one[head.end():])[0]
        values = found.setdefault(int(head.group(1)), {})
        for name, value in zip(items[::2], items[1::2]):
            if name == b"FLAGS":
                value = tuple(sorted(set(value) - {rb"\Recent"}))
            values[name] = value
    return found


def differ(a, b):
    """Where two values begin to differ."""
    a, b = str(a), str(b)
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y),
              min(len(a), len(b)))
    at = max(0, at - 60)
    return "%r is %r" % (a[at:at + 200], b[at:at + 200])


def messages():
    folders = [os.path.join(HERE, "..", "corpus")]
    if "SEALPOST_CORPUS" in os.environ:
        folders.append(os.environ["SEALPOST_CORPUS"])
    for folder in folders:
        for where, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.endswith(".eml"):
                    with open(os.path.join(where, name), "rb") as f:
                        yield name, harness.with_crlf(f.read())


class Twins(bridge_site.BridgeCase):
    """Two accounts with the same messages, one of them sealed."""

    site_options = {"seal": False}

    @staticmethod
    def leaves_out(name, message):
        return False

    @classmethod
    def prepare(cls):
        cls.site.enrol(SEALED)
        cls.site.enrol(PLAIN)
        cls.names, cls.originals = [], []
        with cls.site.direct(PLAIN) as plain, \
                cls.site.direct(SEALED) as sealed:
            for name, message in messages():
                if cls.leaves_out(name, message):
                    continue
                date = '"%02d-Mar-2021 10:11:12 +0200"' % (
                    1 + len(cls.names) % 28)
                flags = [r"(\Seen)", r"()", r"(\Flagged $Own)"][
                    len(cls.names) % 3]
                stored = cls.site.seal(SEALED, message)
                if plain.append("INBOX", flags, date, message)[0] != "OK":
                    continue  # Dovecot takes no NUL
                status, text = sealed.append("INBOX", flags, date, stored)
                if status != "OK":
                    raise AssertionError(text)
                cls.names.append(name)
                cls.originals.append(message)
        if len(cls.names) < 40:
            raise AssertionError("only %d messages" % len(cls.names))
        cls.site.start_bridge()


class Compared(Twins):
    def setUp(self):
        super().setUp()
        account = self.site.accounts[PLAIN]
        sock = self.site.tls.context().wrap_socket(
            socket.create_connection(("127.0.0.1", self.site.imaps_port),
                                     harness.PATIENCE),
            server_hostname="localhost")
        self.plain = Imap(sock, PLAIN, account.secret)
        self.addCleanup(self.plain.close)
        self.bridge = self.through()
        for one in (self.plain, self.bridge):
            one.ok("SELECT INBOX")

    def through(self):
        session = Imap(
            socket.create_connection(("127.0.0.1", self.site.bridge_imap),
                                     harness.PATIENCE),
            SEALED, self.site.accounts[SEALED].password)
        self.addCleanup(session.close)
        return session

    def may_differ(self, number, item):
        begin = DIFFERENCES.get(self.names[number - 1])
        return begin is not None and item.startswith(begin)

    def compare(self, command):
        status, untagged = self.plain.command(command)
        expected = fetched(untagged)
        status2, untagged = self.bridge.command(command)
        self.assertEqual(status2, status, command)
        found = fetched(untagged)
        self.assertEqual(sorted(found), sorted(expected), command)
        # one response for each: clients take the first for all of it
        self.assertEqual(sum(b" FETCH " in one[:20] for one in untagged),
                         len(found), command)
        bad = []
        for n in sorted(expected):
            for item in sorted(set(expected[n]) | set(found[n])):
                a, b = expected[n].get(item), found[n].get(item)
                if a != b and not self.may_differ(n, item):
                    bad.append("%s %s: %s" % (
                        self.names[n - 1], item.decode(), differ(a, b)))
        self.assertEqual(bad, [], "%s\n%s" % (command, "\n".join(bad[:10])))


class Fetch(Compared):
    def test_items(self):
        for item in ITEMS:
            for verb in ("FETCH", "UID FETCH"):
                with self.subTest(item=item, verb=verb):
                    self.compare("%s 1:* %s" % (verb, item))

    def test_sections(self):
        for path in PATHS:
            for suffix in SUFFIXES:
                with self.subTest(path=path, suffix=suffix):
                    self.compare("FETCH 1:* BODY.PEEK[%s%s]" % (path, suffix))

    def test_ranges(self):
        for section in ("", "TEXT", "HEADER", "1", "2", "1.MIME",
                        "HEADER.FIELDS (Subject To)"):
            for origin, length in RANGES:
                with self.subTest(section=section, origin=origin):
                    self.compare("UID FETCH 1:* BODY.PEEK[%s]<%d.%d>" % (
                        section, origin, length))

    def test_random_ranges(self):
        rng = random.Random(SEED)
        count = len(self.names)
        for _ in range(200):
            command = "FETCH %d BODY.PEEK[%s]<%d.%d>" % (
                rng.randint(1, count), rng.choice(["", "TEXT", "1", "2"]),
                rng.randrange(4000), rng.randint(1, 4000))
            with self.subTest(command):
                self.compare(command)

    def test_restored(self):
        """Byte for byte what was sealed."""
        found = fetched(self.bridge.ok("FETCH 1:* BODY.PEEK[]"))
        for n, name in enumerate(self.names):
            with self.subTest(name):
                self.assertEqual(  # IMAP knows no NUL
                    found[n + 1][b"BODY[]"][1],
                    self.originals[n].replace(b"\0", b"\x80"))

    def test_sizes_and_pieces(self):
        """RFC822.SIZE is the length of BODY[], in every session; HEADER and
        TEXT make up the whole."""
        for _ in range(2):
            found = fetched(self.bridge.ok(
                "FETCH 1:* (RFC822.SIZE BODY.PEEK[] BODY.PEEK[HEADER] "
                "BODY.PEEK[TEXT])"))
            self.assertEqual(len(found), len(self.names))
            for n, items in found.items():
                whole = items[b"BODY[]"][1]
                self.assertEqual(int(items[b"RFC822.SIZE"]), len(whole),
                                 self.names[n - 1])
                self.assertEqual(items[b"BODY[HEADER]"][1] +
                                 items[b"BODY[TEXT]"][1], whole)
            self.bridge = self.through()
            self.bridge.ok("EXAMINE INBOX")

    def test_seen(self):
        """Exactly when the server would have set it."""
        for item in ("BODY[]", "RFC822", "RFC822.TEXT", "BODY[TEXT]",
                     "BODY[1]", "BODY[HEADER]", "BODY[]<0.10>",
                     "RFC822.HEADER", "BODYSTRUCTURE", "ENVELOPE"):
            for mode in ("SELECT", "EXAMINE"):
                with self.subTest(item=item, mode=mode):
                    for one in (self.plain, self.bridge):
                        one.ok("SELECT INBOX")
                        one.ok(r"STORE 1:* -FLAGS.SILENT (\Seen)")
                        one.ok("%s INBOX" % mode)
                    self.compare("FETCH 1:* %s" % item)
                    self.compare("FETCH 1:* FLAGS")

    def test_sets(self):
        top = len(self.names)
        for numbers in ("1", "*", "%d:1" % top, "1,3,5:7", "5:*", "2,2,2",
                        "%d:*" % (top + 5), "1:3,2:4"):
            for item in ("FLAGS", "(UID RFC822.SIZE)", "BODY.PEEK[HEADER]",
                         "BODY.PEEK[]"):
                for verb in ("FETCH", "UID FETCH"):
                    command = "%s %s %s" % (verb, numbers, item)
                    with self.subTest(command):
                        self.compare(command)

    def test_pipelined(self):
        """As mbsync does: many commands before the first answer."""
        answers = []
        for one in (self.plain, self.bridge):
            count = len(self.names)
            one.file.write(b"".join(b"p%d UID FETCH %d (BODY.PEEK[])\r\n" % (
                i, i) for i in range(1, count + 1)))
            one.file.flush()
            got, tagged = [], []
            while len(tagged) < count:
                line = one.answer()
                if line.startswith(b"p"):
                    tagged.append(line.split(b" ")[:2])
                else:
                    got.append(line[2:])
            answers.append((
                {n: items for n, items in fetched(got).items()
                 if not self.may_differ(n, b"BODY[]")}, tagged))
        self.assertEqual(answers[0], answers[1])


class Search(Compared):
    """Messages that do not begin with a header field have none outside: their
    senders and dates are not the server's to find."""

    @staticmethod
    def leaves_out(name, message):
        return re.match(rb"[!-9;-~]+[ \t]*:|\r\n", message) is None

    WORDS = ["the", "zebra", "Subject", "plain", "text", "attachment", "a",
             "multipart", "PGP MESSAGE", "X-Sealpost", "boundary", "=_seal",
             "utf", "M\u00fc", "\u00e4", "Hello", "message", "report", "base64"]

    def key(self, rng, depth):
        word = rng.choice(self.WORDS)
        if any(ord(c) > 127 for c in word):
            word = "e"
        size = rng.choice([0, 200, 400, 700, 1000, 3000, 20000])
        day = "%d-Mar-2021" % rng.randint(1, 28)
        top = len(self.names)
        choices = [
            lambda: 'BODY "%s"' % word, lambda: 'TEXT "%s"' % word,
            lambda: 'SUBJECT "%s"' % word, lambda: 'FROM "%s"' % word,
            lambda: 'HEADER Content-Type "%s"' % word,
            lambda: 'HEADER Subject "%s"' % word,
            lambda: 'HEADER MIME-Version ""', lambda: 'TO "example"',
            lambda: "LARGER %d" % size, lambda: "SMALLER %d" % size,
            lambda: "SEEN", lambda: "UNSEEN", lambda: "FLAGGED",
            lambda: "KEYWORD $Own", lambda: "ALL", lambda: "UNDELETED",
            lambda: "SINCE %s" % day, lambda: "BEFORE %s" % day,
            lambda: "SENTSINCE %s" % day,
            lambda: "%d:%d" % (rng.randint(1, top), rng.randint(1, top)),
            lambda: "UID %d:*" % rng.randint(1, top),
        ]
        if depth < 3:
            choices += [
                lambda: "NOT " + self.key(rng, depth + 1),
                lambda: "OR %s %s" % (self.key(rng, depth + 1),
                                      self.key(rng, depth + 1)),
                lambda: "(%s)" % " ".join(
                    self.key(rng, depth + 1)
                    for _ in range(rng.randint(1, 3)))] * 3
        return rng.choice(choices)()

    def answers(self, command):
        found = []
        for one in (self.plain, self.bridge):
            status, untagged = one.command(command)
            found.append((status, [re.sub(rb'\(TAG "[^"]*"\)', b"", a)
                                   for a in untagged
                                   if re.match(rb"E?SEARCH", a)]))
        return found

    def test_search(self):
        rng = random.Random(SEED)
        for _ in range(300):
            program = " ".join(self.key(rng, 0)
                               for _ in range(rng.randint(1, 3)))
            verb = rng.choice(["SEARCH", "UID SEARCH"])
            more = rng.choice(["", "", "CHARSET UTF-8 ",
                               "RETURN (MIN MAX COUNT ALL) "])
            command = "%s %s%s" % (verb, more, program)
            with self.subTest(command, seed=SEED):
                plain, bridge = self.answers(command)
                self.assertEqual(bridge, plain)

    def test_search_each_key(self):
        for program in (
                'BODY "PGP MESSAGE"', 'TEXT "multipart/encrypted"',
                'TEXT "X-Sealpost"', 'HEADER X-Sealpost ""', 'TEXT ""',
                'BODY ""', 'SUBJECT ""', 'HEADER Subject ""',
                'HEADER Content-Type "multipart"', 'NOT BODY "e"',
                'LARGER 0', 'SMALLER 0', 'LARGER 4294967295',
                'OR (BODY "e" SEEN) (NOT SUBJECT "e")', 'NOT (TEXT "a")'):
            with self.subTest(program):
                plain, bridge = self.answers("UID SEARCH " + program)
                self.assertEqual(bridge, plain)

    def test_search_result_kept(self):
        for one in (self.plain, self.bridge):
            one.ok('UID SEARCH RETURN (SAVE) BODY "e"')
        self.compare("UID FETCH $ (FLAGS)")
        self.compare("UID FETCH $ (RFC822.SIZE)")
        plain, bridge = self.answers('SEARCH $ BODY "a"')
        self.assertEqual(bridge, plain)


if __name__ == "__main__":
    harness.main()

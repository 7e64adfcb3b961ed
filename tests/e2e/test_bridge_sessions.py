# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""IMAP sessions before a real Dovecot, with what goes over the wire looked at:
what is never forwarded, how much is downloaded, several clients at once, what
hangs and what does not, and each extension that is announced."""
import os
import re
import socket
import time

import bridge_site
import harness
from fake_imap import Tap
from harness import text_message, wait_for
from imap_client import Gone, Raw, items
from test_bridge_imap import crlf

ANN, BOB = "ann@one.example", "bob@one.example"
PASSWORD = harness.PASSWORD
TIMEOUT = 3


class SessionCase(bridge_site.BridgeCase):
    site_options = {"seal": False}

    @classmethod
    def prepare(cls):
        cls.tap = Tap(cls.site.tls, cls.site.imaps_port)
        cls.addClassCleanup(cls.tap.close)
        cls.site.enrol(ANN, settings={"imap_port": cls.tap.port})
        cls.site.enrol(BOB)
        cls.start()

    @classmethod
    def start(cls):
        cls.site.start_bridge("timeout = %ds\nmax_message = 1M\n" % TIMEOUT)

    def setUp(self):
        super().setUp()
        self.message = crlf(text_message(self.secret, self.message_id))

    def ann(self, select=None):
        c = Raw(self.site.bridge_imap, login=(ANN, PASSWORD))
        if select:
            c.ok("SELECT " + select)
        return c

    def folder(self, *messages):
        """A new mailbox of ann's with these."""
        name = "f" + self.id().rsplit(".", 1)[1]
        with self.site.direct(ANN) as d:
            d.create(name)
        self.store(name, *messages)
        return name

    def store(self, name, *messages):
        """Past the bridge."""
        with self.site.direct(ANN) as d:
            for m in messages:
                self.assertEqual(d.append(name, None, None, m)[0], "OK")

    def stored(self, name):
        with self.site.direct(ANN) as d:
            if d.select(name, readonly=True)[1] == [b"0"]:
                return []
            return [x[1] for x in d.fetch("1:*", "(BODY.PEEK[])")[1]
                    if isinstance(x, tuple)]

    def flags(self, name):
        """Of each message, as the server has them."""
        with self.site.direct(ANN) as d:
            d.select(name, readonly=True)
            return [re.search(rb"FLAGS \(([^)]*)\)", x).group(1).split()
                    for x in d.fetch("1:*", "(FLAGS)")[1]]

    def sealed(self, n=1, more=b""):
        plain = [self.message.replace(b"a test", b"test %d" % i) + more
                 for i in range(n)]
        return plain, [self.site.seal(ANN, m) for m in plain]


class NeverForwarded:
    def test_what_goes_round_the_bridge(self):
        """No word of it reaches the server."""
        secret = self.secret.encode()
        n = len(self.message)
        name = self.folder(*self.sealed()[1])
        with self.ann(name) as c:
            mark = self.tap.mark()
            for command in [
                    b"COMPRESS DEFLATE", b"NOTIFY SET (selected (MessageNew "
                    b"(BODY.PEEK[])))", b"SORT (SIZE) UTF-8 ALL",
                    b"UID SORT (DATE) UTF-8 ALL",
                    b"THREAD REFERENCES UTF-8 ALL",
                    b"UID THREAD REFS UTF-8 ALL", b"UNAUTHENTICATE",
                    b"URLFETCH imap://x/INBOX/;uid=1", b"RESETKEY INBOX",
                    b"GENURLAUTH imap://x/INBOX/;uid=1 INTERNAL",
                    b"X-FUTURE", b"UID X-FUTURE 1", b"CONVERT 1 (x NIL)",
                    b"FETCH 1 BINARY.PEEK[1]", b"FETCH 1 BINARY.SIZE[1]",
                    b"UID FETCH 1 (FLAGS BINARY[1]<0.9>)",
                    b"FETCH 1 (PREVIEW)", b"FETCH 1 (PREVIEW (LAZY))",
                    b"FETCH 1 SNIPPET", b"FETCH 1 (UID X-FUTURE)",
                    b"FETCH 1 (BODY[X-FUTURE])", b"FETCH 1 (BODY[1.X])",
                    b"FETCH 1 (FLAGS) (PARTIAL 1:2)",
                    b"SEARCH FUZZY BODY x", b"SEARCH RETURN (UPDATE) ALL",
                    b"SEARCH RETURN (CONTEXT) ALL", b"SEARCH X-FUTURE x",
                    b"SEARCH FILTER x", b"SEARCH MIMEPART (CHILD EXISTS)",
                    b"STATUS INBOX (SIZE)", b"GETJMAPACCESS",
                    b'LIST "" "*" RETURN (STATUS (MESSAGES SIZE))',
                    b"APPEND INBOX CATENATE (URL \"/INBOX/;uid=1\")",
                    b"APPEND INBOX CATENATE (TEXT {%d+}\r\n%s)" % (
                        n, self.message),
                    b"APPEND INBOX ~{%d+}\r\n%s" % (n, self.message),
                    b"APPEND INBOX UTF8 (~{%d+}\r\n%s)" % (n, self.message),
                    b"REPLACE 1 INBOX {%d+}\r\n%s" % (n, self.message),
                    b"UID REPLACE 1 INBOX {%d+}\r\n%s" % (n, self.message),
                    b"ENABLE UTF8=ACCEPT", b"ENABLE IMAP4rev2 X-FUTURE"]:
                with self.subTest(command[:70]):
                    got, end = c.run(command)
                    if command.startswith(b"ENABLE"):
                        self.assertEqual(got, [b"* ENABLED"])
                    else:
                        self.assertRegex(end, rb"^(BAD|NO) ")
            up, _ = self.tap.since(mark)
            self.assertEqual(up, b"")
            c.ok("ENABLE UTF8=ACCEPT CONDSTORE X-FUTURE")
            up, _ = self.tap.since(mark)
            self.assertRegex(up, rb"^\S+ ENABLE CONDSTORE\r\n$")
        self.assertNotIn(secret, bytes(self.tap.up))

    def test_uploads(self):
        """Refused, broken off or accepted: no word of it in clear."""
        name = self.folder().encode()
        m, n = self.message, len(self.message)
        big = m + b"x" * (2 << 20)
        with self.ann() as c:
            for command, answer in [
                    (b"APPEND %s {%d+}\r\n%s" % (name, n, m), b"OK"),
                    (b"APPEND %s {%d+}\r\n%s" % (name, len(big), big),
                     b"NO [TOOBIG]"),
                    (b"APPEND %s {%d+}\r\n%s {%d+}\r\n%s" % (
                        name, n, m, len(big), big), b"NO [TOOBIG]"),
                    (b"APPEND %s {%d+}\r\n%s {0+}\r\n" % (name, n, m), b"NO"),
                    (b"APPEND no/where {%d+}\r\n%s" % (n, m),
                     b"NO [TRYCREATE]"),
                    (b"APPEND %s x {%d+}\r\n%s" % (name, n, m), b"BAD")]:
                self.assertTrue(c.run(command)[1].startswith(answer),
                                command[:60])
            c.ok("NOOP")
        self.assertEqual(len(self.stored(name.decode())), 1)
        broken_off = [
            b"a APPEND %s {%d+}\r\n%s" % (name, n, m[:-1]),
            b"a APPEND %s {%d}\r\n%s" % (name, n, m[:n // 2]),
            b"a APPEND %s {%d+}\r\n%s" % (name, n, m),
            b"a APPEND %s {%d+}\r\n%s {%d+}\r\n%s" % (
                name, n, m, n, m[:-1]),
            b"a APPEND %s {%d+}\r\n%s {%d" % (name, n, m, n)]
        for script in broken_off:
            with self.ann() as c:
                mark = self.tap.mark()
                c.send(script)
                c.socket.shutdown(socket.SHUT_WR)
                with self.assertRaises((Gone, ConnectionError)):
                    while True:
                        self.assertTrue(c.response().startswith(
                            (b"+", b"* BYE")))
                self.assertNotIn(b"APPEND", self.tap.since(mark)[0])
        self.assertEqual(len(self.stored(name.decode())), 1)
        for form in harness.forms_of(self.secret):
            self.assertNotIn(form, bytes(self.tap.up))
            for folder, _, files in os.walk(self.site.folder):
                for x in files:
                    path = os.path.join(folder, x)
                    if os.path.isfile(path):
                        self.assertFalse(harness.holds(path, [form]), path)


class Seen:
    ASKED = [("BODY[]", True), ("RFC822", True), ("BODY[HEADER]", True),
             ("BODY[TEXT]", True), ("RFC822.TEXT", True), ("BODY[1]", True),
             ("BODY[]<0.10>", True), ("BODY[TEXT]<99999.1>", True),
             ("BODY[HEADER.FIELDS (Date)]", True), ("BODY[9]", True),
             ("(BODYSTRUCTURE BODY[HEADER])", True),
             ("(FLAGS BODY[])", True), ("BODY[1.MIME]", True),
             ("BODY.PEEK[]", False), ("RFC822.HEADER", False),
             ("BODY", False), ("BODYSTRUCTURE", False), ("FULL", False),
             ("(ENVELOPE RFC822.SIZE)", False), ("BODY.PEEK[1]", False)]

    def test_exactly_as_the_server_would(self):
        """Of each item, with nothing known, with the body in memory, and for
        plaintext beside it; the flag is told in the answer of each."""
        count = len(self.ASKED)
        plain, sealed = self.sealed(1)
        name = self.folder(*(sealed * count), *(sealed * count),
                           *(plain * count))
        with self.ann(name) as c:
            c.ok("FETCH %d:%d BODY.PEEK[]" % (count + 1, 2 * count))
            self.assertEqual(self.flags(name), [[b"\\Recent"]] * 3 * count
                             if self.flags(name)[0] else [[]] * 3 * count)
            c.ok("EXAMINE " + name)
            for i, (asked, _) in enumerate(self.ASKED):
                for n in (i + 1, count + i + 1, 2 * count + i + 1):
                    c.ok("FETCH %d %s" % (n, asked))
            self.assertFalse(any(b"\\Seen" in f for f in self.flags(name)))
            c.ok("SELECT " + name)
            for i, (asked, seen) in enumerate(self.ASKED):
                for n in (i + 1, count + i + 1, 2 * count + i + 1):
                    with self.subTest(asked, n=n):
                        for once in (True, False):
                            got = [items(r) for r in
                                   c.ok("FETCH %d %s" % (n, asked))]
                            flags = b"".join(x.get("FLAGS", b"")
                                             for x in got)
                            self.assertEqual(
                                b"\\Seen" in flags,
                                seen and (once or "FLAGS" in asked))
            self.assertEqual(
                [b"\\Seen" in f for f in self.flags(name)],
                [seen for _, seen in self.ASKED] * 3)


class Together:
    def test_expunge_while_fetches_wait(self):
        """Numbers and messages fit at any time, and nothing is lost."""
        n = 30
        plain, sealed = self.sealed(n)
        name = self.folder(*sealed)
        for by_uid in (False, True):
            with self.ann(name) as c, self.ann(name) as other:
                there = [int(items(r)["UID"]) for r in c.ok("FETCH 1:* UID")]
                count = len(there)
                self.tap.hold()
                c.send(b"".join(
                    b"p%d %sFETCH %d (UID BODY.PEEK[])\r\n" % (
                        i, b"UID " if by_uid else b"",
                        there[i] if by_uid else i + 1)
                    for i in range(count)) + b"q NOOP\r\n")
                self.tap.let_go()
                gone = there[3:count:4]
                other.ok("UID STORE %s +FLAGS.SILENT (\\Deleted)" %
                         ",".join(map(str, gone)))
                other.ok("EXPUNGE")
                got, end = c.until(b"q")
                self.assertTrue(end.startswith(b"OK"))
                seen = set()
                for r in got:
                    m = re.match(rb"\* (\d+) (EXPUNGE|FETCH)", r)
                    if m and m.group(2) == b"EXPUNGE":
                        there.pop(int(m.group(1)) - 1)
                    elif m and "BODY[]" in items(r):
                        uid = int(items(r)["UID"])
                        self.assertEqual(there[int(m.group(1)) - 1], uid)
                        self.assertEqual(items(r)["BODY[]"], plain[uid - 1])
                        seen.add(uid)
                if by_uid:
                    self.assertLessEqual(set(there), seen)
                c.ok("NOOP")

    def test_a_client_that_stalls(self):
        """It does not read its answer; another one works as ever."""
        more = b"".join(b"line %d\r\n" % i for i in range(40000))
        plain, sealed = self.sealed(2, more)
        name = self.folder(*sealed * 8)
        with self.ann(name) as slow, self.ann(name) as quick:
            slow.send(b"a FETCH 1:* (BODY.PEEK[])\r\n" * 6)
            begin = time.monotonic()
            for _ in range(3):
                got = quick.ok("FETCH 1:2 (RFC822.SIZE BODY.PEEK[])")
                self.assertEqual([items(r)["BODY[]"] for r in got], plain)
            quick.ok("UID SEARCH BODY %s" % self.secret)
            self.assertLess(time.monotonic() - begin, 3)
            with self.ann(name) as third:
                third.ok("NOOP")
            # within its time it gets all of it, still
            for _ in range(6):
                got, end = slow.until(b"a")
                self.assertTrue(end.startswith(b"OK"))
                self.assertEqual(len(got), 16)

    def test_a_client_that_stalls_for_good(self):
        more = b"".join(b"line %d\r\n" % i for i in range(40000))
        _, sealed = self.sealed(1, more)
        name = self.folder(*sealed * 8)

        def threads():
            return len(os.listdir("/proc/%d/task" % self.site.bridge.pid))
        before = threads()
        with self.ann(name) as c:
            c.send(b"a FETCH 1:* (BODY.PEEK[])\r\n" * 60)
            wait_for("the end of the session", lambda: threads() <= before)

    def test_many_answers_before_the_first_is_read(self):
        """Long commands at once, answered at length: nobody waits for the
        other's reading for ever."""
        n = 100
        name = self.folder(*self.sealed(n)[0])
        wanted = b",".join(b"%d" % i for i in range(1, n + 1))
        with self.ann(name) as c:
            mark, seen = self.tap.mark(), 0
            for i in range(n):
                c.send(b"k%d UID FETCH %s (FLAGS INTERNALDATE UID)\r\n" % (
                    i, b",".join([wanted] * 35)))
            for i in range(n):
                got, end = c.until(b"k%d" % i)
                self.assertTrue(end.startswith(b"OK"), end)
                seen += len(got)
            self.assertEqual(seen, n * n)
            self.assertGreater(len(self.tap.since(mark)[0]), 1000000)


class Idle:
    def test_new_mail_within_two_seconds(self):
        plain, sealed = self.sealed(2)
        name = self.folder()
        with self.ann(name) as c:
            for i in range(2):
                c.send(b"i IDLE\r\n")
                self.assertTrue(c.response().startswith(b"+"))
                begin = time.monotonic()
                self.store(name, sealed[i])
                self.assertEqual(c.response(), b"* %d EXISTS" % (i + 1))
                self.assertLess(time.monotonic() - begin, 2)
                while not c.response().endswith(b" RECENT"):
                    pass
                c.send(b"DONE\r\nf FETCH %d (BODY.PEEK[] FLAGS)\r\n"
                       b"i IDLE\r\nDONE\r\ng NOOP\r\n" % (i + 1))
                self.assertTrue(c.until(b"i")[1].startswith(b"OK"))
                got, end = c.until(b"f")
                self.assertEqual([items(r)["BODY[]"] for r in got
                                  if b"BODY[]" in r], [plain[i]])
                self.assertTrue(c.until(b"i")[1].startswith(b"OK"))
                self.assertTrue(c.until(b"g")[1].startswith(b"OK"))

    def test_longer_than_the_timeout(self):
        """Silence is what IDLE is for."""
        name = self.folder()
        with self.ann(name) as c:
            c.send(b"i IDLE\r\n")
            self.assertTrue(c.response().startswith(b"+"))
            c.socket.settimeout(TIMEOUT + 1)
            with self.assertRaises(TimeoutError):
                c.socket.recv(1)
            c.socket.settimeout(harness.PATIENCE)
            c.file = c.socket.makefile("rb")
            self.store(name, self.message)
            self.assertEqual(c.response(), b"* 1 EXISTS")
            c.send(b"DONE\r\n")
            self.assertTrue(c.until(b"i")[1].startswith(b"OK"))


class Loss:
    def gone(self, c):
        begin, last = time.monotonic(), b""
        with self.assertRaises((Gone, ConnectionError)):
            while True:
                last = c.response()
        self.assertTrue(last.startswith(b"* BYE"), last)
        return time.monotonic() - begin

    def test_a_line_that_is_cut(self):
        name = self.folder(*self.sealed()[1])
        for command in (b"", b"x IDLE\r\n", b"x FETCH 1 (BODY.PEEK[])\r\n",
                        b"x APPEND INBOX {9}\r\n", b"x UID SEARCH BODY y\r\n",
                        b"x APPEND INBOX {9+}\r\nab"):
            with self.subTest(command), self.ann(name) as c:
                self.tap.hold()
                c.send(command)
                self.tap.cut()
                self.tap.let_go()
                c.send(b"9999999\r\ny NOOP\r\n")
                self.assertLess(self.gone(c), TIMEOUT)

    def test_a_server_that_falls_silent(self):
        name = self.folder(*self.sealed()[1])
        for command in (b"x NOOP\r\n", b"x FETCH 1 (BODY.PEEK[])\r\n",
                        b"x APPEND INBOX {9+}\r\na: b\r\n\r\nx\r\n"):
            with self.subTest(command), self.ann(name) as c:
                self.tap.hold()
                try:
                    c.send(command)
                    took = self.gone(c)
                    self.assertGreater(took, TIMEOUT - 1)
                    self.assertLess(took, TIMEOUT + 3)
                    if command[2:6] == b"NOOP":
                        begin = time.monotonic()
                        with Raw(self.site.bridge_imap) as d:
                            self.assertRegex(
                                d.refused('LOGIN %s "%s"' % (ANN, PASSWORD)),
                                rb"^NO \[UNAVAILABLE\]")
                        self.assertLess(time.monotonic() - begin,
                                        2 * TIMEOUT + 3)
                        # it is ann's server that is silent, not bob's
                        with Raw(self.site.bridge_imap,
                                 login=(BOB, PASSWORD)) as d:
                            d.ok("SELECT INBOX")
                finally:
                    self.tap.let_go()

    def test_a_client_that_stops_within_a_command(self):
        for half in (b"x NOO", b"x APPEND INBOX {99+}\r\nabc",
                     b"x SELECT {9}\r\n"):
            with self.subTest(half), self.ann() as c:
                c.send(half)
                if half.endswith(b"}\r\n"):
                    self.assertTrue(c.response().startswith(b"+"))
                self.assertLess(self.gone(c), TIMEOUT + 3)


class Caches:
    def bodies(self, mark):
        """Were whole messages asked for?"""
        return re.findall(rb"BODY(?:\.PEEK)?\[\][ )]", self.tap.since(mark)[0])

    def test_structure_needs_no_body_twice(self):
        more = b"".join(b"line %d\r\n" % i for i in range(5000))
        plain, sealed = self.sealed(5, more)
        name = self.folder(*sealed)
        asked = "FETCH 1:* (UID BODYSTRUCTURE RFC822.SIZE ENVELOPE)"
        with self.ann(name) as c:
            mark = self.tap.mark()
            c.ok("FETCH 1:* (RFC822.SIZE ENVELOPE BODY.PEEK[HEADER])")
            self.assertEqual(self.bodies(mark), [])
            self.assertLess(len(self.tap.since(mark)[1]), 5 * 4000)
            first = c.ok(asked)
            self.assertTrue(self.bodies(mark))
            self.assertGreater(len(self.tap.since(mark)[1]), 5 * len(more))
        for restart in (False, True):
            if restart:
                self.site.stop_bridge()
                self.start()
            with self.ann(name) as c:
                mark = self.tap.mark()
                self.assertEqual(c.ok(asked), first)
                self.assertEqual(c.ok("UID " + asked), first)
                self.assertEqual(self.bodies(mark), [])
                self.assertLess(len(self.tap.since(mark)[1]), 5 * 8000)
        for folder, _, files in os.walk(self.site.path("state")):
            for x in files:
                for form in harness.forms_of(self.secret):
                    self.assertFalse(harness.holds(
                        os.path.join(folder, x), [form]), x)

    def test_failures_are_not_kept(self):
        """Nothing but what was opened is written down."""
        _, (sealed,) = self.sealed()
        at = sealed.index(b"BEGIN PGP") + 300
        damaged = sealed[:at] + (b"B" if sealed[at:at + 1] == b"A" else b"A"
                                 ) + sealed[at + 1:]
        name = self.folder(damaged)
        size = [len(crlf(damaged))]
        for _ in range(2):
            with self.ann(name) as c:
                mark = self.tap.mark()
                structure = items(c.ok("FETCH 1 BODYSTRUCTURE")[0])
                self.assertIn(b'"encrypted"', structure["BODYSTRUCTURE"])
                self.assertTrue(self.bodies(mark))  # tried again
                got = items(c.ok("FETCH 1 (RFC822.SIZE BODY.PEEK[])")[0])
                self.assertEqual(int(got["RFC822.SIZE"]),
                                 len(got["BODY[]"]))
                self.assertEqual([len(got["BODY[]"])], size)

    def test_a_body_comes_once_for_all_clients(self):
        plain, sealed = self.sealed(3)
        name = self.folder(*sealed)
        with self.ann(name) as c, self.ann(name) as other:
            c.ok("FETCH 1:3 BODY.PEEK[]")
            mark = self.tap.mark()
            got = other.ok("UID FETCH 1:3 (RFC822.SIZE BODY.PEEK[])")
            self.assertEqual([items(r)["BODY[]"] for r in got], plain)
            self.assertEqual(self.bodies(mark), [])
            # in pieces, as Thunderbird does
            got = b"".join(items(c.ok("FETCH 1 BODY.PEEK[]<%d.50>" % at)[0])
                           ["BODY[]<%d>" % at]
                           for at in range(0, len(plain[0]) + 60, 50))
            self.assertEqual(got, plain[0])
            self.assertEqual(self.bodies(mark), [])

    def test_folders_that_change_their_names(self):
        """Renamed, swapped, deleted and made again: each shows its own."""
        with self.site.direct(ANN) as d:
            for name in ("swap1", "swap2"):
                d.create(name)
        one = self.message.replace(b"a test", b"one")
        two = self.message.replace(b"a test", b"the other") + b"more\r\n" * 9
        self.store("swap1", self.site.seal(ANN, one))
        self.store("swap2", self.site.seal(ANN, two))

        def look(c, name, plain):
            c.ok("SELECT " + name)
            got = items(c.ok("UID FETCH 1 (BODYSTRUCTURE RFC822.SIZE "
                             "ENVELOPE)")[0])
            self.assertEqual(int(got["RFC822.SIZE"]), len(plain))
            lines = plain.split(b"\r\n\r\n", 1)[1].count(b"\n")
            self.assertRegex(got["BODYSTRUCTURE"], rb" %d NIL" % lines)
            self.assertEqual(b"other" in got["ENVELOPE"], b"other" in plain)
            got = items(c.ok("UID FETCH 1 (BODY.PEEK[])")[0])
            self.assertEqual(got["BODY[]"], plain)
            c.ok("UNSELECT")
        with self.ann() as c, self.ann() as other:
            for _ in range(2):
                for x in (c, other):
                    look(x, "swap1", one)
                    look(x, "swap2", two)
                for old, new in (("swap1", "swap3"), ("swap2", "swap1"),
                                 ("swap3", "swap2")):
                    c.ok("RENAME %s %s" % (old, new))
                one, two = two, one
            for x in (one, two):
                c.ok("DELETE swap1")
                c.ok("CREATE swap1")
                self.store("swap1", self.site.seal(ANN, x))
                look(c, "swap1", x)
                look(other, "swap1", x)

    def test_the_same_after_copy_and_move(self):
        plain, sealed = self.sealed(2)
        name = self.folder(*sealed)
        asked = "(RFC822.SIZE BODYSTRUCTURE BODY.PEEK[])"
        with self.ann(name) as c:
            first = [items(r) for r in c.ok("FETCH 1:2 " + asked)]
            c.ok("CREATE copies")
            c.ok("COPY 1 copies")
            c.ok("MOVE 2 copies")
            c.ok("SELECT copies")
            self.assertEqual([items(r) for r in c.ok("FETCH 1:2 " + asked)],
                             first)


class Extensions:
    def test_condstore_and_qresync(self):
        _, sealed = self.sealed(3)
        name = self.folder(*sealed)
        with self.ann() as c, self.ann() as other:
            c.ok("ENABLE CONDSTORE QRESYNC")
            got = b"\n".join(c.ok("SELECT " + name))
            valid = re.search(rb"UIDVALIDITY (\d+)", got).group(1)
            modseq = re.search(rb"HIGHESTMODSEQ (\d+)", got).group(1)
            c.ok("UNSELECT")
            other.ok("SELECT " + name)
            other.ok("STORE 1 +FLAGS (\\Flagged)")
            other.ok("STORE 2 +FLAGS (\\Deleted)")
            other.ok("EXPUNGE")
            got = c.ok(b"SELECT %s (QRESYNC (%s %s 1:3))" % (
                name.encode(), valid, modseq))
            self.assertIn(b"* VANISHED (EARLIER) 2", got)
            changed = [items(r) for r in got if b" FETCH " in r]
            self.assertEqual([x["UID"] for x in changed], [b"1"])
            self.assertIn(b"\\Flagged", changed[0]["FLAGS"])
            self.assertIn("MODSEQ", changed[0])
            got, end = c.run("STORE 1 (UNCHANGEDSINCE 1) +FLAGS (\\Seen)")
            self.assertIn(b"[MODIFIED 1]", end)
            got = c.ok("UID FETCH 1:* (BODY.PEEK[HEADER]) (CHANGEDSINCE %s "
                       "VANISHED)" % modseq.decode())
            self.assertIn(b"* VANISHED (EARLIER) 2", got)
            self.assertEqual(
                [items(r)["UID"] for r in got if b" FETCH " in r], [b"1"])
            other.ok("STORE 1 +FLAGS (\\Deleted)")
            other.ok("EXPUNGE")
            got = c.ok("NOOP")
            self.assertIn(b"* VANISHED 1", got)
            self.assertIn(b"SEARCH 1 (MODSEQ ",
                          b"".join(c.ok("SEARCH MODSEQ 1")))

    def test_uidplus_and_move(self):
        name = self.folder()
        with self.ann(name) as c:
            for i in range(3):
                end = c.append(name, self.message)
                self.assertRegex(end, rb"^OK \[APPENDUID \d+ %d\]" % (i + 1))
            c.ok("CREATE moved")
            _, end = c.run("UID COPY 1 moved")
            self.assertRegex(end, rb"^OK \[COPYUID \d+ 1 1\]")
            got, end = c.run("UID MOVE 2 moved")
            self.assertRegex(b"\n".join(got) + end, rb"\[COPYUID \d+ 2 2\]")
            self.assertIn(b"* 2 EXPUNGE", got)
            c.ok("UID STORE 1,3 +FLAGS (\\Deleted)")
            got = c.ok("UID EXPUNGE 1")
            self.assertIn(b"* 1 EXPUNGE", got)
            self.assertEqual(c.ok("UID SEARCH ALL"), [b"* SEARCH 3"])
            c.ok("SELECT moved")
            self.assertEqual([items(r)["BODY[]"]
                              for r in c.ok("FETCH 1:* BODY.PEEK[]")],
                             [self.message] * 2)

    def test_special_use_namespace_id_list_status(self):
        name = self.folder(*self.sealed(2)[1])
        with self.ann() as c:
            got = b"\n".join(c.ok('LIST "" "*" RETURN (SPECIAL-USE)'))
            for use in (b"Sent", b"Drafts", b"Trash"):
                self.assertRegex(got, rb"\\%s[^\n]*%s" % (use, use))
            got = c.ok('LIST (SPECIAL-USE) "" "*"')
            self.assertTrue(got and all(b"\\" in r for r in got))
            self.assertEqual(c.ok("NAMESPACE"),
                             [b'* NAMESPACE (("" "/")) NIL NIL'])
            self.assertRegex(c.ok('ID ("name" "x")')[0], rb"^\* ID \(")
            got = c.ok('LIST "" %s RETURN (STATUS (MESSAGES UIDNEXT))' % name)
            self.assertIn(b"* STATUS %s (MESSAGES 2 UIDNEXT 3)" % (
                name.encode()), got)

    def test_esearch(self):
        _, sealed = self.sealed(3)
        name = self.folder(*sealed)
        with self.ann(name) as c:
            got = c.ok("SEARCH RETURN (MIN MAX COUNT ALL) BODY " +
                       self.secret)
            self.assertRegex(got[0], rb'^\* ESEARCH \(TAG "t\d+"\) MIN 1 '
                             rb"MAX 3 (ALL 1:3 )?COUNT 3( ALL 1:3)?$")
            c.ok("UID SEARCH RETURN (SAVE) NOT SUBJECT \"test 1\"")
            got = c.ok("UID FETCH $ (BODY.PEEK[])")
            self.assertEqual([items(r)["UID"] for r in got], [b"1", b"3"])
            self.assertEqual(c.ok("SEARCH RETURN (COUNT) $ SEEN")[0][-7:],
                             b"COUNT 0")


class Limits:
    def test_long_lines(self):
        plain, sealed = self.sealed(3)
        name = self.folder(*sealed)
        with self.ann(name) as c:
            for n in (8 << 10, 60 << 10):
                long = b",".join([b"1:3"] * (n // 4))
                for command in (b"UID FETCH %s (BODY.PEEK[])",
                                b"FETCH %s (FLAGS)", b"UID SEARCH UID %s",
                                b"SEARCH BODY %s"):
                    with self.subTest(command, n=n):
                        got, end = c.run(command % long)
                        self.assertRegex(end, rb"^(OK|NO|BAD)")
                        if n < 32 << 10:
                            self.assertTrue(end.startswith(b"OK"), end)
            self.assertEqual(
                [items(r)["BODY[]"] for r in c.ok(
                    b"FETCH %s (BODY.PEEK[])" % b",".join([b"1"] * 2000))],
                [plain[0]])
            items_ = b" ".join([b"BODY.PEEK[HEADER.FIELDS (From)]"] * 1001)
            self.assertRegex(c.refused(b"FETCH 1 (%s)" % items_), b"^BAD")
            self.assertRegex(c.refused(
                b"FETCH 1 (BODY.PEEK[%s])" % b".".join([b"1"] * 100)),
                b"^BAD")
            self.assertRegex(c.refused(
                b"SEARCH " + b"(" * 1000 + b"ALL" + b")" * 1000),
                b"^(BAD|NO)")
            c.ok("NOOP")

    def test_a_line_over_the_limit(self):
        """The client hears why; the server hears nothing."""
        with self.ann("INBOX") as c:
            mark = self.tap.mark()
            got, end = c.run(b"UID FETCH %s (FLAGS)" % (
                b",".join([b"1"] * 100000)))
            self.assertRegex(end, b"^BAD")
            self.assertEqual(self.tap.since(mark)[0], b"")
            c.ok("NOOP")
        with self.ann("INBOX") as c, self.assertRaises(
                (Gone, ConnectionError)):
            for _ in range(100):
                c.send(b"x" * (1 << 20))
            while True:
                c.response()

    def test_literals_in_commands(self):
        name = self.folder(*self.sealed()[1])
        word = self.secret.encode()
        with self.ann(name) as c:
            self.assertEqual(
                c.ok(b"SEARCH BODY {%d+}\r\n%s" % (len(word), word)),
                [b"* SEARCH 1"])
            c.send(b"x SEARCH BODY {%d}\r\n" % len(word))
            self.assertTrue(c.response().startswith(b"+"))
            c.send(word + b" SUBJECT {4}\r\n")
            self.assertTrue(c.response().startswith(b"+"))
            c.send(b"test\r\n")
            self.assertEqual(c.until(b"x")[0], [b"* SEARCH 1"])
            for size in (b"99999999", b"4294967296"):
                c.send(b"y SEARCH BODY {%s}\r\n" % size)
                self.assertTrue(c.until(b"y")[1].startswith(b"NO [LIMIT]"))
            c.ok("NOOP")


class Sessions(NeverForwarded, Seen, Together, Idle, Loss, Caches,
               Extensions, Limits, SessionCase):
    """All on one site."""


if __name__ == "__main__":
    bridge_site.main()

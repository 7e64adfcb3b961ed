# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The bridge before an IMAP server that lies: nothing crashes or hangs, nobody
else is held up, and the client gets nothing that it did not ask for.

The server is a fake one (fake_imap.Liar), for no real one does this."""
import contextlib
import re
import time

import bridge_site
import harness
from fake_imap import Liar, literal
from harness import text_message
from imap_client import Gone, Raw, items, number
from test_bridge_imap import crlf

ANN, BOB, EVE = "ann@one.example", "bob@one.example", "eve@one.example"
PASSWORD = harness.PASSWORD
TIMEOUT = 2

with open(bridge_site.PROGRAM, "rb") as f:
    SANITIZED = b"__asan_init" in f.read()


class HostileCase(bridge_site.BridgeCase):
    site_options = {"seal": False}

    @classmethod
    def prepare(cls):
        cls.liar = Liar(cls.site.tls)
        cls.addClassCleanup(cls.liar.close)
        cls.site.enrol(ANN, login="password", key="file",
                       settings={"imap_port": cls.liar.port})
        cls.site.enrol(BOB)
        cls.site.enrol(EVE)
        cls.site.start_bridge("timeout = %ds\nmax_message = 1M\n" % TIMEOUT)
        # while one is logged in, the others find the key unlocked
        for who in (ANN, BOB):
            cls.addClassCleanup(Raw(cls.site.bridge_imap,
                                    login=(who, PASSWORD)).close)

    def setUp(self):
        super().setUp()
        self.liar.reset()
        self.plain = crlf(text_message(self.secret, self.message_id))
        self.sealed = self.site.seal(ANN, self.plain)
        self.pid = self.site.bridge.pid

    def tearDown(self):
        """Whatever was said: the bridge serves others."""
        self.assertIsNone(self.site.bridge.process.poll())
        with Raw(self.site.bridge_imap, login=(BOB, PASSWORD)) as c:
            c.ok("SELECT INBOX")
        super().tearDown()

    def ann(self, select=True):
        c = Raw(self.site.bridge_imap, login=(ANN, PASSWORD))
        if select:
            c.ok("SELECT INBOX")
        return c

    def mail(self, *messages):
        self.liar.messages = dict(enumerate(messages, 1))

    def told(self):
        """What the server was told since its reset, login aside."""
        return [x for x in self.liar.received if b"AUTHENTICATE" not in x]

    def ends(self, c, command=None, within=TIMEOUT + 6):
        """The session ends with BYE. What came before it."""
        begin, got = time.monotonic(), []
        if command:
            c.send(b"x %s\r\n" % command)
        with self.assertRaises((Gone, ConnectionError)):
            while True:
                got.append(c.response())
        self.assertLess(time.monotonic() - begin, within)
        self.assertTrue(got and got[-1].startswith(b"* BYE"), got[-3:])
        return got

    @contextlib.contextmanager
    def memory(self, most):
        """The bridge never has so many octets more than before."""
        def read(what):
            with open("/proc/%d/status" % self.pid) as f:
                return int(re.search(what + r":\s+(\d+)", f.read())
                           .group(1)) << 10
        with open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")
        before = read("VmRSS")
        yield
        if not SANITIZED:  # it keeps what was freed
            self.assertLess(read("VmHWM") - before, most)


class Capabilities:
    def test_an_unknown_extension_is_hidden_wherever_it_is_announced(self):
        words = (b"IMAP4rev1 X-FUTURE COMPRESS=DEFLATE IDLE UTF8=ACCEPT "
                 b"AUTH=PLAIN SASL-IR LITERAL+ ENABLE")
        for say in [b"* CAPABILITY %s\r\n%%t OK done\r\n",
                    b"* OK [CAPABILITY %s] x\r\n%%t OK done\r\n",
                    b"* capability %s\r\n%%t OK [capability %s] x\r\n",
                    b"* NO [CAPABILITY %s] x\r\n%%t OK done\r\n",
                    b"%%t OK [CAPABILITY %s] done\r\n",
                    b"%%t OK [ CAPABILITY %s] done\r\n",
                    b"%%t NO [CAPABILITY %s] done\r\n",
                    b"%%t BAD [CAPABILITY %s] done\r\n"]:
            said = say.replace(b"%s", words).replace(b"%%", b"%")
            for command in ("NOOP", "CAPABILITY", "ENABLE CONDSTORE",
                            "UID FETCH 1 BODY.PEEK[]", "FETCH 1 ENVELOPE",
                            "SELECT INBOX", "SEARCH BODY x",
                            "APPEND INBOX {7+}\r\na: b\r\n\r\n"):
                with self.subTest(command, say=say):
                    self.liar.reset()
                    self.mail(self.sealed)
                    with self.ann() as c:
                        self.liar.on(rb"(?!AUTHENTICATE|LOGOUT)", said)
                        got, end = c.run(command)
                        text = b"\n".join(got) + end
                        for hidden in (b"X-FUTURE", b"COMPRESS", b"UTF8",
                                       b"AUTH="):
                            self.assertNotIn(hidden, text.upper())

    def test_at_login(self):
        old = self.liar.capabilities, self.liar.greeting
        self.liar.capabilities += b" X-FUTURE BINARY"
        self.liar.greeting = b"* OK [CAPABILITY IMAP4rev1 X-FUTURE] hi\r\n"
        try:
            for said in [None, b"* CAPABILITY IMAP4rev1 IDLE X-FUTURE\r\n"
                         b"%t OK in\r\n", b"%t OK in\r\n"]:
                if said:
                    self.liar.on(rb"AUTHENTICATE", said)
                with Raw(self.site.bridge_imap) as c:
                    self.assertNotIn(b"X-FUTURE", c.greeting)
                    got, end = c.run('LOGIN %s "%s"' % (ANN, PASSWORD))
                    self.assertTrue(end.startswith(b"OK [CAPABILITY IMAP4re"))
                    self.assertIn(b" IDLE ", end)
                    text = b"".join(got) + end
                    self.assertNotIn(b"X-FUTURE", text)
                    self.assertNotIn(b"BINARY", text)
        finally:
            self.liar.capabilities, self.liar.greeting = old

    def test_enabled_unasked(self):
        with self.ann() as c:
            self.liar.on(b"ENABLE", b"* ENABLED UTF8=ACCEPT X-FUTURE "
                         b"CONDSTORE\r\n%t OK done\r\n")
            self.assertEqual(c.ok("ENABLE QRESYNC UTF8=ACCEPT"),
                             [b"* ENABLED CONDSTORE"])
        self.assertIn(b"ENABLE QRESYNC",
                      [x.split(b" ", 1)[1] for x in self.told()])

    def test_without_idle(self):
        old, self.liar.capabilities = (self.liar.capabilities,
                                       b"IMAP4rev1 SASL-IR")
        try:
            with Raw(self.site.bridge_imap) as c:
                _, end = c.run('LOGIN %s "%s"' % (ANN, PASSWORD))
                self.assertNotIn(b"IDLE", end)
                self.assertTrue(c.refused("IDLE").startswith(b"BAD"))
                c.ok("NOOP")
        finally:
            self.liar.capabilities = old
        self.assertNotIn(b"IDLE", b"".join(self.told()))

    def test_a_referral_leads_nobody_away(self):
        """The client would send its password there."""
        with self.ann() as c:
            for said in [b"%t NO [REFERRAL imap://evil.example/] moved\r\n",
                         b"%t OK [referral imap://evil.example/] moved\r\n",
                         b"* OK [REFERRAL imap://evil.example/] x\r\n"
                         b"%t OK done\r\n"]:
                self.liar.on(b"STATUS|UID FETCH", said)
                for command in ("STATUS x (MESSAGES)",
                                "UID FETCH 1 (BODY.PEEK[])"):
                    with self.subTest(said, command=command):
                        got, end = c.run(command)
                        self.assertNotIn(b"evil", b"".join(got) + end)


class Unasked:
    def unasked(self, secret):
        """Of messages nobody asked for."""
        stolen = b"Subject: %s\r\n\r\n%s\r\n" % (secret, secret)
        return b"".join(
            b"* %d FETCH (UID %d FLAGS (\\Draft) %s)\r\n" % (n, n, x)
            for n in (2, 77) for x in (
                b"BODY[] " + literal(stolen),
                b"BODY[HEADER] " + literal(stolen),
                b"BODY[HEADER.FIELDS (CONTENT-TYPE)] " + literal(stolen),
                b"RFC822 " + literal(stolen), b"BODY[TEXT]<0> \"%s\"" % secret,
                b"RFC822.SIZE 5 ENVELOPE (NIL \"%s\" NIL NIL NIL NIL NIL NIL "
                b"NIL NIL)" % secret))

    def test_octets_of_messages_nobody_asked_for(self):
        secret = b"unasked-for"
        for command in (b"NOOP", b"UID FETCH 1 (BODY.PEEK[])",
                        b"UID FETCH 1 (ENVELOPE)", b"FETCH 1 (BODYSTRUCTURE)",
                        b"FETCH 1 (BODY[HEADER])", b"FETCH 1:1 (BODY[TEXT])",
                        b"UID FETCH 1 (FLAGS)", b"SEARCH BODY x",
                        b"SEARCH FLAGGED", b"STORE 1 +FLAGS (\\Seen)",
                        b"APPEND INBOX {7+}\r\na: b\r\n\r\n"):
            with self.subTest(command):
                self.liar.reset()
                self.mail(self.sealed, self.sealed)
                honest = self.liar.answer

                def lie(c, tag, m, honest=honest):
                    rules, self.liar.rules = self.liar.rules, []
                    c.say(self.unasked(secret))
                    try:
                        honest(c, tag, m.string)
                    finally:
                        self.liar.rules = rules
                with self.ann() as c:
                    self.liar.on(rb"(?!LOGOUT)", lie)
                    got, end = c.run(command)
                    self.assertNotIn(secret, b"".join(got) + end)
                    self.assertTrue(end.startswith(b"OK"), end)
                    if b"(BODY.PEEK[])" in command:
                        bodies = [items(r)["BODY[]"] for r in got
                                  if "BODY[]" in items(r)]
                        self.assertEqual(bodies, [self.plain])

    def test_while_idle(self):
        secret = b"unasked-for"
        self.mail(self.sealed)
        with self.ann() as c:
            def idle(c, tag, m):
                c.say(b"+ x\r\n" + self.unasked(secret) + b"* 9 EXISTS\r\n")
                c.line()
                return tag + b" OK done\r\n"
            self.liar.on(b"IDLE", idle)
            c.send(b"i IDLE\r\n")
            got = []
            while not got or got[-1] != b"* 9 EXISTS":
                got.append(c.response())
            self.assertNotIn(secret, b"".join(got))
            self.assertIn(b"\\Draft", b"".join(got))
            c.send(b"DONE\r\n")
            self.assertTrue(c.until(b"i")[1].startswith(b"OK"))

    def test_an_idle_that_the_server_ends(self):
        """Before the client has said DONE, or without ever beginning."""
        with self.ann() as c:
            for said in (b"+ x\r\n* 3 EXISTS\r\n%t OK enough\r\n",
                         b"%t NO not now\r\n", b"%t BAD what\r\n"):
                self.liar.on(b"IDLE", said)
                c.send(b"i IDLE\r\n")
                got, end = c.until(b"i")
                self.assertTrue(end.startswith(said.split(b"%t ")[1][:2]))
                c.send(b"DONE\r\nn NOOP\r\n")  # too late
                got, end = c.until(b"n")
                self.assertTrue(all(b"BAD" in r for r in got), got)
                self.assertTrue(end.startswith(b"OK"))
                c.send(b"i IDLE\r\nDONE\r\nn NOOP\r\n")
                c.until(b"i")
                self.assertTrue(c.until(b"n")[1].startswith(b"OK"))

    def test_a_flood_of_them(self):
        """Nothing is kept of what was not asked for."""
        self.mail(self.sealed)
        one = b"".join(b"* %d FETCH (UID %d BODY[HEADER.FIELDS "
                       b"(CONTENT-TYPE)] {0}\r\n)\r\n" % (n, n)
                       for n in range(2, 10002))

        def flood(c, tag, m):
            for _ in range(60):
                c.say(one)
            return b"%s OK done\r\n" % tag
        with self.ann() as c, self.memory(6 << 20):
            self.liar.on(rb"UID FETCH .*HEADER\.FIELDS", flood)
            c.run("UID FETCH 1 (BODY.PEEK[])")

    def test_a_search_that_finds_too_much(self):
        """More than a folder can have."""
        self.mail(self.sealed)
        one = b"* SEARCH" + b" 1" * 1000000 + b"\r\n"

        def flood(c, tag, m):
            for _ in range(40):
                c.say(one)
            return b"%s OK done\r\n" % tag
        with self.ann() as c, self.memory(40 << 20):
            self.liar.on(rb"UID SEARCH ", flood)
            self.ends(c, b"UID SEARCH BODY x", within=30)

    def test_flags_that_come_with_what_a_search_asks_for(self):
        """They are told once: the client is to have them."""
        def tell(c, tag, m):
            return b"* 1 FETCH (FLAGS (\\Flagged) %s)\r\n%s OK done\r\n" % (
                self.liar.items(1, m.string), tag)
        for stored in (self.plain, self.sealed):
            for key in ("BODY", "SUBJECT", "TEXT"):
                self.liar.reset()
                self.mail(stored)
                with self.subTest(key, sealed=stored is self.sealed), \
                        self.ann() as c:
                    self.liar.on(rb"FETCH 1 ", tell)
                    got = c.ok("SEARCH %s test" % key)
                    asked = [x for x in self.told() if b"FETCH" in x]
                    self.assertEqual(b"".join(got).count(b"\\Flagged"),
                                     len(asked), (got, asked))
                    self.assertTrue(asked)

    def test_another_message_in_its_place(self):
        """Number and UID do not fit together, or it comes twice."""
        other = self.site.seal(ANN, self.plain.replace(b"a test", b"wrong"))
        self.mail(self.sealed, other)

        def lie(c, tag, m):
            return (b"* 1 FETCH (UID 2 BODY[] %s)\r\n"
                    b"* 2 FETCH (UID 1 BODY[] %s)\r\n"
                    b"* 1 FETCH (UID 1 BODY[] %s)\r\n"
                    b"* 1 FETCH (UID 1 BODY[] %s)\r\n%s OK done\r\n" % (
                        literal(other), literal(other), literal(self.sealed),
                        literal(other), tag))
        with self.ann() as c:
            self.liar.on(rb"FETCH 1 \(UID BODY.PEEK\[\]", lie)
            got, end = c.run("FETCH 1 (BODY.PEEK[])")
            self.assertEqual([items(r)["BODY[]"] for r in got
                              if "BODY[]" in items(r)], [self.plain])
            self.assertNotIn(b"wrong", b"".join(got))

    def test_what_changes_while_many_are_opened(self):
        """Numbers fit at any time, the last flags are the last."""
        n = 60
        plain = [self.plain.replace(b"a test", b"test %d" % i)
                 for i in range(1, n + 1)]
        self.mail(*(self.site.seal(ANN, m) for m in plain))

        def fetch(c, tag, m):
            out, there = b"", list(range(1, n + 1))
            for uid in range(1, n + 1):
                at = there.index(uid) + 1
                out += b"* %d FETCH (%s)\r\n" % (
                    at, self.liar.items(uid, m.string))
                if uid % 7 == 0:
                    out += b"* %d EXPUNGE\r\n" % (at - 3)
                    there.pop(at - 4)
                if uid % 5 == 0:
                    out += (b"* %d FETCH (UID %d FLAGS (\\Flagged))\r\n"
                            % (there.index(uid) + 1, uid))
            return out + tag + b" OK done\r\n"
        self.liar.on(rb"UID FETCH 1:\S+ .*HEADER", fetch)
        for asked in ("(FLAGS ENVELOPE)", "(FLAGS RFC822.SIZE ENVELOPE)",
                      "(FLAGS BODY.PEEK[HEADER])"):
            with self.ann() as c:
                there, flags, answered = list(range(1, n + 1)), {}, set()
                for r in c.ok("UID FETCH 1:* " + asked):
                    expunged = re.match(rb"\* (\d+) EXPUNGE", r)
                    if expunged:
                        there.pop(int(expunged.group(1)) - 1)
                        continue
                    got = items(r)
                    uid = int(got["UID"])
                    self.assertEqual(there[number(r) - 1], uid, asked)
                    flags[uid] = got["FLAGS"]
                    if len(got) > 2:
                        self.assertIn(b"test %d" % uid, r)
                        answered.add(uid)
                self.assertEqual(answered, set(range(1, n + 1)))
                for uid in there:
                    self.assertEqual(b"\\Flagged" in flags[uid],
                                     uid % 5 == 0, asked)
            self.liar.uidvalidity += 1  # nothing is known of it yet

    def test_a_message_that_is_too_large_to_be_opened(self):
        """It is shown as it is stored, and in nobody's way."""
        end = self.sealed.index(b"-----END PGP")
        huge = self.sealed[:end] + b"x" * (36 << 20) + self.sealed[end:]
        self.mail(self.sealed, huge, self.sealed)
        with self.ann() as c, self.memory(24 << 20):
            for command in ("FETCH 1:3", "UID FETCH 1:3", "UID FETCH 1:3"):
                got = {items(r)["UID"]: items(r) for r in c.ok(
                    command + " (UID RFC822.SIZE BODY.PEEK[])")}
                for uid, is_ in ((b"1", self.plain), (b"2", huge),
                                 (b"3", self.plain)):
                    self.assertTrue(got[uid]["BODY[]"] == is_, uid)
                    self.assertEqual(got[uid]["RFC822.SIZE"],
                                     b"%d" % len(is_))

    def test_another_ones_sealed_message(self):
        """Swapped in: it cannot be opened, and is shown as it is stored."""
        foreign = crlf(self.site.seal(BOB, self.plain))
        self.mail(foreign)
        with self.ann() as c:
            got = items(c.ok("UID FETCH 1 (BODY.PEEK[] RFC822.SIZE)")[0])
            self.assertEqual(got["BODY[]"], foreign)
            self.assertEqual(got["RFC822.SIZE"], b"%d" % len(foreign))

    def test_the_same_numbers_and_another_uidvalidity(self):
        """With new UIDVALIDITY the message is another one; neither the memory
        nor the file of sizes and structures may say otherwise."""
        longer = self.plain.replace(b"a test", b"another test, and more")
        first = self.liar.uidvalidity
        versions = {first: self.plain, first + 1: longer,
                    first + 2: self.plain}
        asked = "UID FETCH 1 (RFC822.SIZE BODYSTRUCTURE ENVELOPE BODY.PEEK[])"
        for _ in range(2):
            for uidvalidity, plain in versions.items():
                self.mail(self.site.seal(ANN, plain))
                self.liar.uidvalidity = uidvalidity
                with self.ann() as c:
                    alone = items(c.ok("UID FETCH 1 BODYSTRUCTURE")[0])
                    for _ in range(2):
                        got = items(c.ok(asked)[0])
                        self.assertEqual(got["BODY[]"], plain)
                        self.assertEqual(got["RFC822.SIZE"],
                                         b"%d" % len(plain))
                        self.assertEqual(got["BODYSTRUCTURE"],
                                         alone["BODYSTRUCTURE"])
                        self.assertEqual(b"and more" in got["ENVELOPE"],
                                         plain is longer)

    def test_uidvalidity_that_changes_within_a_session(self):
        other = self.plain.replace(b"a test", b"another test")
        self.mail(self.sealed)
        with self.ann() as c:
            for _ in range(2):
                for uidvalidity, plain in ((1, self.plain), (2, other)):
                    self.mail(self.site.seal(ANN, plain))
                    self.liar.uidvalidity = uidvalidity
                    c.ok("SELECT INBOX")
                    got = items(c.ok("UID FETCH 1 (BODY.PEEK[])")[0])
                    self.assertEqual(got["BODY[]"], plain)

    def test_uidvalidity_that_is_not_told(self):
        """Then nothing is kept for the next session."""
        self.liar.on(b"SELECT", b"* 1 EXISTS\r\n%t OK [READ-WRITE] x\r\n")
        for text in (b"one text", b"other texts"):
            plain = self.plain.replace(b"a test", text)
            self.mail(self.site.seal(ANN, plain))
            with self.ann() as c:
                got = items(c.ok("UID FETCH 1 (BODY.PEEK[] ENVELOPE)")[0])
                self.assertEqual(got["BODY[]"], plain)
                self.assertIn(text, got["ENVELOPE"])


class Nonsense:
    def test_what_is_no_imap(self):
        self.mail(self.sealed)
        for said in [b"\r\n", b"* \r\n", b"*\r\n", b"garbage\r\n",
                     b"%t\r\n", b"%t MAYBE\r\n", b"nobody OK done\r\n",
                     b"s0000000000000000-1 OK done\r\n",
                     b"* 1 FETCH\r\n", b"* 1 FETCH (\r\n",
                     b"* 1 FETCH (BODY[] {5}\r\nabc)\r\n%t OK\r\n",
                     b"* 1 FETCH (UID 1 BODY[] \"abc)\r\n",
                     b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (X \"]\r\n",
                     b"* 1 FETCH (UID)\r\n", b"* 1 FETCH (UID 1))\r\n",
                     b"* 1 FETCH (UID 1 FLAGS (((((\r\n",
                     b"* 1 FETCH (UID 1 BODY[] {-1}\r\n",
                     b"* OK a\0b\r\n", b"\0", b"\xff\xfe\r\n",
                     b"* 99999999999999999999 FETCH (UID 1)\r\n",
                     b"* 1 FETCH (UID 1 BODY[] {9223372036854775807}\r\nx",
                     b"* 1 FETCH (UID 1 BODY[] {9223372036854775808}\r\nx",
                     b"* 1 FETCH (UID 1 BODY[] {18446744073709551616}\r\nx",
                     b"* 1 FETCH (UID 1 BODY[] {4294967296}\r\nx",
                     b"* LIST () \"/\" {99999999999}\r\nx",
                     b"* 1 FETCH (UID 1 BODY[] {99}\r\nx"]:
            for command in (b"NOOP", b"UID FETCH 1 (BODY.PEEK[])",
                            b"UID FETCH 1 (RFC822.SIZE)"):
                with self.subTest(said, command=command):
                    self.liar.rules = []
                    with self.ann() as c:
                        self.liar.on(rb"(?!LOGOUT)", said)
                        c.send(b"x %s\r\nz LOGOUT\r\n" % command)
                        got = []
                        begin = time.monotonic()
                        with self.assertRaises((Gone, ConnectionError)):
                            while True:
                                got.append(c.response())
                        self.assertLess(time.monotonic() - begin,
                                        TIMEOUT + 6)
                        self.assertTrue(any(
                            r.startswith((b"* BYE", b"x BAD", b"x NO",
                                          b"z OK")) for r in got), got)

    def test_nul_in_a_line(self):
        with self.ann() as c:
            self.liar.on(b"NOOP", b"* OK a\0b\r\n%t OK done\r\n")
            self.assertNotIn(b"\0", b"".join(self.ends(c, b"NOOP")))

    def endless(self, begin):
        def flow(c, tag, m):
            c.say(begin)
            for _ in range(3000):
                c.say(b"x" * (1 << 20))
        return flow

    def test_endless_line(self):
        self.mail(self.sealed)
        for begin in (b"* OK ", b"* 1 FETCH (UID 1 FLAGS (", b"%t OK ",
                      b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc X "):
            for command in (b"NOOP", b"UID FETCH 1 (BODY.PEEK[])"):
                with self.subTest(begin, command=command):
                    self.liar.rules = []
                    with self.ann() as c, self.memory(48 << 20):
                        self.liar.on(rb"(?!LOGOUT)", self.endless(begin))
                        self.ends(c, command, within=20)

    def test_a_literal_without_end(self):
        """As many octets as it likes, but none of them is kept."""
        self.mail(self.sealed)
        with self.ann() as c, self.memory(16 << 20):
            self.liar.on(rb"UID FETCH 1 \(UID BODY.PEEK\[\]", self.endless(
                b"* 1 FETCH (UID 1 BODY[] {3000000000}\r\n"))
            c.send(b"x UID FETCH 1 (BODY.PEEK[])\r\n")
            c.socket.settimeout(2)
            with self.assertRaises(TimeoutError):
                c.socket.recv(1)

    def test_continuations_nobody_waits_for(self):
        with self.ann() as c:
            self.liar.on(b"NOOP", b"+ more\r\n" * 50000 + b"%t OK x\r\n")
            self.assertEqual(c.ok("NOOP"), [])


class Ends:
    def test_bye_is_passed(self):
        self.mail(self.sealed)
        for command in (b"NOOP", b"SELECT INBOX", b"UID FETCH 1 BODY.PEEK[]",
                        b"FETCH 1 ENVELOPE", b"SEARCH BODY x", b"IDLE",
                        b"APPEND INBOX {7+}\r\na: b\r\n\r\n"):
            with self.subTest(command), self.ann() as c:
                self.liar.on(command.split(b" ")[0],
                             b"* BYE the house burns\r\n")
                got = self.ends(c, command)
                self.assertEqual(got[-1], b"* BYE the house burns")
                self.liar.rules = []

    def test_a_server_that_says_no_more(self):
        self.mail(self.sealed)
        for command in (b"NOOP", b"UID FETCH 1 (BODY.PEEK[])",
                        b"SEARCH BODY x", b"APPEND x {7+}\r\na: b\r\n\r\n"):
            with self.subTest(command), self.ann() as c:
                self.liar.on(rb".*", lambda c, tag, m: None)
                self.ends(c, command)
                self.liar.rules = []

    def test_a_client_that_reads_too_late(self):
        """What it gets then is a part of the answer, and no more."""
        plain = self.plain + b"0123456789abcde\n" * (1 << 20)
        self.mail(plain)
        start = len(self.site.bridge.lines)
        with self.ann() as c:
            c.send(b"x UID FETCH 1 (BODY.PEEK[])\r\n")
            self.site.bridge.wait_line(
                r"session ended.*reason=127\.0\.0\.1 is silent", start)
            got = c.file.read()
        self.assertTrue(b"BODY[] {%d}\r\n" % len(plain) in got[:100])
        self.assertLess(len(got), len(plain))
        self.assertTrue(plain.startswith(got[got.index(b"}\r\n") + 3:]))

    def test_login_at_a_server_that_says_nothing(self):
        for pattern in (b"AUTHENTICATE", b"CAPABILITY"):
            with self.subTest(pattern), Raw(self.site.bridge_imap) as c:
                self.liar.on(pattern, lambda c, tag, m: None)
                begin = time.monotonic()
                self.assertRegex(
                    c.refused('LOGIN %s "%s"' % (ANN, PASSWORD)),
                    rb"^NO \[UNAVAILABLE\]")
                self.assertLess(time.monotonic() - begin, TIMEOUT + 6)
                self.liar.rules = []

    def test_literals_that_the_server_does_not_take(self):
        """A server without LITERAL+ may refuse before it has the message."""
        old, self.liar.capabilities = (self.liar.capabilities,
                                       b"IMAP4rev1 SASL-IR IDLE")
        try:
            with self.ann() as c:
                self.assertTrue(c.append("x", self.plain).startswith(b"OK"))
                uploads = [x for x in self.told() if b"APPEND" in x]
                self.assertRegex(uploads[0], rb"APPEND x \{\d+\}\r\n")
                self.assertNotIn(self.secret.encode(), uploads[0])
                self.assertIn(b"multipart/encrypted", uploads[0])
                self.liar.refusal = b" NO [OVERQUOTA] full\r\n"
                self.assertEqual(c.append("x", self.plain),
                                 b"NO [OVERQUOTA] full")
                self.liar.refusal = b" BAD [CAPABILITY X-FUTURE] what\r\n"
                self.assertEqual(c.append("{3+}\r\na b", self.plain),
                                 b"BAD [CAPABILITY LITERAL+] what")
                c.send(b"y CREATE {3}\r\n")
                self.assertTrue(c.response().startswith(b"+"))
                c.send(b"a b\r\n")
                self.assertTrue(c.until(b"y")[1].startswith(b"BAD"))
                self.liar.refusal = None
                self.assertTrue(c.append("x", self.plain).startswith(b"OK"))
                two = b"APPEND x {%d+}\r\n%s {%d+}\r\n%s" % (
                    (len(self.plain), self.plain) * 2)
                self.assertTrue(c.refused(two).startswith(b"BAD"))
                c.ok("NOOP")
            self.liar.capabilities += b" MULTIAPPEND"
            with self.ann() as c:
                c.ok(two)
                upload = [x for x in self.told() if b"APPEND" in x][-1]
                self.assertEqual(upload.count(b"-----END PGP MESSAGE"), 2)
                self.assertNotIn(self.secret.encode(), upload)
        finally:
            self.liar.capabilities = old


class Hostile(Capabilities, Unasked, Nonsense, Ends, HostileCase):
    """All on one site."""


if __name__ == "__main__":
    bridge_site.main()

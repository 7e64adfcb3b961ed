# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Large messages through the bridge: one is in its memory once, whatever is
fetched of it; and a server that lies about one gets nobody another's octets."""
import base64
import contextlib
import os
import re

import bridge_site
import harness
from fake_imap import Liar, header_of, literal
from harness import text_message
from imap_client import Gone, Raw, items
from test_bridge_imap import crlf

ANN, BOB = "ann@one.example", "bob@one.example"
MB = 1 << 20

with open(bridge_site.PROGRAM, "rb") as f:
    SANITIZED = b"__asan_init" in f.read()


class Large(bridge_site.BridgeCase):
    site_options = {"seal": False}

    @classmethod
    def prepare(cls):
        cls.liar = Liar(cls.site.tls)
        cls.addClassCleanup(cls.liar.close)
        cls.site.enrol(ANN, login="password", key="file",
                       settings={"imap_port": cls.liar.port})
        cls.site.enrol(BOB)
        cls.site.start_bridge()

    def setUp(self):
        super().setUp()
        self.liar.reset()

    def client(self, who):
        c = Raw(self.site.bridge_imap, login=(who, harness.PASSWORD))
        c.ok("SELECT INBOX")
        return c

    def message(self, octets):
        text = crlf(text_message(self.secret, self.message_id))
        lines = base64.encodebytes(os.urandom(octets * 3 // 4))
        return text + crlf(lines)

    @contextlib.contextmanager
    def memory(self, most):
        """The bridge never has so many octets more than before."""
        pid = self.site.bridge.pid

        def read(what):
            with open("/proc/%d/status" % pid) as f:
                return int(re.search(what + r":\s+(\d+)", f.read())
                           .group(1)) << 10
        with open("/proc/%d/clear_refs" % pid, "w") as f:
            f.write("5")
        before = read("VmRSS")
        yield
        if not SANITIZED:  # it keeps what was freed
            self.assertLess(read("VmHWM") - before, most)

    # ---- a real server ----

    def test_it_is_in_memory_once(self):
        small, large = (self.message(n * MB) for n in (4, 24))
        with self.client(BOB) as c:
            for m in (small, large, large):
                self.assertTrue(c.append("INBOX", m).startswith(b"OK"))
        text = large.split(b"\r\n\r\n", 1)[1]
        for command, what in (
                ("UID FETCH 2 (BODY.PEEK[])", large),
                ("UID FETCH 2 (BODY.PEEK[TEXT])", text),
                ("UID FETCH 2 (BODY.PEEK[1])", text),
                ("UID FETCH 2 (BODY.PEEK[]<9.20000000>)",
                 large[9:20000009])):
            with self.subTest(command), self.client(BOB) as c, \
                    self.memory(len(large) + 4 * MB):
                got = items(c.ok(command)[0])
                self.assertTrue(what in got.values())
            self.site.stop_bridge()
            self.site.start_bridge()
        # nor is the one before it there still
        with self.client(BOB) as c, self.memory(len(large) + 8 * MB):
            for r in c.ok("UID FETCH 1:3 (BODY.PEEK[])"):
                got = items(r)
                self.assertTrue(got["BODY[]"] == (
                    small if got["UID"] == b"1" else large), got["UID"])
            self.assertEqual(c.ok("UID SEARCH BODY %s" % self.secret),
                             [b"* SEARCH 1 2 3"])

    def test_many_in_one_upload(self):
        """Nothing is kept of what comes after the refusal."""
        one = b" (%s) {1+}\r\nx" % (b"k" * 4000)
        with self.client(BOB) as c, self.memory(40 * MB):
            c.send(b"x APPEND INBOX" + one * 20000 + b"\r\n")
            self.assertTrue(c.until(b"x")[1].startswith(b"NO [LIMIT]"))
            c.ok("NOOP")

    def test_nul_in_it(self):
        """IMAP knows none, in a large literal as little as in a small one."""
        m = self.message(100000)
        m = m[:-50000] + b"\0" + m[-50000:] + b"\0"
        self.liar.messages = {1: crlf(self.site.seal(ANN, m))}
        with self.client(ANN) as c:
            whole = self.bodies(c, "1")[b"1"]
            self.assertTrue(whole == m.replace(b"\0", b"\x80"))
            pieces = [items(c.ok("UID FETCH 1 (BODY.PEEK[]<%d.30000>)" % at)
                            [0])["BODY[]<%d>" % at]
                      for at in range(0, len(m), 30000)]
            self.assertTrue(b"".join(pieces) == whole)

    def test_the_same_many_times(self):
        """It is borrowed each time; what must be copied has a limit."""
        m = self.message(MB)
        nul = self.message(4 * MB)
        nul = nul[:-9000] + b"\0" + nul[-9000:]
        self.liar.messages = {n: crlf(self.site.seal(ANN, one))
                              for n, one in ((1, m), (2, nul))}
        items = b"(%s)" % b" ".join([b"BODY.PEEK[]"] * 200)
        with self.client(ANN) as c:
            with self.memory(12 * MB):
                c.send(b"x FETCH 1 %s\r\n" % items)
                for _ in range(200):
                    begin = c.file.readline()
                    self.assertTrue(begin.endswith(b"{%d}\r\n" % len(m)))
                    self.assertTrue(c.file.read(len(m)) == m)
                self.assertEqual(c.file.readline(), b")\r\n")
                c.until(b"x")
            with self.memory(300 * MB):
                self.assertTrue(c.refused(b"FETCH 2 " + items)
                                .startswith(b"NO [UNAVAILABLE]"))
            c.ok("NOOP")

    # ---- one that lies ----

    def lie(self, said):
        """What is said of the bodies that are asked for."""
        self.liar.on(rb"(UID )?FETCH \S+ \(UID BODY.PEEK\[\]\)",
                     said + b"%t OK fetched\r\n")

    def prepare_two(self):
        small = crlf(text_message(self.secret, self.message_id))
        large = self.message(2 * MB)
        sealed = [crlf(self.site.seal(ANN, m)) for m in (small, large)]
        self.liar.messages = dict(enumerate(sealed, 1))
        return small, large, *map(literal, sealed)

    def bodies(self, c, uids):
        """By UID; of those for which the command brought one."""
        got, _ = c.run("UID FETCH %s (BODY.PEEK[])" % uids)
        return {one["UID"]: one["BODY[]"] for one in map(items, got)
                if "BODY[]" in one}

    def test_honest(self):
        small, large, _, _ = self.prepare_two()
        with self.client(ANN) as c:
            self.assertEqual(self.bodies(c, "1:2"),
                             {b"1": small, b"2": large})

    def test_said_twice(self):
        small, large, sealed_small, sealed_large = self.prepare_two()
        for said, shown in (
                (sealed_large + b" BODY[] " + sealed_small, small),
                (sealed_small + b" BODY[] " + sealed_large, large),
                (sealed_large + b" BODY[] " + sealed_large, large)):
            self.liar.uidvalidity += 1
            self.lie(b"* 1 FETCH (UID 1 BODY[] " + said + b")\r\n")
            with self.client(ANN) as c:
                self.assertTrue(self.bodies(c, "1") == {b"1": shown})

    def test_another_response_is_not_given_it(self):
        """A large one is taken, and the next response has an empty body."""
        _, large, _, sealed = self.prepare_two()
        self.lie(b"* 2 FETCH (UID 2 BODY[] " + sealed + b")\r\n"
                 b'* 1 FETCH (UID 1 BODY[] "")\r\n')
        with self.client(ANN) as c:
            got = self.bodies(c, "1:2")
            self.assertTrue(got[b"2"] == large)
            self.assertNotEqual(got.get(b"1"), large)

    def test_one_nobody_asked_for(self):
        """It is not taken for the one that was."""
        _, _, _, sealed = self.prepare_two()
        self.lie(b"* 2 FETCH (UID 2 BODY[] " + sealed + b")\r\n"
                 b'* 1 FETCH (UID 1 BODY[] "")\r\n')
        with self.client(ANN) as c:
            self.assertNotIn(b"2", self.bodies(c, "1"))

    def test_in_another_item(self):
        _, _, _, sealed = self.prepare_two()
        for begin, end in ((b"BODY[TEXT] ", b""), (b"X (BODY[] ", b")"),
                           (b"BODY[]<0> ", b"")):
            self.lie(b"* 1 FETCH (UID 1 " + begin + sealed + end + b")\r\n")
            with self.client(ANN) as c:
                c.run("UID FETCH 1 (BODY.PEEK[])")
                self.assertTrue(c.run("NOOP")[1].startswith(b"OK"))

    def test_it_ends_within(self):
        _, large, _, sealed = self.prepare_two()
        part = large[-300:-200]

        def cut(conversation, tag, _):
            conversation.say(b"* 2 FETCH (UID 2 BODY[] " + sealed[:-5000])
            raise ConnectionError
        self.liar.on(rb"(UID )?FETCH \S+ \(UID BODY.PEEK\[\]\)", cut)
        with self.client(ANN) as c:
            c.send(b"x UID FETCH 2 (BODY.PEEK[])\r\n")
            said = b""
            with self.assertRaises((Gone, ConnectionError)):
                while True:
                    said += c.response()
            self.assertNotIn(part, said)

    def test_a_plain_one_ends_within(self):
        """What the client has is a part of the answer, and no more."""
        plain = crlf(text_message(self.secret, self.message_id)) + b"x" * 300
        self.liar.messages = {1: plain}
        answer = b"* 1 FETCH (UID 1 BODY[] %s)\r\n" % literal(plain)

        def cut(conversation, tag, _):
            conversation.say(answer[:-50])
            raise ConnectionError
        self.liar.on(rb"UID FETCH \S+ \(BODY.PEEK\[\]\)", cut)
        with self.client(ANN) as c:
            c.send(b"x UID FETCH 1 (BODY.PEEK[])\r\n")
            self.assertEqual(c.file.read(), answer[:-50])

    def test_it_is_damaged(self):
        """Shown as it is stored, and held nowhere meanwhile."""
        _, large, _, _ = self.prepare_two()
        stored = self.liar.messages[2]
        at = len(stored) - 3000
        other = b"A" if stored[at:at + 1] != b"A" else b"B"
        wrong = stored[:at] + other + stored[at + 1:]
        junk = stored[:at] + b"x" * (30 * MB) + stored[at:]
        for bad, most in ((wrong, 6 * MB), (junk, 6 * MB)):
            self.liar.messages[2] = bad
            self.liar.uidvalidity += 1
            with self.client(ANN) as c, self.memory(most):
                self.assertTrue(self.bodies(c, "2") == {b"2": bad})

    def test_it_is_no_ciphertext(self):
        """The header says so, and the body is what it likes."""
        head = header_of(self.site.seal(ANN, self.message(1000)).replace(
            b"\n", b"\r\n").replace(b"\r\r\n", b"\r\n"))
        for body in (b"x\r\n" * MB, self.message(3 * MB),
                     b"-----BEGIN PGP MESSAGE-----\r\n" * 100000):
            stored = head + body
            self.liar.messages = {1: stored}
            self.liar.uidvalidity += 1
            with self.client(ANN) as c, self.memory(8 * MB):
                self.assertTrue(self.bodies(c, "1") == {b"1": stored})


if __name__ == "__main__":
    bridge_site.main()

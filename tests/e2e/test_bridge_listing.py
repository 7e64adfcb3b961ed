#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Listings of a folder through the bridge: many messages, and again.

A first listing opens the headers of all, in several threads; the next one knows
them, from the file in the state directory. Both say what the plaintext server
says of the messages before they were sealed.
"""
import contextlib
import glob
import os
import re
import sqlite3

from bridge_site import BridgeCase, main
from harness import text_message, with_crlf

PLAIN, SEALED = "plain@one.example", "ann@one.example"
DISTINCT, COPIES = 10, 6
EVERY = 4  # one of so many is not sealed
LIST = "(UID FLAGS RFC822.SIZE ENVELOPE BODY.PEEK[HEADER])"
STRUCTURE = "(BODYSTRUCTURE FLAGS)"


class Listing(BridgeCase):
    site_options = {"seal": False}

    @classmethod
    def prepare(cls):
        cls.site.enrol(PLAIN)
        cls.site.enrol(SEALED)
        texts = [with_crlf(text_message("hidden %d" % i, "<%d@o.example>" % i))
                 for i in range(DISTINCT)]
        cls.fill(PLAIN, texts)
        cls.fill(SEALED, [t if i % EVERY == 0 else cls.site.seal(SEALED, t)
                          for i, t in enumerate(texts)])

    @classmethod
    def fill(cls, address, texts):
        with cls.site.direct(address) as c:
            for text in texts:
                c.append("INBOX", None, '" 1-Mar-2021 10:11:12 +0000"', text)
            c.select()
            for _ in range(COPIES):
                c.copy("1:*", "INBOX")
                c.noop()
            cls.count = DISTINCT * 2 ** COPIES

    def setUp(self):
        super().setUp()
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)

    def restart(self):
        self.site.stop_bridge()
        self.site.start_bridge()

    def listing(self, client, items, by_uid, which="1:*"):
        """Answers by number; \\Recent is the business of sessions."""
        if by_uid:
            done, data = client.uid("FETCH", which, items)
        else:
            done, data = client.fetch(which, items)
        self.assertEqual(done, "OK")
        whole = b"".join(b"\r\n".join(d) if isinstance(d, tuple) else
                         d + b"\n" for d in data)
        found = {}
        for one in re.split(rb"(?m)^(?=\d+ \()", whole)[1:]:
            number = int(one.split()[0])
            self.assertNotIn(number, found)
            found[number] = self.items(one)
        return found

    def items(self, answer):
        """The items may come in any order."""
        answer = re.sub(rb" ?\\Recent", b"", answer)
        found = [re.search(pattern, answer) for pattern in (
            rb"UID \d+", rb"FLAGS \([^)]*\)", rb"RFC822.SIZE \d+",
            rb"(?s)ENVELOPE \(.*?>\"\)",
            rb"(?s)BODY\[HEADER\] \{\d+\}\r\n.*?\r\n\r\n",
            rb"BODYSTRUCTURE \(.*NIL\)", rb'INTERNALDATE "[^"]*"')]
        return [m and m.group() for m in found]

    def expected(self, items, by_uid, which="1:*"):
        with self.site.direct(PLAIN) as c:
            c.select()
            return self.listing(c, items, by_uid, which)

    def assert_lists(self, items, by_uid=True, times=1, which="1:*"):
        want = self.expected(items, by_uid, which)
        with self.site.client(SEALED) as c:
            c.select()
            for _ in range(times):
                self.assertEqual(self.listing(c, items, by_uid, which), want)

    def test_first_again_and_in_another_run(self):
        self.assertEqual(len(self.expected(LIST, True)), self.count)
        for by_uid in (True, False):
            self.assert_lists(LIST, by_uid, times=2)
        self.restart()
        for by_uid in (False, True):
            self.assert_lists(LIST, by_uid, times=2)

    def test_some_are_known(self):
        self.assert_lists(LIST, which="20:40,300:310")
        self.assert_lists(LIST, which="15:25,30:305")
        self.assert_lists(LIST, which="5:9,400,300:*", by_uid=False)

    def test_date_is_said_when_it_is_asked_for(self):
        with self.site.client(SEALED) as c:
            c.select()
            for _ in range(2):
                first = self.listing(c, "(ENVELOPE)", True)[2]
                self.assertIsNone(first[-1])
                first = self.listing(c, "(ENVELOPE INTERNALDATE)", True)[2]
                self.assertEqual(
                    first[-1], b'INTERNALDATE "01-Mar-2021 10:11:12 +0000"')
            self.assert_lists("(INTERNALDATE ENVELOPE)")

    def test_structure_after_header(self):
        which = "1:60"
        self.assert_lists(LIST, which=which)
        self.restart()
        self.assert_lists(STRUCTURE, times=2, which=which)
        self.assert_lists(LIST, which=which)
        self.restart()
        self.assert_lists(STRUCTURE, which=which)
        self.assert_lists(LIST, which=which)

    def test_file_is_in_use(self):
        """The session goes on without it, and it stays."""
        path = self.site.path("state", "facts.db")
        self.assert_lists(LIST, which="1:20")
        self.restart()
        inode = os.stat(path).st_ino
        with contextlib.closing(sqlite3.connect(
                path, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN IMMEDIATE")
            start = len(self.site.bridge.lines)
            self.assert_lists(LIST, which="1:20")
            self.site.bridge.wait_line("warning: imap: no cache", start)
            db.execute("COMMIT")
        self.assertEqual(os.stat(path).st_ino, inode)
        start = len(self.site.bridge.lines)
        self.assert_lists(LIST, which="1:20")
        self.assertNotIn("no cache", "".join(self.site.bridge.lines[start:]))

    def test_flags_are_those_of_now(self):
        for address in (PLAIN, SEALED):
            with self.site.direct(address) as c:
                c.select()
                c.store("7:8", "+FLAGS", "(\\Flagged)")
        self.assert_lists(LIST, times=2)

    def test_what_was_listed_is_not_read_again(self):
        """Other messages take the place of those that were listed."""
        want = self.expected(LIST, True, "2:20")
        with self.site.client(SEALED) as c:
            c.select()
            self.assertEqual(self.listing(c, LIST, True, "2:20"), want)
        self.restart()
        saved = {}
        for path in glob.glob(self.site.path(
                "mail", SEALED, "Maildir", "*", "*")):
            with open(path, "r+b") as f:
                saved[path] = f.read()
                if b"X-Sealpost" in saved[path]:
                    f.seek(0)
                    f.write(b"Subject: another\n\n" +
                            b"x" * (len(saved[path]) - 18))
        try:
            with self.site.client(SEALED) as c:
                c.select()
                found = self.listing(c, LIST, True, "2:20")
        finally:
            for path, text in saved.items():
                with open(path, "wb") as f:
                    f.write(text)
        for number, answer in want.items():
            if (number - 1) % DISTINCT % EVERY:
                self.assertEqual(found[number], answer)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The bridge's IMAP session in front of a real Dovecot: login, what is hidden
and refused, FETCH, \\Seen, APPEND, IDLE, pipelining, the server's loss."""
import base64
import os
import re
import socket
import ssl

import bridge_site
import harness
from harness import text_message, wait_for
from imap_client import Gone, Raw, items, number

ANN, BOB = "ann@one.example", "bob@one.example"
PASSWORD = harness.PASSWORD
HIDDEN = (b"COMPRESS BINARY CATENATE URLAUTH URL-PARTIAL PREVIEW SNIPPET "
          b"CONTEXT NOTIFY STATUS=SIZE IMAP4rev2 UTF8 REPLACE SORT THREAD "
          b"ESORT LOGIN-REFERRALS FUZZY PARTIAL SCRAM").split()


def crlf(message):
    return re.sub(rb"(?<!\r)\n", b"\r\n", message)


class ImapCase(bridge_site.BridgeCase):
    site_options = {"seal": False}  # what is sealed, the bridge has sealed

    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN)
        cls.site.enrol(BOB)
        cls.site.start_bridge("max_message = 1M\n")
        cls.idle = cls.count("task")

    @classmethod
    def count(cls, what):
        """Descriptors ("fd") or threads ("task") of the bridge."""
        return len(os.listdir("/proc/%d/%s" % (cls.site.bridge.pid, what)))

    def setUp(self):
        super().setUp()
        self.message = crlf(text_message(self.secret, self.message_id))

    def wait_idle(self):
        wait_for("the end of all sessions",
                 lambda: self.count("task") <= self.idle)

    def connect(self):
        return Raw(self.site.bridge_imap)

    def ann(self):
        return Raw(self.site.bridge_imap, login=(ANN, PASSWORD))

    def folder(self):
        """A new mailbox of ann's."""
        name = "f" + self.id().rsplit(".", 1)[1]
        with self.site.direct(ANN) as d:
            d.create(name)
        return name

    def store(self, name, *messages):
        """Past the bridge."""
        with self.site.direct(ANN) as d:
            for m in messages:
                self.assertEqual(d.append(name, None, None, m)[0], "OK")

    def stored(self, name):
        """What the server has."""
        with self.site.direct(ANN) as d:
            if d.select(name, readonly=True)[1] == [b"0"]:
                return []
            return [x[1] for x in d.fetch("1:*", "(BODY.PEEK[])")[1]
                    if isinstance(x, tuple)]

    def sealed(self, n=1):
        """n messages, and as the server stores them."""
        plain = [self.message.replace(b"a test", b"test %d" % i)
                 for i in range(n)]
        return plain, [self.site.seal(ANN, m) for m in plain]


class Login:
    def test_capabilities_are_filtered_everywhere(self):
        with self.connect() as c:
            lists = [c.greeting, *c.ok("CAPABILITY")]
            for words in lists:
                self.assertEqual(
                    set(re.findall(rb"AUTH=([A-Z0-9-]+)", words)),
                    {b"PLAIN", b"LOGIN"})
            _, end = c.run('LOGIN %s "%s"' % (ANN, PASSWORD))
            self.assertTrue(end.startswith(b"OK [CAPABILITY IMAP4rev1 "), end)
            lists += [end, *c.ok("CAPABILITY")]
            for words in lists:
                for hidden in HIDDEN:
                    self.assertNotIn(hidden, words)
            for word in (b"IDLE", b"UIDPLUS", b"MOVE", b"CONDSTORE",
                         b"QRESYNC", b"ESEARCH", b"SPECIAL-USE", b"LITERAL+",
                         b"NAMESPACE", b"ID", b"ENABLE", b"LIST-STATUS"):
                self.assertIn(word, lists[-1].split())
                self.assertIn(word, lists[-2].replace(b"]", b" ").split())

    def test_every_way_to_log_in(self):
        plain = base64.b64encode(b"\0%s\0%s" % (
            ANN.encode(), PASSWORD.encode())).decode()
        user, word = (base64.b64encode(x.encode()).decode()
                      for x in (ANN, PASSWORD))
        ways = [
            "a LOGIN %s %s\r\n" % (ANN, PASSWORD),
            'a login "%s" "%s"\r\n' % (ANN.upper(), PASSWORD),
            "a LOGIN {%d+}\r\n%s {%d+}\r\n%s\r\n" % (
                len(ANN), ANN, len(PASSWORD), PASSWORD),
            "a AUTHENTICATE PLAIN %s\r\n" % plain,
            "a authenticate plain\r\n%s\r\n" % plain,
            "a AUTHENTICATE LOGIN\r\n%s\r\n%s\r\n" % (user, word),
            "a AUTHENTICATE LOGIN %s\r\n%s\r\n" % (user, word),
        ]
        for way in ways:
            with self.subTest(way), self.connect() as c:
                c.send(way.encode())
                self.assertTrue(c.until(b"a")[1].startswith(b"OK"))
                self.assertTrue(c.ok("SELECT INBOX"))

    def test_what_does_not_log_in(self):
        wrong = base64.b64encode(b"\0%s\0wrong" % ANN.encode()).decode()
        ways = [
            ("a LOGIN %s wrong\r\n" % ANN, b"NO [AUTHENTICATIONFAILED]"),
            ("a LOGIN nobody@one.example x\r\n",
             b"NO [AUTHENTICATIONFAILED]"),
            ('a LOGIN %s ""\r\n' % ANN, b"NO [AUTHENTICATIONFAILED]"),
            ("a AUTHENTICATE PLAIN %s\r\n" % wrong,
             b"NO [AUTHENTICATIONFAILED]"),
            ("a AUTHENTICATE PLAIN\r\n*\r\n", b"BAD"),
            ("a AUTHENTICATE PLAIN ==x\r\n", b"BAD"),
            ("a AUTHENTICATE PLAIN\r\n%%%%\r\n", b"BAD"),
            ("a AUTHENTICATE SCRAM-SHA-256\r\n", b"NO"),
            ("a AUTHENTICATE CRAM-MD5\r\n", b"NO"),
            ("a LOGIN x\r\n", b"BAD"),
            ("a SELECT INBOX\r\n", b"BAD"),
        ]
        for way, answer in ways:
            with self.subTest(way), self.connect() as c:
                c.send(way.encode())
                self.assertTrue(c.until(b"a")[1].startswith(answer))
                c.send(b"b NOOP\r\n")
                self.assertEqual(c.until(b"b")[1][:2], b"OK")

    def test_starttls(self):
        with self.connect() as c:
            self.assertIn(b"STARTTLS", c.greeting)
            c.send(b"a STARTTLS\r\nb LOGIN in clear\r\n")
            self.assertTrue(c.until(b"a")[1].startswith(b"OK"))
            context = ssl.create_default_context(
                cafile=self.site.path("state", "ca.pem"))
            c.start_tls(context, "localhost")
            self.assertNotIn(b"STARTTLS", c.ok("CAPABILITY")[0])
            self.assertTrue(c.refused("STARTTLS").startswith(b"BAD"))
            c.ok('LOGIN "%s" "%s"' % (ANN, PASSWORD))
            c.ok("SELECT INBOX")

    def test_failures_end(self):
        with self.connect() as c, self.assertRaises(
                (Gone, ConnectionError)):
            for _ in range(9):
                c.refused("LOGIN %s wrong" % BOB)

    def test_endless_line_before_login(self):
        with self.connect() as c, self.assertRaises(
                (Gone, ConnectionError)):
            for _ in range(100):
                c.send(b"x" * 10000)
            while True:
                c.response()

    def test_nothing_of_the_password_is_logged(self):
        start = len(self.site.bridge.lines)
        with self.ann() as c:
            c.ok("LOGOUT")
        self.wait_idle()
        # what comes last: all before it has been read
        with self.connect() as c:
            c.refused("LOGIN %s wrong" % BOB)
        self.site.bridge.wait_line("imap: login refused", start)
        with open(self.site.path("log", "bridge")) as f:
            self.assertNotIn(PASSWORD, f.read())


class Commands:
    def test_what_goes_round_the_bridge_is_refused(self):
        commands = [
            "COMPRESS DEFLATE", "NOTIFY NONE", "SORT (SIZE) UTF-8 ALL",
            "UID SORT (DATE) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL",
            "UID THREAD REFS UTF-8 ALL", "URLFETCH x", "GENURLAUTH x",
            "X-UNKNOWN", "UNAUTHENTICATE", "UID NOOP", "ESEARCH IN (inboxes)",
            "STATUS INBOX (MESSAGES SIZE)", "STATUS INBOX (size)",
            'LIST "" "*" RETURN (SPECIAL-USE STATUS (SIZE))',
            "FETCH 1 BINARY.PEEK[1]", "FETCH 1 (FLAGS BINARY.SIZE[1])",
            "FETCH 1 PREVIEW", "FETCH 1 (SNIPPET (FUZZY))",
            "UID FETCH 1 (RFC822.PEEK)", "FETCH 1 (FLAGS X-FUTURE)",
            'APPEND INBOX CATENATE (URL "/INBOX/;uid=1")',
        ]
        with self.ann() as c:
            c.ok("SELECT INBOX")
            for command in commands:
                with self.subTest(command):
                    self.assertRegex(c.refused(command), b"^(BAD|NO) ")
            c.ok("NOOP")

    def test_enable(self):
        with self.ann() as c:
            self.assertEqual(c.ok("ENABLE UTF8=ACCEPT"), [b"* ENABLED"])
            self.assertEqual(c.ok("ENABLE UTF8=ACCEPT condstore X"),
                             [b"* ENABLED CONDSTORE"])
            self.assertTrue(any(b"HIGHESTMODSEQ" in r
                                for r in c.ok("SELECT INBOX")))

    def test_what_passes(self):
        with self.ann() as c:
            for command in ['ID ("name" "x")', "NAMESPACE", 'LIST "" "*"',
                            'LIST (SUBSCRIBED) "" "*" RETURN (SPECIAL-USE '
                            'STATUS (MESSAGES))', 'LSUB "" "*"',
                            "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)",
                            "CREATE passes", "SUBSCRIBE passes",
                            "SELECT passes", "CHECK", "NOOP", "SEARCH ALL",
                            "UID SEARCH RETURN (COUNT) ALL", "UNSELECT",
                            "DELETE passes"]:
                c.ok(command)
            c.ok('CREATE {3+}\r\na b')
            self.assertIn(b'"a b"', b"".join(c.ok('LIST "" "a*"')))

    def test_broken_lines(self):
        with self.ann() as c:
            c.send(b"x\r\n")
            self.assertTrue(c.response().startswith(b"x BAD"))
            c.send(b"\r\n* a\r\n(\r\n")
            for _ in range(3):
                self.assertTrue(c.response().startswith(b"* BAD"))
            c.send(b"t SELECT ~{3+}\r\nabc\r\n")
            self.assertTrue(c.until(b"t")[1].startswith(b"BAD"))
            c.send(b"u SELECT {99999999}\r\n")
            self.assertTrue(c.until(b"u")[1].startswith(b"NO [LIMIT]"))
            c.ok("NOOP")

    def test_search_that_becomes_too_long(self):
        with self.ann() as c:
            c.ok("SELECT INBOX")
            for text in (b'"' * 35000, b"\\" * 50000):
                self.assertTrue(
                    c.refused(b"SEARCH BODY x FROM {%d+}\r\n%s" % (
                        len(text), text)).startswith(b"NO [LIMIT]"))
                c.ok("NOOP")

    def test_logout(self):
        with self.ann() as c:
            untagged, end = c.run("LOGOUT")
            self.assertTrue(untagged[0].startswith(b"* BYE"))
            self.assertTrue(end.startswith(b"OK"))
            with self.assertRaises(Gone):
                c.response()

    def test_mailboxes_are_not_mixed(self):
        name = self.folder()
        with self.ann() as c:
            for _ in range(2):
                plain, sealed = self.sealed(3)
                self.secret = harness.canary()
                self.message = crlf(text_message(
                    self.secret, self.message_id))
                self.store(name, *sealed)
                c.ok("SELECT " + name)
                got = [items(r)["BODY[]"]
                       for r in c.ok("UID FETCH 1:3 BODY.PEEK[]")]
                self.assertEqual(got, plain)
                c.ok("CLOSE")
                c.ok("DELETE " + name)
                c.ok("CREATE " + name)


class Fetch:
    def test_same_items_as_of_plaintext(self):
        """What Dovecot says of the plaintext, beside what the bridge says."""
        name, n = self.folder(), 3
        plain, sealed = self.sealed(n)
        self.store(name, *[m for pair in zip(plain, sealed) for m in pair])
        with self.ann() as c:
            c.ok("SELECT " + name)
            for asked in ["RFC822.SIZE", "ENVELOPE", "BODY", "BODYSTRUCTURE",
                          "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
                          "(RFC822.SIZE BODY.PEEK[1])", "BODY.PEEK[1.MIME]",
                          "BODY.PEEK[]<3.40>", "BODY.PEEK[]<99999.5>",
                          "BODY.PEEK[9]", "RFC822.HEADER",
                          'BODY.PEEK[HEADER.FIELDS (date "Subject" x-none)]',
                          "BODY.PEEK[HEADER.FIELDS.NOT (From x-sealpost)]",
                          "(RFC822.SIZE BODY.PEEK[HEADER] ENVELOPE)",
                          "(BODY.PEEK[TEXT]<0.9> BODYSTRUCTURE RFC822.SIZE)"]:
                for how in ("FETCH", "UID FETCH"):
                    with self.subTest(how + " " + asked):
                        self.pairs(c.ok("%s 1:* %s" % (how, asked)), n, how)

    def pairs(self, responses, n, how):
        found = {number(r): items(r) for r in responses}
        self.assertEqual(len(responses), 2 * n)
        for i in range(n):
            a, b = found[2 * i + 1], found[2 * i + 2]
            self.assertEqual("UID" in a, how == "UID FETCH")
            a.pop("UID", None), b.pop("UID", None)
            self.assertEqual(a, b)
            self.assertTrue(a)

    def test_seen_is_set_as_the_server_would(self):
        name = self.folder()
        _, sealed = self.sealed(2)
        self.store(name, *sealed)
        with self.ann() as c:
            c.ok("SELECT " + name)
            for asked in ("BODY.PEEK[]", "RFC822.HEADER", "BODYSTRUCTURE",
                          "(FLAGS BODY.PEEK[HEADER] RFC822.SIZE)"):
                c.ok("FETCH 1:2 " + asked)
                self.assertEqual(c.ok("SEARCH SEEN"), [b"* SEARCH"])
            c.ok("EXAMINE " + name)
            c.ok("FETCH 1 BODY[]")
            self.assertEqual(c.ok("SEARCH SEEN"), [b"* SEARCH"])
            c.ok("SELECT " + name)
            got = c.ok("FETCH 1 (BODY[])")  # from the cache
            self.assertIn(b"\\Seen", items(got[0])["FLAGS"])
            got = c.ok("UID FETCH 2 BODY[HEADER]")  # never from a body
            self.assertIn(b"\\Seen", items(got[0])["FLAGS"])
            self.assertEqual(c.ok("SEARCH SEEN"), [b"* SEARCH 1 2"])

    def test_seen_comes_with_the_answer(self):
        """Not ahead of it: clients take one response for the whole answer."""
        name = self.folder()
        plain, sealed = self.sealed(1)
        self.store(name, *plain, *sealed)
        for asked in ("BODY[HEADER.FIELDS (SUBJECT)]", "BODY[HEADER]",
                      "(ENVELOPE BODY[HEADER])", "BODY[]",
                      "(BODYSTRUCTURE BODY[HEADER])", "BODY[TEXT]",
                      "(BODYSTRUCTURE BODY[HEADER.FIELDS (SUBJECT)])"):
            # a session knows what it has opened: each time a new one
            with self.subTest(asked), self.ann() as c:
                c.ok("SELECT " + name)
                c.ok("STORE 1:2 -FLAGS.SILENT (\\Seen)")
                got = c.ok("FETCH 1:2 " + asked)
                self.assertEqual(sorted(map(number, got)), [1, 2], got)
                self.assertEqual(*(items(r) for r in got))
                self.assertIn(b"\\Seen", items(got[0])["FLAGS"])
                self.assertEqual(c.ok("SEARCH SEEN"), [b"* SEARCH 1 2"])

    def test_only_passing_items_beside_a_body(self):
        name = self.folder()
        _, sealed = self.sealed(1)
        self.store(name, *sealed)
        with self.ann() as c:
            c.ok("SELECT " + name)
            got = items(c.ok("FETCH 1 (FLAGS UID INTERNALDATE BODY.PEEK[] "
                             "RFC822.SIZE)")[0])
            self.assertEqual(set(got), {"FLAGS", "UID", "INTERNALDATE",
                                        "BODY[]", "RFC822.SIZE"})
            got = items(c.ok("FETCH 1 BODY.PEEK[HEADER]")[0])
            self.assertEqual(set(got), {"BODY[HEADER]"})
            self.assertNotIn(b"sealpost", got["BODY[HEADER]"].lower())

    def test_changed_since(self):
        name = self.folder()
        _, sealed = self.sealed(2)
        self.store(name, *sealed)
        with self.ann() as c:
            c.ok("ENABLE QRESYNC")
            c.ok("SELECT " + name)
            c.ok("UID STORE 2 +FLAGS (\\Flagged)")
            last = max(int(items(r)["MODSEQ"].strip(b"()"))
                       for r in c.ok("FETCH 1:* (MODSEQ)"))
            for asked in ("(RFC822.SIZE)", "(BODY.PEEK[])"):
                got = c.ok("UID FETCH 1:* %s (CHANGEDSINCE %d VANISHED)" % (
                    asked, last - 1))
                self.assertEqual([number(r) for r in got], [2])
                self.assertIn("MODSEQ", items(got[0]))

    def test_pipelined(self):
        name, n = self.folder(), 34
        plain, sealed = self.sealed(n)
        self.store(name, *sealed)
        with self.ann() as c:
            c.ok("SELECT " + name)
            c.send(b"".join(b"p%d UID FETCH %d (BODY.PEEK[])\r\n" % (i, i)
                            for i in range(1, n + 1)) + b"q NOOP\r\n")
            for i in range(1, n + 1):
                got, end = c.until(b"p%d" % i)
                self.assertTrue(end.startswith(b"OK"))
                self.assertEqual([items(r)["BODY[]"] for r in got],
                                 [plain[i - 1]])
            self.assertTrue(c.until(b"q")[1].startswith(b"OK"))

    def test_pipelined_of_all_kinds(self):
        name = self.folder()
        plain, sealed = self.sealed(2)
        self.store(name, *sealed)
        with self.ann() as c:
            c.send(b"a SELECT %s\r\nb FETCH 1 BODY.PEEK[]\r\n"
                   b"c FETCH 1:2 FLAGS\r\nd ENABLE X\r\ne COMPRESS DEFLATE\r\n"
                   b"f STORE 1 +FLAGS (\\Deleted)\r\ng EXPUNGE\r\n"
                   b"h FETCH 1 BODY.PEEK[]\r\n" % name.encode())
            self.assertTrue(c.until(b"a")[1].startswith(b"OK"))
            self.assertEqual(items(c.until(b"b")[0][0])["BODY[]"], plain[0])
            for tag, answer in zip(b"c d e f g".split(),
                                   b"OK OK BAD OK OK".split()):
                self.assertTrue(c.until(tag)[1].startswith(answer), tag)
            self.assertEqual(items(c.until(b"h")[0][0])["BODY[]"], plain[1])

    def test_expunged_by_another(self):
        name = self.folder()
        plain, sealed = self.sealed(4)
        self.store(name, *sealed)
        with self.ann() as c, self.ann() as other:
            c.ok("SELECT " + name)
            other.ok("SELECT " + name)
            other.ok("STORE 2 +FLAGS (\\Deleted)")
            other.ok("EXPUNGE")
            found = {}
            for r in c.run("UID FETCH 1:* (BODY.PEEK[])")[0]:
                if b" FETCH " in r[:20] and "BODY[]" in items(r):
                    found[int(items(r)["UID"])] = items(r)["BODY[]"]
            found.pop(2, None)
            self.assertEqual(found, {1: plain[0], 3: plain[2], 4: plain[3]})

    def test_another_ones_mail_is_shown_as_it_is_stored(self):
        name = self.folder()
        foreign = self.site.seal(BOB, self.message)
        self.store(name, foreign)
        stored = self.stored(name)
        with self.ann() as c:
            c.ok("SELECT " + name)
            for _ in range(2):
                got = items(c.ok("UID FETCH 1 (RFC822.SIZE BODY.PEEK[])")[0])
                self.assertEqual([got["BODY[]"]], stored)
                self.assertEqual(int(got["RFC822.SIZE"]), len(stored[0]))
                got = items(c.ok("FETCH 1 (RFC822.SIZE)")[0])
                self.assertEqual(int(got["RFC822.SIZE"]), len(stored[0]))

    def test_damaged_mail_is_shown_as_it_is_stored(self):
        name = self.folder()
        _, (sealed,) = self.sealed(1)
        at = sealed.index(b"BEGIN PGP") + 200
        damaged = sealed[:at] + (b"A" if sealed[at:at + 1] != b"A" else b"B"
                                 ) + sealed[at + 1:]
        self.store(name, damaged)
        stored = self.stored(name)
        with self.ann() as c:
            c.ok("SELECT " + name)
            got = items(c.ok("UID FETCH 1 (BODY.PEEK[])")[0])
            self.assertEqual([got["BODY[]"]], stored)


class Append:
    def no_trace(self):
        for form in harness.forms_of(self.secret):
            for folder, _, names in os.walk(self.site.path("mail", ANN)):
                for name in names:
                    path = os.path.join(folder, name)
                    self.assertFalse(harness.holds(path, [form]), path)

    def test_sealed_before_it_leaves(self):
        name = self.folder()
        date = b'"03-Mar-2020 10:11:12 +0000"'
        with self.ann() as c:
            end = c.append(name, self.message,
                           b"(\\Flagged $Label) %s " % date)
            self.assertRegex(end, rb"^OK \[APPENDUID \d+ 1\]")
            self.no_trace()
            self.assertIn(b"multipart/encrypted", self.stored(name)[0])
            c.ok("SELECT " + name)
            got = items(c.ok("FETCH 1 (FLAGS INTERNALDATE BODY.PEEK[])")[0])
            self.assertEqual(got["BODY[]"], self.message)
            self.assertEqual(got["INTERNALDATE"], date)
            for flag in (b"\\Flagged", b"$Label"):
                self.assertIn(flag, got["FLAGS"])

    def test_every_form(self):
        name, n = self.folder(), len(self.message)
        m = self.message
        with self.ann() as c:
            for head in (b"%s {%d}\r\n", b"%s () {%d}\r\n"):
                c.send(b"a APPEND " + head % (name.encode(), n))
                self.assertTrue(c.response().startswith(b"+"))
                c.send(m + b"\r\n")
                self.assertTrue(c.until(b"a")[1].startswith(b"OK"))
            c.send(b"b APPEND {%d+}\r\n%s {%d-}\r\n%s\r\n" % (
                len(name), name.encode(), n, m))
            self.assertTrue(c.until(b"b")[1].startswith(b"OK"))
            c.send(b"c APPEND %s (\\Seen) {%d+}\r\n%s {%d+}\r\n%s\r\n" % (
                name.encode(), n, m, n, m))
            self.assertRegex(c.until(b"c")[1], rb"OK \[APPENDUID \d+ 4:5\]")
            c.ok("SELECT " + name)
            self.assertEqual(
                [items(r)["BODY[]"] for r in c.ok("FETCH 1:* BODY.PEEK[]")],
                [m] * 5)
            self.assertEqual(c.ok("SEARCH SEEN"), [b"* SEARCH 4"])
        self.no_trace()

    def test_refused(self):
        name, n = self.folder().encode(), len(self.message)
        m = self.message
        big = 2 << 20
        with self.ann() as c:
            for command, answer in [
                    (b"%s {0+}\r\n" % name, b"NO"),
                    (b"%s {%d+}\r\n%s" % (name, big, b"x" * big),
                     b"NO [TOOBIG]"),
                    (b"%s ~{%d+}\r\n%s" % (name, n, m), b"BAD"),
                    (b"%s CATENATE (TEXT {%d+}\r\n%s)" % (name, n, m),
                     b"BAD"),
                    (b"%s (\\Seen) UTF8 (~{%d+}\r\n%s)" % (name, n, m),
                     b"BAD"),
                    (b"%s {%d+}\r\n%s x" % (name, n, m), b"BAD"),
                    (b"%s {%d+}\r\n%s {%d+}\r\n%s" % (
                        name, n, m, big, b"x" * big), b"NO [TOOBIG]"),
                    (b"%s {%d+}\r\n%s (%s) {%d+}\r\n%s" % (
                        name, n, m, b"k" * 100000, n, m), b"NO [LIMIT]"),
                    (b"nowhere {%d+}\r\n%s" % (n, m), b"NO [TRYCREATE]"),
                    (b"%s" % name, b"BAD")]:
                with self.subTest(command[:60]):
                    self.assertRegex(c.run(b"APPEND " + command)[1],
                                     b"^" + re.escape(answer))
            c.send(b"w APPEND %s {%d}\r\n" % (name, big))
            self.assertTrue(c.until(b"w")[1].startswith(b"NO [TOOBIG]"))
            c.ok("NOOP")
        self.assertEqual(self.stored(name.decode()), [])
        self.no_trace()

    def test_client_that_goes(self):
        name = self.folder()
        with self.ann() as c:
            c.send(b"a APPEND %s {%d+}\r\n%s" % (
                name.encode(), len(self.message), self.message[:-10]))
        with self.ann() as c:
            c.ok("NOOP")
        self.assertEqual(self.stored(name), [])
        self.no_trace()


class Idle:
    def test_new_mail_is_told(self):
        name = self.folder()
        plain, sealed = self.sealed(1)
        with self.ann() as c:
            c.ok("SELECT " + name)
            c.send(b"i IDLE\r\n")
            self.assertTrue(c.response().startswith(b"+"))
            self.store(name, *sealed)
            self.assertEqual(c.response(), b"* 1 EXISTS")
            c.send(b"DONE\r\nf UID FETCH 1 (BODY.PEEK[])\r\n")
            self.assertTrue(c.until(b"i")[1].startswith(b"OK"))
            got, end = c.until(b"f")
            self.assertTrue(end.startswith(b"OK"))
            self.assertEqual([items(r)["BODY[]"] for r in got
                              if b"BODY[]" in r], plain)

    def test_not_done(self):
        with self.ann() as c:
            c.ok("SELECT INBOX")
            c.send(b"i IDLE\r\n")
            self.assertTrue(c.response().startswith(b"+"))
            c.send(b"x NOOP\r\n")
            self.assertTrue(c.response().startswith(b"* BAD"))
            self.assertTrue(c.until(b"i")[1].startswith(b"OK"))
            c.ok("NOOP")


class Loss:
    def test_server_that_goes(self):
        with self.ann() as c:
            c.ok("SELECT INBOX")
            c.send(b"i IDLE\r\n")
            self.assertTrue(c.response().startswith(b"+"))
            self.site.stop_dovecot()
            with self.assertRaises(Gone):
                while True:
                    last = c.response()
            self.assertTrue(last.startswith(b"* BYE"), last)
        with self.connect() as c:
            self.assertRegex(c.refused('LOGIN %s "%s"' % (ANN, PASSWORD)),
                             rb"^NO \[UNAVAILABLE\]")
        self.site.start_dovecot()
        with self.ann() as c:
            c.ok("SELECT INBOX")

    def test_nothing_is_left_of_clients_that_go(self):
        with self.ann():
            pass
        self.wait_idle()
        before = self.count("fd")
        script = (b"a LOGIN %s %s\r\nb SELECT INBOX\r\nc IDLE\r\nDONE\r\n"
                  b"d APPEND INBOX {9+}\r\na: b\r\n\r\nx\r\ne LOGOUT\r\n" % (
                      ANN.encode(), PASSWORD.encode()))
        for cut in range(1, len(script), 7):
            with socket.create_connection(
                    ("127.0.0.1", self.site.bridge_imap)) as s:
                s.sendall(script[:cut])
        wait_for("closed files", lambda: self.count("fd") <= before,
                 3 * harness.PATIENCE)


class Imap(Login, Commands, Fetch, Append, Idle, Loss, ImapCase):
    """All on one site."""


if __name__ == "__main__":
    bridge_site.main()

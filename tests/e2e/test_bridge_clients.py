# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Ordinary mail clients through the bridge: do they end up with the same mail as
on a server with plaintext, at the first sync and at the second, and does what
they upload lie sealed on the server?
"""
import contextlib
import glob
import os
import pty
import re
import select
import shutil
import signal
import tempfile

import harness
import test_bridge_differential as differential
from test_bridge_differential import PLAIN, SEALED

MBSYNC = """\
IMAPAccount a
Host localhost
Port {port}
User {user}
Pass {password}
SSLType {tls}
CertificateFile {ca}
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX Sent
Create Near
Sync All
SyncState *
{more}
"""
OFFLINEIMAP = """\
[general]
metadata = {folder}/metadata
accounts = a
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = {folder}/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = {ssl}
starttls = no
{cafile}
folderfilter = lambda name: name in ("INBOX", "Sent")
"""
NEOMUTT = """\
set folder = "imap{s}://{user}@localhost:{port}/"
set spoolfile = "+INBOX"
set imap_user = "{user}"
set imap_pass = "{password}"
set ssl_starttls = no
set ssl_force_tls = no
set ssl_ca_certificates_file = "{ca}"
set certificate_file = "{ca}"
set header_cache = ""
set confirmappend = no
set confirmcreate = no
set sort = mailbox-order
set wait_key = no
set quit = yes
set crypt_use_gpgme = no
set copy = no
set recall = no
set delete = no
"""


class Door:
    """Where a client logs in."""

    def __init__(self, case, address):
        site = case.site
        account = site.accounts[address]
        self.user = address
        self.tls = address == PLAIN
        self.port = site.imaps_port if self.tls else site.bridge_imap
        self.password = account.secret if self.tls else account.password
        self.ca = site.tls.path("ca.pem")
        self.folder = tempfile.mkdtemp(prefix="sealpost-client-")
        case.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(self.path("mail"))

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, template, **more):
        with open(self.path(name), "w") as f:
            f.write(template.format(
                folder=self.folder, port=self.port, user=self.user,
                password=self.password, ca=self.ca, **more))
        return self.path(name)

    def maildir(self, name):
        """All messages of a Maildir, sorted."""
        found = []
        for path in glob.glob(self.path("mail", name, "[cn][ue][rw]", "*")):
            with open(path, "rb") as f:  # mbsync marks what it fetches
                found.append(re.sub(rb"(?m)^X-TUID: .*\n", b"", f.read()))
        return sorted(found)

    def mbox(self):
        """All messages of "mbox", in its order."""
        with open(self.path("mbox"), "rb") as f:
            return re.split(rb"(?m)^From ", f.read())[1:]

    def put(self, name, message):
        with open(self.path("mail", name, "cur", "1.local:2,S"), "wb") as f:
            f.write(message)


class Clients(differential.Twins):
    maxDiff = 2000

    @staticmethod
    def leaves_out(name, message):
        """Which a server of plaintext does not keep as they were."""
        return differential.DIFFERENCES.get(name) == b""

    def doors(self):
        return Door(self, PLAIN), Door(self, SEALED)

    def in_sent(self, session):
        session.select("Sent", readonly=True)
        return [session.fetch(n, "(BODY.PEEK[])")[1][0][1]
                for n in session.search(None, "ALL")[1][0].split()]

    def assert_sealed_copy(self):
        """The canary was uploaded to Sent, and only sealed."""
        with self.site.direct(SEALED) as session:
            stored = self.in_sent(session)
        with self.site.client(SEALED) as session:
            restored = self.in_sent(session)
        self.assertIn(b"multipart/encrypted", stored[-1])
        self.assertIn(self.secret.encode(), restored[-1])
        self.assertEqual(self.site.files_with(self.secret), [])

    def upload(self):
        return ("From: %s\nTo: bob@one.example\nSubject: from here\n"
                "Message-ID: %s\n\n%s\n" % (
                    SEALED, self.message_id, self.secret)).encode()

    # ---- mbsync ----

    def mbsync(self, door, more=""):
        conf = door.write("mbsyncrc", MBSYNC, more=more,
                          tls="IMAPS" if door.tls else "None")
        return harness.run("mbsync", "-V", "-c", conf, "-a",
                           env=dict(os.environ, HOME=door.folder)).stdout

    def test_mbsync(self):
        plain, sealed = self.doors()
        for door in (plain, sealed):
            self.mbsync(door)
        # it takes none whose header has no end
        self.assertGreater(len(sealed.maildir("INBOX")), 45)
        self.assertEqual(sealed.maildir("INBOX"), plain.maildir("INBOX"))
        before = sealed.maildir("INBOX")
        said = self.mbsync(sealed)
        self.assertEqual(sealed.maildir("INBOX"), before)
        self.assertNotRegex(said, rb"far: \+[1-9]|near: \+[1-9]")
        sealed.put("Sent", self.upload())
        self.mbsync(sealed)
        self.assert_sealed_copy()
        self.mbsync(sealed)

    def test_mbsync_with_a_limit(self):
        """MaxSize: what is fetched goes by RFC822.SIZE."""
        plain, sealed = self.doors()
        for door in (plain, sealed):
            self.mbsync(door, "MaxSize 2k")
        self.assertEqual(sealed.maildir("INBOX"), plain.maildir("INBOX"))

    # ---- OfflineIMAP ----

    def offlineimap(self, door):
        conf = door.write(
            "offlineimaprc", OFFLINEIMAP, ssl="yes" if door.tls else "no",
            cafile="sslcacertfile = " + door.ca if door.tls else "")
        done = harness.run("offlineimap", "-o", "-c", conf, "-u", "basic",
                           env=dict(os.environ, HOME=door.folder))
        return done.stdout + done.stderr

    def test_offlineimap(self):
        plain, sealed = self.doors()
        for door in (plain, sealed):
            self.offlineimap(door)
        self.assertEqual(len(sealed.maildir("INBOX")), len(self.names))
        self.assertEqual(sealed.maildir("INBOX"), plain.maildir("INBOX"))
        said = self.offlineimap(sealed)
        self.assertNotIn(b"Copy message", said)
        sealed.put("Sent", self.upload())
        self.offlineimap(sealed)
        self.assert_sealed_copy()

    # ---- curl ----

    def curl(self, door, path, *options):
        return harness.run(
            "curl", "-sS", "--cacert", door.ca, "--user",
            "%s:%s" % (door.user, door.password), *options,
            "imap%s://localhost:%d/%s" % ("s" if door.tls else "", door.port,
                                          path)).stdout

    def test_curl(self):
        plain, sealed = self.doors()
        for uid in range(1, len(self.names) + 1, 6):
            for what in ("", ";SECTION=HEADER", ";SECTION=TEXT",
                         ";SECTION=1", ";PARTIAL=0.100"):
                path = "INBOX;UID=%d%s" % (uid, what)
                with self.subTest(self.names[uid - 1], path=path):
                    self.assertEqual(self.curl(sealed, path),
                                     self.curl(plain, path))
        for query in ("TEXT%20e", "BODY%20plain", "NOT%20LARGER%20900"):
            self.assertEqual(self.curl(sealed, "INBOX?" + query),
                             self.curl(plain, "INBOX?" + query))
        path = sealed.path("upload")
        with open(path, "wb") as f:
            f.write(self.upload())
        self.curl(sealed, "Sent", "-T", path)
        self.assert_sealed_copy()

    # ---- NeoMutt ----

    def neomutt(self, door, keys):
        """In a terminal of its own, until it ends by itself."""
        conf = door.write("neomuttrc", NEOMUTT, s="s" if door.tls else "")
        with open(conf, "a") as f:
            f.write('push "%s"\n' % keys)
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(HOME=door.folder, TERM="xterm", LC_ALL="C.UTF-8")
            os.execvp("neomutt", ["neomutt", "-n", "-F", conf])
        said = b""
        with contextlib.suppress(OSError):
            while select.select([terminal], [], [], harness.PATIENCE)[0]:
                said += os.read(terminal, 65536)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
        return said

    def test_neomutt(self):
        found = []
        for door in self.doors():
            said = self.neomutt(
                door, "<tag-pattern>~A<enter><tag-prefix><copy-message>"
                "%s<enter><quit>" % door.path("mbox"))
            self.assertTrue(os.path.exists(door.path("mbox")), said[-2000:])
            found.append(door.mbox())
        self.assertGreaterEqual(len(found[1]), len(self.names))
        self.assertEqual(found[1], found[0])

    def test_neomutt_searches(self):
        """=b asks the server."""
        found = []
        for door in self.doors():
            self.neomutt(
                door, "<limit>=b plain<enter><tag-pattern>~A<enter>"
                "<tag-prefix><copy-message>%s<enter><quit>" %
                door.path("mbox"))
            found.append(door.mbox())
        self.assertTrue(found[0])
        self.assertEqual(found[1], found[0])


if __name__ == "__main__":
    harness.main()

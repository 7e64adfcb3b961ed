# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Settings of bridge.conf that no other test looks at: listeners, time-outs, the
cache, the Sent folder, a key in the user's GnuPG keyring.
"""
import os
import pwd
import re
import socket
import ssl
import time

import bridge_site
import harness
from harness import MAIL_USER, PATIENCE, run, wait_for

ANN = "ann@one.example"
BOB = "bob@one.example"
EVE = "eve@one.example"


def session(connection):
    """A line reader on a socket, past the greeting."""
    lines = connection.makefile("rb")
    greeting = lines.readline()
    if not greeting.startswith((b"* OK", b"220")):
        raise AssertionError(greeting)
    return lines


class Settings(bridge_site.BridgeCase):
    site_options = {"seal": True}

    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.site.stop_bridge)

    def deliver(self, address=ANN):
        self.site.deliver(harness.text_message(
            self.secret, self.message_id), address)

    # ---- listeners ----

    def test_several_listeners(self):
        path = self.site.path("home", "imap.sock")
        other, = harness.free_ports(1)
        conf = self.site.write_bridge_conf()
        with open(conf) as f:
            text = re.sub(r"(?m)^(imap_listen = .*)$",
                          r"\1 inet:[::1]:%d unix:%s" % (other, path),
                          f.read())
        with open(conf, "w") as f:
            f.write(text)
        self.site.bridge = harness.Daemon(
            self.site.as_user(bridge_site.PROGRAM, "-d", "-c", conf),
            self.site.path("log", "bridge"))
        self.site.bridge.wait_line("ready")
        local = socket.socket(socket.AF_UNIX)
        local.settimeout(PATIENCE)
        local.connect(path)
        six = socket.create_connection(("::1", other), PATIENCE)
        four = socket.create_connection(
            ("127.0.0.1", self.site.bridge_imap), PATIENCE)
        for connection in (local, six, four):
            with connection, session(connection) as lines:
                connection.sendall(b'a LOGIN "%s" "%s"\r\n' % (
                    ANN.encode(), harness.PASSWORD.encode()))
                self.assertRegex(lines.readline(), rb"^a OK ")
        self.assertEqual(os.stat(path).st_mode & 0o7, 0)

    def own_certificate(self, **how):
        """What bridge.conf says of it; the names of files can be changed."""
        user = pwd.getpwnam(MAIL_USER)
        tls, paths = self.site.tls, {}
        for name in ("mail", "other"):
            if not os.path.exists(tls.path(name + ".pem")):
                tls.issue(name, "DNS:%s.example" % name)
            os.chown(tls.path(name + ".key"), user.pw_uid, user.pw_gid)
            os.chmod(tls.path(name + ".key"), 0o600)
        paths = {"file": tls.path("mail.pem"),
                 "key_file": tls.path("mail.key"), **how}
        return "\n".join("certificate_%s = %s" % x for x in paths.items())

    def test_certificate_beyond_loopback(self):
        outer, inner, smtp = harness.free_ports(3)
        self.site.start_bridge(
            "imaps_listen = inet:0.0.0.0:%d inet:127.0.0.1:%d\n"
            "smtps_listen = inet:0.0.0.0:%d\n%s" % (
                outer, inner, smtp, self.own_certificate()))
        own = ssl.create_default_context(
            cafile=self.site.path("state", "ca.pem"))
        for port, context, name in (
                (outer, self.site.tls.context(), "mail.example"),
                (smtp, self.site.tls.context(), "mail.example"),
                (inner, own, "localhost")):
            with socket.create_connection(("127.0.0.1", port), PATIENCE) \
                    as plain, context.wrap_socket(
                        plain, server_hostname=name) as connection:
                session(connection).close()

    def test_wrong_certificate(self):
        """Refused at start, and by -n."""
        tls = self.site.tls
        missing = self.site.path("no-such-file")
        for how, mode, says in (
                ({"key_file": tls.path("other.key")}, 0o600, "mismatch"),
                ({"key_file": missing}, 0o600, missing),
                ({"file": missing}, 0o600, missing),
                ({"file": tls.path("mail.key")}, 0o600, "mail.key"),
                ({}, 0o640, "others may read it"),
                ({}, 0o604, "others may read it")):
            conf = self.site.write_bridge_conf(self.own_certificate(**how))
            os.chmod(tls.path("mail.key"), mode)
            for option in "-d", "-n":
                done = run(*self.site.as_user(
                    bridge_site.PROGRAM, option, "-c", conf), status=1)
                self.assertIn(says, done.stderr.decode())
        conf = self.site.write_bridge_conf(self.own_certificate())
        run(*self.site.as_user(bridge_site.PROGRAM, "-n", "-c", conf))

    # ---- time-outs ----

    def test_silent_client(self):
        """Before the login nobody is waited for longer than a server: else
        whoever may connect could take all places for half an hour."""
        self.site.start_bridge("timeout = 1s")
        for port in (self.site.bridge_imap, self.site.bridge_smtp):
            with socket.create_connection(("127.0.0.1", port),
                                          PATIENCE) as connection, \
                    session(connection) as lines:
                said = lines.read()  # to the end, or PATIENCE fails it
                self.assertRegex(said, rb"^(\* BYE|421|$)")

    def test_silent_client_behind_the_login(self):
        self.site.start_bridge("idle_timeout = 1s")
        with socket.create_connection(("127.0.0.1", self.site.bridge_imap),
                                      PATIENCE) as connection, \
                session(connection) as lines:
            connection.sendall(b'a LOGIN "%s" "%s"\r\n' % (
                ANN.encode(), harness.PASSWORD.encode()))
            self.assertRegex(lines.readline(), rb"^a OK ")
            self.assertRegex(lines.read(), rb"^(\* BYE|$)")

    def test_another_accounts_silent_server(self):
        """It holds up the clients of the others for a moment only."""
        site = self.site
        with socket.create_server(("127.0.0.1", 0)) as silent:
            account = site.accounts[ANN]
            other = bridge_site.Account(BOB, harness.PASSWORD, "password")
            other.settings = {"smtp_port": silent.getsockname()[1],
                              "key": "keyring", "login": "password"}
            site.accounts = {ANN: account, BOB: other}
            self.addCleanup(setattr, site, "accounts", {ANN: account})
            site.start_bridge("timeout = %ds" % (PATIENCE + 60))
            with site.submission_client(ANN) as c:  # in PATIENCE
                self.assertTrue(c.has_extn("8bitmime"))

    # ---- the cache ----

    def octets_fetched(self, more):
        """What the server gave out of a body that was asked for twice."""
        self.site.start_bridge(more)
        start = len(self.site.log_of("dovecot"))
        with self.site.client(ANN) as c:
            c.select(readonly=True)
            first = c.fetch("1", "(BODY.PEEK[])")[1][0][1]
            self.assertEqual(c.fetch("1", "(BODY.PEEK[])")[1][0][1], first)
            self.assertIn(b"kanarie", first)
        found = wait_for("the session's end", lambda: re.search(
            r"Disconnected: Logged out .* body_bytes=(\d+)",
            self.site.log_of("dovecot")[start:]))
        self.site.stop_bridge()
        return int(found.group(1))

    def test_cache_memory(self):
        self.deliver()
        once = self.octets_fetched("") - 1  # one, to set \\Seen maybe
        self.assertEqual(self.octets_fetched("cache_memory = 0"), 2 * once)

    # ---- the Sent folder ----

    def test_sent_folder(self):
        account = self.site.accounts[ANN]
        with self.site.direct(ANN) as c:
            c.create('"Sent/by the bridge"')
        account.settings["sent_folder"] = "Sent/by the bridge"
        self.addCleanup(account.settings.pop, "sent_folder")
        self.site.start_bridge()
        with self.site.submission_client(ANN) as c:
            c.sendmail(ANN, BOB, harness.with_crlf(harness.text_message(
                self.secret, self.message_id, BOB)))
        self.site.bridge.wait_line("the copy is stored")
        with self.site.direct(ANN) as c:
            for folder, count in (("Sent", b"0"),
                                  ('"Sent/by the bridge"', b"1")):
                self.assertEqual(c.select(folder, readonly=True)[1], [count])


class Keyring(bridge_site.BridgeCase):
    """key = keyring: gpg of the user opens the mail, the server has no vault."""

    @classmethod
    def prepare(cls):
        site = cls.site
        cls.home = site.path("home", "gnupg")
        user = pwd.getpwnam(MAIL_USER)
        os.mkdir(cls.home, 0o700)
        os.chown(cls.home, user.pw_uid, user.pw_gid)
        site.stack.callback(run, *site.as_user(
            "gpgconf", "--homedir", cls.home, "--kill", "all"), status=None)
        cls.gpg = site.as_user("gpg", "--homedir", cls.home, "--batch")
        run(*cls.gpg, "--passphrase", "", "--quick-generate-key",
            "<%s>" % BOB, "future-default", "default", "0")
        certificate = run(*cls.gpg, "--armor", "--export", BOB).stdout
        site.enrol(BOB, login="password", key=None,
                   settings={"key": "keyring", "gnupg_home": cls.home})
        site.sealpost("key", "import", BOB, stdin=certificate)
        site.publish_databases()
        site.start_bridge()

    def test_keyring(self):
        with self.site.direct(BOB) as c:
            c.append("INBOX", None, None, harness.with_crlf(self.site.seal(
                BOB, harness.text_message(self.secret, self.message_id))))
        with self.site.client(BOB) as c:
            c.select()
            whole = c.fetch("1", "(RFC822.SIZE BODY[])")[1]
            self.assertIn(self.secret.encode(), whole[0][1])
            self.assertIn(b"RFC822.SIZE %d " % len(whole[0][1]), whole[0][0])
            found = c.search(None, "BODY", self.secret)[1]
            self.assertEqual(found, [b"1"])
            c.append("Drafts", None, None, harness.with_crlf(
                harness.text_message(self.secret, self.message_id)))
            c.select("Drafts")
            again = c.fetch("1", "(BODY[])")[1][0][1]
            self.assertIn(self.secret.encode(), again)
        self.assertEqual(self.site.files_with(self.secret), [])

    def test_nobody_is_asked_for_a_strangers_passphrase(self):
        """Mail may be encrypted with a passphrase, too; whoever sends it does
        not get to make gpg ask the user, nor to hold the others up."""
        asked = os.path.join(self.home, "asked")
        pinentry = os.path.join(self.home, "pinentry")
        with open(pinentry, "w") as f:
            f.write("#!/bin/sh\ntouch %s\nexec sleep 100\n" % asked)
        os.chmod(pinentry, 0o755)
        with open(os.path.join(self.home, "gpg-agent.conf"), "w") as f:
            f.write("pinentry-program %s\n" % pinentry)
        run(*self.site.as_user("gpgconf", "--homedir", self.home, "--kill",
                               "gpg-agent"))
        entity = b"Content-Type: text/plain\r\n\r\n%s\r\n" % (
            self.secret.encode())
        self.site.make_key(EVE, "")
        self.site.gpg("--import", stdin=run(
            *self.gpg, "--export", BOB).stdout)
        mail = []
        for more in ((), ("--recipient", EVE), ("--recipient", BOB)):
            armored = self.site.gpg(
                "--pinentry-mode", "loopback", "--passphrase", "x",
                "--trust-model", "always", "--armor",
                *(("--encrypt",) if more else ()), *more, "--symmetric",
                stdin=entity).stdout
            mail.append(
                b"From: x@outside.example\nSubject: %d\nMIME-Version: 1.0\n"
                b"Content-Type: multipart/encrypted; boundary=b; "
                b'protocol="application/pgp-encrypted"\n\n'
                b"--b\nContent-Type: application/pgp-encrypted\n\n"
                b"Version: 1\n\n--b\nContent-Type: application/octet-stream"
                b"\n\n%s\n--b--\n" % (len(mail), armored))
        with self.site.direct(BOB) as c:
            c.create("Strange")
            for m in mail:
                c.append("Strange", None, None, harness.with_crlf(m))
        with self.site.client(BOB) as c:
            c.select("Strange")
            begin = time.monotonic()
            status, got = c.fetch("1:3", "(BODY.PEEK[])")
            self.assertEqual(status, "OK", got)
            self.assertLess(time.monotonic() - begin, 20)
            self.assertFalse(os.path.exists(asked))
            bodies = [x[1] for x in got if isinstance(x, tuple)]
            self.assertEqual(
                [self.secret.encode() in b for b in bodies],
                [False, False, True])

    def test_check(self):
        said = self.site.bridge_command(
            "check", "--password-stdin", BOB,
            stdin=self.site.accounts[BOB].password.encode()).stdout
        self.assertRegex(said, rb"ok +key +in the GnuPG keyring")


if __name__ == "__main__":
    bridge_site.main()

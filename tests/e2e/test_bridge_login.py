# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The way of sealpost-bridge to a real server: logins that must succeed, and
what it says when something is wrong. Only servers that no real one can play (they
break the rules of STARTTLS, or say nothing) are played by the test."""
import base64
import contextlib
import hashlib
import hmac
import imaplib
import os
import pwd
import shutil
import signal
import smtplib
import socket
import ssl
import threading

import harness
from bridge_site import BridgeCase, PROGRAM, Recorder, Tls, main
from harness import MAIL_USER, PASSWORD, forms_of, free_ports, run

ANN, BOB, CARL = "ann@one.example", "bob@one.example", "carl@one.example"
DORA = "dora@one.example"
WRONG = "not-the-password-7291"


class Rogue:
    """A server that says its lines, one for each line it gets."""

    def __init__(self, *lines):
        self.lines = lines
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rb") as lines, \
                contextlib.suppress(OSError):
            for line in self.lines:
                client.sendall(line)
                heard = lines.readline()
                self.heard.append(heard)
                if not heard:
                    return
            lines.read()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class ScramServer(Rogue):
    """
    Plays SCRAM-SHA-256 over TLS for the one who knows `password`; fault: None,
    "signature" (a wrong one), "nonce" (not the client's), "unproven" (it says
    yes without a signature).
    """

    def __init__(self, tls, smtp, password, iterations=4096, fault=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(tls.path("server.pem"),
                                     tls.path("server.key"))
        self.smtp, self.password, self.fault = smtp, password, fault
        self.iterations = iterations
        super().__init__()

    def serve(self, client):
        with contextlib.suppress(OSError), client, \
                self.context.wrap_socket(client, server_side=True) as s, \
                s.makefile("rb") as lines:
            self.socket, self.file = s, lines
            s.sendall(b"220 x\r\n" if self.smtp else b"* OK x\r\n")
            while self.command(self.hear().decode()):
                pass

    def hear(self):
        line = self.file.readline()
        self.heard.append(line)
        return line

    def command(self, line):
        words = line.split()
        tag = "" if self.smtp else words.pop(0) if words else ""
        if not words:
            return False
        if words[0] in ("AUTH", "AUTHENTICATE"):
            self.scram(base64.b64decode(words[2]).decode())
            self.socket.sendall(b"235 yes\r\n" if self.smtp else
                                tag.encode() + b" OK yes\r\n")
        elif self.smtp:
            self.socket.sendall(b"250-x\r\n250 AUTH SCRAM-SHA-256\r\n")
        else:
            self.socket.sendall(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-"
                                b"SHA-256\r\n%s OK x\r\n" % tag.encode())
        return True

    def ask(self, text):
        self.socket.sendall(b"%s %s\r\n" % (
            b"334" if self.smtp else b"+", base64.b64encode(text.encode())))
        return base64.b64decode(self.hear()).decode()

    def scram(self, first):
        bare = first.split(",", 2)[2]
        nonce = bare.split("r=")[1] + "server"
        salt = b"salt of sixteen."
        challenge = "r=%s,s=%s,i=%d" % (
            "x" + nonce[1:] if self.fault == "nonce" else nonce,
            base64.b64encode(salt).decode(), self.iterations)
        final = self.ask(challenge)
        if self.fault == "unproven":
            return
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt,
                                     self.iterations)
        key = hmac.digest(salted, b"Server Key", "sha256")
        message = ",".join((bare, challenge, final.rsplit(",p=", 1)[0]))
        signature = hmac.digest(key, message.encode(), "sha256")
        if self.fault == "signature":
            signature = bytes(32)
        self.ask("v=" + base64.b64encode(signature).decode())


class Login(BridgeCase):
    @classmethod
    def prepare(cls):
        cls.site.enrol(ANN)
        cls.site.enrol(BOB, login="password", key="file")

    def setUp(self):
        super().setUp()
        # each test may bend these
        self.settings = {a: dict(self.site.accounts[a].settings)
                         for a in (ANN, BOB)}
        self.addCleanup(self.restore)

    def restore(self):
        for address, settings in self.settings.items():
            self.site.accounts[address].settings = dict(settings)
        for name in os.listdir(self.site.path("state")):
            if name.startswith("pin-"):
                os.unlink(self.site.path("state", name))

    def set(self, address, **settings):
        self.site.accounts[address].settings.update(settings)

    def check(self, address, status, *sentences, password=PASSWORD,
              more=""):
        """`sealpost-bridge check` ends so and says that."""
        self.site.write_bridge_conf(more)
        done = self.site.bridge_command(
            "check", "--password-stdin", address,
            stdin=password.encode() + b"\n", status=None)
        said = (done.stdout + done.stderr).decode()
        self.assertEqual(done.returncode, status, said)
        for sentence in sentences:
            self.assertIn(sentence, said)
        self.assertNotIn(password, said)
        return said

    # ---- what works ----

    def test_check(self):
        for address in (ANN, BOB):
            said = self.check(address, 0)
            self.assertEqual([line.split()[:2] for line in
                              said.splitlines()],
                             [["ok", w] for w in ("imap", "key", "sent",
                                                  "smtp")])
            self.check(address, 0)  # the pins hold

    def test_starttls(self):
        self.set(ANN, imap_tls="starttls", imap_port=self.site.imap_port,
                 smtp_tls="starttls", smtp_port=self.site.submission)
        self.check(ANN, 0)

    def test_pinned_certificate(self):
        pin = self.site.tls.fingerprint()
        for form in (pin, ":".join(pin[i:i + 2].upper()
                                   for i in range(0, 64, 2))):
            self.set(ANN, imap_fingerprint=form, smtp_fingerprint=form,
                     imap_ca_file="", smtp_ca_file="")
            self.check(ANN, 0)

    def test_pins_are_private(self):
        self.check(ANN, 0)
        for service in ("imap", "smtp"):
            path = self.site.path("state", "pin-%s-%s" % (service, ANN))
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            with open(path) as f:
                self.assertNotIn(self.site.accounts[ANN].secret, f.read())

    def test_pins_are_written_once(self):
        """A login that changes nothing writes nothing."""
        def pins():
            return [(f.name, f.inode(), f.stat().st_mtime_ns) for f in
                    os.scandir(self.site.path("state"))
                    if f.name.startswith("pin-")]
        self.check(ANN, 0)
        before = pins()
        self.check(ANN, 0)
        self.assertEqual(len(before), 2)
        self.assertEqual(sorted(pins()), sorted(before))

    def test_only_plain(self):
        """A server without SCRAM; and one that has none any more."""
        self.check(ANN, 0)
        self.addCleanup(self.site.restart_dovecot,
                        self.site.mechanisms)
        self.site.restart_dovecot("plain login")
        self.check(ANN, 1, "does not offer SCRAM-SHA-256 any more",
                   "pin-imap-" + ANN)
        self.restore()
        self.check(ANN, 0)
        self.check(BOB, 0)

    # ---- what is refused ----

    def test_wrong_password(self):
        self.check(ANN, 1, "FAIL  imap", "FAIL  smtp",
                   "refuses the password", password=WRONG)

    def test_unknown_account(self):
        self.check("nobody@one.example", 1, "has no [account nobody")

    def test_key_that_does_not_open(self):
        self.set(ANN, key="file", key_file=self.settings[BOB]["key_file"])
        self.check(ANN, 1, "ok    imap", "FAIL  key")

    def test_no_vault(self):
        self.site.enrol(CARL, key=None)
        self.addCleanup(self.site.accounts.pop, CARL)
        self.check(CARL, 1, "ok    imap", "FAIL  key", "has no vault",
                   "ok    smtp")

    def test_server_down(self):
        port, = free_ports(1)
        self.set(ANN, imap_port=port)
        self.check(ANN, 75, "FAIL  imap", "port %d" % port,
                   "Connection refused", "ok    smtp")

    def test_certificate_for_another_name(self):
        self.set(ANN, imap_host="127.0.0.1", smtp_host="127.0.0.1")
        self.check(ANN, 0)  # it is there, too
        other = Tls(self.site.path("tls-other"), "DNS:elsewhere.example")
        self.set(ANN, imap_host="localhost", imap_ca_file=other.path(
            "ca.pem"))
        self.check(ANN, 1, "FAIL  imap", "cannot be trusted")

    def test_name_in_the_certificate(self):
        """Signed by the right CA, for another host."""
        self.site.tls.issue("other", "DNS:elsewhere.example")
        paths = [self.site.tls.path("server" + e) for e in (".pem", ".key")]
        for path in paths:
            shutil.copy(path, path + ".kept")
        try:
            for path, end in zip(paths, (".pem", ".key")):
                shutil.copy(self.site.tls.path("other" + end), path)
            self.site.restart_dovecot()
            self.check(ANN, 1, "FAIL  imap", "is for another name")
        finally:
            for path in paths:
                shutil.copy(path + ".kept", path)
            self.site.restart_dovecot()

    def test_system_store(self):
        """Without ca_file and fingerprint the system's authorities count."""
        self.set(ANN, imap_ca_file="", smtp_ca_file="")
        self.check(ANN, 1, "FAIL  imap", "FAIL  smtp", "cannot be trusted")

    def test_bad_pin(self):
        self.set(ANN, imap_fingerprint="00" * 32)
        self.check(ANN, 1, "FAIL  imap", "not the one whose fingerprint",
                   "ok    smtp")

    def test_too_few_rounds(self):
        bob = self.site.accounts[BOB]
        self.site.set_verifier(bob, 4096)
        try:
            self.check(BOB, 1, "4096 rounds", "100000 are needed")
        finally:
            self.site.set_verifier(bob)

    def test_salt_changed(self):
        self.check(ANN, 0)
        self.site.set_verifier(self.site.accounts[ANN])
        path = self.site.path("state", "pin-imap-" + ANN)
        self.check(ANN, 1, "FAIL  imap", "another salt", "remove " + path)
        self.check(ANN, 1, "FAIL  imap", "another salt")
        self.restore()
        self.check(ANN, 0)

    def test_rounds_changed(self):
        self.check(ANN, 0)
        a = self.site.accounts[ANN]
        salt = os.urandom(16)
        self.site.set_verifier(a, 4096, salt)
        self.restore()
        self.check(ANN, 0)
        self.site.set_verifier(a, 8192, salt)
        self.check(ANN, 1, "another salt or number of rounds")

    # ---- servers that do not know the verifier ----

    def scram(self, service, status, says, **how):
        """(check's words, what the server heard)"""
        a = self.site.accounts[ANN]
        server = ScramServer(self.site.tls, service == "smtp", a.secret,
                             **how)
        try:
            self.set(ANN, **{service + "_host": "127.0.0.1",
                             service + "_port": server.port})
            self.check(ANN, status, says)
        finally:
            server.close()
            self.restore()
        heard = b"".join(server.heard)
        for text in (PASSWORD, a.secret, a.passphrase):
            for form in forms_of(text):
                self.assertNotIn(form, heard)
        return server.heard

    def test_scram_servers(self):
        for service in ("imap", "smtp"):
            with self.subTest(service):
                # what is wrong below is wrong for its fault alone
                self.scram(service, 1 if service == "imap" else 0,
                           "ok    " + service)
                for fault in ("signature", "unproven", "nonce"):
                    self.scram(service, 1, "FAIL  " + service, fault=fault)
                heard = self.scram(service, 1, "1 rounds", iterations=1)
                # not even a proof that passwords could be tried with
                self.assertEqual(b"".join(heard[2:]), b"")

    # ---- servers that break the rules ----

    def rogue(self, service, *lines, status=1, says="", more="", **settings):
        server = Rogue(*lines)
        try:
            self.set(ANN, **{service + "_host": "127.0.0.1",
                             service + "_port": server.port,
                             service + "_tls": "starttls"}, **settings)
            self.check(ANN, status, "FAIL  " + service, says, more=more)
        finally:
            server.close()
        secret = self.site.accounts[ANN].secret.encode()
        self.assertNotIn(secret, b"".join(server.heard))
        self.assertNotIn(b"AUTH", b"".join(server.heard).upper())

    def test_octets_before_tls(self):
        self.rogue("imap", b"* OK hello\r\n",
                   b"U1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
                   says="more than its answer before TLS")
        self.rogue("smtp", b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n",
                   b"220 go\r\n250 AUTH PLAIN\r\n",
                   says="more than its answer before TLS")

    def test_no_tls(self):
        self.rogue("imap", b"* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN]\r\n",
                   b"U1 BAD unknown\r\n", says="does not begin TLS")
        self.rogue("smtp", b"220 x\r\n", b"250-x\r\n250 AUTH PLAIN\r\n",
                   b"502 5.5.1 unknown\r\n", says="answers STARTTLS with")

    def test_preauth(self):
        self.rogue("imap", b"* PREAUTH welcome\r\n", says="without a login")

    def test_nonsense(self):
        self.rogue("imap", b"220 I am SMTP\r\n", says="unexpectedly")
        self.rogue("smtp", b"* OK I am IMAP\r\n", says="no reply")
        self.rogue("imap", b"* BYE too busy\r\n", status=75, says="too busy")
        self.rogue("smtp", b"421 too busy\r\n", status=75, says="too busy")
        self.rogue("imap", b"* OK \0\r\n", says="NUL")
        self.rogue("imap", b"* OK " + b"x" * 70000, says="a line of more")
        self.rogue("smtp", b"220-x\r\n" * 20000, says="")

    def test_silence(self):
        for service in ("imap", "smtp"):
            self.rogue(service, b"", status=75, more="timeout = 1s")

    # ---- clients ----

    def test_clients(self):
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)
        for address in (ANN, BOB):
            with self.site.client(address) as c:
                c.select()
            with self.site.client(address.upper()
                                  if address == ANN else address,
                                  PASSWORD) as c:
                c.select()
            with self.site.submission_client(address) as c:
                self.assertEqual(c.noop()[0], 250)
        for address, password in ((ANN, WRONG), ("x@one.example", PASSWORD),
                                  ("x", WRONG), (ANN, "")):
            with self.assertRaises(imaplib.IMAP4.error), \
                    imaplib.IMAP4("127.0.0.1", self.site.bridge_imap) as c:
                c.login(address, password or '""')
            with self.assertRaises(smtplib.SMTPAuthenticationError) as e, \
                    self.site.submission_client() as c:
                c.login(address, password)
            self.assertEqual(e.exception.smtp_code, 535)
        self.assert_no_secret()

    def test_what_the_servers_hear(self):
        """Neither password nor passphrase, of right and wrong logins; a
        server without SCRAM hears the login secret."""
        a = self.site.accounts[ANN]
        for mechanisms in (self.site.mechanisms, "plain"):
            recorders = [Recorder(self.site.tls, port) for port in (
                self.site.imaps_port, self.site.submissions)]
            for recorder in recorders:
                self.addCleanup(recorder.close)
            self.set(ANN, imap_port=recorders[0].port,
                     smtp_port=recorders[1].port)
            if mechanisms == "plain":
                self.addCleanup(self.site.restart_dovecot,
                                self.site.mechanisms)
                self.site.restart_dovecot(mechanisms)
            self.site.start_bridge()
            self.use_both(ANN)
            self.site.stop_bridge()
            self.assert_no_secret()
            for recorder, word in zip(recorders, (b"SELECT", b"MAIL FROM")):
                self.assertIn(word, recorder.heard)
                for text in (PASSWORD, WRONG, a.passphrase):
                    for form in forms_of(text):
                        self.assertNotIn(form, recorder.heard)
                self.assertEqual(mechanisms == "plain", any(
                    f in recorder.heard for f in forms_of(a.secret)))

    def use_both(self, address):
        for password in (PASSWORD, WRONG):
            with contextlib.suppress(imaplib.IMAP4.error), \
                    self.site.client(address, password) as c:
                c.select()
            with contextlib.suppress(smtplib.SMTPAuthenticationError), \
                    self.site.submission_client(address, password) as c:
                c.mail(address)

    def test_keyring(self):
        """The key is in the user's own GnuPG keyring, and stays there."""
        home = self.site.path("home", "gnupg")
        d = self.site.enrol(DORA, login="password", key=None, settings={
            "key": "keyring", "gnupg_home": home})
        self.addCleanup(self.site.accounts.pop, DORA)
        certificate = self.site.make_key(DORA, "")
        self.site.sealpost("key", "import", DORA, stdin=certificate)
        self.site.publish_databases()
        secret = self.site.gpg("--pinentry-mode", "loopback", "--passphrase",
                               "", "--armor", "--export-secret-keys",
                               self.site.keys[DORA]).stdout
        self.check(DORA, 1, "ok    imap", "FAIL  key", "GnuPG keyring has no")
        user = pwd.getpwnam(MAIL_USER)
        os.mkdir(home, 0o700)
        os.chown(home, user.pw_uid, user.pw_gid)
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        self.addCleanup(run, *self.site.as_user(
            "gpgconf", "--homedir", home, "--kill", "all"))
        run(*self.site.as_user("gpg", "--homedir", home, "--batch",
                               "--import"), stdin=secret)
        self.check(DORA, 0, "in the GnuPG keyring")
        self.site.deliver(harness.text_message(
            self.secret, self.message_id, DORA), DORA)
        with self.site.direct(DORA) as c:
            c.select()
            self.assertIn(b"BEGIN PGP MESSAGE",
                          c.fetch("1", "(BODY.PEEK[])")[1][0][1])
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)
        with self.site.client(DORA) as c:
            c.select()
            self.assertIn(self.secret.encode(),
                          c.fetch("1", "(BODY.PEEK[])")[1][0][1])
        self.assertEqual(d.secret, PASSWORD)

    def assert_no_secret(self):
        """No password, given or derived, in what is written."""
        a = self.site.accounts[ANN]
        for text in (PASSWORD, WRONG, a.secret, a.passphrase):
            self.assertEqual(self.site.files_with(
                text, "log", "state", "home", "run"), [], text)

    def test_client_while_server_is_down(self):
        port, = free_ports(1)
        self.set(ANN, imap_port=port, smtp_port=port)
        self.site.start_bridge()
        self.addCleanup(self.site.stop_bridge)
        with self.assertRaises(smtplib.SMTPAuthenticationError) as e, \
                self.site.submission_client(ANN):
            pass
        self.assertEqual(e.exception.smtp_code, 454)
        with imaplib.IMAP4("127.0.0.1", self.site.bridge_imap) as c:
            with self.assertRaises(imaplib.IMAP4.error) as e:
                c.login(ANN, PASSWORD)
            self.assertIn("UNAVAILABLE", str(e.exception))

    # ---- the program ----

    def refused(self, sentence, more="", conf=None):
        """It does not start, and says why."""
        self.site.write_bridge_conf(more)
        done = run(*self.site.as_user(PROGRAM, "-d", "-c", conf or
                                      self.site.path("bridge.conf")),
                   status=1)
        self.assertIn(sentence, done.stderr.decode())

    def test_state_directory(self):
        os.chmod(self.site.path("state"), 0o750)
        try:
            self.refused("must be the user's own and have mode 0700")
        finally:
            os.chmod(self.site.path("state"), 0o700)
        self.site.write_bridge_conf()
        with open(self.site.path("bridge.conf")) as f:
            text = f.read()
        deep = self.site.path("home", "a", "b")
        with open(self.site.path("bridge.conf"), "w") as f:
            f.write(text.replace(self.site.path("state"), deep))
        self.site.bridge_command("check", "--password-stdin", ANN,
                                 stdin=PASSWORD.encode() + b"\n")
        self.assertEqual(os.stat(deep).st_mode & 0o777, 0o700)

    def test_other_addresses_need_tls(self):
        port, = free_ports(1)
        self.site.write_bridge_conf()
        path = self.site.path("bridge.conf")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("inet:127.0.0.1:%d" % self.site.bridge_imap,
                                 "inet:0.0.0.0:%d" % port))
        done = run(*self.site.as_user(PROGRAM, "-d", "-c", path), status=1)
        self.assertIn("so it needs TLS", done.stderr.decode())

    def test_wrong_conf(self):
        self.refused("no-such-file", conf="/no-such-file")
        self.refused("nonsense", more="nonsense = 1")

    def test_usage(self):
        done = run(PROGRAM, "--help")
        for word in (b"run", b"check", b"-c FILE"):
            self.assertIn(word, done.stdout)
        self.assertIn(b"sealpost-bridge 0", run(PROGRAM,
                                                "--version").stdout)
        for command in ("run", "check", "enrol", "trust"):
            for option in ("--help", "-h"):
                done = run(PROGRAM, command, option)
                self.assertTrue(done.stdout.decode().startswith(
                    "usage: sealpost-bridge " + command), done.stdout)
                self.assertEqual(done.stderr, b"")
        for arguments in (["nonsense"], ["-x"], ["check", "a", "b"],
                          ["run", "x"], ["run", "--nonsense"],
                          ["check", "--nonsense"]):
            self.assertEqual(run(PROGRAM, *arguments, status=2).stdout, b"")
        self.site.write_bridge_conf()
        run(*self.site.as_user(PROGRAM, "-n", "-c",
                               self.site.path("bridge.conf")))

    def test_too_many_connections(self):
        self.site.start_bridge("max_connections = 2")
        self.addCleanup(self.site.stop_bridge)
        with contextlib.ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(self.site.submission_client(ANN))
            for port, says in ((self.site.bridge_smtp, b"421"),
                               (self.site.bridge_imap, b"* BYE")):
                with socket.create_connection(("127.0.0.1", port)) as s:
                    self.assertEqual(s.recv(len(says)), says)
        def again():
            with socket.create_connection(
                    ("127.0.0.1", self.site.bridge_smtp)) as s:
                return s.recv(3) == b"220"
        harness.wait_for("room", again)

    def test_stop(self):
        """SIGTERM and SIGINT end open sessions at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self.site.start_bridge()
            try:
                with self.site.client(ANN) as c, \
                        self.site.submission_client(ANN) as d:
                    c.select()
                    d.mail(ANN)
                    self.assertEqual(self.site.stop_bridge(number=number), 0)
                    self.assertEqual(d.sock.recv(1), b"")
                    with contextlib.suppress(OSError, imaplib.IMAP4.abort):
                        c.shutdown()
            except imaplib.IMAP4.abort:
                pass  # logout() after the end
            self.assertIn("stopped", self.site.log_of("bridge"))


if __name__ == "__main__":
    main()

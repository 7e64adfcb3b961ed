#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""`sealpost dovecot`: what it makes of a dovecot.conf, and back, and real logins
and deliveries with it."""
import base64
import contextlib
import grp
import imaplib
import os
import pwd
import random
import re
import shutil
import smtplib
import socket
import sqlite3
import stat
import subprocess
import tempfile
import unittest

import harness
import test_dovecot_plugin as plugin
from auth_client import PASSWORD, Scram
from harness import (BUILD, MAIL_USER, SOURCE, Daemon, free_ports, run, tls,
                     wait_for)

ANN, BOB, CARL, DORA = ("%s@one.example" % name
                        for name in ("ann", "bob", "carl", "dora"))
TEMPLATES = os.path.join(SOURCE, "conf-templates", "dovecot")
VERSION = ""  # "2.3": main() asks

CONF = """\
[accounts]
directory = {folder}/db/directory.db
secrets = {folder}/db/secrets.db
iterations = 100000
[stats]
database = {folder}/db/stats.db
"""

HEAD_24 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
"""

# As an administrator may have it.
COMMON = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
mail_debug = yes
"""

OWN_23 = """\
protocols = imap
ssl_cert = <{folder}/tls.pem
ssl_key = <{folder}/tls.pem
disable_plaintext_auth = no
mail_location = mbox:~/mail:INBOX=/var/mail/%u
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
  }}
}}
protocol imap {{
  mail_max_userip_connections = 99
}}
"""

OWN_24 = """\
protocols {{
  imap = yes
}}
ssl_server_cert_file = {folder}/tls.pem
ssl_server_key_file = {folder}/tls.pem
auth_allow_cleartext = yes
mail_driver = mbox
mail_path = %{{home}}/mail
mail_inbox_path = /var/mail/%{{user}}
service imap-login {{
  inet_listener imap {{
    listen = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    listen = 127.0.0.1
    port = {imaps}
  }}
}}
protocol lmtp {{
  auth_username_format = %{{user | username | lower}}
}}
"""


def make_certificate(folder):
    """FOLDER/tls.pem, with its key."""
    key = os.path.join(folder, "key.pem")
    cert = os.path.join(folder, "cert.pem")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
        "/CN=one.example", "-days", "2", "-keyout", key, "-out", cert)
    with open(os.path.join(folder, "tls.pem"), "w") as out:
        for name in (key, cert):
            with open(name) as f:
                out.write(f.read())
    os.chmod(os.path.join(folder, "tls.pem"), 0o600)


class Place:
    """A folder with databases and a dovecot.conf."""

    def __init__(self, modules=False):
        self.folder = tempfile.mkdtemp(prefix="sealpost-test-")
        self.modules = modules
        try:
            self.set_up()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def set_up(self):
        os.chmod(self.folder, 0o755)
        if self.modules:
            shutil.copytree(plugin.MODULES, self.path("modules"))
            shutil.copytree(plugin.BUILT, self.path("modules"),
                            dirs_exist_ok=True)
        self.imap, self.imaps = free_ports(2)
        for name in ("etc", "db", "mail", "queue", "queue/private", "run",
                     "state"):
            os.mkdir(self.path(name), 0o755)
        user = pwd.getpwnam(MAIL_USER)
        os.chown(self.path("mail"), user.pw_uid, user.pw_gid)
        with open(self.path("sealpost.conf"), "w") as f:
            f.write(CONF.format(folder=self.folder))
        self.sealpost("init")
        # What Dovecot reads it by.
        os.chown(self.path("db", "secrets.db"), 0, grp.getgrnam("mail").gr_gid)
        make_certificate(self.folder)
        self.dovecot_conf = self.path("etc", "dovecot.conf")
        text = COMMON + (OWN_23 if VERSION == "2.3" else OWN_24)
        self.original = ("" if VERSION == "2.3" else HEAD_24) + text.format(
            folder=self.folder, imap=self.imap, imaps=self.imaps)
        self.write(self.original)

    def with_modules(self, *command):
        """As if sealpost's modules were installed."""
        if not self.modules:
            return list(command)
        return plugin.own_mounts() + [
            "sh", "-c", 'mount --bind "$1" %s && shift && exec "$@"' %
            plugin.MODULES, "sh", self.path("modules"), *command]

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, text):
        with open(self.dovecot_conf, "w") as f:
            f.write(text)

    def read(self):
        with open(self.dovecot_conf) as f:
            return f.read()

    def sealpost(self, *command, stdin=None, status=0):
        done = run(*self.with_modules(
            os.path.join(BUILD, "ctl", "sealpost"), "-c",
            self.path("sealpost.conf"), *command), stdin=stdin, status=status)
        return (done.stderr if status else done.stdout).decode()

    def dovecot(self, what, *options, status=0):
        more = () if what == "remove" else (
            "--templates", TEMPLATES, "--mail-user", MAIL_USER,
            "--mail-directory", self.path("mail"), "--queue-directory",
            self.path("queue"))
        return self.sealpost("dovecot", what, "--config-file",
                             self.dovecot_conf, *more, *options,
                             status=status)

    def snapshot(self):
        found = {}
        for name in os.listdir(self.path("etc")):
            path = self.path("etc", name)
            s = os.stat(path)
            with open(path) as f:
                found[name] = (f.read(), stat.S_IMODE(s.st_mode), s.st_uid,
                               s.st_gid, s.st_ino)
        return found

    def doveconf(self, *arguments):
        return run("doveconf", "-c", self.dovecot_conf,
                   *arguments).stdout.decode()


class Command(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(shutil.rmtree, self.place.folder)

    def test_show_changes_nothing(self):
        before = self.place.snapshot()
        said = self.place.dovecot("show")
        self.assertIn("+!include_try %s/etc/sealpost.conf" %
                      self.place.folder, said)
        self.assertIn("+auth_mechanisms = plain login scram-sha-256", said)
        self.assertEqual(self.place.snapshot(), before)

    def test_apply_twice_and_remove(self):
        before = self.place.snapshot()
        self.place.dovecot("apply")
        once = self.place.snapshot()
        self.assertEqual(self.place.read(), self.place.original +
                         "!include_try %s/etc/sealpost.conf\n" %
                         self.place.folder)
        for name in set(once) - set(before):
            self.assertEqual(once[name][1], 0o640, name)
        self.assertIn("nothing to do", self.place.dovecot("apply"))
        self.assertEqual(self.place.snapshot(), once)
        self.place.doveconf("-n")
        self.place.dovecot("remove")
        after = self.place.snapshot()
        self.assertEqual({n: v[:4] for n, v in after.items()},
                         {n: v[:4] for n, v in before.items()})
        self.assertIn("nothing to do", self.place.dovecot("remove"))

    def test_bytes_come_back(self):
        text = self.place.original
        for name, variant in {
                "no line end": text.rstrip("\n"),
                "blank lines at the end": text + "\n\n",
                "a comment without end": text + "# the end",
                "windows": text.replace("\n", "\r\n")}.items():
            with self.subTest(name):
                with open(self.place.dovecot_conf, "wb") as f:
                    f.write(variant.encode())
                self.place.dovecot("apply")
                self.place.doveconf("-n")
                self.place.dovecot("remove")
                with open(self.place.dovecot_conf, "rb") as f:
                    self.assertEqual(f.read(), variant.encode())

    def test_what_came_after_an_apply_stays(self):
        for text in (self.place.original, self.place.original.rstrip("\n")):
            self.place.write(text)
            self.place.dovecot("apply")
            with open(self.place.dovecot_conf, "a") as f:
                f.write("\nverbose_proctitle = yes\n")
            self.assertIn("change in", self.place.dovecot("apply"))
            self.assertTrue(self.place.read().rstrip("\n").endswith(
                "sealpost.conf"))
            self.place.dovecot("remove")
            self.assertEqual(self.place.read().rstrip("\n"),
                             text + "\nverbose_proctitle = yes")

    def test_a_link_stays_a_link(self):
        real = self.place.path("real.conf")
        os.rename(self.place.dovecot_conf, real)
        os.symlink(real, self.place.dovecot_conf)
        self.place.dovecot("apply")
        self.assertTrue(os.path.islink(self.place.dovecot_conf))
        self.place.dovecot("remove")
        self.assertTrue(os.path.islink(self.place.dovecot_conf))
        self.assertEqual(self.place.read(), self.place.original)

    def test_a_faulty_result_is_not_kept(self):
        templates = self.place.path("templates")
        shutil.copytree(TEMPLATES, templates)
        with open(os.path.join(templates, VERSION, "sealpost.conf"),
                  "a") as f:
            f.write("\nno_such_setting = yes\n")
        before = self.place.snapshot()
        said = self.place.sealpost(
            "dovecot", "apply", "--config-file", self.place.dovecot_conf,
            "--templates", templates, "--mail-user", MAIL_USER,
            "--queue-directory", self.place.path("queue"), status=1)
        self.assertIn("nothing was changed", said)
        self.assertIn("no_such_setting", said)
        self.assertEqual(self.place.snapshot(), before)

    def test_a_faulty_original_is_named(self):
        self.place.write(self.place.original + "no_such_setting = yes\n")
        before = self.place.snapshot()
        self.assertIn("no_such_setting",
                      self.place.dovecot("apply", status=1))
        self.assertEqual(self.place.snapshot(), before)

    def test_others_files_are_not_touched(self):
        with open(self.place.path("etc", "sealpost.conf"), "w") as f:
            f.write("mail_debug = no\n")
        before = self.place.snapshot()
        for what in ("apply", "remove"):
            self.assertIn("not sealpost's",
                          self.place.dovecot(what, status=1))
        self.assertEqual(self.place.snapshot(), before)

    def test_what_is_replaced_is_named(self):
        passdb = ("passdb {\n  driver = pam\n}\n" if VERSION == "2.3" else
                  "passdb pam {\n}\n")
        self.place.write(self.place.original + passdb)
        said = self.place.dovecot("show")
        self.assertIn("note: mail_debug = yes becomes", said)
        self.assertIn("note: passdb pam is there", said)
        self.assertRegex(said, "note: (mail_location = mbox:|mail_driver = "
                         "mbox becomes maildir)")

    def test_who_reads_the_passwords(self):
        path = self.place.path("db", "secrets.db")
        self.assertNotIn("secrets.db", self.place.dovecot("apply").split(
            "note: ", 1)[1])
        os.chown(path, 0, 0)
        self.assertIn("belongs to the group root",
                      self.place.dovecot("show"))
        os.chown(path, 0, grp.getgrnam("news").gr_gid)
        said = self.place.dovecot("apply")
        self.assertRegex(said, r"(?m)^\+\s*group = news$")
        os.chmod(path, 0o600)
        self.assertIn("its group may not read it",
                      self.place.dovecot("show"))

    def test_a_mailbox_format_is_kept(self):
        self.place.write(
            self.place.original.replace("mbox:~/mail:INBOX=/var/mail/%u",
                                        "sdbox:~/sdbox")
            .replace("mail_driver = mbox", "mail_driver = sdbox")
            .replace("mail_inbox_path = /var/mail/%{user}\n", ""))
        self.place.dovecot("apply")
        self.assertIn("sdbox", self.place.doveconf("-n"))
        self.assertNotIn("maildir", self.place.doveconf("-n"))

    def test_without_users_or_databases(self):
        said = self.place.sealpost(
            "dovecot", "apply", "--config-file", self.place.dovecot_conf,
            "--templates", TEMPLATES, "--mail-user", "nosuchuser", status=1)
        self.assertIn("there is no user nosuchuser", said)
        os.unlink(self.place.path("db", "secrets.db"))
        self.assertIn("sealpost init", self.place.dovecot("apply", status=1))

    def test_templates_of_other_versions(self):
        other = "2.4" if VERSION == "2.3" else "2.3"
        before = self.place.snapshot()
        self.place.dovecot("apply", "--dovecot-version", other, status=1)
        self.assertIn("2.3 and 2.4", self.place.dovecot(
            "apply", "--dovecot-version", "2.30", status=1))
        self.assertEqual(self.place.snapshot(), before)

    def test_an_odd_path_is_refused(self):
        for odd in ("/tmp/a'b", "/tmp/a b", "/tmp/%u", "/tmp/a\nb"):
            self.assertIn("cannot be given", self.place.sealpost(
                "dovecot", "show", "--config-file", self.place.dovecot_conf,
                "--templates", TEMPLATES, "--mail-user", MAIL_USER,
                "--queue-directory", "/tmp", "--mail-directory", odd,
                status=1))


# ---- with Dovecot ----


def sasl(client, mechanism, answers):
    """imaplib's authenticate with the client's answers, each made of what the
    server said; the first one is sent at an empty challenge."""
    steps = iter(answers)
    return client.authenticate(mechanism, lambda said: next(steps)(said))


def login_plain(client, user, password):
    return sasl(client, "PLAIN", [
        lambda _: b"\0".join((b"", user.encode(), password.encode()))])


def login_login(client, user, password):
    return sasl(client, "LOGIN", [lambda _: user.encode(),
                                  lambda _: password.encode()])


def login_scram(client, user, password):
    scram = Scram(user, password)

    def last(said):
        scram.check(said)
        return b""
    return sasl(client, "SCRAM-SHA-256", [
        lambda _: scram.first(), scram.final, last])


WAYS = {"PLAIN": login_plain, "LOGIN": login_login,
        "SCRAM-SHA-256": login_scram,
        "the command": lambda client, user, password: client.login(
            '"%s"' % user, password)}


class WiredTest(unittest.TestCase):
    """A Dovecot that is wired by `sealpost dovecot apply`."""
    modules = False

    @classmethod
    def setUpClass(cls):
        cls.place = place = Place(cls.modules)
        cls.addClassCleanup(shutil.rmtree, place.folder)
        place.sealpost("domain", "add", "one.example")
        for user in (ANN, BOB, CARL, DORA):
            place.sealpost("user", "add", user, "--password-stdin",
                           stdin=PASSWORD.encode() + b"\n")
        cls.set_accounts()
        place.dovecot("apply")
        daemon = Daemon(place.with_modules(
            "/usr/sbin/dovecot", "-F", "-c", place.dovecot_conf),
            place.path("stderr"))
        cls.addClassCleanup(daemon.stop)
        cls.lmtp_socket = place.path("queue", "private", "dovecot-lmtp")
        wait_for("Dovecot", lambda: daemon.process.poll() is not None or
                 os.path.exists(cls.lmtp_socket) and cls.answers())
        if daemon.process.poll() is not None:
            raise AssertionError("Dovecot: %s" % "".join(daemon.lines))

    @classmethod
    def answers(cls):
        with contextlib.suppress(OSError), socket.create_connection(
                ("127.0.0.1", cls.place.imap), 5) as s:
            return s.recv(1) != b""
        return False

    def run(self, result=None):
        """Where a test fails, the log says more."""
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            with open(self.place.path("log"), errors="replace") as f:
                print("".join(f.readlines()[-30:]))

    @contextlib.contextmanager
    def client(self):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.place.imaps,
                                   ssl_context=tls())
        try:
            yield client
        finally:
            client.logout()

    def deliver(self, *recipients, text=b"Subject: a test\r\n\r\nhello\r\n"):
        client = smtplib.LMTP(self.lmtp_socket)
        try:
            client.ehlo("mx.one.example")
            return client.sendmail("sender@outside.example", recipients,
                                   text)
        finally:
            client.close()


class Dovecot(WiredTest):
    @classmethod
    def set_accounts(cls):
        cls.place.sealpost("user", "set", ANN, "quota=1M")
        cls.place.sealpost("user", "set", CARL, "mechanisms=SCRAM-SHA-256")
        cls.place.sealpost("user", "disable", BOB)

    def login(self, way, user, password=PASSWORD):
        with self.client() as client:
            return WAYS[way](client, user, password)

    def assert_refused(self, way, user, password=PASSWORD):
        with self.assertRaises(imaplib.IMAP4.error) as caught:
            self.login(way, user, password)
        self.assertRegex(str(caught.exception),
                         r"AUTHENTICATIONFAILED|Authentication failed")

    def test_every_mechanism_from_one_verifier(self):
        for way in WAYS:
            with self.subTest(way):
                self.assertEqual(self.login(way, ANN)[0], "OK")
                self.assertEqual(self.login(way, ANN.title())[0], "OK")

    def test_wrong_and_unknown(self):
        for way in WAYS:
            with self.subTest(way):
                self.assert_refused(way, ANN, "wrong")
                self.assert_refused(way, "eve@one.example")
                self.assert_refused(way, "x' OR '1'='1")

    def test_a_disabled_account(self):
        for way in WAYS:
            with self.subTest(way):
                self.assert_refused(way, BOB)

    def test_an_account_without_plaintext(self):
        self.assertEqual(self.login("SCRAM-SHA-256", CARL)[0], "OK")
        for way in set(WAYS) - {"SCRAM-SHA-256"}:
            with self.subTest(way):
                self.assert_refused(way, CARL)

    def test_changes_hold_at_once(self):
        self.place.sealpost("user", "set", DORA, "mechanisms=PLAIN,LOGIN")
        self.assertEqual(self.login("PLAIN", DORA)[0], "OK")
        self.assert_refused("SCRAM-SHA-256", DORA)
        self.place.sealpost("user", "set", DORA, "mechanisms=default")
        self.assertEqual(self.login("SCRAM-SHA-256", DORA)[0], "OK")
        self.place.sealpost("user", "disable", DORA)
        self.assert_refused("PLAIN", DORA)
        self.place.sealpost("user", "enable", DORA)
        self.assertEqual(self.login("PLAIN", DORA)[0], "OK")

    def test_no_login_in_clear(self):
        # From another address than the server's: else it counts as safe.
        with socket.create_connection(
                ("127.0.0.1", self.place.imap), 30,
                source_address=("127.0.0.2", 0)) as s, \
                s.makefile("rb") as lines:
            self.assertIn(b"LOGINDISABLED", lines.readline())
            for command in (b'LOGIN "%s" "%s"' % (
                    ANN.encode(), PASSWORD.encode()),
                    b"AUTHENTICATE SCRAM-SHA-256",
                    b"AUTHENTICATE PLAIN " + base64.b64encode(
                        b"\0%s\0%s" % (ANN.encode(), PASSWORD.encode()))):
                s.sendall(b"a " + command + b"\r\n")
                while not (line := lines.readline()).startswith(b"a "):
                    self.assertTrue(line.startswith(b"* "), line)
                self.assertIn(b"NO [PRIVACYREQUIRED]", line)

    def test_a_delivery(self):
        s = os.stat(self.lmtp_socket)
        self.assertEqual(stat.S_IMODE(s.st_mode), 0o600)
        self.assertEqual(s.st_uid, pwd.getpwnam("postfix").pw_uid)
        self.deliver("DORA+lists@One.example", BOB)
        for name in ("dora", "bob"):
            new = self.place.path("mail", "one.example", name, "Maildir",
                                  "new")
            self.assertEqual(len(os.listdir(new)), 1)
            self.assertEqual(os.stat(new).st_uid,
                             pwd.getpwnam(MAIL_USER).pw_uid)
        with self.client() as client:
            login_scram(client, DORA, PASSWORD)
            client.select(readonly=True)
            self.assertIn(b"hello", client.fetch("1", "RFC822")[1][0][1])
        with self.assertRaises(smtplib.SMTPRecipientsRefused) as caught:
            self.deliver("eve@one.example")
        self.assertEqual(
            caught.exception.recipients["eve@one.example"][0], 550)

    def test_quota(self):
        with self.client() as client:
            login_plain(client, ANN, PASSWORD)
            said = client.getquotaroot("INBOX")[1]
            self.assertRegex(said[1][0], rb"\(STORAGE 0 1024\)")
            client.create("Big")
            line = b"x" * 70 + b"\r\n"
            reply = client.append("Big", None, None, b"Subject: x\r\n\r\n" +
                                  line * 20000)
            self.assertEqual(reply[0], "NO")
            self.assertIn(b"OVERQUOTA", reply[1][0])
        # More than the grace that a delivery is given, 10 MiB in 2.4.
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.deliver(ANN, text=b"Subject: x\r\n\r\n" + line * 170000)
        self.assertIn(b"uota", caught.exception.smtp_error)
        with self.client() as client:
            login_plain(client, DORA, PASSWORD)
            client.create("Big")
            reply = client.append("Big", None, None,
                                  b"Subject: x\r\n\r\n" + line * 20000)
            self.assertEqual(reply[0], "OK", reply)

    def test_all_accounts(self):
        listed = run("doveadm", "-c", self.place.dovecot_conf, "user",
                     "*").stdout.decode().split()
        self.assertEqual(sorted(listed), sorted((ANN, BOB, CARL, DORA)))

    def test_the_reader_is_not_root(self):
        """The process that asks the databases, while it is there."""
        self.login("PLAIN", DORA)

        def workers():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    with open("/proc/%s/cmdline" % pid, "rb") as f:
                        if b"dovecot/auth" not in f.read():
                            continue
                    with open("/proc/%s/status" % pid) as f:
                        uid = re.search(r"(?m)^Uid:\s+(\d+)\s+(\d+)",
                                        f.read())
                    if any("secrets.db" in os.readlink(
                            "/proc/%s/fd/%s" % (pid, n))
                           and os.readlink("/proc/%s/fd/%s" % (pid, n))
                           .startswith(self.place.folder)
                           for n in os.listdir("/proc/%s/fd" % pid)):
                        yield int(uid.group(2))
        found = list(workers())
        self.assertTrue(found)
        self.assertEqual(set(found), {pwd.getpwnam("dovecot").pw_uid})


# ---- with sealpost's modules ----


class WithModules(WiredTest):
    modules = True
    canary = b"%032x" % random.getrandbits(128)
    message = (b"Subject: a test\r\nMessage-ID: <1@outside.example>\r\n\r\n" +
               canary + b"\r\n")

    @classmethod
    def set_accounts(cls):
        cls.gnupg = tempfile.mkdtemp(prefix="sealpost-gnupg-")
        cls.addClassCleanup(shutil.rmtree, cls.gnupg)
        cls.addClassCleanup(run, "gpgconf", "--homedir", cls.gnupg, "--kill",
                            "all")
        for user in (ANN, BOB):
            run("gpg", "--homedir", cls.gnupg, "--batch", "--passphrase", "",
                "--quick-generate-key", "<%s>" % user)
            cert = run("gpg", "--homedir", cls.gnupg, "--armor", "--export",
                       "<%s>" % user).stdout
            cls.place.sealpost("key", "import", user, stdin=cert)
        with contextlib.closing(sqlite3.connect(
                cls.place.path("db", "secrets.db"))) as db:
            db.execute("INSERT INTO vaults VALUES (?, ?, ?)",
                       (ANN, "the armored key", "F" * 40))
            db.commit()

    def files(self, user):
        """The messages of an account as they are stored, one text."""
        name = user.split("@")[0]
        found = []
        for folder, _, files in os.walk(self.place.path(
                "mail", "one.example", name)):
            for file in files:
                with open(os.path.join(folder, file), "rb") as f:
                    found.append(f.read())
        return b"".join(found)

    @contextlib.contextmanager
    def ann(self, user=ANN):
        with self.client() as client:
            login_scram(client, user, PASSWORD)
            yield client

    def test_the_words_for_each_protocol(self):
        for protocol in ("imap", "lmtp", "lda", "doveadm"):
            words = run(*self.place.with_modules(
                "doveconf", "-c", self.place.dovecot_conf, "-f",
                "protocol=" + protocol, "mail_plugins")).stdout.decode()
            if VERSION == "2.3":
                self.assertRegex(words, r"\bsealpost\b")
            if protocol == "imap":
                self.assertRegex(words, r"\bimap_sealpost\b")

    def test_a_delivery_is_sealed(self):
        self.deliver(ANN, BOB, text=self.message)
        for user in ANN, BOB:
            stored = self.files(user)
            self.assertIn(b"-----BEGIN PGP MESSAGE-----", stored)
            self.assertNotIn(self.canary, stored)
            with self.ann(user) as client:
                client.select(readonly=True)
                text = client.fetch("1", "RFC822")[1][0][1]
            opened = run("gpg", "--homedir", self.gnupg, "--batch",
                         "--decrypt", stdin=text)
            self.assertIn(self.canary, opened.stdout)

    def test_no_key_no_delivery(self):
        with self.assertRaises(smtplib.SMTPDataError) as caught:
            self.deliver(DORA, text=self.message)
        self.assertEqual(caught.exception.smtp_code, 451)
        self.assertNotIn(self.canary, self.files(DORA))

    def test_an_append_is_sealed(self):
        with self.ann() as client:
            client.create("Sent")
            self.assertEqual(client.append("Sent", None, None,
                                           self.message)[0], "OK")
        self.assertNotIn(self.canary, self.files(ANN))
        with self.ann(CARL) as client:
            self.assertEqual(client.append("INBOX", None, None,
                                           self.message)[0], "NO")
        self.assertNotIn(self.canary, self.files(CARL))

    def test_the_vault(self):
        for user, answer in ((ANN, b"the armored key"), (BOB, b"NIL")):
            with self.ann(user) as client:
                self.assertIn(b" METADATA", client.capability()[1][0])
                client._simple_command("GETMETADATA", '""', plugin.VAULT)
                said = client.untagged_responses["METADATA"]
                self.assertIn(answer, b"".join(
                    b"".join(x) if isinstance(x, tuple) else x for x in said))

    def test_folder_statistics(self):
        with self.ann(BOB) as client:
            self.assertIn(b"XFOLDERSTATS", client.capability()[1][0])
        listed = run(*self.place.with_modules(
            "doveadm", "-c", self.place.dovecot_conf, "-f", "tab", "sealpost",
            "folders", "-A", "-s")).stdout.decode()
        for user in (ANN, BOB, CARL, DORA):
            self.assertIn(user, listed)

    def groups(self, process):
        """Of each of Dovecot's processes of that name here."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open("/proc/%s/cmdline" % pid, "rb") as f:
                    words = f.read().split(b"\0")
                if words[0] != b"dovecot/" + process or os.readlink(
                        "/proc/%s/cwd" % pid).find(self.place.folder) < 0:
                    continue
                with open("/proc/%s/status" % pid) as f:
                    text = f.read()
                yield {int(n) for n in re.search(
                    r"(?m)^Groups:(.*)", text).group(1).split() +
                    re.search(r"(?m)^Gid:(.*)", text).group(1).split()}

    def test_who_may_read_the_vaults(self):
        reader = os.stat(self.place.path("db", "secrets.db")).st_gid
        self.deliver(ANN, text=self.message)
        with self.ann() as client:
            client.select()
            imap = list(self.groups(b"imap"))
            lmtp = list(self.groups(b"lmtp"))
        self.assertTrue(imap)
        self.assertTrue(lmtp)
        # what Dovecot gives all of its processes
        own = grp.getgrnam("dovecot").gr_gid
        for groups in imap:
            self.assertIn(reader, groups)
            self.assertIn(own, groups)
        for groups in lmtp:
            self.assertNotIn(reader, groups)

    def test_apply_again_and_remove(self):
        self.assertIn("nothing to do", self.place.dovecot("apply"))
        run(*self.place.with_modules("doveconf", "-n", "-c",
                                     self.place.dovecot_conf))


# ---- with Postfix ----


class WiredSite(harness.Site):
    """A site whose Dovecot is wired by `sealpost dovecot apply`."""

    def start_dovecot(self):
        conf = self.path("dovecot", "dovecot.conf")
        with open(conf, "w") as f:
            f.write(("" if VERSION == "2.3" else HEAD_24) +
                    (COMMON + (OWN_23 if VERSION == "2.3" else OWN_24))
                    .format(folder=self.path("dovecot"),
                            imap=self.imap_port, imaps=free_ports(1)[0]))
        make_certificate(self.path("dovecot"))
        self.write_conf(deliver="lmtp:unix:private/dovecot-lmtp")
        os.mkdir(self.path("queue", "private"))
        os.chown(self.path("queue", "private"),
                 pwd.getpwnam("postfix").pw_uid, 0)
        os.chown(self.path("db", "secrets.db"), 0,
                 grp.getgrnam("mail").gr_gid)
        self.sealpost("dovecot", "apply", "--config-file", conf,
                      "--templates", TEMPLATES, "--mail-user", MAIL_USER,
                      "--mail-directory", self.path("mail"),
                      "--queue-directory", self.path("queue"))
        dovecot = Daemon(["/usr/sbin/dovecot", "-F", "-c", conf],
                         self.path("log", "dovecot.stderr"))
        self.stack.callback(dovecot.stop)
        wait_for("Dovecot", lambda: dovecot.process.poll() is not None or
                 self.answers(self.imap_port))
        if dovecot.process.poll() is not None:
            raise AssertionError("Dovecot: %s" % "".join(dovecot.lines))


class WholeWay(harness.SiteTest):
    @classmethod
    def setUpClass(cls):
        cls.site = WiredSite()
        cls.addClassCleanup(cls.site.close)
        cls.site.add_account(ANN)
        cls.site.sealpost("user", "passwd", ANN, "--password-stdin",
                          stdin=PASSWORD.encode() + b"\n")

    def test_from_postfix_through_the_hop_to_imap(self):
        message = self.message(ANN)
        self.site.send(message, ANN)
        self.assert_sealed_copy(ANN, message)
        self.assert_nowhere()


def main():
    global VERSION
    harness.skip_unless_possible()
    harness.end_on_signal()
    said = run("/usr/sbin/dovecot", "--version").stdout.decode()
    VERSION = said[:3]
    unittest.main()


if __name__ == "__main__":
    main()

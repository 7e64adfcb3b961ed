#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The command line as an administrator meets it.

usage: ctl_test.py SEALPOST SEALPOST-UNSEAL [unittest arguments]
"""
import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import termios
import unittest

SEALPOST = SEALPOST_UNSEAL = None
KEYS = None
CANARY = b"the canary sings in plaintext"


class Keys:
    """A GNUPGHOME of our own with keys of every kind."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="ctl_test.")
        self.env = dict(os.environ, GNUPGHOME=self.home, LC_ALL="C")

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"],
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(self.home, ignore_errors=True)

    def gpg(self, *args, data=b""):
        return subprocess.run(
            ["gpg", "--batch", "--quiet", "--pinentry-mode", "loopback",
             "--passphrase", "", "--no-auto-check-trustdb", *args],
            input=data, env=self.env, check=True, capture_output=True).stdout

    def make(self, user_id, algorithm="future-default", usage="default",
             expires="never", options=()):
        self.gpg(*options, "--quick-gen-key", user_id, algorithm, usage,
                 expires)
        return self.fingerprint(user_id)

    def fingerprint(self, user_id):
        listing = self.gpg("--with-colons", "--list-keys",
                           "=" + user_id).decode()
        return re.search(r"^fpr:+([0-9A-F]+):", listing, re.M)[1]

    def public(self, fingerprint, armor=True):
        return self.gpg(*(["--armor"] if armor else []), "--export",
                        fingerprint)

    def secret(self, fingerprint):
        return self.gpg("--armor", "--export-secret-keys", fingerprint)

    def vault(self, user_id, passphrase):
        """A new key under a passphrase: its fingerprint and armor."""
        options = ("--passphrase", passphrase)
        fingerprint = self.make(user_id, options=options)
        return fingerprint, self.gpg(*options, "--armor",
                                     "--export-secret-keys", fingerprint)

    def revoked(self, fingerprint):
        """The certificate, revoked by the file that gpg has prepared."""
        path = f"{self.home}/openpgp-revocs.d/{fingerprint}.rev"
        text = pathlib.Path(path).read_bytes().replace(b"\n:-----", b"\n-----")
        self.gpg("--import", data=text)
        return self.public(fingerprint)


def setUpModule():
    global KEYS
    KEYS = Keys()
    unittest.addModuleCleanup(KEYS.close)
    KEYS.ann = KEYS.make("Ann <ann@example.org>")
    KEYS.other = KEYS.make("Else <else@example.net>")
    KEYS.eve, KEYS.eve_vault = KEYS.vault("eve@example.org", "eve's secret")
    KEYS.new, KEYS.new_vault = KEYS.vault("Eve <eve@example.org>", "new one")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ctl_test."))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.conf = self.dir / "sealpost.conf"
        self.settings = {
            "accounts": {"directory": self.dir / "db/directory.db",
                         "secrets": self.dir / "db/secrets.db",
                         "iterations": 100000},
            "stats": {"database": self.dir / "db/stats.db"},
            "milter": {"spool_directory": self.dir},
        }
        self.write_conf()

    def write_conf(self):
        self.conf.write_text("".join(
            f"[{section}]\n" + "".join(
                f"{key} = {value}\n" for key, value in values.items())
            for section, values in self.settings.items()))

    def run_ctl(self, *args, data=b"", stdout=subprocess.PIPE, env=None):
        if isinstance(data, str):
            data = data.encode()
        return subprocess.run(
            [SEALPOST, "-c", self.conf, *args], input=data, stdout=stdout,
            stderr=subprocess.PIPE, env=env or KEYS.env, timeout=60)

    def ok(self, *args, data=b"", warning=None):
        """Succeeds; what it printed."""
        run = self.run_ctl(*args, data=data)
        err = run.stderr.decode()
        self.assertEqual(run.returncode, 0, f"{args}: {err}")
        if warning is None:
            self.assertEqual(err, "", args)
        else:
            self.assertIn(warning, err)
        return run.stdout.decode()

    def json(self, *args):
        return json.loads(self.ok(*args, "--json"))

    def fails(self, status, message, *args, data=b""):
        """Fails with one line that says so, and prints nothing."""
        run = self.run_ctl(*args, data=data)
        err = run.stderr.decode()
        self.assertEqual(run.returncode, status, f"{args}: {err}")
        self.assertIn(message, err)
        self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(run.stdout, b"", args)
        return err

    def init(self):
        self.ok("init")
        self.ok("domain", "add", "example.org")

    def database(self, section, key):
        db = sqlite3.connect(self.settings[section][key],
                             isolation_level=None)
        self.addCleanup(db.close)
        return db

    def directory_db(self):
        return self.database("accounts", "directory")

    def secrets_db(self):
        return self.database("accounts", "secrets")

    def verifier(self, address):
        with contextlib.closing(sqlite3.connect(
                self.settings["accounts"]["secrets"])) as db:
            return db.execute("SELECT verifier, enabled FROM verifiers "
                              "WHERE address = ?", (address,)).fetchone()

    def assert_nothing_left(self, address="ann@example.org"):
        """Neither database knows the address."""
        self.assertEqual([u["address"] for u in self.json("user", "list")
                          if u["address"] == address], [])
        self.assertIsNone(self.verifier(address))
        with contextlib.closing(sqlite3.connect(
                self.settings["accounts"]["directory"])) as db:
            self.assertEqual(db.execute(
                "SELECT count(*) FROM certificates WHERE address = ?",
                (address,)).fetchone()[0], 0)

    def key_file(self, data, name="key.asc"):
        path = self.dir / name
        path.write_bytes(data)
        return path


class CommandLine(Case):
    COMMANDS = """init|domain add|domain remove|domain list|user add|user list|
        user show|user disable|user enable|user remove|user passwd|user set|
        alias add|alias remove|alias list|key import|key show|key remove|
        key check|seal|stats|postfix show|postfix apply|postfix remove|
        dovecot show|dovecot apply|dovecot remove|conf"""

    def test_help(self):
        top = self.ok("--help")
        for command in self.COMMANDS.split("|"):
            words = command.split()
            self.assertIn(words[0], top)
            said = self.ok(*words, "--help")
            self.assertTrue(said.startswith(
                "usage: sealpost " + " ".join(words)), said)
            if len(words) == 2:
                family = self.ok(words[0], "--help")
                self.assertRegex(family, rf"(?m)^  {words[1]} ")
                self.assertEqual(family, self.ok(words[0], "-h"))

    def test_help_does_not_need_a_good_configuration(self):
        self.conf.write_text("[nonsense]\n")
        self.assertIn("usage: sealpost", self.ok("--help"))
        self.assertIn("usage: sealpost user add",
                      self.ok("user", "add", "--help"))

    def test_version(self):
        self.assertRegex(self.ok("--version"), r"^sealpost \d+\.\d+\.\d+\n$")

    def test_wrong_usage(self):
        for args, message in [
                ([], "a command is missing"),
                (["nonsense"], 'there is no command "nonsense"'),
                (["user"], "a command is missing"),
                (["user", "nonsense"], 'there is no command "nonsense"'),
                (["user", "add"], "an argument is missing"),
                (["user", "add", "a", "b"], "too many arguments"),
                (["user", "add", "a", "--key"], "--key lacks its value"),
                (["user", "add", "a", "--password", "x"],
                 "--password is no option"),
                (["user", "list", "--json=yes"], "--json takes no value"),
                (["user", "set", "a"], "an argument is missing"),
                (["alias", "add", "a"], "an argument is missing"),
                (["key", "import"], "an argument is missing"),
                (["seal"], "an argument is missing"),
                (["init", "now"], "too many arguments"),
                (["conf"], "--defaults is missing"),
                (["stats", "--since", "yesterday"], '"yesterday" is none'),
                (["stats", "--since", "2026-02-31"], "2026-02-31"),
                (["stats", "--since", "0h"], '"0h" is none'),
                (["stats", "--since", "7"], '"7" is none'),
        ]:
            with self.subTest(args):
                self.fails(2, message, *args)

    def test_option_c(self):
        for args in [["-c"], ["-c", "/nonexistent/x", "user", "list"]]:
            run = subprocess.run([SEALPOST, *args], capture_output=True)
            self.assertIn(run.returncode, (1, 2))
            self.assertEqual(run.stdout, b"")
            self.assertEqual(run.stderr.count(b"\n"), 1)
        run = subprocess.run([SEALPOST, f"-c{self.conf}", "conf",
                              "--defaults"], capture_output=True)
        self.assertEqual(run.returncode, 0)

    def test_bad_configuration_names_file_and_line(self):
        self.conf.write_text("[accounts]\n\niterations = 5\n")
        self.fails(1, f"{self.conf}:3: iterations: \"5\" is not a number",
                   "user", "list")
        self.conf.write_bytes(b"[accounts]\nsecrets = /a\0b\n")
        self.fails(1, f"{self.conf}:2: ", "user", "list")

    def test_full_disk_is_noticed(self):
        self.init()
        with open("/dev/full", "wb") as full:
            for args in [("--help",), ("domain", "list"),
                         ("user", "list", "--json"), ("conf", "--defaults")]:
                run = self.run_ctl(*args, stdout=full)
                self.assertEqual(run.returncode, 1, args)
                self.assertIn(b"No space left", run.stderr)

    def test_no_colour_in_a_pipe(self):
        self.init()
        self.ok("user", "add", "ann@example.org")
        self.assertNotIn("\033", self.ok("user", "list"))


class Init(Case):
    def modes(self):
        return {p.name: stat.S_IMODE(p.stat().st_mode)
                for p in (self.dir / "db").iterdir()
                if p.suffix == ".db"}

    def test_creates(self):
        os.umask(0o077)
        self.addCleanup(os.umask, 0o022)
        said = self.ok("init")
        self.assertEqual(self.modes(), {"directory.db": 0o644,
                                        "secrets.db": 0o640,
                                        "stats.db": 0o660})
        self.assertEqual(stat.S_IMODE((self.dir / "db").stat().st_mode),
                         0o755)
        for name in ("directory", "secrets", "stats"):
            self.assertIn(f"created {self.dir}/db/{name}.db\n", said)

    def test_again_changes_nothing(self):
        self.init()
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        before = {p: p.read_bytes() for p in (self.dir / "db").glob("*.db")}
        said = self.ok("init")
        self.assertEqual(said.count("exists and is up to date"), 3)
        self.assertEqual({p: p.read_bytes()
                          for p in (self.dir / "db").glob("*.db")}, before)

    def test_missing_database_names_the_cure(self):
        for args in [("user", "list"), ("domain", "add", "example.org"),
                     ("user", "add", "ann@example.org"), ("stats",),
                     ("key", "check"), ("seal", "ann@example.org")]:
            with self.subTest(args):
                self.fails(75, "run `sealpost init` first", *args)

    def test_newer_version(self):
        self.init()
        db = self.directory_db()
        db.execute("PRAGMA user_version = 99")
        for args in [("user", "list"), ("init",),
                     ("user", "add", "ann@example.org")]:
            with self.subTest(args):
                self.fails(1, "version 99", *args)
        self.assertEqual(
            db.execute("PRAGMA user_version").fetchone()[0], 99)

    def test_not_a_database(self):
        self.init()
        path = self.settings["accounts"]["secrets"]
        path.write_bytes(b"this is a text file\n" * 1000)
        err = self.run_ctl("user", "add", "ann@example.org")
        self.assertIn(err.returncode, (1, 75))
        self.assertIn(str(path).encode(), err.stderr)
        self.assertEqual(self.json("user", "list"), [])

    def test_folder_that_is_a_file(self):
        (self.dir / "db").write_text("")
        self.assertIn(self.run_ctl("init").returncode, (1, 75))


class Domains(Case):
    def test_life(self):
        self.ok("init")
        self.ok("domain", "add", "Example.ORG")
        self.ok("domain", "add", "m\u00fcnchen.example")
        self.assertEqual(self.ok("domain", "list"),
                         "example.org\nxn--mnchen-3ya.example\n")
        self.assertEqual(self.json("domain", "list"),
                         ["example.org", "xn--mnchen-3ya.example"])
        self.ok("domain", "remove", "M\u00dcNCHEN.example")
        self.assertEqual(self.json("domain", "list"), ["example.org"])

    def test_errors(self):
        self.init()
        self.fails(1, "example.org", "domain", "add", "EXAMPLE.org")
        self.fails(1, "nowhere.example", "domain", "remove",
                   "nowhere.example")
        for bad in ("", "a b", "a-.example", "ann@example.org", "a..b",
                    "x" * 300, "a\nb.example"):
            with self.subTest(bad):
                self.fails(1, "", "domain", "add", bad)
        self.ok("user", "add", "ann@example.org")
        self.fails(1, "ann@example.org", "domain", "remove", "example.org")
        self.assertEqual(self.json("domain", "list"), ["example.org"])


class Users(Case):
    def setUp(self):
        super().setUp()
        self.init()

    def check_password(self, address, password):
        text, enabled = self.verifier(address)
        head, rest = text.split("}", 1)
        self.assertEqual(head, "{SCRAM-SHA-256")
        count, salt, stored, server = rest.split(",")
        salted = hashlib.pbkdf2_hmac("sha256", password,
                                     base64.b64decode(salt), int(count))
        client = hmac.digest(salted, b"Client Key", "sha256")
        self.assertEqual(base64.b64decode(stored),
                         hashlib.sha256(client).digest())
        self.assertEqual(base64.b64decode(server),
                         hmac.digest(salted, b"Server Key", "sha256"))
        self.assertEqual(int(count), 100000)
        return bool(enabled)

    def test_add(self):
        self.assertEqual(self.ok("user", "add", "Ann@Example.ORG",
                                 "--password-stdin",
                                 data="p\u00e4ss word \r\nrest\n"), "")
        self.assertTrue(self.check_password("ann@example.org",
                                            "p\u00e4ss word ".encode()))
        user = self.json("user", "show", "ann@example.org")
        self.assertEqual(user["address"], "ann@example.org")
        self.assertTrue(user["enabled"] and user["login"])
        self.assertFalse(user["vault"] or user["key_usable"]
                         or user["protect_subject"])
        self.assertEqual(user["key_state"], "no certificate")

    def test_add_without_password(self):
        self.ok("user", "add", "ann@example.org", data="not asked for\n")
        self.assertIsNone(self.verifier("ann@example.org"))
        self.assertFalse(
            self.json("user", "show", "ann@example.org")["login"])

    def test_add_with_key(self):
        key = self.key_file(KEYS.public(KEYS.ann))
        self.ok("user", "add", "ann@example.org", "--key", key,
                "--password-stdin", data="pw")
        user = self.json("user", "show", "ann@example.org")
        self.assertTrue(user["key_usable"])
        self.assertEqual(user["certificates"], 1)
        self.assertTrue(self.check_password("ann@example.org", b"pw"))

    def test_add_with_a_key_of_another_name_warns(self):
        key = self.key_file(KEYS.public(KEYS.other))
        self.ok("user", "add", "ann@example.org", "--key", key,
                warning="sealpost: warning: ")
        self.assertTrue(
            self.json("user", "show", "ann@example.org")["key_usable"])

    def test_bad_requests_leave_nothing(self):
        for message, args, data in [
                ("sealpost domain add example.net", ["ann@example.net"], ""),
                ("holds no password",
                 ["ann@example.org", "--password-stdin"], ""),
                ("holds no password",
                 ["ann@example.org", "--password-stdin"], "\npw\n"),
                ("UTF-8", ["ann@example.org", "--password-stdin"],
                 b"p\xe4ss\n"),
                ("control", ["ann@example.org", "--password-stdin"],
                 "p\0ss\n"),
                ("1024 octets", ["ann@example.org", "--password-stdin"],
                 "x" * 1025 + "\n"),
                ("/nonexistent/key",
                 ["ann@example.org", "--key", "/nonexistent/key"], ""),
                ("key.asc", ["ann@example.org", "--password-stdin", "--key",
                             self.key_file(b"garbage\n")], "pw\n"),
        ]:
            with self.subTest(message):
                self.fails(1, message, "user", "add", *args, data=data)
                self.assert_nothing_left()
        for bad in ("ann", "@example.org", "ann@", "a b@example.org",
                    "a\nb@example.org", "a@b@example.org",
                    "x" * 1000 + "@example.org", ""):
            with self.subTest(bad):
                self.fails(1, "", "user", "add", bad)

    def test_longest_password(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="x" * 1024 + "\n")
        self.check_password("ann@example.org", b"x" * 1024)

    def test_add_twice(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="one\n")
        self.fails(1, "ann@example.org", "user", "add", "ANN@example.org",
                   "--password-stdin", data="two\n")
        self.check_password("ann@example.org", b"one")

    def test_secrets_missing(self):
        self.settings["accounts"]["secrets"].unlink()
        self.fails(75, "secrets.db does not exist", "user", "add",
                   "ann@example.org", "--password-stdin", data="pw\n")
        self.assertEqual(self.json("user", "list"), [])

    def test_secrets_locked(self):
        db = self.secrets_db()
        db.execute("BEGIN EXCLUSIVE")
        self.fails(75, "secrets.db", "user", "add", "ann@example.org",
                   "--password-stdin", data="pw\n")
        db.execute("ROLLBACK")
        self.assert_nothing_left()

    def test_directory_locked(self):
        db = self.directory_db()
        db.execute("BEGIN EXCLUSIVE")
        self.fails(75, "directory.db", "user", "add", "ann@example.org",
                   "--password-stdin", data="pw\n")
        db.execute("ROLLBACK")
        self.assert_nothing_left()

    def test_every_write_that_fails_is_taken_back(self):
        """A trigger refuses one kind of write after the other."""
        key = self.key_file(KEYS.public(KEYS.ann))
        for db, event in [(self.secrets_db(), "INSERT ON verifiers"),
                          (self.secrets_db(), "UPDATE ON verifiers"),
                          (self.directory_db(), "INSERT ON accounts"),
                          (self.directory_db(), "INSERT ON certificates"),
                          (self.directory_db(), "INSERT ON subkeys")]:
            with self.subTest(event):
                db.execute(f"CREATE TRIGGER fault BEFORE {event} "
                           "BEGIN SELECT RAISE(ABORT, 'fault'); END")
                run = self.run_ctl("user", "add", "ann@example.org",
                                   "--password-stdin", "--key", key,
                                   data="pw\n")
                self.assertIn(run.returncode, (1, 75))
                self.assertNotEqual(run.stderr, b"")
                self.assert_nothing_left()
                db.execute("DROP TRIGGER fault")
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                "--key", key, data="pw\n")
        self.assertTrue(self.check_password("ann@example.org", b"pw"))

    def test_at_the_same_time(self):
        """Of many that add the same account one succeeds, wholly."""
        for turn in range(3):
            running = [subprocess.Popen(
                [SEALPOST, "-c", self.conf, "user", "add",
                 f"a{turn}@example.org", "--password-stdin"],
                stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=KEYS.env)
                for _ in range(6)]
            for n, process in enumerate(running):
                process.stdin.write(f"password {n}\n".encode())
                process.stdin.flush()
            said = [process.communicate()[1] for process in running]
            won = [n for n, process in enumerate(running)
                   if process.returncode == 0]
            self.assertEqual(len(won), 1, said)
            self.assertTrue(self.check_password(
                f"a{turn}@example.org", f"password {won[0]}".encode()))

    def test_old_secrets_do_not_come_back(self):
        self.secrets_db().execute(
            "INSERT INTO verifiers VALUES ('ann@example.org', 'old', 1, '')")
        self.ok("user", "add", "ann@example.org")
        self.assertIsNone(self.verifier("ann@example.org"))

    def test_disable_and_enable(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        for command, state in [("disable", False), ("disable", False),
                               ("enable", True), ("enable", True)]:
            self.ok("user", command, "ann@example.org")
            self.assertEqual(self.json("user", "list")[0]["enabled"], state)
            self.assertEqual(bool(self.verifier("ann@example.org")[1]),
                             state)

    def test_disable_without_password(self):
        self.ok("user", "add", "ann@example.org")
        self.ok("user", "disable", "ann@example.org")
        self.ok("user", "enable", "ann@example.org")

    def test_half_a_disabling_is_taken_back(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        for command, state in [("disable", 1), ("enable", 0)]:
            for db, table in [(self.directory_db(), "accounts"),
                              (self.secrets_db(), "verifiers")]:
                with self.subTest(f"{command} {table}"):
                    db.execute(
                        f"CREATE TRIGGER fault BEFORE UPDATE ON {table} "
                        f"WHEN new.enabled <> {state} "
                        "BEGIN SELECT RAISE(ABORT, 'fault'); END")
                    run = self.run_ctl("user", command, "ann@example.org")
                    self.assertIn(run.returncode, (1, 75))
                    db.execute("DROP TRIGGER fault")
                    self.assertEqual(
                        self.json("user", "list")[0]["enabled"], bool(state))
                    self.assertEqual(self.verifier("ann@example.org")[1],
                                     state)
            self.ok("user", command, "ann@example.org")

    def test_remove(self):
        key = self.key_file(KEYS.public(KEYS.ann))
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                "--key", key, data="pw\n")
        self.ok("alias", "add", "info@example.org", "ann@example.org")
        self.ok("user", "remove", "ann@example.org",
                warning="the alias info@example.org still points to "
                "ann@example.org")
        self.assert_nothing_left()
        self.fails(1, "there is no account ann@example.org", "user",
                   "remove", "ann@example.org")

    def test_interrupted_removal_is_finished(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        db = self.secrets_db()
        db.execute("CREATE TRIGGER fault BEFORE DELETE ON verifiers "
                   "BEGIN SELECT RAISE(ABORT, 'fault'); END")
        run = self.run_ctl("user", "remove", "ann@example.org")
        self.assertIn(run.returncode, (1, 75))
        self.assertIn(b"run it again", run.stderr)
        self.assertEqual(self.verifier("ann@example.org")[1], 0)
        db.execute("DROP TRIGGER fault")
        self.ok("user", "remove", "ann@example.org")
        self.assert_nothing_left()

    def test_removal_that_fails_leaves_the_login(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        db = self.directory_db()
        db.execute("CREATE TRIGGER fault BEFORE DELETE ON accounts "
                   "BEGIN SELECT RAISE(ABORT, 'fault'); END")
        run = self.run_ctl("user", "remove", "ann@example.org")
        self.assertIn(run.returncode, (1, 75))
        db.execute("DROP TRIGGER fault")
        self.assertTrue(self.check_password("ann@example.org", b"pw"))
        self.assertTrue(self.json("user", "list")[0]["enabled"])

    def test_unknown_user(self):
        for args in [("show", "bob@example.org"),
                     ("disable", "bob@example.org"),
                     ("enable", "bob@example.org"),
                     ("remove", "bob@example.org"),
                     ("passwd", "bob@example.org", "--password-stdin"),
                     ("set", "bob@example.org", "quota=1G")]:
            with self.subTest(args):
                self.fails(1, "there is no account bob@example.org", "user",
                           *args, data="pw\n")

    def test_passwd(self):
        self.ok("user", "add", "ann@example.org")
        self.ok("user", "passwd", "ann@example.org", "--password-stdin",
                data="one\n")
        self.assertTrue(self.check_password("ann@example.org", b"one"))
        self.ok("user", "disable", "ann@example.org")
        self.ok("user", "passwd", "ann@example.org", "--password-stdin",
                data="two\n")
        self.assertFalse(self.check_password("ann@example.org", b"two"))
        self.fails(1, "--password-stdin", "user", "passwd",
                   "ann@example.org", data="three\n")
        self.fails(1, "holds no password", "user", "passwd",
                   "ann@example.org", "--password-stdin")
        self.check_password("ann@example.org", b"two")

    def test_passwd_warns_of_the_vault(self):
        self.ok("user", "add", "ann@example.org")
        self.secrets_db().execute(
            "INSERT INTO vaults VALUES ('ann@example.org', 'armor', 'AB')")
        self.ok("user", "passwd", "ann@example.org", "--password-stdin",
                data="pw\n", warning="still has the old password")

    def test_set(self):
        self.ok("user", "add", "ann@example.org")
        for text, octets in [("10G", 10 << 30), ("500M", 500 << 20),
                             ("1K", 1024), ("12345", 12345), ("2T", 2 << 40),
                             ("none", 0), ("0", 0)]:
            self.ok("user", "set", "ann@example.org", f"quota={text}")
            self.assertEqual(self.json("user", "list")[0]["quota"], octets)
        self.ok("user", "set", "ann@example.org", "protect_subject=yes",
                "mechanisms=PLAIN, SCRAM-SHA-256", "quota=3G")
        user = self.json("user", "show", "ann@example.org")
        self.assertTrue(user["protect_subject"])
        self.assertEqual(user["mechanisms"], "PLAIN SCRAM-SHA-256")
        self.assertIn("3G", self.ok("user", "show", "ann@example.org"))
        self.ok("user", "set", "ann@example.org", "protect_subject=no",
                "mechanisms=default")
        user = self.json("user", "show", "ann@example.org")
        self.assertFalse(user["protect_subject"])
        self.assertEqual(user["mechanisms"], "")

    def login_mechanisms(self):
        return self.secrets_db().execute(
            "SELECT mechanisms FROM verifiers").fetchall()

    def test_set_mechanisms_for_the_auth_server(self):
        self.ok("user", "add", "ann@example.org", "--password-stdin",
                data="pw\n")
        self.ok("user", "set", "ann@example.org", "mechanisms=SCRAM-SHA-256")
        self.assertEqual(self.login_mechanisms(), [("SCRAM-SHA-256",)])
        self.ok("user", "passwd", "ann@example.org", "--password-stdin",
                data="other\n")
        self.assertEqual(self.login_mechanisms(), [("SCRAM-SHA-256",)])
        self.secrets_db().execute("UPDATE verifiers SET mechanisms = ''")
        self.ok("init")
        self.assertEqual(self.login_mechanisms(), [("SCRAM-SHA-256",)])
        self.ok("user", "set", "ann@example.org", "mechanisms=default")
        self.assertEqual(self.login_mechanisms(), [("",)])

    def test_last_login(self):
        self.ok("user", "add", "ann@example.org")
        self.assertIsNone(self.json("user", "show",
                                    "ann@example.org")["last_login"])
        self.assertRegex(self.ok("user", "show", "ann@example.org"),
                         r"(?m)^last login +never$")
        self.database("stats", "database").execute(
            "INSERT INTO last_logins VALUES ('ann@example.org', 86400)")
        self.assertEqual(self.json("user", "show", "ann@example.org")
                         ["last_login"], "1970-01-02")
        (self.dir / "db/stats.db").unlink()
        self.assertIsNone(self.json("user", "show",
                                    "ann@example.org")["last_login"])

    def test_passwd_keeps_mechanisms_set_before(self):
        self.ok("user", "add", "ann@example.org")
        self.ok("user", "set", "ann@example.org", "mechanisms=LOGIN")
        self.ok("user", "passwd", "ann@example.org", "--password-stdin",
                data="pw\n")
        self.assertEqual(self.login_mechanisms(), [("LOGIN",)])

    def test_set_all_or_nothing(self):
        self.ok("user", "add", "ann@example.org")
        before = self.json("user", "show", "ann@example.org")
        for bad in ("quota", "quota=", "quota=1X", "quota=1GG", "quota=-1",
                    "quota=99999999999999999999", "quota=9999999999T",
                    "quota=G", "protect_subject=maybe", "mechanisms=NTLM",
                    "mechanisms=plain", "color=red", "=x"):
            with self.subTest(bad):
                self.fails(1, "", "user", "set", "ann@example.org",
                           "protect_subject=yes", bad)
                self.assertEqual(self.json("user", "show",
                                           "ann@example.org"), before)

    def test_list(self):
        self.assertEqual(self.json("user", "list"), [])
        for name in ("zoe", "ann", "m\u00fcller"):
            self.ok("user", "add", f"{name}@example.org")
        users = self.json("user", "list")
        self.assertEqual({u["address"] for u in users},
                         {"ann@example.org", "m\u00fcller@example.org",
                          "zoe@example.org"})
        lines = self.ok("user", "list").splitlines()
        self.assertEqual(len(lines), 4)
        self.assertEqual(len({line.index("  ", 20) >= 0
                              for line in lines}), 1)
        column = lines[0].index("STATE")
        for line in lines[1:]:
            self.assertEqual(line[column:column + 7], "enabled")


class Enrolment(Case):
    """sealpost user enrol; the bridge's side is tested end to end."""
    address = "eve@example.org"

    def setUp(self):
        super().setUp()
        self.init()

    def make_verifier(self, secret=b"login secret", count=4096):
        salt = os.urandom(16)
        salted = hashlib.pbkdf2_hmac("sha256", secret, salt, count)
        client = hmac.digest(salted, b"Client Key", "sha256")
        return "{SCRAM-SHA-256}%d,%s" % (count, ",".join(
            base64.b64encode(part).decode() for part in (
                salt, hashlib.sha256(client).digest(),
                hmac.digest(salted, b"Server Key", "sha256"))))

    def content(self, **change):
        made = {
            "format": "sealpost enrolment", "version": 1,
            "address": self.address, "created": "2026-11-21T07:00:00Z",
            "fingerprint": KEYS.eve,
            "certificate": KEYS.public(KEYS.eve).decode(),
            "verifier": self.make_verifier(),
            "vault": KEYS.eve_vault.decode()}
        made.update(change)
        return {name: value for name, value in made.items()
                if value is not None}

    def new_key(self, **change):
        return self.content(fingerprint=KEYS.new,
                            certificate=KEYS.public(KEYS.new).decode(),
                            vault=KEYS.new_vault.decode(), **change)

    def file(self, content):
        path = self.dir / "eve.json"
        path.write_text(content if isinstance(content, str)
                        else json.dumps(content))
        return path

    def state(self):
        """What the databases hold of the address."""
        with contextlib.closing(sqlite3.connect(
                self.settings["accounts"]["directory"])) as db:
            account = db.execute(
                "SELECT enabled FROM accounts WHERE address = ?",
                (self.address,)).fetchone()
            certs = {row[0] for row in db.execute(
                "SELECT fingerprint FROM certificates WHERE address = ?",
                (self.address,))}
        with contextlib.closing(sqlite3.connect(
                self.settings["accounts"]["secrets"])) as db:
            login = db.execute("SELECT verifier, enabled FROM verifiers "
                               "WHERE address = ?",
                               (self.address,)).fetchone()
            vault = db.execute("SELECT armored, fingerprint FROM vaults "
                               "WHERE address = ?",
                               (self.address,)).fetchone()
        return account, certs, login, vault

    def assert_enrolled(self, content, enabled=1):
        account, certs, login, vault = self.state()
        self.assertEqual(account, (enabled,))
        self.assertIn(content["fingerprint"], certs)
        self.assertEqual(login, (content["verifier"], enabled))
        self.assertEqual(vault, (content["vault"], content["fingerprint"]))

    def test_enrol(self):
        content = self.content(address="EVE@Example.ORG")
        self.assertEqual(self.ok("user", "enrol", self.file(content)),
                         f"eve@example.org {KEYS.eve}\n")
        self.assert_enrolled(content)
        sealed = self.ok("seal", self.address, data="Subject: x\n\nbody\n")
        self.assertIn("BEGIN PGP MESSAGE", sealed)

    def test_refused(self):
        """Nothing of a file that is not right in all its parts."""
        public = KEYS.public(KEYS.eve).decode()
        for name, content, message in [
                ("no file", None, "No such file"),
                ("empty", "", "not one JSON object"),
                ("no JSON", "hello", "not one JSON object"),
                ("another JSON", "{}", "no enrolment file"),
                ("twice", json.dumps(self.content())[:-1] +
                 ', "address": "ann@example.org"}', "stands twice"),
                ("unknown member", self.content(quota="9"), "is unknown"),
                ("newer", self.content(version=2), "a newer program"),
                ("too large", self.content(vault="x" * (5 << 20)),
                 "more than"),
                ("no address", self.content(address=None), "is missing"),
                ("bad address", self.content(address="eve"), "eve"),
                ("another domain", self.content(address="eve@example.net"),
                 "there is no domain example.net"),
                ("verifier: few iterations",
                 self.content(verifier=self.make_verifier(count=4095)),
                 "verifier"),
                ("verifier: too many iterations",
                 self.content(verifier=self.make_verifier().replace(
                     "}4096,", "}4000000000,")), "iterations"),
                ("verifier: a plain password",
                 self.content(verifier="{PLAIN}x"), "verifier"),
                ("verifier: more behind it",
                 self.content(verifier=self.make_verifier() + "\n"),
                 "verifier"),
                ("certificate: a secret key",
                 self.content(certificate=KEYS.eve_vault.decode()),
                 "secret key"),
                ("certificate: two",
                 self.content(certificate=public + public), "second"),
                ("certificate: another fingerprint",
                 self.content(fingerprint=KEYS.new), "fingerprint"),
                ("vault: public", self.content(vault=public),
                 "does not begin a private key"),
                ("vault: unprotected",
                 self.content(certificate=KEYS.public(KEYS.ann).decode(),
                              vault=KEYS.secret(KEYS.ann).decode(),
                              fingerprint=KEYS.ann), "not protected"),
                ("vault: another key",
                 self.content(vault=KEYS.new_vault.decode()),
                 "not that of the certificate"),
                ("vault: cut",
                 self.content(vault=KEYS.eve_vault.decode()[:400]),
                 "cut off"),
                ("vault: none", self.content(vault=""), "empty")]:
            with self.subTest(name):
                path = self.dir / "none" if content is None else \
                    self.file(content)
                run = self.run_ctl("user", "enrol", path)
                said = run.stderr.decode()
                self.assertEqual(run.returncode, 1, said)
                self.assertIn(message, said)
                self.assertEqual(self.state(), (None, set(), None, None))

    def test_usage(self):
        path = self.file(self.content())
        self.fails(2, "--new-key", "user", "enrol", path, "--new-key")
        run = self.run_ctl("user", "enrol", "--help")
        for option in (b"--replace", b"--new-key"):
            self.assertIn(option, run.stdout)

    def test_another_name_warns(self):
        self.ok("user", "enrol", self.file(self.content(
            address="bob@example.org")), warning="bob@example.org")

    def test_overwrites_only_when_told(self):
        first, second = self.content(), self.content(
            verifier=self.make_verifier(b"another"))
        self.ok("user", "enrol", self.file(first))
        self.fails(1, "--replace", "user", "enrol", self.file(second))
        self.assert_enrolled(first)
        self.ok("user", "enrol", self.file(second), "--replace")
        self.assert_enrolled(second)

    def test_another_key_only_when_told(self):
        first, second = self.content(), self.new_key()
        self.ok("user", "enrol", self.file(first))
        self.fails(1, "--new-key", "user", "enrol", self.file(second),
                   "--replace")
        self.assert_enrolled(first)
        self.ok("user", "enrol", self.file(second), "--replace", "--new-key")
        self.assert_enrolled(second)

    def test_older_key_warns(self):
        self.ok("user", "enrol", self.file(self.content()))
        self.directory_db().execute(
            "UPDATE certificates SET created = created + 100")
        self.ok("user", "enrol", self.file(self.new_key()), "--replace",
                "--new-key", warning="another certificate")

    def test_settings_stay(self):
        """An account without key and vault is completed."""
        self.ok("user", "add", self.address, "--password-stdin", data="pw\n")
        self.ok("user", "set", self.address, "quota=1G", "mechanisms=PLAIN")
        self.ok("user", "disable", self.address)
        content = self.content()
        self.ok("user", "enrol", self.file(content), "--replace")
        self.assert_enrolled(content, enabled=0)
        shown = self.json("user", "show", self.address)
        self.assertEqual(shown["quota"], 1 << 30)
        self.assertEqual(self.secrets_db().execute(
            "SELECT mechanisms FROM verifiers").fetchall(), [("PLAIN",)])

    def test_every_write_that_fails_is_taken_back(self):
        content = self.content()
        second = self.new_key()
        writes = [(self.secrets_db(), "INSERT ON verifiers"),
                  (self.secrets_db(), "INSERT ON vaults"),
                  (self.secrets_db(), "UPDATE ON verifiers"),
                  (self.directory_db(), "INSERT ON accounts"),
                  (self.directory_db(), "INSERT ON certificates"),
                  (self.directory_db(), "INSERT ON subkeys")]

        def all_fail(content, *options):
            before = self.state()
            for db, event in writes:
                with self.subTest(event):
                    db.execute(f"CREATE TRIGGER fault BEFORE {event} "
                               "BEGIN SELECT RAISE(ABORT, 'fault'); END")
                    run = self.run_ctl("user", "enrol", self.file(content),
                                       *options)
                    db.execute("DROP TRIGGER fault")
                    if "accounts" in event and options:
                        continue  # it is there already
                    self.assertIn(run.returncode, (1, 75))
                    self.assertNotEqual(run.stderr, b"")
                    self.assertEqual(self.state(), before)

        all_fail(content)
        self.ok("user", "enrol", self.file(content))
        writes.pop(3)
        all_fail(second, "--replace", "--new-key")
        self.assert_enrolled(content)

    def test_killed_anywhere(self):
        """Never a login without account, key and vault; then it goes on."""
        content = self.content()
        path = self.file(content)
        args = [SEALPOST, "-c", self.conf, "user", "enrol", path]
        unfinished = 0
        for step in range(40):
            process = subprocess.Popen(args, stderr=subprocess.PIPE,
                                       stdout=subprocess.PIPE, env=KEYS.env)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=step * 0.008)
            process.kill()
            process.communicate()
            account, certs, login, vault = self.state()
            if login is not None and login[1]:
                self.assert_enrolled(content)
            else:
                unfinished += 1
            if account is not None:
                self.assertEqual(certs, {KEYS.eve})
                self.assertIsNotNone(vault)
            if login is None or not login[1]:
                self.ok("user", "enrol", path)
            self.assert_enrolled(content)
            self.ok("user", "remove", self.address)
        self.assertGreater(unfinished, 0)

    def test_unfinished_is_finished(self):
        """Killed before its last step, which enables the login."""
        content = self.content()
        path = self.file(content)
        self.ok("user", "enrol", path)
        self.secrets_db().execute("UPDATE verifiers SET enabled = 0")
        self.fails(1, "--replace", "user", "enrol",
                   self.file(self.content()))
        self.file(content)
        self.ok("user", "enrol", path)
        self.assert_enrolled(content)

    def test_disabled_stays_disabled(self):
        path = self.file(self.content())
        self.ok("user", "enrol", path)
        self.ok("user", "disable", self.address)
        self.fails(1, "--replace", "user", "enrol", path)
        self.assertEqual(self.state()[2][1], 0)

    def test_locked(self):
        for db in (self.secrets_db(), self.directory_db()):
            db.execute("BEGIN EXCLUSIVE")
            self.fails(75, ".db", "user", "enrol", self.file(self.content()))
            db.execute("ROLLBACK")
            self.assertEqual(self.state(), (None, set(), None, None))


class Terminal(Case):
    """The password is asked for on a terminal, twice and without echo."""

    def setUp(self):
        super().setUp()
        self.init()

    def start(self, *args):
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(SEALPOST, [SEALPOST, "-c", str(self.conf), *args],
                      KEYS.env)
        self.addCleanup(os.close, fd)
        self.said = b""
        return pid, fd

    def expect(self, fd, text):
        while text not in self.said:
            ready, _, _ = select.select([fd], [], [], 30)
            self.assertTrue(ready, self.said)
            try:
                self.said += os.read(fd, 1000)
            except OSError:
                self.fail(f"{text} was not said: {self.said}")

    def finish(self, pid, fd):
        with contextlib.suppress(OSError):
            while data := os.read(fd, 1000):
                self.said += data
        return os.waitpid(pid, 0)[1]

    def ask_twice(self, first, second):
        pid, fd = self.start("user", "add", "ann@example.org")
        self.expect(fd, b"Password (empty for none): ")
        self.assertFalse(termios.tcgetattr(fd)[3] & termios.ECHO)
        os.write(fd, first + b"\n")
        self.expect(fd, b"The same again: ")
        os.write(fd, second + b"\n")
        status = self.finish(pid, fd)
        self.assertNotIn(first, self.said)
        return os.waitstatus_to_exitcode(status)

    def test_password(self):
        self.assertEqual(self.ask_twice(b"secret word", b"secret word"), 0)
        self.assertTrue(
            self.json("user", "show", "ann@example.org")["login"])

    def test_different(self):
        self.assertEqual(self.ask_twice(b"secret word", b"secret wort"), 1)
        self.assertIn(b"the two passwords differ", self.said)
        self.assert_nothing_left()

    def test_none(self):
        pid, fd = self.start("user", "add", "ann@example.org")
        self.expect(fd, b"none): ")
        os.write(fd, b"\n")
        self.assertEqual(self.finish(pid, fd), 0)
        self.assertFalse(
            self.json("user", "show", "ann@example.org")["login"])

    def test_interrupt_restores_the_echo(self):
        pid, fd = self.start("user", "add", "ann@example.org")
        slave = os.open(self.terminal_of(fd), os.O_RDWR | os.O_NOCTTY)
        self.addCleanup(os.close, slave)
        self.expect(fd, b"none): ")
        self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
        os.write(fd, b"half a pass\x03")
        status = os.waitpid(pid, 0)[1]
        self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGINT)
        self.assertTrue(termios.tcgetattr(slave)[3] & termios.ECHO)
        self.assert_nothing_left()

    @staticmethod
    def terminal_of(fd):
        TIOCGPTN = 0x80045430
        number = fcntl.ioctl(fd, TIOCGPTN, bytes(4))
        return f"/dev/pts/{int.from_bytes(number, sys.byteorder)}"


class Aliases(Case):
    def setUp(self):
        super().setUp()
        self.init()

    def pairs(self, *args):
        return [(a["address"], a["target"])
                for a in self.json("alias", "list", *args)]

    def test_life(self):
        self.ok("alias", "add", "Info@Example.org", "ann@example.org",
                "Bob@example.NET")
        self.assertEqual(sorted(self.pairs()), [
            ("info@example.org", "ann@example.org"),
            ("info@example.org", "bob@example.net")])
        self.ok("alias", "add", "root@example.org", "info@example.org")
        self.assertEqual(self.pairs("root@example.org"),
                         [("root@example.org", "info@example.org")])
        self.assertIn("root@example.org  info@example.org\n",
                      self.ok("alias", "list"))
        self.ok("alias", "remove", "info@example.org", "bob@example.net")
        self.ok("alias", "remove", "root@example.org")
        self.assertEqual(self.pairs(),
                         [("info@example.org", "ann@example.org")])

    def test_account_keeps_its_copy(self):
        self.ok("user", "add", "ann@example.org")
        self.fails(1, "ann@example.org", "alias", "add", "ann@example.org",
                   "bob@example.net")
        self.ok("alias", "add", "ann@example.org", "bob@example.net",
                "ann@example.org")
        self.assertEqual(len(self.pairs()), 2)
        self.ok("alias", "remove", "ann@example.org", "ann@example.org",
                "bob@example.net")
        self.assertEqual(self.pairs(), [])

    def test_all_or_nothing(self):
        self.ok("alias", "add", "info@example.org", "c@example.net")
        self.fails(1, "exists", "alias", "add", "info@example.org",
                   "a@example.net", "b@example.net", "c@example.net")
        self.assertEqual(self.pairs(),
                         [("info@example.org", "c@example.net")])

    def test_errors(self):
        for args in [("add", "info@example.net", "a@example.org"),
                     ("add", "info@example.org", "nonsense"),
                     ("add", "nonsense", "a@example.org"),
                     ("remove", "info@example.org"),
                     ("remove", "info@example.org", "a@example.org"),
                     ("list", "nonsense")]:
            with self.subTest(args):
                self.fails(1, "", "alias", *args)
        self.assertEqual(self.pairs(), [])


class KeyFiles(Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.ok("user", "add", "ann@example.org")

    def refused(self, message, data):
        path = self.key_file(data)
        self.fails(1, f"{path}: ", "key", "import", "ann@example.org", path)
        err = self.fails(1, "standard input: ", "key", "import",
                         "ann@example.org", data=data)
        self.assertRegex(err, message)
        self.assertEqual(self.json("key", "show", "ann@example.org"), [])
        self.fails(1, f"{path}: ", "user", "add", "bob@example.org",
                   "--key", path)
        self.assertEqual(len(self.json("user", "list")), 1)

    def test_nothing_openpgp(self):
        for data in (b"", b"garbage\n", os.urandom(3000),
                     b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n"
                     b"AAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"):
            self.refused(".", data)

    def test_cut(self):
        whole = KEYS.public(KEYS.ann, armor=False)
        for n in (1, 50, len(whole) // 2, len(whole) - 1):
            self.refused(".", whole[:n])

    def test_secret_key(self):
        self.refused("(?i)secret|private", KEYS.secret(KEYS.ann))

    def test_two_certificates(self):
        both = KEYS.public(KEYS.ann, armor=False) + KEYS.public(
            KEYS.other, armor=False)
        self.refused("one certificate at a time", both)
        self.refused(".", KEYS.public(KEYS.ann) + KEYS.public(KEYS.other))

    def test_sign_only(self):
        key = KEYS.make("Sign <sign@example.org>", "ed25519", "sign")
        self.refused("(?i)encrypt", KEYS.public(key))

    def test_expired(self):
        key = KEYS.make("Old <old@example.org>", expires="1d", options=[
            "--faked-system-time", "20200101T000000"])
        self.refused("(?i)expired", KEYS.public(key))

    def test_revoked(self):
        key = KEYS.make("Gone <gone@example.org>")
        self.refused("(?i)revoked", KEYS.revoked(key))

    def test_weak(self):
        key = KEYS.make("Weak <weak@example.org>", "rsa1024", "sign")
        KEYS.gpg("--quick-add-key", key, "rsa1024", "encr")
        self.refused("1024|2048|2,048", KEYS.public(key))

    def test_too_large(self):
        self.refused(".", b"x" * (3 << 20))

    def test_missing_file(self):
        self.fails(1, "/nonexistent/key.asc", "key", "import",
                   "ann@example.org", "/nonexistent/key.asc")

    def test_unknown_user(self):
        for args in [("import", "bob@example.org"),
                     ("show", "bob@example.org"),
                     ("remove", "bob@example.org")]:
            self.fails(1, "there is no account bob@example.org", "key",
                       *args, data=KEYS.public(KEYS.ann))


class KeyLife(Case):
    def setUp(self):
        super().setUp()
        self.init()
        self.ok("user", "add", "ann@example.org")

    def test_import_show_remove(self):
        said = self.ok("key", "import", "ann@example.org",
                       data=KEYS.public(KEYS.ann))
        self.assertEqual(said, KEYS.ann + "\n")
        # again, and binary: it is replaced
        self.ok("key", "import", "ann@example.org",
                self.key_file(KEYS.public(KEYS.ann, armor=False)))
        self.ok("key", "import", "ann@example.org",
                data=KEYS.public(KEYS.other), warning="warning")
        shown = self.json("key", "show", "ann@example.org")
        self.assertEqual({c["fingerprint"] for c in shown},
                         {KEYS.ann, KEYS.other})
        for cert in shown:
            self.assertEqual(cert["state"], "usable")
            self.assertIsNone(cert["expires"])
            self.assertEqual(cert["subkeys"][0]["algorithm"],
                             "ECDH Curve25519")
        text = self.ok("key", "show", "ann@example.org")
        self.assertIn(KEYS.ann, text)
        self.assertIn("ECDH Curve25519", text)
        self.fails(1, "2 certificates", "key", "remove", "ann@example.org")
        self.fails(1, "no certificate", "key", "remove", "ann@example.org",
                   "0" * 40)
        self.fails(1, "is not a fingerprint", "key", "remove",
                   "ann@example.org", KEYS.ann[-16:])
        spaced = " ".join(re.findall("....", KEYS.other.lower()))
        self.ok("key", "remove", "ann@example.org", spaced)
        self.ok("key", "remove", "ann@example.org")
        self.fails(1, "has no certificate", "key", "remove",
                   "ann@example.org")
        self.assertEqual(self.json("key", "show", "ann@example.org"), [])

    def test_check(self):
        run = self.run_ctl("key", "check")
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"no certificate", run.stdout)
        self.assertEqual(run.stderr, b"")
        self.ok("key", "import", "ann@example.org",
                data=KEYS.public(KEYS.ann))
        self.assertIn("1 checked, 0 unusable", self.ok("key", "check"))
        self.assertEqual(self.json("key", "check"),
                         {"checked": 1, "unusable": [], "expiring": []})

    def test_check_warns_in_time(self):
        for days, within in [(1, 1), (6, 7), (29, 30), (40, None)]:
            name = f"d{days}"
            key = KEYS.make(f"{name} <{name}@example.org>",
                            expires=f"{days}d")
            self.ok("user", "add", f"{name}@example.org", "--key",
                    self.key_file(KEYS.public(key)))
            self.expected = within
        self.ok("key", "import", "ann@example.org",
                data=KEYS.public(KEYS.ann))
        report = self.json("key", "check")
        self.assertEqual(report["checked"], 5)
        self.assertEqual({e["address"]: e["within_days"]
                          for e in report["expiring"]},
                         {"d1@example.org": 1, "d6@example.org": 7,
                          "d29@example.org": 30})
        text = self.ok("key", "check")
        self.assertIn("within 1 day\n", text)
        self.assertIn("within 7 days\n", text)

    def test_two_certificates_last_until_the_later_one(self):
        short = KEYS.make("Short <ann@example.org>", expires="2d")
        for key in (short, KEYS.ann):
            self.ok("key", "import", "ann@example.org",
                    data=KEYS.public(key))
        self.assertEqual(self.json("key", "check")["expiring"], [])
        self.assertIsNone(self.json("user", "show", "ann@example.org")
                          ["key_usable_until"])

    def test_check_stores_what_it_finds(self):
        """A certificate that has run out is found, a renewed one is good."""
        key = KEYS.make("Lapse <ann@example.org>", expires="1d", options=[
            "--faked-system-time", "20200101T000000"])
        lapsed = KEYS.public(key, armor=False)
        KEYS.gpg("--quick-set-expire", key, "1y")
        KEYS.gpg("--quick-set-expire", key, "1y", "*")
        renewed = KEYS.public(key)
        self.ok("key", "import", "ann@example.org", data=renewed)
        self.directory_db().execute("UPDATE certificates SET data = ?",
                                    (lapsed,))
        self.assertEqual(
            self.json("user", "list")[0]["key_state"], "usable")
        run = self.run_ctl("key", "check", "--json")
        self.assertEqual(run.returncode, 1)
        self.assertEqual(json.loads(run.stdout)["unusable"], [
            {"address": "ann@example.org", "reason": "expired"}])
        self.assertEqual(
            self.json("user", "list")[0]["key_state"], "expired")
        self.fails(75, "expired", "seal", "ann@example.org",
                   data=b"Subject: x\n\n" + CANARY)
        self.ok("key", "import", "ann@example.org", data=renewed)
        self.assertEqual(
            self.json("user", "list")[0]["key_state"], "usable")


class Seal(Case):
    LF = (b"From: a@example.net\nSubject: hello\n"
          b"Content-Type: text/plain\n\n" + CANARY + b"\nline two\n")

    def setUp(self):
        super().setUp()
        self.init()
        self.ok("user", "add", "ann@example.org", "--key",
                self.key_file(KEYS.public(KEYS.ann)))

    def seal(self, message, address="ann@example.org"):
        run = self.run_ctl("seal", address, data=message)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertNotIn(CANARY, run.stdout)
        return run.stdout

    def unseal(self, sealed, home=None):
        return subprocess.run(
            [SEALPOST_UNSEAL], input=sealed, capture_output=True,
            env=dict(KEYS.env, GNUPGHOME=home or KEYS.home))

    def round_trip(self, message):
        sealed = self.seal(message)
        run = self.unseal(sealed)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout, message)
        return sealed

    def test_line_ends(self):
        sealed = self.round_trip(self.LF)
        self.assertNotIn(b"\r", sealed)
        sealed = self.round_trip(self.LF.replace(b"\n", b"\r\n"))
        self.assertEqual(sealed.count(b"\r\n"), sealed.count(b"\n"))

    def test_odd_messages(self):
        crlf = self.LF.replace(b"\n", b"\r\n")
        for message in (b"", b"no header at all", b"\n", b"\r\n",
                        b"A: b\n", b"A: b\r\n\r\n", b"A: b",
                        crlf + b"bare\nLF bare\rCR\0NUL",
                        self.LF + b"\rCR \r\r\n", crlf + b"x" * 5000,
                        b"Subject: x\r\n\r\n" + os.urandom(3 << 20)):
            with self.subTest(message[:60]):
                self.round_trip(message)

    def test_plain_gpg_reads_it(self):
        sealed = self.seal(self.LF)
        armor = re.search(b"-----BEGIN PGP MESSAGE-----.*?"
                          b"-----END PGP MESSAGE-----\n", sealed, re.S)[0]
        text = KEYS.gpg("--decrypt", data=armor)
        self.assertTrue(text.endswith(self.LF.replace(
            b"\n", b"\r\n")[-len(CANARY) - 12:]))
        self.assertIn(CANARY, text)

    def test_extension_and_case(self):
        self.seal(self.LF, "ANN+lists@example.org")

    def test_sealed_already(self):
        sealed = self.seal(self.LF)
        again = self.seal(sealed)
        self.assertEqual(sealed[sealed.index(b"\n\n"):],
                         again[again.index(b"\n\n"):])
        self.assertNotIn(b"X-Sealpost", again)
        forged = self.LF.replace(b"text/plain",
                                 b'multipart/encrypted; protocol='
                                 b'"application/pgp-encrypted"; boundary="b"')
        self.assertNotIn(CANARY, self.seal(forged))

    def test_protect_subject(self):
        self.assertIn(b"\nSubject: hello\n", self.round_trip(self.LF))
        self.ok("user", "set", "ann@example.org", "protect_subject=yes")
        sealed = self.round_trip(self.LF)
        self.assertNotIn(b"hello", sealed)
        self.assertIn(b"\nSubject: ...\n", sealed)

    def test_nobody(self):
        for policy, status in [("defer", 75), ("reject", 1), ("pass", 1)]:
            self.settings["milter"]["unenrolled"] = policy
            self.write_conf()
            self.fails(status, "there is no account", "seal",
                       "bob@example.org", data=self.LF)

    def test_no_key(self):
        self.ok("key", "remove", "ann@example.org")
        for policy, status in [("defer", 75), ("reject", 1)]:
            self.settings["milter"]["missing_key"] = policy
            self.write_conf()
            self.fails(status, "has no usable key: no certificate", "seal",
                       "ann@example.org", data=self.LF)

    def test_no_room_for_ciphertext(self):
        self.settings["milter"]["spool_directory"] = "/nonexistent"
        self.write_conf()
        self.fails(75, "/nonexistent", "seal", "ann@example.org",
                   data=self.LF + CANARY * 100000)

    def test_full_disk(self):
        with open("/dev/full", "wb") as full:
            run = self.run_ctl("seal", "ann@example.org", data=self.LF,
                               stdout=full)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"No space left", run.stderr)

    def test_database_locked(self):
        db = self.directory_db()
        db.execute("BEGIN EXCLUSIVE")
        self.fails(75, "directory.db", "seal", "ann@example.org",
                   data=self.LF)

    # ---- sealpost-unseal ----

    def unseal_fails(self, status, message, run):
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertIn(message, run.stderr.decode())
        self.assertEqual(run.stderr.count(b"\n"), 1)
        self.assertEqual(run.stdout, b"")

    def test_unseal_refuses(self):
        self.unseal_fails(1, "is not sealed", self.unseal(self.LF))
        self.unseal_fails(1, "is not sealed", self.unseal(b""))
        sealed = self.seal(self.LF + b"x" * 3000)
        lines = sealed.split(b"\n")
        middle = len(lines) - 12
        lines[middle] = lines[middle][::-1]
        # A gpg that stumbles over what it decrypts may die without a verdict:
        # that is 75, as for a gpg that was killed. Nothing comes out.
        for damaged in (b"\n".join(lines), sealed[:len(sealed) * 2 // 3]):
            run = self.unseal(damaged)
            self.assertIn(run.returncode, (1, 75))
            self.unseal_fails(run.returncode, "", run)

    def test_unseal_without_the_key(self):
        home = tempfile.mkdtemp(prefix="ctl_test.")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        self.addCleanup(subprocess.run,
                        ["gpgconf", "--homedir", home, "--kill", "all"],
                        stderr=subprocess.DEVNULL)
        self.unseal_fails(1, "", self.unseal(self.seal(self.LF), home))

    def test_unseal_usage(self):
        run = subprocess.run([SEALPOST_UNSEAL, "--help"],
                             capture_output=True)
        self.assertEqual(run.returncode, 0)
        self.assertIn(b"usage: sealpost-unseal", run.stdout)
        run = subprocess.run([SEALPOST_UNSEAL, "--version"],
                             capture_output=True)
        self.assertRegex(run.stdout, rb"^sealpost-unseal \d")
        for args in (["file"], ["--nonsense"], ["--help", "x"]):
            run = subprocess.run([SEALPOST_UNSEAL, *args],
                                 capture_output=True)
            self.unseal_fails(2, "takes no arguments", run)

    def test_unseal_on_a_full_disk(self):
        sealed = self.seal(self.LF)
        with open("/dev/full", "wb") as full:
            run = subprocess.run([SEALPOST_UNSEAL], input=sealed,
                                 stdout=full, stderr=subprocess.PIPE,
                                 env=KEYS.env)
        self.assertEqual(run.returncode, 1)
        self.assertIn(b"No space left", run.stderr)


class Stats(Case):
    KEYS = ("registered logins failed_logins sent recipients octets received "
            "sealed already_sealed deferred refused plaintext").split()

    def setUp(self):
        super().setUp()
        self.init()
        for name in ("ann", "bob"):
            self.ok("user", "add", f"{name}@example.org")
        self.ok("user", "disable", "bob@example.org")

    def count(self, address, hours_ago, **figures):
        db = self.database("stats", "database")
        values = {key: figures.get(key, 0) for key in self.KEYS[1:]}
        db.execute(
            "INSERT INTO counters(hour, address, " + ", ".join(values) +
            ") VALUES ((CAST(strftime('%s', 'now') AS INTEGER) / 3600 - ?)"
            " * 3600, ?" + ", ?" * len(values) + ")",
            (hours_ago, address, *values.values()))

    def test_empty(self):
        stats = self.json("stats")
        self.assertEqual({key: stats[key] for key in self.KEYS},
                         dict.fromkeys(self.KEYS, 0) | {"registered": 1})

    def test_sums(self):
        self.count("ann@example.org", 1, sealed=3, received=4)
        self.count("ann@example.org", 100, sealed=30, octets=1 << 40)
        self.count("bob@example.org", 1, sealed=5)
        self.count("", 1, refused=7)
        stats = self.json("stats")
        self.assertEqual((stats["sealed"], stats["received"],
                          stats["refused"], stats["octets"]),
                         (38, 4, 7, 1 << 40))
        self.assertIsNone(stats["since"])
        self.assertEqual(self.json("stats", "--since", "24h")["sealed"], 8)
        self.assertEqual(self.json("stats", "--since", "7d")["sealed"], 38)
        self.assertEqual(
            self.json("stats", "--since", "2026-01-01")["since"],
            "2026-01-01T00:00:00Z")
        ann = self.json("stats", "--user", "Ann@example.org")
        self.assertEqual((ann["user"], ann["sealed"], ann["registered"]),
                         ("ann@example.org", 33, 1))
        self.assertEqual(self.json("stats", "--user", "bob@example.org")
                         ["registered"], 0)
        self.assertRegex(self.ok("stats"), r"(?m)^sealed +38$")

    def test_unknown_user(self):
        self.fails(1, "there is no account eve@example.org", "stats",
                   "--user", "eve@example.org")

    def test_prometheus(self):
        self.count("ann@example.org", 1, sealed=3)
        self.count("ann@example.org", 100, sealed=30, octets=1 << 40)
        self.count("", 1, sent=7)
        self.count('o"d\\d@example.org', 1, sent=1)
        text = self.ok("stats", "--prometheus")
        self.assertIn("# TYPE sealpost_registered gauge\n"
                      "sealpost_registered 1\n", text)
        for line in ('sealed_total{account="ann@example.org"} 33',
                     'octets_total{account="ann@example.org"} %d' % (1 << 40),
                     'sent_total{account=""} 7',
                     'sent_total{account="o\\"d\\\\d@example.org"} 1'):
            self.assertIn(f"\nsealpost_{line}\n", text)
        # each metric once, its lines together, nothing of another form
        self.assertEqual(
            re.findall(r"# TYPE sealpost_(\w+)_total counter", text),
            self.KEYS[1:])
        self.assertRegex(text, r'\A(# HELP (\w+) [^\n]+\.\n# TYPE \2 \w+\n'
                               r'(\2(\{account="([^"\\]|\\.)*"\})? \d+\n)*)+\Z')
        self.assertIn('sealed_total{account="ann@example.org"} 3\n', self.ok(
            "stats", "--prometheus", "--since", "24h"))
        self.assertNotIn('account=""', self.ok(
            "stats", "--prometheus", "--user", "ann@example.org"))

    def test_watch(self):
        self.fails(2, "for a terminal", "stats", "--watch")
        self.fails(2, "exclude each other", "stats", "--watch", "--json")
        self.fails(2, "exclude each other", "stats", "--prometheus", "--json")
        main, terminal = os.openpty()
        self.addCleanup(os.close, main)
        watch = subprocess.Popen(
            [SEALPOST, "-c", self.conf, "stats", "--watch"], stdout=terminal)
        os.close(terminal)
        try:
            self.wait_for_figure(main, "sealed", 0)
            self.count("ann@example.org", 1, sealed=34567)
            self.wait_for_figure(main, "sealed", 34567)
        finally:
            watch.terminate()
            watch.wait()

    def wait_for_figure(self, terminal, key, number):
        text = b""
        while not re.search(rb"\n(\033\[\w+)?%s\S* +%d\s" % (
                key.encode(), number), text):
            text += os.read(terminal, 4096)


if __name__ == "__main__":
    SEALPOST, SEALPOST_UNSEAL = (os.path.abspath(p) for p in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])

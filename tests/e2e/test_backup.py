# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""`sealpost backup` and `restore`: consistent while others write, whole or not
at all, and readers that have a database open go on."""
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import tarfile
import tempfile
import threading
import unittest

from harness import BUILD, run
from test_dovecot_plugin import own_mounts

CONF = """\
[accounts]
directory = {folder}/directory.db
secrets = {folder}/secrets.db
iterations = 100000
[stats]
database = {folder}/stats.db
"""
PROGRAM = os.path.join(BUILD, "ctl", "sealpost")
NAMES = ["directory.db", "secrets.db", "stats.db"]


class BackupTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sealpost-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.conf = self.configure("db")
        self.sealpost("init")
        self.sealpost("domain", "add", "one.example")
        self.add("ann")
        self.file = self.path("backup.tar")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def configure(self, name):
        os.mkdir(self.path(name))
        conf = self.path(name + ".conf")
        with open(conf, "w") as f:
            f.write(CONF.format(folder=self.path(name)))
        return conf

    def sealpost(self, *command, stdin=None, status=0, conf=None):
        done = run(PROGRAM, "-c", conf or self.conf, *command, stdin=stdin,
                   status=status)
        return (done.stderr if status else done.stdout).decode()

    def add(self, name):
        self.sealpost("user", "add", name + "@one.example",
                      "--password-stdin", stdin=b"for-tests-only\n")

    def users(self, conf=None):
        return re.findall(r"(\w+)@one.example",
                          self.sealpost("user", "list", conf=conf))

    def left_over(self):
        return sorted(n for n in os.listdir(self.folder)
                      if n.startswith("backup")) + sorted(
            n for n in os.listdir(self.path("db")) if n not in NAMES and
            not n.startswith("stats.db-"))

    def test_what_is_in_it(self):
        said = self.sealpost("backup", self.file)
        self.assertRegex(said, r"(?m)^directory.db +\d+ octets +1 accounts$")
        self.assertRegex(said, r"(?m)^secrets.db +\d+ octets +1 verifiers$")
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assertEqual(self.left_over(), ["backup.tar"])
        with tarfile.open(self.file) as tar:
            self.assertEqual(tar.getnames(), ["CONTENTS"] + NAMES)
            self.assertTrue(all(m.mode == 0o600 for m in tar))
            text = tar.extractfile("CONTENTS").read().decode()
        self.assertIn("1 accounts", text)

    def test_a_file_that_is_there(self):
        with open(self.file, "w") as f:
            f.write("something")
        self.assertIn("--replace", self.sealpost("backup", self.file,
                                                 status=1))
        with open(self.file) as f:
            self.assertEqual(f.read(), "something")
        self.sealpost("backup", self.file, "--replace")
        self.assertTrue(tarfile.is_tarfile(self.file))
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)

    def test_there_and_back(self):
        self.sealpost("backup", self.file)
        other = self.configure("other")
        said = self.sealpost("restore", self.file, conf=other)
        self.assertEqual(said.split(), [self.path("other", n) for n in NAMES])
        self.assertEqual(self.users(other), ["ann"])
        modes = {n: stat.S_IMODE(os.stat(self.path("other", n)).st_mode)
                 for n in NAMES}
        self.assertEqual(modes, {n: stat.S_IMODE(os.stat(self.path(
            "db", n)).st_mode) for n in NAMES})

    def test_existing_databases(self):
        self.sealpost("backup", self.file)
        self.add("bob")
        self.assertIn("--replace",
                      self.sealpost("restore", self.file, status=1))
        self.assertEqual(self.users(), ["ann", "bob"])
        before = [os.stat(self.path("db", n)).st_ino for n in NAMES]
        self.sealpost("restore", self.file, "--replace")
        self.assertEqual(self.users(), ["ann"])
        self.assertEqual(before, [os.stat(self.path("db", n)).st_ino
                                  for n in NAMES])
        self.add("bob")  # both databases fit together, and can be written
        self.assertEqual(self.left_over(), ["backup.tar"])

    def test_readers_go_on(self):
        """One that has the file open sees the one or the other."""
        self.sealpost("backup", self.file)
        self.add("bob")
        ended, seen = threading.Event(), set()

        def read():
            with contextlib.closing(sqlite3.connect(
                    "file:%s?mode=ro" % self.path("db", "directory.db"),
                    uri=True, timeout=20)) as db:
                while not ended.is_set():
                    seen.add(tuple(r[0] for r in db.execute(
                        "SELECT address FROM accounts ORDER BY address")))
        reader = threading.Thread(target=read)
        reader.start()
        try:
            for _ in range(3):
                self.sealpost("restore", self.file, "--replace")
                self.add("bob")
        finally:
            ended.set()
            reader.join()
        self.assertLessEqual(seen, {
            ("ann@one.example",), ("ann@one.example", "bob@one.example")})
        self.assertIn(("ann@one.example", "bob@one.example"), seen)

    def test_while_others_write(self):
        """Both databases hold the same accounts in each backup."""
        ended = threading.Event()
        errors = []

        def write(first):
            n = 0
            while not ended.is_set():
                n += 1
                name = "%s%d" % (first, n)
                try:
                    self.add(name)
                    if n % 2:
                        self.sealpost("user", "remove", name + "@one.example")
                except AssertionError as error:
                    errors.append(error)

        def count():
            with contextlib.closing(sqlite3.connect(
                    self.path("db", "stats.db"), timeout=20)) as db:
                n = 0
                while not ended.is_set():
                    n += 1
                    db.execute("INSERT INTO counters(hour, address, logins, "
                               "failed_logins, sent, recipients, octets, "
                               "received, sealed, already_sealed, deferred, "
                               "refused, plaintext) VALUES "
                               "(?, 'x', 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0)",
                               (3600 * n,))
                    db.commit()
        writers = [threading.Thread(target=write, args=(c,)) for c in "pq"]
        writers.append(threading.Thread(target=count))
        for w in writers:
            w.start()
        try:
            for n in range(8):
                self.sealpost("backup", self.path("backup%d.tar" % n))
        finally:
            ended.set()
            for w in writers:
                w.join()
        self.assertEqual(errors, [])
        sizes = {self.check_backup(self.path("backup%d.tar" % n))
                 for n in range(8)}
        self.assertGreater(len(sizes), 1)

    def check_backup(self, path):
        """How many accounts; the databases are sound and belong together."""
        place = tempfile.mkdtemp(dir=self.folder)
        with tarfile.open(path) as tar:
            for name in NAMES:
                with open(os.path.join(place, name), "wb") as f:
                    shutil.copyfileobj(tar.extractfile(name), f)
        rows = {}
        for name, query in (
                ("directory.db", "SELECT address FROM accounts ORDER BY 1"),
                ("secrets.db", "SELECT address FROM verifiers ORDER BY 1"),
                ("stats.db", "SELECT count(*), sum(sent), sum(received) "
                 "FROM counters")):
            with contextlib.closing(sqlite3.connect(
                    os.path.join(place, name))) as db:
                self.assertEqual(db.execute(
                    "PRAGMA integrity_check").fetchall(), [("ok",)])
                rows[name] = db.execute(query).fetchall()
        self.assertEqual(sorted(os.listdir(place)), NAMES)
        self.assertEqual(rows["directory.db"], rows["secrets.db"])
        counted, sent, received = rows["stats.db"][0]
        self.assertEqual(sent or 0, received or 0)
        self.assertEqual(counted, sent or 0)
        return len(rows["directory.db"])

    def test_damage_is_seen_before_anything_is_touched(self):
        self.sealpost("backup", self.file)
        with open(self.file, "rb") as f:
            whole = f.read()
        self.add("bob")
        pages = whole.index(b"SQLite format 3") + 4096
        broken = [whole[:n] for n in range(0, len(whole) - 1024, 30011)]
        broken += [whole[:100] + b"x" + whole[101:],
                   whole[:pages] + os.urandom(4096) + whole[pages + 4096:],
                   b"", b"x" * 5000, whole.replace(b"secrets.db\0",
                                                   b"other.dbx\0\0")]
        for n, text in enumerate(broken):
            with self.subTest(n):
                with open(self.file, "wb") as f:
                    f.write(text)
                self.sealpost("restore", self.file, "--replace", status=1)
                self.assertEqual(self.users(), ["ann", "bob"])
        self.assertEqual(self.left_over(), ["backup.tar"])

    def test_foreign_archives(self):
        """A name that leads elsewhere, a link, an unknown file."""
        for name, kind in (("../evil", tarfile.REGTYPE),
                           ("directory.db", tarfile.SYMTYPE),
                           ("evil", tarfile.REGTYPE)):
            with tarfile.open(self.file, "w",
                              format=tarfile.USTAR_FORMAT) as tar:
                entry = tarfile.TarInfo(name)
                entry.type = kind
                entry.linkname = "/etc/passwd"
                tar.addfile(entry)
            self.sealpost("restore", self.file, "--replace", status=1)
            self.assertFalse(os.path.exists(self.path("evil")))
            self.assertEqual(self.users(), ["ann"])

    def test_other_databases(self):
        """A backup of something else, or of a newer sealpost."""
        for pragma in ("user_version = 99", "application_id = 7"):
            self.sealpost("backup", self.file, "--replace")
            place = tempfile.mkdtemp(dir=self.folder)
            with tarfile.open(self.file) as tar:
                for name in NAMES:
                    with open(os.path.join(place, name), "wb") as f:
                        shutil.copyfileobj(tar.extractfile(name), f)
            with contextlib.closing(sqlite3.connect(
                    os.path.join(place, "directory.db"))) as db:
                db.execute("PRAGMA " + pragma)
                db.commit()
            with tarfile.open(self.file, "w",
                              format=tarfile.USTAR_FORMAT) as tar:
                for name in NAMES:
                    tar.add(os.path.join(place, name), name)
            said = self.sealpost("restore", self.file, "--replace", status=1)
            self.assertIn("directory.db", said)
            self.assertEqual(self.users(), ["ann"])

    def test_killed(self):
        """A backup that was killed leaves no half file of that name."""
        for _ in range(5):
            backup = subprocess.Popen([PROGRAM, "-c", self.conf, "backup",
                                       self.file], stdout=subprocess.PIPE)
            backup.send_signal(signal.SIGKILL)
            backup.communicate()
            if os.path.exists(self.file):
                self.check_backup(self.file)
                os.unlink(self.file)
        self.sealpost("backup", self.file)
        self.check_backup(self.file)

    @unittest.skipIf(os.geteuid() != 0, "needs root to mount")
    def test_no_room(self):
        """No half backup, and nothing else is left."""
        room = self.path("room")
        os.mkdir(room)
        script = ('mount -t tmpfs -o size=%s tmpfs "$1" || exit 9; '
                  '"$2" -c "$3" backup "$1/b"; status=$?; ls -A "$1"; '
                  'exit $status')
        for size, status in (("64k", 75), ("96k", 75), ("4m", 0)):
            done = run(*own_mounts(), "sh", "-c", script % size, "sh", room,
                       PROGRAM, self.conf, status=status)
            self.assertEqual(done.stdout.split()[-1:],
                             [b"b"] if status == 0 else [])

    def test_nothing_to_back_up(self):
        empty = self.configure("empty")
        said = self.sealpost("backup", self.file, status=75, conf=empty)
        self.assertIn("sealpost init", said)
        self.assertFalse(os.path.exists(self.file))
        self.sealpost("backup", "/nowhere/at/all", status=1)
        self.sealpost("restore", self.file, status=1)
        self.sealpost("backup", status=2)


if __name__ == "__main__":
    unittest.main()

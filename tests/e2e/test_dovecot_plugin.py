# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The Dovecot plugin in a Dovecot of its own: are its figures those that a
plain FETCH gives, and is a vault given to its owner alone?

The domain of an account is its mailbox format (ann@maildir and so on).
"""
import base64
import contextlib
import imaplib
import json
import os
import pwd
import random
import re
import shutil
import smtplib
import socket
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import harness
from harness import PASSWORD, BUILD, MAIL_USER

MODULES = "/usr/lib/dovecot/modules"
BUILT = os.path.join(BUILD, "dovecot-plugin", "modules")
FORMATS = ("maildir", "mdbox", "sdbox")
USERS = ["%s@%s" % (name, form) for form in FORMATS
         for name in ("ann", "bob")]
FOLDERS = ["INBOX", 'say "hello"', "with  blanks", "Gr\u00fc\u00dfe & more",
           "\u65e5\u672c", "back\\slash", "deep/er folder"]
NAMES = ("messages unseen recent octets physical oldest newest sealed "
         "sealed-octets plain plain-octets").split()
ENTRY = "/shared/vendor/vendor.sealpost/folder-stats"
VAULT = "/private/vendor/vendor.sealpost/vault"
FINGERPRINT = "/private/vendor/vendor.sealpost/fingerprint"

CONF_23 = """\
protocols = imap lmtp
disable_plaintext_auth = no
mail_location = %d:~/Mail
mail_plugin_dir = {folder}/modules
mail_plugins = acl sealpost
mdbox_rotate_size = 20k
namespace inbox {{
  inbox = yes
  separator = /
}}
namespace shared {{
  type = shared
  separator = /
  prefix = shared/%%u/
  location = maildir:{folder}/mail/%%u/Mail:INDEX=%h/of/%%u
  subscriptions = no
  list = children
}}
auth_mechanisms = plain
protocol imap {{
  mail_plugins = $mail_plugins imap_acl imap_sealpost
  mail_max_userip_connections = 100
  imap_metadata = yes
}}
mail_attribute_dict = file:%h/attributes
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
plugin {{
  acl = vfile
  acl_shared_dict = file:{folder}/mail/shares
  sealpost_secrets = {folder}/db/secrets.db
}}
"""

CONF_24 = """\
protocols {{
  imap = yes
  lmtp = yes
}}
auth_allow_cleartext = yes
mail_driver = %{{user | domain}}
mail_path = ~/Mail
mail_plugin_dir = {folder}/modules
mail_plugins {{
  sealpost = yes
}}
mdbox_rotate_size = 20k
namespace inbox {{
  inbox = yes
  separator = /
}}
auth_mechanisms = plain
protocol imap {{
  mail_plugins {{
    imap_sealpost = yes
  }}
  mail_max_userip_connections = 100
  imap_metadata = yes
}}
mail_attribute {{
  dict file {{
    path = %{{home}}/attributes
  }}
}}
service imap-login {{
  inet_listener imap {{
    listen = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb static {{
  password = {password}
}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
  auth_username_format = %{{user}}
}}
sealpost_secrets = {folder}/db/secrets.db
"""

SEALPOST_CONF = """\
[accounts]
directory = {folder}/db/directory.db
secrets = {folder}/db/secrets.db
[stats]
database = {folder}/db/stats.db
"""

SEALED = 'multipart/encrypted;%sprotocol="application/pgp-encrypted";%s' \
         'boundary=b'
TYPES = [  # Content-Type fields of a message, is it sealed?
    ([], False),
    (["text/plain; charset=utf-8"], False),
    (["multipart/encrypted; protocol=\"application/x-other\"; boundary=b"],
     False),
    (["application/pkcs7-mime; smime-type=enveloped-data"], False),
    ([SEALED % (" ", " ")], True),
    ([SEALED % ("\r\n\t", "\r\n ")], True),
    ([(SEALED % (" ", " ")).upper()], True),
    (["multipart/mixed; boundary=x; comment=\"multipart/encrypted\""], False),
    ([SEALED % (" ", " "), "text/plain"], False),
]


def make_message():
    """A message and whether it is sealed."""
    fields, sealed = random.choice(TYPES)
    head = ["Message-ID: <%d@x.example>" % random.getrandbits(64),
            "From: a@x.example"]
    head += ["Content-Type: " + field for field in fields]
    body = "".join("line %d\r\n" % i for i in range(random.randrange(60)))
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode(), sealed


def mutf7(name):
    """The name as IMAP writes it (RFC 3501, 5.1.3), quoted."""
    def shifted(match):
        if match.group(0) == "&":
            return "&-"
        raw = base64.b64encode(match.group(0).encode("utf-16-be"))
        return "&%s-" % raw.decode().rstrip("=").replace("/", ",")
    name = re.sub("&|[^ -~]+", shifted, name)
    return '"%s"' % re.sub(r'([\\"])', r"\\\1", name)


def own_mounts():
    """A command that gives mounts of its own to what follows it."""
    command = ["unshare", "--mount"]
    if harness.run(*command, "true", status=None).returncode == 0:
        return command
    # in a chroot; fine unless the mounts would be seen outside
    with open("/proc/self/mountinfo") as f:
        if " shared:" in f.read():
            raise AssertionError("no mounts of its own are possible here")
    return command + ["--propagation", "unchanged"]


class Server:
    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = tempfile.mkdtemp(prefix="sealpost-plugin-")
        self.stack.callback(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.port, = harness.free_ports(1)
        self.looked_at = 0
        try:
            self.make_folders()
            self.start()
        except BaseException:
            self.stack.close()
            raise

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_folders(self):
        user = pwd.getpwnam(MAIL_USER)
        for name in ("mail", "db", "log", "run", "dovecot", "dovecot/run",
                     "dovecot/state"):
            os.mkdir(self.path(name), 0o755)
        os.chown(self.path("mail"), user.pw_uid, user.pw_gid)
        shutil.copytree(MODULES, self.path("modules"))
        shutil.copytree(BUILT, self.path("modules"), dirs_exist_ok=True)
        with open(self.path("users"), "w") as f:
            for name in USERS:
                f.write("%s::%d:%d::%s\n" % (
                    name, user.pw_uid, user.pw_gid,
                    self.path("mail", name)))
        with open(self.path("sealpost.conf"), "w") as f:
            f.write(SEALPOST_CONF.format(folder=self.folder))
        harness.run(os.path.join(BUILD, "ctl", "sealpost"), "-c",
                    self.path("sealpost.conf"), "init")
        # Dovecot's mail processes read it, and may not write it
        os.chown(self.path("db", "secrets.db"), 0, user.pw_gid)

    def start(self):
        version = harness.run("/usr/sbin/dovecot", "--version").stdout
        self.old = old = version.startswith(b"2.3")
        head = "" if old else ("dovecot_config_version = 2.4.0\n"
                               "dovecot_storage_version = 2.4.0\n")
        group = harness.run("id", "-gn", MAIL_USER).stdout.decode().strip()
        conf = head + (harness.DOVECOT_COMMON +
                       (CONF_23 if old else CONF_24)).format(
            folder=self.folder, user=MAIL_USER, group=group, imap=self.port,
            password=PASSWORD)
        with open(self.path("dovecot.conf"), "w") as f:
            f.write(self.configure(conf))
        self.dovecot = harness.Daemon(
            self.with_modules("/usr/sbin/dovecot", "-F", "-c",
                              self.path("dovecot.conf")),
            self.path("log", "dovecot.stderr"))
        self.stack.callback(self.dovecot.stop)
        harness.wait_for("Dovecot", lambda:
                         self.dovecot.process.poll() is not None or
                         self.answers())
        if self.dovecot.process.poll() is not None:
            raise AssertionError("".join(self.dovecot.lines))

    def configure(self, conf):
        """For other tests with this server."""
        return conf

    def answers(self):
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.port), 5) as s:
            return s.recv(1) != b""
        return False

    def login(self, user):
        return Session(self.port, user)

    def deliver(self, message, *users):
        lmtp = smtplib.LMTP(self.path("run", "lmtp"))
        lmtp.sendmail("a@x.example", users, message)
        lmtp.quit()

    def with_modules(self, *command):
        """The folders of some kinds of modules are compiled in."""
        return own_mounts() + [
                "sh", "-c",
                'mount --bind "$1" %s && shift && exec "$@"' % MODULES,
                "sh", self.path("modules"), *command]

    def doveadm(self, *arguments, status=0):
        return harness.run(*self.with_modules(
            "doveadm", "-c", self.path("dovecot.conf"), *arguments),
            status=status).stdout.decode()

    def log(self):
        with open(self.path("log", "dovecot"), errors="replace") as f:
            return f.read()

    def new_log(self):
        """What is there since the last call of this."""
        log = self.log()
        new, self.looked_at = log[self.looked_at:], len(log)
        return new


for command in ("XFOLDERSTATS", "GETMETADATA", "SETMETADATA"):
    imaplib.Commands[command] = ("AUTH", "SELECTED")


class Session(imaplib.IMAP4):
    def __init__(self, port, user):
        super().__init__("127.0.0.1", port, timeout=harness.PATIENCE)
        self.login(user, PASSWORD)

    def __exit__(self, *unused):
        self.logout()

    def folder_stats(self, pattern=None):
        """{folder in modified UTF-7: figures}; "" is the sum."""
        status, data = self.xatom_data("XFOLDERSTATS",
                                       *([pattern] if pattern else []))
        if status != "OK":
            raise AssertionError("%s %r" % (status, data))
        return {name: figures(text) for name, text in data}

    def xatom_data(self, name, *arguments):
        status, _ = self._simple_command(name, *arguments)
        _, data = self._untagged_response(status, [None], name)
        found = []
        for line in data:
            if line is not None:
                name, text = re.fullmatch(r'(.*) \((.*)\)',
                                          line.decode()).groups()
                found.append((name if name.startswith('"') else
                              '"%s"' % name, text))
        return status, found

    def metadata(self, folder, entry):
        """The value; None for NIL. An error is an AssertionError."""
        status, data = self._simple_command("GETMETADATA", folder, entry)
        if status != "OK":
            raise AssertionError("%s %r" % (status, data))
        _, data = self._untagged_response(status, [None], "METADATA")
        if isinstance(data[-2 if len(data) > 1 else -1], tuple):
            return data[0][1].decode()
        text = data[0].decode()
        if text.endswith(" NIL)"):
            return None
        return re.search(r' ("?)([^" ]*)\1\)$', text).group(2)


def figures(text):
    words = text.split()
    return {k.lower(): int(v) for k, v in zip(words[::2], words[1::2])}


def seconds(fetched):
    return int(time.mktime(imaplib.Internaldate2tuple(fetched)))


def from_fetch(session, folder):
    """The same figures from a FETCH of everything."""
    status, answer = session.status(mutf7(folder), "(RECENT)")
    recent = int(re.search(rb"\(RECENT (\d+)\)", b"".join(
        part for item in answer for part in
        (item if isinstance(item, tuple) else [item]))).group(1))
    status, _ = session.select(mutf7(folder), readonly=True)
    if status != "OK":
        raise AssertionError("no folder " + folder)
    _, data = session.uid("FETCH", "1:*", "(FLAGS INTERNALDATE "
                          "RFC822.SIZE BODY.PEEK[])")
    found = dict.fromkeys(NAMES, 0)
    found["recent"] = recent
    dates = []
    for item in data:
        if not isinstance(item, tuple):
            continue
        head, body = item
        size = int(re.search(rb"RFC822.SIZE (\d+)", head).group(1))
        fields = re.findall(rb"^Content-Type: ((?:.*\r\n)(?:[ \t].*\r\n)*)",
                            body.split(b"\r\n\r\n")[0] + b"\r\n", re.M)
        sealed = len(fields) == 1 and \
            fields[0].lower().startswith(b"multipart/encrypted") and \
            b'"application/pgp-encrypted"' in fields[0].lower()
        kind = "sealed" if sealed else "plain"
        found["messages"] += 1
        found["unseen"] += b"\\Seen" not in head
        found["octets"] += size
        found["physical"] += len(body.replace(b"\r\n", b"\n"))
        found[kind] += 1
        found[kind + "-octets"] += size
        dates.append(seconds(head))
    if dates:
        found["oldest"], found["newest"] = min(dates), max(dates)
    session.unselect()
    return found


class DovecotPlugin(unittest.TestCase):
    maxDiff = None
    ours = set()  # what a test itself makes Dovecot log

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.stack.close)

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            print("".join(line for line in self.server.log().splitlines(True)
                          if ": Info: " not in line))

    def setUp(self):
        self.seed = int(os.environ.get("SEALPOST_SEED") or
                        random.getrandbits(32))
        random.seed(self.seed)
        # every test has accounts that are new
        for user in USERS:
            shutil.rmtree(self.server.path("mail", user), ignore_errors=True)
        with self.vaults() as db:
            db.execute("DELETE FROM vaults")

    def tearDown(self):
        new = self.server.new_log()
        for bad in {"Panic", "Fatal", "killed with signal", "Error: Corrupted",
                    "Leaked", "leaked"} - self.ours:
            self.assertNotIn(bad, new)

    def append(self, session, folder, count=1):
        for _ in range(count):
            message, _ = make_message()
            when = imaplib.Time2Internaldate(
                1500000000 + random.randrange(10 ** 8))
            flags = random.choice(["", r"\Seen", r"\Seen \Flagged"])
            self.assertEqual(session.append(mutf7(folder), "(%s)" % flags,
                                            when, message)[0], "OK")

    def assert_same(self, session, folder, asking):
        # RECENT first: FETCH does not take it away, being read-only
        wanted = from_fetch(session, folder)
        with self.subTest(folder=folder, seed=self.seed):
            self.assertEqual(asking.folder_stats(mutf7(folder)),
                             {self.shown(folder): wanted})
            self.assertEqual(figures(asking.metadata(mutf7(folder), ENTRY)),
                             wanted)

    @staticmethod
    def shown(folder):
        return mutf7(folder)

    def change(self, session, folder, user):
        """Something happens in the folder."""
        what = random.choice(["append", "append", "deliver", "flag",
                              "expunge", "copy", "rename"])
        if what == "append":
            self.append(session, folder, random.randrange(1, 4))
        elif what == "deliver":
            self.server.deliver(make_message()[0], user)
        elif what == "rename" and folder != "INBOX":
            for old, new in ((folder, "other"), ("other", folder)):
                self.assertEqual(session.rename(mutf7(old), mutf7(new))[0],
                                 "OK")
        else:
            session.select(mutf7(folder))
            count = int(session.untagged_responses["EXISTS"][-1])
            if count > 0:
                number = str(random.randrange(1, count + 1))
                if what == "flag":
                    session.store(number, random.choice(["+", "-"]) +
                                  "FLAGS", r"(\Seen)")
                elif what == "copy":
                    session.copy(number, mutf7(random.choice(FOLDERS)))
                else:
                    session.store(number, "+FLAGS", r"(\Deleted)")
                    session.expunge()
            session.unselect()

    def test_figures(self):
        """After every change, in a session that goes on and in a new one."""
        for form in FORMATS:
            user = "ann@" + form
            with self.subTest(user=user, seed=self.seed), \
                    self.server.login(user) as asking, \
                    self.server.login(user) as session:
                for folder in FOLDERS[1:]:
                    self.assertEqual(session.create(mutf7(folder))[0], "OK")
                for folder in FOLDERS:
                    self.assert_same(session, folder, asking)
                    self.append(session, folder, 4)
                for _ in range(40):
                    folder = random.choice(FOLDERS)
                    self.change(session, folder, user)
                    self.assert_same(session, folder, asking)
                with self.server.login(user) as fresh:
                    self.compare_all(session, fresh)

    def compare_all(self, session, asking):
        wanted = {self.shown(f): from_fetch(session, f) for f in FOLDERS}
        found = asking.folder_stats()
        total = found.pop('""')
        found.pop('"deep"', None)
        self.assertEqual(found, wanted)
        for name in NAMES:
            values = [w[name] for w in wanted.values()]
            some = [w[name] for w in wanted.values() if w["messages"]]
            self.assertEqual(total[name], {"oldest": min, "newest": max}.get(
                name, lambda _: sum(values))(some), name)
        self.assertEqual(total["folders"], len(FOLDERS))
        self.assertEqual(figures(asking.metadata('""', ENTRY)), total)
        for name in NAMES:
            self.assertEqual(int(asking.metadata('""', ENTRY + "/" + name)),
                             total[name])
            self.assertEqual(
                int(asking.metadata("INBOX", ENTRY + "/" + name)),
                wanted[self.shown("INBOX")][name])
        self.assertIsNone(asking.metadata("INBOX", ENTRY + "/nothing"))
        self.assertIsNone(asking.metadata("INBOX", ENTRY + "/folders"))

    def test_two_sessions(self):
        """While deliveries and expunges go on, both ask."""
        for form in FORMATS:
            user = "ann@" + form
            with self.subTest(user=user, seed=self.seed):
                self.ask_while_it_changes(user)

    def ask_while_it_changes(self, user):
        ended, wrong = threading.Event(), []

        def ask():
            try:
                with self.server.login(user) as session:
                    while not ended.is_set():
                        found = session.folder_stats("INBOX")[
                            self.shown("INBOX")]
                        every = session.folder_stats()
                        for one in [found] + list(every.values()):
                            if one["sealed"] + one["plain"] != \
                                    one["messages"] or \
                                    one["unseen"] > one["messages"]:
                                wrong.append(one)
            except Exception as e:
                wrong.append(repr(e))
        # Dovecot 2.3 itself may panic (fcntl: EDEADLK) if several sessions are
        # the first ever to open a dbox INBOX, with this plugin or without
        with self.server.login(user) as session:
            session.select()
            session.unselect()
            session.create("here")
            self.append(session, "here", 5)
        askers = [threading.Thread(target=ask) for _ in range(2)]
        for asker in askers:
            asker.start()
        try:
            with self.server.login(user) as session:
                for _ in range(30):
                    self.append(session, "INBOX", 3)
                    self.server.deliver(make_message()[0], user)
                    session.select()
                    session.store("1:*", random.choice("+-") + "FLAGS",
                                  r"(\Seen)")
                    session.store(str(random.randrange(1, 4)), "+FLAGS",
                                  r"(\Deleted)")
                    session.expunge()
                    session.unselect()
                    self.assertEqual(session.rename("here", "there")[0], "OK")
                    self.assertEqual(session.rename("there", "here")[0], "OK")
        finally:
            ended.set()
            for asker in askers:
                asker.join()
        self.assertEqual(wrong, [])
        with self.server.login(user) as session, \
                self.server.login(user) as asking:
            for folder in "INBOX", "here":
                self.assert_same(session, folder, asking)

    def test_dsync(self):
        """The figures of a copy are those of the original."""
        user = "ann@sdbox"
        copy = self.server.path("mail", user, "copy")
        with self.server.login(user) as session:
            session.create("more")
            for folder in "INBOX", "more":
                self.append(session, folder, 6)
            wanted = session.folder_stats()
        self.server.doveadm("backup", "-u", user, "mdbox:" + copy)
        where = ["mail_location=mdbox:" + copy] if self.server.old else \
            ["mail_driver=mdbox", "mail_path=" + copy]
        options = [word for one in where for word in ("-o", one)]
        text = self.server.doveadm(*options, "-f", "json", "sealpost",
                                   "folders", "-u", user)
        for row in json.loads(text):
            for name in NAMES:
                if name not in ("physical", "recent"):
                    self.assertEqual(int(row[name]),
                                     wanted['"%s"' % row["mailbox"]][name])
        self.assertEqual(len(json.loads(text)), 2)

    def test_read_only(self):
        """A folder whose files and index nobody may write."""
        user = "ann@maildir"
        with self.server.login(user) as session:
            session.create("fixed")
            self.append(session, "fixed", 7)
        folder = self.server.path("mail", user, "Mail", ".fixed")
        for place, _, names in os.walk(folder):
            for name in names:
                if name.startswith("dovecot.index"):
                    os.unlink(os.path.join(place, name))
        for place, _, names in os.walk(folder):
            os.chown(place, 0, 0)
            os.chmod(place, 0o555)
        with self.server.login(user) as session, \
                self.server.login(user) as asking:
            for _ in range(2):
                wanted = from_fetch(session, "fixed")
                # 2.4 itself shows no message of such a folder
                self.assertEqual(wanted["messages"],
                                 7 if self.server.old else 0)
                self.assertEqual(
                    asking.folder_stats("fixed")['"fixed"'], wanted)

    def fill(self, user, count):
        """A Maildir with messages that Dovecot has not seen."""
        folder = self.server.path("mail", user, "Mail")
        for name in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(folder, name))
        for i in range(count):
            message = make_message()[0]
            stored = message.replace(b"\r\n", b"\n")
            # as Dovecot names it, and as others do
            sizes = i % 5 and ",S=%d,W=%d" % (len(stored), len(message)) or ""
            with open(os.path.join(folder, "cur", "%d.x%s:2," % (i, sizes)),
                      "wb") as f:
                f.write(stored)
        owner = pwd.getpwnam(MAIL_USER)
        for path, _, names in os.walk(self.server.path("mail", user)):
            for name in [""] + names:
                os.chown(os.path.join(path, name), owner.pw_uid,
                         owner.pw_gid)

    def test_cold_folder_does_not_block(self):
        """Another command of the session is answered meanwhile."""
        self.fill("ann@maildir", 5000)
        with self.server.login("ann@maildir") as session:
            session.send(b"long XFOLDERSTATS\r\nshort NOOP\r\n")
            answers = []
            while len(answers) < 2:
                line = session.readline()
                if line.startswith((b"long ", b"short ")):
                    answers.append(line.split()[:2])
            self.assertEqual(answers, [[b"short", b"OK"], [b"long", b"OK"]])
            self.assert_same(session, "INBOX", session)

    def test_closing_in_the_middle(self):
        self.fill("ann@maildir", 5000)
        session = self.server.login("ann@maildir")
        session.send(b"long XFOLDERSTATS\r\n")
        session.shutdown()
        with self.server.login("ann@maildir") as session:
            wanted = from_fetch(session, "INBOX")
            found = session.folder_stats("INBOX")[self.shown("INBOX")]
        # two processes see these messages first: \\Recent is either's
        del wanted["recent"], found["recent"]
        self.assertEqual(found, wanted)

    def test_broken_index(self):
        self.ours = {"Error: Corrupted"}
        for form in FORMATS[:1]:
            user = "ann@" + form
            with self.server.login(user) as session:
                self.append(session, "INBOX", 20)
                session.folder_stats()
            for path, _, names in os.walk(self.server.path("mail", user)):
                for name in names:
                    if name.startswith("dovecot.index"):
                        with open(os.path.join(path, name), "r+b") as f:
                            f.truncate(10)
            with self.server.login(user) as session, \
                    self.server.login(user) as asking:
                self.assert_same(session, "INBOX", asking)

    def test_words(self):
        with self.server.login("ann@maildir") as session:
            self.assertIn("XFOLDERSTATS", session.capabilities +
                          tuple(session.capability()[1][0].decode().split()))
            for bad in ("nosuch", '"&bad"'):
                status, _ = session.xatom_data("XFOLDERSTATS", bad)
                self.assertEqual(status, "NO")
            with self.assertRaisesRegex(imaplib.IMAP4.error, "BAD"):
                session.xatom_data("XFOLDERSTATS", "a", "b")
            self.assertEqual(session.folder_stats('"no*"'), {})
            status, _ = session._simple_command(
                "SETMETADATA", "INBOX", '(%s "1")' % ENTRY)
            self.assertEqual(status, "NO")

    def test_doveadm(self):
        for user in USERS:
            with self.server.login(user) as session:
                for folder in FOLDERS[1:]:
                    session.create(mutf7(folder))
                    self.append(session, folder, 2)
        rows = json.loads(self.server.doveadm(
            "-f", "json", "sealpost", "folders", "-A"))
        self.assertEqual({r["username"] for r in rows}, set(USERS))
        for user in USERS:
            with self.server.login(user) as session:
                wanted = {f: from_fetch(session, f) for f in FOLDERS}
            found = {r["mailbox"]: {n: int(r[n]) for n in NAMES}
                     for r in rows if r["username"] == user}
            found.pop("deep", None)
            self.assertEqual(found, wanted)
        self.doveadm_of_one()

    def doveadm_of_one(self):
        text = self.server.doveadm("-f", "tab", "sealpost", "folders", "-u",
                                   USERS[0], 'say*')
        head, row = [line.split("\t") for line in text.splitlines()]
        self.assertEqual(head, ["mailbox"] + NAMES)
        self.assertEqual(row[:2], ['say "hello"', "2"])
        text = self.server.doveadm("-f", "tab", "sealpost", "folders", "-s",
                                   "-u", USERS[0])
        self.assertEqual(text.splitlines()[0].split("\t"),
                         ["folders"] + NAMES)
        self.assertEqual(text.splitlines()[1].split("\t")[1],
                         str(2 * (len(FOLDERS) - 1)))

    # ---- the vault ----

    def vaults(self):
        return contextlib.closing(sqlite3.connect(
            self.server.path("db", "secrets.db"), isolation_level=None))

    def put_vault(self, user):
        armored = "-----BEGIN PGP PRIVATE KEY BLOCK-----\r\n\r\n%s\r\n" % (
            base64.b64encode(user.encode() * 200).decode())
        fingerprint = user.encode().hex().upper()
        with self.vaults() as db:
            db.execute("INSERT OR REPLACE INTO vaults VALUES (?, ?, ?)",
                       (user, armored, fingerprint))
        return armored, fingerprint

    def test_vault(self):
        with self.server.login("ann@maildir") as ann, \
                self.server.login("bob@maildir") as bob:
            self.assertIsNone(ann.metadata('""', VAULT))
            self.assertIsNone(ann.metadata('""', FINGERPRINT))
            of_ann = self.put_vault("ann@maildir")
            self.assertEqual(ann.metadata('""', VAULT), of_ann[0])
            self.assertEqual(ann.metadata('""', FINGERPRINT), of_ann[1])
            self.assertIsNone(bob.metadata('""', VAULT))
            of_bob = self.put_vault("bob@maildir")
            self.assertEqual(bob.metadata('""', VAULT), of_bob[0])
            self.assertEqual(ann.metadata('""', VAULT), of_ann[0])
            self.assertIsNone(ann.metadata("INBOX", VAULT))
            for name in ("ann", "Ann@Maildir", "ann@maildir.example"):
                self.assertIsNone(ann.metadata(
                    '""', VAULT + "/" + name))
            status, _ = bob._simple_command(
                "SETMETADATA", '""', '(%s "mine")' % VAULT)
            self.assertEqual(status, "NO")
            self.assertEqual(bob.metadata('""', VAULT), of_bob[0])

    def test_shared(self):
        """Figures of a folder that is shared, but not its owner's vault."""
        if not self.server.old:
            self.skipTest("shared folders are set up for Dovecot 2.3 only")
        self.put_vault("bob@maildir")
        theirs = "shared/bob@maildir/"
        with self.server.login("bob@maildir") as bob, \
                self.server.login("ann@maildir") as ann:
            for name, rights in (("open", "lr"), ("list", "l"), ("shut", "")):
                bob.create(name)
                self.append(bob, name, 5)
                if rights:
                    bob.setacl(name, "ann@maildir", rights)
            wanted = from_fetch(bob, "open")
            found = ann.folder_stats('"shared/*"')
            self.assertEqual(list(found), [mutf7(theirs + "open")])
            # what is \Seen and \Recent is ann's own matter or nobody's
            for name in set(NAMES) - {"unseen", "recent"}:
                self.assertEqual(found[mutf7(theirs + "open")][name],
                                 wanted[name])
            self.assertEqual(ann.folder_stats()['""']["folders"], 1)
            for name in ("list", "shut"):
                status, _ = ann.xatom_data("XFOLDERSTATS",
                                           mutf7(theirs + name))
                self.assertEqual(status, "NO")
                with self.assertRaisesRegex(AssertionError, "NO"):
                    ann.metadata(mutf7(theirs + name), ENTRY)
            with contextlib.suppress(AssertionError):
                self.assertIsNone(ann.metadata(mutf7(theirs + "open"),
                                               VAULT))
            self.assertIsNone(ann.metadata('""', VAULT))

    def test_vault_not_copied(self):
        """dsync copies all attributes, and not these."""
        armored, _ = self.put_vault("ann@maildir")
        with self.server.login("ann@maildir") as session:
            self.append(session, "INBOX", 3)
        copy = self.server.path("mail", "ann@maildir", "copy")
        self.server.doveadm("backup", "-u", "ann@maildir", "mdbox:" + copy)
        self.assertTrue(os.path.isdir(copy))
        for place, _, names in os.walk(self.server.path("mail")):
            for name in names:
                with open(os.path.join(place, name), "rb") as f:
                    self.assertNotIn(armored[60:100].encode(), f.read())

    def test_vault_cannot_be_read(self):
        """Temporary failure, never an empty answer."""
        self.put_vault("ann@maildir")
        with self.server.login("ann@maildir") as ann:
            with self.vaults() as db:
                db.execute("BEGIN EXCLUSIVE")
                with self.assertRaisesRegex(AssertionError,
                                            r"NO.*\[UNAVAILABLE\]"):
                    ann.metadata('""', VAULT)
            path = self.server.path("db", "secrets.db")
            os.rename(path, path + ".away")
            try:
                for entry in (VAULT, FINGERPRINT):
                    with self.assertRaisesRegex(AssertionError,
                                                r"NO.*\[UNAVAILABLE\]"):
                        ann.metadata('""', entry)
                self.assertFalse(os.path.exists(path))
            finally:
                os.rename(path + ".away", path)
            self.assertIsNotNone(ann.metadata('""', VAULT))


class OneProcess(Server):
    """All IMAP sessions in one process."""

    def configure(self, conf):
        return conf + ("service imap {\n  client_limit = 100\n"
                       "  process_limit = 1\n  %s\n}\n" % (
                           "service_count = 0" if self.old else
                           "restart_request_count = unlimited"))


SO_TIMESTAMPNS = 35  # socket(7); Python has no name for it


def read_until(session, end):
    """(what came, when the last of it came: not when we got to read it)"""
    text = b""
    while end not in text:
        piece, ancillary, _, _ = session.sock.recvmsg(100000, 1000)
        if not piece:
            raise AssertionError("closed after %r" % text)
        text += piece
        when = time.time()
        for _, kind, data in ancillary:
            if kind == SO_TIMESTAMPNS:
                seconds, ns = struct.unpack("ll", data)
                when = seconds + ns / 1e9
    return text, when


class Neighbours(DovecotPlugin):
    """A cold folder does not hold up another user of the same process."""

    @classmethod
    def setUpClass(cls):
        cls.server = OneProcess()
        cls.addClassCleanup(cls.server.stack.close)

    def test_neighbour(self):
        self.fill("ann@maildir", 20000)
        with self.server.login("bob@maildir") as bob, \
                self.server.login("ann@maildir") as ann:
            for session in ann, bob:
                session.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                self.assertEqual(session.noop()[0], "OK")
            # hers come first, so the long one is at work when his are read
            ann.send(b"long XFOLDERSTATS INBOX\r\nshort NOOP\r\n")
            bob.send(b"a NOOP\r\nb NOOP\r\nc NOOP\r\n")
            _, of_bob = read_until(bob, b"c OK")
            text, of_short = read_until(ann, b"short OK")
            self.assertNotIn(b"long OK", text.partition(b"short OK")[0])
            of_long = of_short
            if b"long OK" not in text:
                more, of_long = read_until(ann, b"long OK")
                text += more
            self.assertLess(of_bob, of_long)
            self.assertIn(b"MESSAGES 20000", text)


for inherited in [n for n in dir(DovecotPlugin) if n.startswith("test_")]:
    setattr(Neighbours, inherited, None)


def main():
    if not os.path.isdir(BUILT):
        print("skipped: the Dovecot plugin was not built")
        raise SystemExit(77)
    harness.main()


if __name__ == "__main__":
    main()

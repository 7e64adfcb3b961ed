# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""A mail site of its own for the end-to-end tests.

A Site is a Postfix, a Dovecot and a sealpost-milter on free loopback ports, all
below one temporary folder. Postfix is wired by `sealpost postfix apply` alone. It
runs as root, beside any other Postfix and Dovecot of the machine, and leaves
nothing behind. Nothing sleeps to wait: every wait is for an event with a
deadline that fails the test.
"""
import atexit
import base64
import contextlib
import email
import imaplib
import json
import os
import pwd
import random
import re
import secrets
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import milter_client

SOURCE = os.environ.get("SEALPOST_SOURCE") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("SEALPOST_BUILD") or os.path.join(SOURCE, "build")
TEMPLATES = os.path.join(SOURCE, "conf-templates", "postfix")
PATIENCE = float(os.environ.get("SEALPOST_PATIENCE", "60"))
PASSWORD = "for-tests-only"
MAIL_USER = "nobody"

MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}
myhostname = mx.one.example
mydestination = mx.one.example
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
recipient_delimiter = +
relayhost = [127.0.0.1]:{relay}
smtp_line_length_limit = 0
local_header_rewrite_clients =
# An address that sealpost does not know.
virtual_mailbox_maps = inline:{{ legacy@one.example=x }}
smtpd_tls_chain_files = {folder}/etc/tls.pem
# Fast, and only when a test says so.
queue_run_delay = 1000s
minimal_backoff_time = 1000s
maximal_backoff_time = 1000s
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
in_flow_delay = 0
"""

MASTER_CF = """\
{port}    inet  n       -       n       -       -       smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       1000    1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
"""

DOVECOT_COMMON = """\
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {folder}/log/dovecot
ssl = no
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
service lmtp {{
  unix_listener {folder}/run/lmtp {{
    mode = 0666
  }}
}}
"""

DOVECOT_23 = """\
protocols = imap lmtp
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
auth_mechanisms = plain login
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {sasl}
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = home={folder}/mail/%d/%n
}}
"""

DOVECOT_24 = """\
protocols {{
  imap = yes
  lmtp = yes
}}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
auth_mechanisms = plain login
service imap-login {{
  inet_listener imap {{
    listen = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service auth {{
  inet_listener sasl {{
    listen = 127.0.0.1
    port = {sasl}
  }}
}}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    home = {folder}/mail/%{{user | domain}}/%{{user | username}}
  }}
}}
"""

SEALPOST_CONF = """\
[accounts]
directory = {folder}/db/directory.db
secrets = {folder}/db/secrets.db
[stats]
database = {folder}/stats/stats.db
[milter]
listen = unix:{folder}/run/milter.sock
spool_directory = {folder}/spool
user = {user}
{milter}
[policyd]
listen = unix:{folder}/run/policyd.sock
user = {user}
[saslauthd]
listen = inet:127.0.0.1:{sasl}
[hop]
listen = 127.0.0.1:{hop}
deliver = {deliver}
{hop_more}
"""


def skip_unless_possible():
    """Ends the test program as skipped where no site can run."""
    needed = ("/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/bin/gpg")
    missing = [p for p in needed if not os.path.exists(p)]
    if os.geteuid() != 0 or missing:
        print("skipped: %s" % ("needs root" if not missing else
                               "not installed: " + ", ".join(missing)))
        raise SystemExit(77)


def wait_for(what, condition, patience=PATIENCE):
    """The first true value of condition(); fails after a while."""
    deadline = time.monotonic() + patience
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("in vain waited for " + what)
        pause.wait(0.02)


def free_ports(count):
    """None that the system gives to outgoing connections: one that a server
    leaves for a while is still free when it comes back."""
    ports = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(11000, 32000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports


def run(*command, stdin=None, env=None, status=0):
    done = subprocess.run(
        command, input=stdin, capture_output=True,
        env=dict(os.environ, **env) if env else None)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d\n%s%s" % (
            " ".join(command), done.returncode,
            done.stdout.decode(errors="replace"),
            done.stderr.decode(errors="replace")))
    return done


def dovecot_release():
    version = run("/usr/sbin/dovecot", "--version").stdout.decode()
    return tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", version).groups())


def canary():
    return "kanarie" + secrets.token_hex(16)


def forms_of(text):
    """The text as it can stand in a file: also in base64, at every offset."""
    raw = text.encode()
    forms = [raw, raw.hex().encode()]
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw)
        first = (offset * 8 + 5) // 6
        last = (offset + len(raw)) * 8 // 6
        forms.append(whole[first:last])
    return forms


class Sink:
    """The outside: an SMTP server that takes everything."""

    def __init__(self, port):
        self.messages = []
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", port))
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        with client, client.makefile("rb") as lines:
            with contextlib.suppress(OSError):
                self.talk(client, lines)

    def talk(self, client, lines):
        sender, recipients = None, []
        client.sendall(b"220 outside.example ESMTP\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                client.sendall(b"250-outside.example\r\n250-8BITMIME\r\n"
                               b"250-SMTPUTF8\r\n250 PIPELINING\r\n")
                continue
            if verb == b"MAIL":
                sender, recipients = line, []
            elif verb == b"RCPT":
                recipients.append(line.decode())
            elif verb == b"DATA":
                client.sendall(b"354 go on\r\n")
                self.take(sender, recipients, lines)
            elif verb == b"QUIT":
                client.sendall(b"221 bye\r\n")
                return
            client.sendall(b"250 2.0.0 ok\r\n")

    def take(self, sender, recipients, lines):
        data = []
        for line in lines:
            if line == b".\r\n":
                break
            data.append(line[1:] if line.startswith(b".") else line)
        else:
            raise OSError("cut off")
        with self.changed:
            self.messages.append((sender, recipients, b"".join(data)))
            self.changed.notify_all()

    def wait(self, text, patience=PATIENCE):
        """The first message that contains the text."""
        wanted = text.encode()

        def find():
            return next((m for m in self.messages if wanted in m[2]), None)
        with self.changed:
            if not self.changed.wait_for(find, patience):
                raise AssertionError("in vain waited for a message outside")
            return find()

    def close(self):
        # It wakes the thread: else that one would take from the next sink,
        # which gets the same file descriptor.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()


class Daemon:
    """A program in the foreground, its log read as it comes."""

    def __init__(self, command, log, close_fds=True):
        self.lines = []
        self.changed = threading.Condition()
        self.log = log
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE,
                                        close_fds=close_fds)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    @property
    def pid(self):
        return self.process.pid

    def read(self):
        with open(self.log, "ab", buffering=0) as log:
            for line in self.process.stderr:
                log.write(line)
                with self.changed:
                    self.lines.append(line.decode(errors="replace"))
                    self.changed.notify_all()
        with self.changed:
            self.lines.append("")
            self.changed.notify_all()

    def wait_line(self, pattern, start=0, patience=PATIENCE):
        def find():
            return next((m for m in (re.search(pattern, line)
                                     for line in self.lines[start:]) if m),
                        None) or (self.lines and self.lines[-1] == "")
        with self.changed:
            found = self.changed.wait_for(find, patience)
            if found is True or not found:
                raise AssertionError("in vain waited for %r in:\n%s" % (
                    pattern, "".join(self.lines)))
            return found

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            if number != signal.SIGKILL:
                self.process.send_signal(signal.SIGCONT)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("it does not end: " + self.log)
        self.reader.join()
        self.process.stderr.close()
        return status


class Site:
    def __init__(self, milter="", hop="", main="", start_milter=True):
        self.folder = tempfile.mkdtemp(prefix="sealpost-e2e-")
        self.stack = contextlib.ExitStack()
        self.stack.callback(shutil.rmtree, self.folder)
        atexit.register(self.close)
        os.chmod(self.folder, 0o755)
        (self.port, self.imap_port, self.relay, self.hop, self.sasl_port,
         self.submission, self.submissions) = free_ports(7)
        self.keys = {}
        self.milter = None
        self.more = {"milter": milter, "hop_more": hop,
                     "deliver": "lmtp:unix:%s/run/lmtp" % self.folder}
        try:
            self.make_folders()
            self.sink = Sink(self.relay)
            self.stack.callback(self.sink.close)
            self.write_conf()
            self.sealpost("init")
            self.give_stats_to_milter()
            self.start_dovecot()
            self.write_postfix(main)
            self.start_postfix()
            if start_milter:
                self.start_milter()
        except BaseException:
            self.close()
            raise

    def close(self):
        """Also at exit; a second time it does nothing."""
        with contextlib.suppress(AssertionError):
            self.stop_milter()
        self.stack.close()
        atexit.unregister(self.close)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_folders(self):
        user = pwd.getpwnam(MAIL_USER)
        for name in ("etc", "queue", "data", "log", "db", "stats", "run",
                     "spool", "mail", "dovecot", "dovecot/run",
                     "dovecot/state", "gnupg"):
            os.mkdir(self.path(name), 0o755)
        for name in ("stats", "spool", "mail"):
            os.chown(self.path(name), user.pw_uid, user.pw_gid)
        os.chown(self.path("data"), pwd.getpwnam("postfix").pw_uid, 0)
        os.chmod(self.path("gnupg"), 0o700)
        with open(self.path("gnupg", "gpg-agent.conf"), "w") as f:
            f.write("s2k-count 1024\n")  # else 10 s for each key
        with open(self.path("gnupg", "gpg.conf"), "w") as f:
            f.write("no-random-seed-file\nbatch\nno-tty\n")
        self.stack.callback(run, "gpgconf", "--homedir", self.path("gnupg"),
                            "--kill", "all", status=None)

    # ---- sealpost ----

    def write_conf(self, **more):
        self.more.update(more)
        with open(self.path("sealpost.conf"), "w") as f:
            f.write(SEALPOST_CONF.format(
                folder=self.folder, hop=self.hop, sasl=self.sasl_port,
                user=MAIL_USER, **self.more))

    def sealpost(self, *command, stdin=None, status=0):
        return run(os.path.join(BUILD, "ctl", "sealpost"), "-c",
                   self.path("sealpost.conf"), *command,
                   stdin=stdin, status=status).stdout.decode()

    def give_stats_to_milter(self):
        """The milter runs as a user of its own, which counts."""
        user = pwd.getpwnam(MAIL_USER)
        for name in os.listdir(self.path("stats")):
            os.chown(self.path("stats", name), user.pw_uid, user.pw_gid)

    def start_milter(self):
        self.milter = Daemon(
            [os.path.join(BUILD, "milter", "sealpost-milter"), "-c",
             self.path("sealpost.conf"), "-d"], self.path("log", "milter"))
        self.milter.wait_line("ready")

    def stop_milter(self, number=signal.SIGTERM):
        if self.milter is None:
            return None
        milter, self.milter = self.milter, None
        return milter.stop(number)

    def reload_milter(self):
        start = len(self.milter.lines)
        self.milter.send_signal(signal.SIGHUP)
        self.milter.wait_line("reloaded the configuration", start)

    @contextlib.contextmanager
    def milter_stopped(self):
        self.stop_milter()
        try:
            yield
        finally:
            self.start_milter()

    def milter_reply(self, recipient, message):
        """What the milter answers when Postfix is left out."""
        head, body = with_crlf(message).split(b"\r\n\r\n", 1)
        fields = [field.replace(b"\r\n", b"\n").split(b":", 1)
                  for field in re.split(rb"\r\n(?![ \t])", head)]
        with contextlib.closing(milter_client.MilterClient(
                self.path("run", "milter.sock"))) as client:
            (command, text), _ = client.message(recipient, fields, body)
            return command + text

    def stats(self):
        return json.loads(self.sealpost("stats", "--json"))

    # ---- keys ----

    def gpg(self, *arguments, stdin=None, status=0):
        return run("gpg", "--homedir", self.path("gnupg"), *arguments,
                   stdin=stdin, status=status)

    def make_key(self, address, algorithm="future-default", expire="0",
                 force=False):
        """A new key pair; returns the armored certificate."""
        done = self.gpg("--passphrase", "", "--status-fd", "1",
                        *(["--yes"] if force else []),
                        "--quick-generate-key", "<%s>" % address, algorithm,
                        "default", expire)
        fingerprint = re.search(r"KEY_CREATED \S ([0-9A-F]+)",
                                done.stdout.decode()).group(1)
        self.keys[address] = fingerprint
        return self.gpg("--armor", "--export", fingerprint).stdout

    def subkey_ids(self, address):
        """Key ids of the encryption subkeys of the account's key."""
        listed = self.gpg("--with-colons", "--list-keys",
                          self.keys[address]).stdout.decode()
        return {line.split(":")[4] for line in listed.splitlines()
                if line.startswith("sub:") and "e" in line.split(":")[11]}

    def add_account(self, address, key=True, expire="0"):
        domain = address.split("@")[1]
        if domain not in self.sealpost("domain", "list"):
            self.sealpost("domain", "add", domain)
        self.sealpost("user", "add", address)
        if key:
            self.sealpost("key", "import", address,
                          stdin=self.make_key(address, expire=expire))

    # ---- Dovecot ----

    def start_dovecot(self):
        release = dovecot_release()
        text = DOVECOT_COMMON + (DOVECOT_23 if release < (2, 4) else
                                 DOVECOT_24)
        head = "" if release < (2, 4) else (
            "dovecot_config_version = 2.4.0\n"
            "dovecot_storage_version = 2.4.0\n")
        conf = self.path("dovecot", "dovecot.conf")
        group = run("id", "-gn", MAIL_USER).stdout.decode().strip()
        with open(conf, "w") as f:
            f.write(head + text.format(
                folder=self.folder, user=MAIL_USER, group=group,
                imap=self.imap_port, sasl=self.sasl_port, password=PASSWORD))
        dovecot = Daemon(["/usr/sbin/dovecot", "-F", "-c", conf],
                         self.path("log", "dovecot.stderr"))
        self.stack.callback(dovecot.stop)
        wait_for("Dovecot", lambda: dovecot.process.poll() is not None or
                 self.answers(self.imap_port))
        if dovecot.process.poll() is not None:
            raise AssertionError("Dovecot: %s" % "".join(dovecot.lines))

    def answers(self, port):
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", port), 5) as s:
            return s.recv(1) != b""
        return False

    @contextlib.contextmanager
    def imap(self, address):
        client = imaplib.IMAP4("127.0.0.1", self.imap_port)
        try:
            client.login(address, PASSWORD)
            yield client
        finally:
            client.logout()

    def fetch(self, address, message_id):
        """The message as IMAP gives it, with CRLF."""
        with self.imap(address) as client:
            client.select(readonly=True)
            _, found = client.search(None, "HEADER", "Message-ID",
                                     '"%s"' % message_id)
            numbers = found[0].split()
            if len(numbers) != 1:
                raise AssertionError("%d messages %s of %s" % (
                    len(numbers), message_id, address))
            _, data = client.fetch(numbers[0].decode(), "(BODY.PEEK[])")
            return data[0][1]

    # ---- Postfix ----

    def write_postfix(self, more):
        daemons = run("/usr/sbin/postconf", "-h",
                      "daemon_directory").stdout.decode().strip()
        with open(self.path("etc", "main.cf"), "w") as f:
            f.write(MAIN_CF.format(folder=self.folder, relay=self.relay,
                                   daemons=daemons) + more)
        with open(self.path("etc", "master.cf"), "w") as f:
            f.write(MASTER_CF.format(port="127.0.0.1:%d" % self.port))
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=localhost", "-keyout", self.path("etc", "key.pem"), "-out",
            self.path("etc", "cert.pem"))
        with open(self.path("etc", "tls.pem"), "w") as out:
            for name in ("key.pem", "cert.pem"):
                with open(self.path("etc", name)) as f:
                    out.write(f.read())
        os.chmod(self.path("etc", "tls.pem"), 0o600)
        self.apply()

    def apply(self):
        self.sealpost("postfix", "apply", "--config-directory",
                      self.path("etc"), "--templates", TEMPLATES,
                      "--submission", "127.0.0.1:%d" % self.submission,
                      "--submissions", "127.0.0.1:%d" % self.submissions)
        self.age_postfix()

    def age_postfix(self):
        """Postfix programs wait until a file is a second old."""
        for name in ("main.cf", "master.cf"):
            os.utime(self.path("etc", name), (1, 1))

    def postfix(self, *command, status=0):
        return run("/usr/sbin/postfix", "-c", self.path("etc"), *command,
                   status=status)

    def master_pid(self):
        with contextlib.suppress(OSError, ValueError), \
                open(self.path("queue", "pid", "master.pid")) as f:
            return int(f.read())
        return 0

    def start_postfix(self):
        self.postfix("start")
        self.stack.callback(self.stop_postfix)
        wait_for("Postfix", lambda: self.answers(self.port))

    def stop_postfix(self):
        """What `postfix stop` does, without its pauses of a second."""
        pid = self.master_pid()

        def ended():
            try:
                os.killpg(pid, 0)
            except ProcessLookupError:
                return True
            return False
        if pid and not ended():
            os.killpg(pid, signal.SIGTERM)
            wait_for("the end of Postfix", ended)

    def restart_postfix(self):
        self.stop_postfix()
        self.age_postfix()
        self.postfix("start")
        wait_for("Postfix", lambda: self.answers(self.port))

    def postconf(self, *arguments):
        run("/usr/sbin/postconf", "-c", self.path("etc"), *arguments)
        self.age_postfix()

    def reload_postfix(self):
        self.age_postfix()
        self.postfix("reload")

    def maillog(self):
        with open(self.path("log", "maillog"), errors="replace") as f:
            return f.read()

    def wait_maillog(self, pattern, start=0):
        return wait_for("%r in the mail log" % pattern,
                        lambda: re.search(pattern, self.maillog()[start:]))

    def print_logs(self, title):
        print("---- logs %s" % title, file=sys.stderr)
        with contextlib.suppress(AssertionError):
            for entry in self.queue():
                print(entry, file=sys.stderr)
        for sender, recipients, data in self.sink.messages:
            print("outside:", sender, recipients, len(data), file=sys.stderr)
        for name in ("maillog", "milter", "dovecot"):
            with contextlib.suppress(OSError), \
                    open(self.path("log", name), errors="replace") as f:
                print("".join(line[:300].rstrip() + "\n" for line in
                              f.readlines()[-60:]), file=sys.stderr)

    def queue(self):
        listed = run("/usr/sbin/postqueue", "-c", self.path("etc"), "-j")
        return [json.loads(line) for line in listed.stdout.splitlines()]

    def wait_queue_empty(self):
        # Twice: a file that moves while it is listed is not seen.
        wait_for("an empty queue",
                 lambda: not self.queue() and not self.queue())

    def wait_deferred(self, recipient, reason=""):
        """A message to the recipient is deferred, for that reason."""
        def find():
            for entry in self.queue():
                if entry["queue_name"] != "deferred":
                    continue
                for r in entry["recipients"]:
                    if r["address"] == recipient and \
                            reason in r.get("delay_reason", ""):
                        return r["delay_reason"]
            return None
        return wait_for("a deferred message to " + recipient, find)

    def flush(self):
        run("/usr/sbin/postqueue", "-c", self.path("etc"), "-f")

    def empty_queue(self):
        run("/usr/sbin/postsuper", "-c", self.path("etc"), "-d", "ALL")

    # ---- mail ----

    @contextlib.contextmanager
    def smtp(self, port=None, timeout=PATIENCE):
        client = smtplib.SMTP("127.0.0.1", port or self.port,
                              local_hostname="client.example",
                              timeout=timeout)
        try:
            client.ehlo()
            yield client
        finally:
            client.close()

    def send(self, message, *recipients, sender="sender@outside.example"):
        """Sends bytes as they are, line ends made CRLF."""
        with self.smtp() as client:
            eight_bit = ["BODY=8BITMIME"]
            check(client.mail(sender, eight_bit))
            for r in recipients:
                check(client.rcpt(r))
            check(send_data(client, message))
            client.quit()

    def rcpt_reply(self, recipient, timeout=PATIENCE):
        with self.smtp(timeout=timeout) as client:
            check(client.mail("sender@outside.example"))
            return client.rcpt(recipient)

    def stored_files(self):
        for folder, _, files in os.walk(self.path("mail")):
            if os.path.basename(folder) in ("new", "cur"):
                for name in files:
                    yield os.path.join(folder, name)

    def find_stored(self, address, message_id):
        local, domain = address.split("@")
        place = self.path("mail", domain, local) + "/"
        wanted = b"message-id: " + message_id.encode().lower()
        for path in self.stored_files():
            if not path.startswith(place):
                continue
            with contextlib.suppress(FileNotFoundError), \
                    open(path, "rb") as f:
                text = f.read()
                if wanted in text.split(b"\n\n", 1)[0].lower():
                    return text
        return None

    def wait_stored(self, address, message_id):
        """The message as it lies in the mailbox."""
        return wait_for("mail for " + address, lambda: self.find_stored(
            address, message_id))

    def unseal(self, stored):
        return run(os.path.join(BUILD, "ctl", "sealpost-unseal"),
                   stdin=stored,
                   env={"GNUPGHOME": self.path("gnupg")}).stdout

    def key_ids(self, stored):
        """Key ids that a stored message is encrypted to."""
        parts = email.message_from_bytes(stored).get_payload()
        armored = parts[1].get_payload().encode()
        listed = self.gpg("--list-packets", "--list-only", stdin=armored,
                          status=None)
        ids = set()
        for line in (listed.stdout + listed.stderr).decode().splitlines():
            found = re.match(r":pubkey enc packet:.*keyid ([0-9A-F]+)", line)
            if found:
                ids.add(found.group(1))
        return ids

    def files_with(self, text, *places):
        """Files below the places (all of the site) that hold the text."""
        forms = forms_of(text)
        found = []
        for place in places or ("mail", "spool", "log", "queue", "db",
                                "stats", "run", "dovecot", "data"):
            for folder, _, files in os.walk(self.path(place)):
                for name in files:
                    path = os.path.join(folder, name)
                    if holds(path, forms):
                        found.append(path)
        return found


def with_crlf(message):
    """What is sent for a message in a file; one with any CRLF is sent as it is."""
    return message if b"\r\n" in message else message.replace(b"\n", b"\r\n")


def send_data(client, message):
    """DATA and the message; the reply."""
    text = with_crlf(message)
    if not text.endswith(b"\r\n"):
        text += b"\r\n"
    client.putcmd("data")
    reply = client.getreply()
    if reply[0] != 354:
        return reply
    client.send(re.sub(rb"(?m)^\.", b"..", text) + b".\r\n")
    return client.getreply()


def check(reply):
    if reply[0] >= 400:
        raise AssertionError("%d %s" % (reply[0], reply[1].decode()))


def holds(path, forms):
    try:
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as f:
            text = f.read()
    except FileNotFoundError:
        return False
    return any(form in text for form in forms)


TRACE = re.compile(rb"(Return-Path|Delivered-To|Received|X-Sieve):.*\n"
                   rb"([ \t].*\n)*")


def without_trace(message, count=None):
    """The message without (the first `count`) trace fields on top."""
    n = 0
    while count is None or n < count:
        found = TRACE.match(message)
        if not found:
            break
        message = message[found.end():]
        n += 1
    return message


def text_message(secret, message_id, to="someone@one.example", more=""):
    return ("From: Sender <sender@outside.example>\n"
            "To: %s\n"
            "Subject: a test\n"
            "Date: Tue, 03 Mar 2026 10:00:00 +0000\n"
            "Message-ID: %s\n"
            "%s"
            "MIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\n"
            "\n"
            "The secret is %s.\n"
            ".a line with a dot\n"
            "\n" % (to, message_id, more, secret)).encode()


class SiteTest(unittest.TestCase):
    """Tests on one site, which lives as long as the class."""

    site_options = {}

    @classmethod
    def setUpClass(cls):
        cls.site = Site(**cls.site_options)
        cls.addClassCleanup(cls.site.close)
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    def run(self, result=None):
        """Where a test fails, the logs say more."""
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            self.site.print_logs("after %s" % self.id())

    def setUp(self):
        started = time.monotonic()
        self.addCleanup(lambda: os.environ.get("SEALPOST_TIMES") and print(
            "%6.1f s %s" % (time.monotonic() - started, self.id()),
            file=sys.stderr))
        self.secret = canary()
        self.message_id = "<%s@outside.example>" % secrets.token_hex(8)

    def message(self, to="someone@one.example", more=""):
        return text_message(self.secret, self.message_id, to, more)

    def assert_sealed_copy(self, address, sent):
        """The mailbox has the message, sealed for its owner alone."""
        stored = self.site.wait_stored(address, self.message_id)
        for form in forms_of(self.secret):
            self.assertNotIn(form, stored)
        self.assertLessEqual(self.site.key_ids(stored),
                             self.site.subkey_ids(address))
        self.assertEqual(len(self.site.key_ids(stored)), 1)
        self.assertEqual(without_trace(self.site.unseal(stored)), sent)
        over_imap = self.site.fetch(address, self.message_id)
        self.assertEqual(without_trace(self.site.unseal(over_imap)),
                         sent.replace(b"\n", b"\r\n"))
        return stored

    def assert_nowhere(self, *places):
        self.assertEqual(self.site.files_with(self.secret, *places), [])

    def assert_not_stored(self, message_id=None):
        wanted = (message_id or self.message_id).encode()
        for path in self.site.stored_files():
            with open(path, "rb") as f:
                self.assertNotIn(wanted, f.read())


def end_on_signal():
    """Whoever ends the program wants the site ended, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main():
    skip_unless_possible()
    end_on_signal()
    unittest.main(module=sys.modules["__main__"])


def tls():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""A stock Dovecot of its own, and an IMAP client that keeps every octet: the
oracle of what IMAP says of a message."""
import contextlib
import glob
import os
import pwd
import re
import shutil
import socket
import tempfile

import harness
from harness import MAIL_USER, PASSWORD

CONF_23 = """\
protocols = imap
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_save_crlf = yes
# From its cache fields may come without their CRs, and without the empty line
# that is added to a header that has no end.
mail_never_cache_fields = hdr.date hdr.from hdr.to hdr.received \
  hdr.mime-version hdr.content-type hdr.subject hdr.x-none
auth_mechanisms = plain
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
  driver = static
  args = home={folder}/mail/%u
}}
"""


def corpus():
    """The paths of the messages the tests know of."""
    folders = [os.path.join(harness.SOURCE, "tests", "corpus"),
               os.environ.get("SEALPOST_CORPUS", "")]
    return [path for folder in folders if folder
            for path in sorted(glob.glob(os.path.join(folder, "*.eml")))]


def with_crlf(message):
    return re.sub(rb"(?<!\r)\n", b"\r\n", message)


def skip_unless_possible():
    """Dovecot 2.3 is the one that the bridge answers like."""
    harness.skip_unless_possible()
    version = harness.run("/usr/sbin/dovecot", "--version").stdout
    if not version.startswith(b"2.3"):
        print("skipped: Dovecot", version.decode().strip())
        raise SystemExit(77)


class Server:
    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.folder = tempfile.mkdtemp(prefix="sealpost-oracle-")
        self.stack.callback(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.port, = harness.free_ports(1)
        try:
            self.start()
        except BaseException:
            self.stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stack.close()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def start(self):
        user = pwd.getpwnam(MAIL_USER)
        group = harness.run("id", "-gn", MAIL_USER).stdout.decode().strip()
        for name in ("mail", "log", "run", "dovecot", "dovecot/run",
                     "dovecot/state"):
            os.mkdir(self.path(name), 0o755)
        os.chown(self.path("mail"), user.pw_uid, user.pw_gid)
        common = re.sub(r"(?s)service lmtp.*", "", harness.DOVECOT_COMMON)
        with open(self.path("dovecot.conf"), "w") as f:
            f.write((common + CONF_23).format(
                folder=self.folder, user=MAIL_USER, group=group,
                imap=self.port, password=PASSWORD))
        self.dovecot = harness.Daemon(
            ["/usr/sbin/dovecot", "-F", "-c", self.path("dovecot.conf")],
            self.path("log", "dovecot.stderr"))
        self.stack.callback(self.dovecot.stop)
        harness.wait_for("Dovecot", lambda:
                         self.dovecot.process.poll() is not None or
                         self.answers())
        if self.dovecot.process.poll() is not None:
            raise AssertionError("".join(self.dovecot.lines))

    def answers(self):
        with contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.port), 5) as s:
            return s.recv(1) != b""
        return False

    def client(self, user="ann"):
        return Client(self.port, user)


class Client:
    """Commands and answers as octets, their literals in them ({n+} in a
    command)."""

    def __init__(self, port, user):
        self.socket = socket.create_connection(("127.0.0.1", port),
                                               harness.PATIENCE)
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.response()
        self.ok(b"LOGIN %s %s" % (user.encode(), PASSWORD.encode()))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def response(self):
        """One answer, with the literals in it."""
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise AssertionError("the connection was lost")
            whole += line
            literal = re.search(rb"\{(\d+)\}\r\n$", line)
            if literal is None:
                return whole[:-2]
            octets = self.file.read(int(literal.group(1)))
            whole += octets

    def command(self, text):
        """The last line without its tag, and the untagged answers."""
        self.count += 1
        tag = b"t%d" % self.count
        self.socket.sendall(tag + b" " + text + b"\r\n")
        untagged = []
        while True:
            answer = self.response()
            if answer.startswith(tag + b" "):
                return answer[len(tag) + 1:], untagged
            untagged.append(answer)

    def ok(self, text):
        status, untagged = self.command(text)
        if not status.startswith(b"OK"):
            raise AssertionError("%r: %r" % (text[:200], status))
        return untagged

    def append(self, folder, message):
        self.ok(b"APPEND %s {%d+}\r\n%s" % (folder, len(message), message))

    def fetch(self, number, items):
        """{item: value} of one message; the values as they came."""
        for answer in self.ok(b"FETCH %d (%s)" % (number, b" ".join(items))):
            match = re.match(rb"\* %d FETCH \(" % number, answer)
            if match is not None:
                return dict(items_of(answer, match.end()))
        raise AssertionError("no answer to FETCH")


def skip_value(text, at):
    """The offset behind the value at `at`."""
    if text[at:at + 1] == b"(":
        at += 1
        while text[at:at + 1] != b")":
            at = skip_value(text, at)
            if text[at:at + 1] == b" ":
                at += 1
        return at + 1
    match = re.compile(rb'"(?:[^"\\]|\\.)*"', re.S).match(text, at)
    if match is None:
        match = re.compile(rb"\{(\d+)\}\r\n").match(text, at)
        if match is not None:
            return match.end() + int(match.group(1))
        match = re.compile(rb"[^ ()]+").match(text, at)
    return match.end()


def items_of(text, at):
    name = re.compile(rb"BODY\[[^\]]*\](?:<\d+>)?|[^ ]+")
    while text[at:at + 1] != b")":
        item = name.match(text, at)
        end = skip_value(text, item.end() + 1)
        yield item.group(), text[item.end() + 1:end]
        at = end + (text[end:end + 1] == b" ")


def string_of(value):
    """The octets of a string as IMAP writes it."""
    literal = re.match(rb"\{(\d+)\}\r\n", value)
    if literal is not None:
        return value[literal.end():]
    if value == b"NIL":
        return None
    return re.sub(rb"\\(.)", rb"\1", value[1:-1])


def list_of(value, at=0):
    """A parenthesized list as nested lists of octets; and where it ends."""
    found, at = [], at + 1
    while value[at:at + 1] != b")":
        if value[at:at + 1] == b"(":
            inner, at = list_of(value, at)
            found.append(inner)
        else:
            end = skip_value(value, at)
            found.append(value[at:end])
            at = end
        at += value[at:at + 1] == b" "
    return found, at + 1

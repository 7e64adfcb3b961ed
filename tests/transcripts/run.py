#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Plays conversations from files against a daemon.

usage: run.py FOLDER [NAME...]

FOLDER (policy or auth, beside this file) says which daemon; each NAME.t in it is
played on a connection of its own, with what the client says in one piece and
again octet by octet. SEALPOST_BUILD is the build folder. A transcript has lines

  # a comment
  C: LINE     the client sends LINE and LF; "\\t", "\\0", "\\r", "\\xNN" and "\\\\"
              are escapes; a real TAB is one, too
  C- TEXT     the same without LF
  S: LINE     the server's next line; "*" is any text, "..." alone any lines up
              to the next one that is named
  S! end      the server closes the connection
  S! quiet    the server has nothing to say for now
  C! end      the client sends no more
  D: KEY VALUE...   what the daemon has counted in the end (policy: address, sent,
              recipients, octets)

Values that a daemon invents may be named: "*name*" matches any text, and in
a later line the same text.
"""
import os
import pathlib
import re
import socket
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|.)")
SIMPLE = {"t": b"\t", "0": b"\0", "r": b"\r", "n": b"\n", "\\": b"\\"}
QUIET_S = 0.2


class Wrong(Exception):
    pass


def unescaped(text):
    parts, at = [], 0
    for m in ESCAPE.finditer(text):
        parts.append(text[at:m.start()].encode())
        what = m.group(1)
        parts.append(bytes.fromhex(what[1:]) if what[0] == "x" and
                     len(what) == 3 else SIMPLE[what])
        at = m.end()
    return b"".join(parts) + text[at:].encode()


class Player:
    def __init__(self, address, step):
        family = socket.AF_UNIX if isinstance(address, str) else \
            socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(30)
        self.socket.connect(address)
        self.step = step
        self.unsent = b""
        self.unread = b""
        self.names = {}
        self.skip = False

    # ---- what the client does ----

    def send(self, data):
        self.unsent += data

    def flush(self):
        """What follows each other in the file is sent in one piece."""
        data, self.unsent = self.unsent, b""
        try:
            for at in range(0, len(data), self.step or max(len(data), 1)):
                self.socket.sendall(
                    data[at:at + self.step] if self.step else data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has ended it; what comes next says if it may

    def client_end(self):
        self.flush()
        self.socket.shutdown(socket.SHUT_WR)

    # ---- what the server does ----

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.unread += data
        return data != b""

    def line(self):
        while b"\n" not in self.unread:
            if not self.more():
                raise Wrong("the end, and not a line")
        line, self.unread = self.unread.split(b"\n", 1)
        return line.decode(errors="backslashreplace")

    def pattern(self, text):
        parts = []
        for part in re.split(r"(\*\w+\*|\*)", text):
            name = part.strip("*")
            if part == "*":
                parts.append(".*")
            elif part.startswith("*") and name in self.names:
                parts.append(re.escape(self.names[name]))
            elif part.startswith("*"):
                parts.append("(?P<%s>.*)" % name)
            else:
                parts.append(re.escape(unescaped(part).decode()))
        return re.compile("".join(parts), re.S)

    def expect(self, text):
        self.flush()
        if text == "...":
            self.skip = True
            return
        pattern = self.pattern(text)
        while True:
            line = self.line()
            found = pattern.fullmatch(line)
            if found:
                self.names.update(found.groupdict())
                self.skip = False
                return
            if not self.skip:
                raise Wrong("the server said %r" % line)

    def expect_end(self):
        self.flush()
        while self.more():
            pass
        if self.unread:
            raise Wrong("the server said %r" % self.unread)

    def expect_quiet(self):
        self.flush()
        self.socket.settimeout(QUIET_S)
        try:
            self.more()
        except TimeoutError:
            pass
        else:
            raise Wrong("the server said %r, or ended" % self.unread)
        finally:
            self.socket.settimeout(30)

    def close(self):
        self.socket.close()


class PolicySite:
    """The daemon; a database of its own for each conversation."""

    def __init__(self):
        from policy_client import Server
        self.server = Server()
        self.address = self.server.address

    def counted(self):
        return {" ".join([address or '""', *map(str, row)])
                for address, row in self.server.rows().items()}

    def close(self):
        self.server.close()


class AuthSite:
    """Accounts ann (all mechanisms), scram (SCRAM only), off (disabled)."""

    def __init__(self):
        from auth_client import Server
        self.server = Server("max_delay = 0s\n")
        for name in ("ann", "scram", "off"):
            self.server.add(name + "@example.org")
        self.server.sealpost("user", "set", "scram@example.org",
                             "mechanisms=SCRAM-SHA-256")
        self.server.sealpost("user", "disable", "off@example.org")
        self.address = self.server.address

    def counted(self):
        return set()

    def close(self):
        self.server.close()


SITES = {"policy": PolicySite, "auth": AuthSite}


def play_line(player, site, kind, text):
    if kind == "C:":
        player.send(unescaped(text) + b"\n")
    elif kind == "C-":
        player.send(unescaped(text))
    elif kind == "S:":
        player.expect(text)
    elif kind == "D:":
        player.flush()
        if text and text not in site.counted():
            raise Wrong("counted are %s" % sorted(site.counted()))
        if not text and site.counted():
            raise Wrong("counted are %s" % sorted(site.counted()))
    else:
        {"C! end": player.client_end, "S! end": player.expect_end,
         "S! quiet": player.expect_quiet}["%s %s" % (kind, text)]()


def play(path, site_type, step):
    site = site_type()
    player = Player(site.address, step)
    try:
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                line = line.rstrip("\n")
                if line == "" or line.startswith("#"):
                    continue
                try:
                    play_line(player, site, line[:2], line[3:])
                except (Wrong, KeyError, TimeoutError) as e:
                    return "%s:%d: %s\n    %s" % (path, number, line, e)
    finally:
        player.close()
        site.close()
    return None


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in SITES:
        sys.exit(__doc__)
    folder = HERE / sys.argv[1]
    names = sys.argv[2:] or sorted(p.stem for p in folder.glob("*.t"))
    if not names:
        sys.exit("%s: no transcripts" % folder)
    faults = 0
    for name in names:
        for step in (0, 1):
            fault = play(folder / (name + ".t"), SITES[sys.argv[1]], step)
            if fault:
                faults += 1
                print(("octet by octet: " if step else "") + fault)
    print("%d transcripts, %d faults" % (len(names), faults))
    sys.exit(1 if faults else 0)


main()

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""An IMAP client that keeps every octet and can say what no library says."""
import os
import re
import socket

PATIENCE = float(os.environ.get("SEALPOST_PATIENCE", "60"))


class Gone(Exception):
    """The server has ended the connection."""


class Raw:
    """`greeting` is its first line. Each response is one bytes object, its
    literals within, without the last CRLF."""

    def __init__(self, port, host="127.0.0.1", login=None):
        self.socket = socket.create_connection((host, port), PATIENCE)
        self.file = self.socket.makefile("rb")
        self.count = 0
        self.greeting = self.response()
        if login is not None:
            self.ok('LOGIN "%s" "%s"' % login)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def start_tls(self, context, name):
        self.file.close()
        self.socket = context.wrap_socket(self.socket, server_hostname=name)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data)

    def response(self):
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise Gone(whole + line)
            whole += line
            size = re.search(rb"\{(\d+)\}\r\n$", line)
            if not size or not whole.startswith(b"* ") or re.match(
                    rb"\* (OK|NO|BAD|BYE) ", whole):
                return whole[:-2]
            data = self.file.read(int(size.group(1)))
            if len(data) < int(size.group(1)):
                raise Gone(whole)
            whole += data

    def tag(self):
        self.count += 1
        return b"t%d" % self.count

    def until(self, tag):
        """(untagged responses, what follows the tag)"""
        untagged = []
        while True:
            r = self.response()
            if r.startswith(tag + b" "):
                return untagged, r[len(tag) + 1:]
            untagged.append(r)

    def run(self, command):
        tag = self.tag()
        if isinstance(command, str):
            command = command.encode()
        self.send(tag + b" " + command + b"\r\n")
        return self.until(tag)

    def ok(self, command):
        untagged, end = self.run(command)
        if not end.startswith(b"OK"):
            raise AssertionError("%r: %r" % (command, end))
        return untagged

    def refused(self, command):
        """Its tagged answer, which is not OK."""
        untagged, end = self.run(command)
        if end.startswith(b"OK"):
            raise AssertionError("%r: %r" % (command, end))
        return end

    def append(self, mailbox, message, more=b""):
        tag = self.tag()
        self.send(b"%s APPEND %s %s{%d+}\r\n%s\r\n" % (
            tag, mailbox.encode(), more, len(message), message))
        return self.until(tag)[1]


def number(response):
    """n of "* n FETCH ..." """
    return int(re.match(rb"\* (\d+) FETCH ", response).group(1))


def items(response):
    """The items of a FETCH response by name: values as they were written,
    literals without their announcement."""
    inner = re.match(rb"\* \d+ FETCH \(", response)
    at, found = inner.end(), {}
    while response[at:at + 1] != b")":
        begin = at
        while response[at:at + 1] not in (b" ", b""):
            at = closing(response, at) if response[at:at + 1] == b"[" \
                else at + 1
        name = response[begin:at]
        at += 1
        end = value_end(response, at)
        found[name.decode("latin-1")] = plain(response[at:end])
        at = end
        while response[at:at + 1] == b" ":
            at += 1
    return found


def plain(value):
    return re.sub(rb"^\{\d+\}\r\n", b"", value)


def closing(data, at):
    """Behind the "]" of the "[" at `at`."""
    at += 1
    while data[at:at + 1] != b"]":
        at = value_end(data, at) if data[at:at + 1] in (b'"', b"{") \
            else at + 1
    return at + 1


def value_end(data, at):
    c = data[at:at + 1]
    if c == b'"':
        return re.compile(rb'"(?:\\.|[^"\\])*"', re.S).match(data, at).end()
    if c == b"{":
        size = re.compile(rb"\{(\d+)\}\r\n").match(data, at)
        return size.end() + int(size.group(1))
    if c == b"(":
        at += 1
        while data[at:at + 1] != b")":
            at = at + 1 if data[at:at + 1] == b" " else value_end(data, at)
        return at + 1
    return re.compile(rb"[^ ()]*").match(data, at).end()

# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""The mail server's side of the milter protocol (version 6), enough to send
messages to a milter without Postfix and to look at its edits."""

import socket
import struct

ADD_HEADERS, CHANGE_BODY, CHANGE_HEADERS = 0x01, 0x02, 0x10
LEADING_SPACE = 0x00100000
SKIP = 0x00000400


class MilterClient:
    def __init__(self, path, timeout=60):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.send(b"O", struct.pack(">III", 6, 0x1FF, 0x1FFFFF))
        command, data = self.receive()
        assert command == b"O", command
        self.actions, self.steps = struct.unpack(">II", data[4:12])

    def close(self):
        self.sock.close()

    def send(self, command, data=b""):
        self.sock.sendall(struct.pack(">I", len(data) + 1) + command + data)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(min(1 << 20, n - len(data)))
            if not piece:
                raise ConnectionError("the milter closed the connection")
            data += piece
        return data

    def receive(self):
        (n,) = struct.unpack(">I", self.exactly(4))
        packet = self.exactly(n)
        return packet[:1], packet[1:]

    def call(self, command, data=b""):
        """One command, one answer ('c' continue, 't' tempfail, 'y' reply)."""
        self.send(command, data)
        return self.receive()

    def envelope(self, recipient, queue_id="4bXyZ12"):
        self.send(b"D", b"Mi\0" + queue_id.encode() + b"\0")
        answer = self.call(b"M", b"<s@example.com>\0")
        if answer[0] != b"c":
            return answer
        return self.call(b"R", b"<" + recipient.encode() + b">\0")

    def header(self, fields):
        """fields: pairs of bytes; the value with its leading blanks."""
        for name, value in fields:
            answer = self.call(b"L", name + b"\0" + value + b"\0")
            if answer[0] != b"c":
                return answer
        return self.call(b"N")

    def body(self, data):
        answer = (b"c", b"")
        for at in range(0, len(data), 65535):
            answer = self.call(b"B", data[at:at + 65535])
            if answer[0] != b"c":
                return answer
        return answer

    def end(self):
        """End of message: (final answer, [edits])."""
        self.send(b"E")
        edits = []
        while True:
            command, data = self.receive()
            if command in (b"a", b"c", b"r", b"t", b"y", b"d"):
                return (command, data), edits
            edits.append((command, data))

    def message(self, recipient, fields, body):
        answer = self.envelope(recipient)
        if answer[0] == b"c":
            answer = self.header(fields)
        if answer[0] == b"c":
            answer = self.body(body)
        return self.end() if answer[0] == b"c" else (answer, [])


def new_body(edits):
    return b"".join(data for command, data in edits if command == b"b")

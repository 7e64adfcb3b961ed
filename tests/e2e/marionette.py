# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Marionette, by which Thunderbird and Firefox are driven from outside."""
import json
import socket

import harness


class MarionetteError(Exception):
    """What the program said instead of a result."""


class Marionette:
    """One session, in the context of the program's own windows."""

    def __init__(self, port):
        self.socket = harness.wait_for(
            "Marionette", lambda: self.connect(port))
        self.stream = self.socket.makefile("rb")
        self.number = 0
        self.read()  # the greeting
        self.call("WebDriver:NewSession", {})
        self.call("Marionette:SetContext", {"value": "chrome"})
        self.call("WebDriver:SetTimeouts",
                  {"script": int(harness.PATIENCE * 1000)})

    @staticmethod
    def connect(port):
        try:
            return socket.create_connection(("127.0.0.1", port),
                                            harness.PATIENCE + 10)
        except OSError:
            return None

    def read(self):
        """A message is its length, a colon and JSON."""
        digits = b""
        while not digits.endswith(b":"):
            octet = self.stream.read(1)
            if octet == b"":
                raise MarionetteError("it has closed the connection")
            digits += octet
        return json.loads(self.stream.read(int(digits[:-1])))

    def call(self, command, arguments):
        self.number += 1
        text = json.dumps([0, self.number, command, arguments]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.read()
        if error is not None:
            raise MarionetteError("%s: %s" % (
                error.get("error"), error.get("message")))
        return result

    def script(self, text, *arguments):
        """Runs JavaScript; a promise is waited for."""
        return self.call("WebDriver:ExecuteScript", {
            "script": "return (async function () {%s\n}).apply("
                      "null, arguments);" % text,
            "args": arguments, "newSandbox": False})["value"]

    def close(self):
        self.stream.close()
        self.socket.close()

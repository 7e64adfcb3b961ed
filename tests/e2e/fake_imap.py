# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""What stands between the bridge and a real IMAP server, or in its place.

A Tap passes everything on and keeps what was said: tests look at what the
server was told. A Liar is an IMAP server that answers as a test wants it to,
which no real one does."""
import asyncio
import contextlib
import os
import re
import socket
import ssl
import threading

PATIENCE = float(os.environ.get("SEALPOST_PATIENCE", "60"))


def server_context(tls):
    """With the site's certificate for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.path("server.pem"), tls.path("server.key"))
    return context


class Tap:
    """Between the bridge and the TLS port of a server. `up` is what came from
    the bridge, `down` what came from the server, of all connections."""

    def __init__(self, tls, port):
        self.tls, self.server_port = tls, port
        self.up, self.down = bytearray(), bytearray()
        self.loop = asyncio.new_event_loop()
        self.writers = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,),
                                       daemon=True)
        self.thread.start()
        assert ready.wait(PATIENCE)

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.open = asyncio.Event()
        self.open.set()
        self.server = self.loop.run_until_complete(asyncio.start_server(
            self.serve, "127.0.0.1", 0, ssl=server_context(self.tls)))
        self.port = self.server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    async def serve(self, reader, writer):
        with contextlib.suppress(OSError):
            up, down = await asyncio.open_connection(
                "127.0.0.1", self.server_port, ssl=self.tls.context(),
                server_hostname="localhost")
            self.writers |= {writer, down}
            await asyncio.wait([
                asyncio.ensure_future(self.pass_on(reader, down, self.up)),
                asyncio.ensure_future(self.pass_on(up, writer, self.down))],
                return_when=asyncio.FIRST_COMPLETED)
            self.writers -= {writer, down}
            down.close()
        writer.close()

    async def pass_on(self, reader, writer, record):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                record += data
                await self.open.wait()
                if writer.is_closing():
                    break
                writer.write(data)
                await writer.drain()

    def call(self, f):
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (f(), done.set()))
        assert done.wait(PATIENCE)

    def hold(self):
        """Nothing passes any more, and nothing ends."""
        self.call(self.open.clear)

    def let_go(self):
        self.call(self.open.set)

    def cut(self):
        """All connections break off."""
        def abort():
            while self.writers:
                self.writers.pop().transport.abort()
        self.call(abort)

    def close(self):
        self.let_go()
        self.cut()
        self.call(self.server.close)
        asyncio.run_coroutine_threadsafe(self.end(), self.loop)
        self.thread.join(PATIENCE)
        self.loop.close()

    async def end(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.loop.stop()

    def mark(self):
        """Begins a piece; see since()."""
        return len(self.up), len(self.down)

    def since(self, mark):
        """(what the server was told, what it said) from there on"""
        return bytes(self.up[mark[0]:]), bytes(self.down[mark[1]:])


def literal(data):
    return b"{%d}\r\n%s" % (len(data), data)


def header_of(message):
    return message[:message.index(b"\r\n\r\n") + 4]


def fields_of(message, names):
    """The fields of HEADER.FIELDS, with an empty line."""
    wanted = [n.lower() for n in names.split()]
    fields = re.findall(rb"(?ms)^[^\r\n]+?\r\n(?:[ \t][^\r\n]*\r\n)*",
                        header_of(message)[:-2])
    return b"".join(f for f in fields
                    if f.split(b":")[0].lower() in wanted) + b"\r\n"


class Conversation:
    """One connection to a Liar, in its thread."""

    def __init__(self, liar, stream):
        self.liar, self.stream = liar, stream
        self.file = stream.makefile("rb")

    def say(self, data):
        self.stream.sendall(data)

    def line(self):
        """A command, its literals within, without CRLF."""
        whole = b""
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError
            whole += line
            size = re.search(rb"\{(\d+)(\+?)\}\r\n$", line)
            if not size:
                self.liar.received.append(whole[:-2])
                return whole[:-2]
            if not size.group(2) and self.liar.refusal:
                self.liar.received.append(whole[:-2])
                self.say(whole.split(b" ")[0] + self.liar.refusal)
                whole = b""
                continue
            if not size.group(2):
                self.say(b"+ go on\r\n")
            whole += self.file.read(int(size.group(1)))

    def run(self):
        self.say(self.liar.greeting)
        while not self.liar.closing:
            tag, _, rest = self.line().partition(b" ")
            self.liar.answer(self, tag, rest)


class Liar:
    """Knows one mailbox. `on(pattern, f)`: f(conversation, tag, match) answers
    a command (without its tag) that matches from its beginning; what f returns
    is sent. Without such, the answer is an honest one. `messages` by UID.
    `refusal` is what a literal gets that waits for leave."""

    def __init__(self, tls, capabilities=b"IMAP4rev1 SASL-IR LITERAL+ IDLE"):
        self.capabilities = capabilities
        self.greeting = b"* OK [CAPABILITY %s AUTH=PLAIN] hello\r\n" % (
            capabilities)
        self.messages, self.uidvalidity = {}, 7
        self.rules, self.received = [], []
        self.closing, self.refusal = False, None
        self.context = server_context(tls)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.streams = []
        threading.Thread(target=self.serve, daemon=True).start()

    def reset(self):
        """Honest again, with another mailbox that is empty."""
        self.rules, self.messages = [], {}
        self.uidvalidity += 1000
        self.refusal = None
        del self.received[:]

    def on(self, pattern, f):
        """Or f is what is sent, %t the tag in it."""
        if isinstance(f, bytes):
            text = f
            f = lambda c, tag, m: text.replace(b"%t", tag)
        self.rules.insert(0, (re.compile(pattern, re.I | re.S), f))

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(plain,),
                             daemon=True).start()

    def talk(self, plain):
        with plain, contextlib.suppress(OSError, ValueError):
            with self.context.wrap_socket(plain, server_side=True) as s:
                self.streams.append(s)
                Conversation(self, s).run()

    def close(self):
        self.closing = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    # ---- answers ----

    def answer(self, c, tag, rest):
        for pattern, f in self.rules:
            m = pattern.match(rest)
            if m:
                said = f(c, tag, m)
                if said is not None:
                    c.say(said)
                return
        word = rest.split(b" ")[0].upper()
        if word == b"UID":
            word = rest.split(b" ")[1].upper()
        honest = getattr(self, "do_" + word.decode("latin-1").lower(), None)
        c.say(honest(c, tag, rest) if honest
              else tag + b" OK done\r\n")

    def do_capability(self, c, tag, rest):
        return b"* CAPABILITY %s AUTH=PLAIN\r\n%s OK done\r\n" % (
            self.capabilities, tag)

    def do_authenticate(self, c, tag, rest):
        if len(rest.split(b" ")) < 3:
            c.say(b"+ \r\n")
            c.file.readline()
        return b"%s OK [CAPABILITY %s] in\r\n" % (tag, self.capabilities)

    def do_select(self, c, tag, rest):
        return (b"* FLAGS (\\Seen)\r\n* %d EXISTS\r\n"
                b"* OK [UIDVALIDITY %d] valid\r\n"
                b"%s OK [READ-WRITE] selected\r\n" % (
                    len(self.messages), self.uidvalidity, tag))

    def do_logout(self, c, tag, rest):
        c.say(b"* BYE bye\r\n%s OK bye\r\n" % tag)
        raise ConnectionError

    def do_idle(self, c, tag, rest):
        c.say(b"+ idling\r\n")
        c.line()
        return tag + b" OK idle no more\r\n"

    def do_search(self, c, tag, rest):
        return b"* SEARCH %s\r\n%s OK done\r\n" % (
            b" ".join(b"%d" % n for n in range(1, len(self.messages) + 1)),
            tag)

    def do_fetch(self, c, tag, rest):
        by_uid = rest.upper().startswith(b"UID ")
        asked, what = re.match(rb"(?:UID )?FETCH (\S+) (.*)", rest,
                               re.I | re.S).groups()
        out = b""
        for n, uid in enumerate(sorted(self.messages), 1):
            if holds(asked, uid if by_uid else n):
                out += b"* %d FETCH (%s)\r\n" % (n, self.items(uid, what))
        return out + tag + b" OK fetched\r\n"

    def items(self, uid, what):
        m = self.messages[uid]
        out = [b"UID %d" % uid]
        if b"FLAGS" in what:
            out.append(b"FLAGS ()")
        if b"INTERNALDATE" in what:
            out.append(b'INTERNALDATE " 3-Mar-2020 10:11:12 +0000"')
        if b"RFC822.SIZE" in what:
            out.append(b"RFC822.SIZE %d" % len(m))
        names = re.search(rb"\[HEADER\.FIELDS \(([^)]*)\)\]", what)
        if names:
            out.append(b"BODY[HEADER.FIELDS (%s)] %s" % (
                names.group(1), literal(fields_of(m, names.group(1)))))
        if b"[HEADER]" in what:
            out.append(b"BODY[HEADER] " + literal(header_of(m)))
        if b"[]<0.1>" in what:
            out.append(b"BODY[]<0> " + literal(m[:1]))
        elif b"[]" in what:
            out.append(b"BODY[] " + literal(m))
        return b" ".join(out)


def holds(asked, n):
    """Is the number in the set?"""
    for part in asked.split(b","):
        low, _, high = part.partition(b":")
        high = high or low
        if (low == b"*" or int(low) <= n) and (
                high == b"*" or n <= int(high)):
            return True
    return False

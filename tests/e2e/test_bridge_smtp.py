# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Submission through sealpost-bridge: to a real Postfix and to the outside."""
import base64
import re
import shutil
import smtplib
import socket

import harness
from bridge_site import BridgeCase, Recorder, main
from harness import PASSWORD, PATIENCE, forms_of, run, with_crlf

ANN, BOB = "ann@one.example", "bob@one.example"
OUT = "out@outside.example"
SIZE = 200000


def b64(text):
    return base64.b64encode(text.encode()).decode()


class Raw:
    """SMTP by hand."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self.file = self.socket.makefile("rb")
        self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        """(code, text of all lines); (0, "") at the end."""
        text = []
        while True:
            line = self.file.readline().decode()
            if not line:
                return 0, ""
            text.append(line[4:].rstrip("\r\n"))
            if line[3:4] != "-":
                return int(line[:3]), "\n".join(text)

    def ask(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def log_in(self, user=ANN, password=PASSWORD):
        self.ask("EHLO client.example")
        code, text = self.ask("AUTH PLAIN " + b64("\0%s\0%s" % (
            user, password)))
        if code != 235:
            raise AssertionError("%d %s" % (code, text))

    def envelope(self, *recipients, more=""):
        for line in ["MAIL FROM:<%s>%s" % (ANN, more)] + [
                "RCPT TO:<%s>" % r for r in recipients or (OUT,)]:
            code, text = self.ask(line)
            if code != 250:
                raise AssertionError("%d %s" % (code, text))

    def data(self, octets):
        """With the final dot."""
        code, text = self.ask("DATA")
        if code != 354:
            raise AssertionError("%d %s" % (code, text))
        self.send(octets)
        return self.reply()


class SmtpCase(BridgeCase):
    site_options = {"main": """\
message_size_limit = %d
smtpd_end_of_data_restrictions = check_sender_access inline:{
 { later@one.example = 452 4.2.7 come back: 100%% full }
 { never@one.example = 554 5.7.9 not this one } }
""" % SIZE}
    records = False  # what the bridge says to the servers

    @classmethod
    def prepare(cls):
        a = cls.site.enrol(ANN)
        cls.site.enrol(BOB, login="password", key="file")
        cls.recorders = [Recorder(cls.site.tls, port) for port in (
            cls.site.imaps_port, cls.site.submissions)
            if cls.records]
        for recorder, name in zip(cls.recorders, ("imap", "smtp")):
            cls.addClassCleanup(recorder.close)
            a.settings[name + "_port"] = recorder.port
        cls.site.start_bridge()

    def raw(self):
        raw = Raw(self.site.bridge_smtp)
        self.addCleanup(raw.close)
        return raw

    def logged_in(self):
        raw = self.raw()
        raw.log_in()
        return raw

    def message(self, more="", body=None, to=OUT):
        return with_crlf(("From: Ann <%s>\nTo: %s\nSubject: a test\n"
                          "Message-ID: %s\n%s\n%s" % (
                              ANN, to, self.message_id, more,
                              body or "The secret is %s.\n" % self.secret)
                          ).encode())

    def outside(self):
        """What came out, without the trace field."""
        octets = self.site.sink.wait(self.message_id)[2]
        found = re.match(rb"(Received:.*\r\n([ \t].*\r\n)*)", octets)
        return octets[found.end():]

    def assert_not_outside(self, text=None):
        """Nothing of it left, nor waits for that."""
        for message in self.site.sink.messages:
            self.assertNotIn((text or self.message_id).encode(), message[2])
        self.site.wait_queue_empty()
        for message in self.site.sink.messages:
            self.assertNotIn((text or self.message_id).encode(), message[2])


class Commands(SmtpCase):
    def test_ehlo(self):
        raw = self.raw()
        before = raw.ask("EHLO client.example")[1].split("\n")[1:]
        self.assertEqual(sorted(before), sorted([
            "PIPELINING", "SIZE %d" % SIZE, "8BITMIME", "SMTPUTF8", "DSN",
            "ENHANCEDSTATUSCODES", "STARTTLS", "AUTH PLAIN LOGIN", "HELP"]))
        raw.log_in()
        after = raw.ask("EHLO client.example")[1].split("\n")[1:]
        self.assertEqual(sorted(after + ["STARTTLS", "AUTH PLAIN LOGIN"]),
                         sorted(before))
        self.assertEqual(raw.ask("EHLO")[0], 501)
        self.assertEqual(raw.ask("HELO x")[0], 250)

    def test_nothing_without_login(self):
        raw = self.raw()
        for greeting in ("", "EHLO client.example", "HELO client.example"):
            if greeting:
                self.assertEqual(raw.ask(greeting)[0], 250)
            for line in ("MAIL FROM:<%s>" % ANN, "RCPT TO:<%s>" % OUT,
                         "DATA"):
                self.assertEqual(raw.ask(line)[0], 530, line)

    def test_starttls(self):
        raw = self.raw()
        raw.ask("EHLO client.example")
        self.assertEqual(raw.ask("STARTTLS x")[0], 501)
        # what is pipelined behind it is not heard
        raw.send(b"STARTTLS\r\nNOOP\r\n")
        self.assertEqual(raw.reply()[0], 220)
        raw.socket = harness.tls().wrap_socket(raw.socket)
        raw.file = raw.socket.makefile("rb")
        self.assertEqual(raw.ask("AUTH PLAIN x")[0], 503)
        lines = raw.ask("EHLO client.example")[1].split("\n")
        self.assertNotIn("STARTTLS", lines)
        self.assertIn("AUTH PLAIN LOGIN", lines)
        self.assertEqual(raw.ask("STARTTLS")[0], 502)
        raw.log_in()
        raw.envelope()
        self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
        self.assertEqual(self.outside(), self.message())

    def test_hidden_commands(self):
        raw = self.logged_in()
        for line in ("BDAT 10 LAST", "BURL x", "VRFY " + ANN, "EXPN all",
                     "ETRN x", "TURN", "XCLIENT NAME=x", "XFORWARD NAME=x",
                     "SEND FROM:<x>", "QWERTY"):
            code, text = raw.ask(line)
            self.assertEqual((code, text[:5]), (502, "5.5.1"), line)
        code, _ = raw.ask("MAIL FROM:<%s> BODY=BINARYMIME" % ANN)
        self.assertEqual(code, 555)

    def test_auth_forms(self):
        plain = b64("\0%s\0%s" % (ANN, PASSWORD))
        own = b64("%s\0%s\0%s" % (ANN, ANN, PASSWORD))
        for lines in (["AUTH PLAIN " + plain], ["AUTH PLAIN", plain],
                      ["auth plain " + own],
                      ["AUTH LOGIN", b64(ANN), b64(PASSWORD)],
                      ["AUTH LOGIN " + b64(ANN), b64(PASSWORD)]):
            with self.subTest(lines=lines), \
                    Raw(self.site.bridge_smtp) as raw:
                raw.ask("EHLO client.example")
                for line in lines[:-1]:
                    self.assertEqual(raw.ask(line)[0], 334)
                self.assertEqual(raw.ask(lines[-1])[0], 235)
                self.assertEqual(raw.ask("AUTH PLAIN " + plain)[0], 503)

    def test_auth_refused(self):
        for lines, code in (
                (["AUTH PLAIN", "*"], 501), (["AUTH LOGIN", "*"], 501),
                (["AUTH LOGIN", b64(ANN), "*"], 501),
                (["AUTH PLAIN !"], 501), (["AUTH PLAIN ="], 501),
                (["AUTH PLAIN " + b64("x")], 501),
                (["AUTH PLAIN " + b64("\0a\0b\0c")], 501),
                (["AUTH PLAIN " + b64("%s\0%s\0%s" % (
                    BOB, ANN, PASSWORD))], 535),
                (["AUTH PLAIN " + b64("\0%s\0" % ANN)], 535),
                (["AUTH LOGIN", b64(ANN + "\0x"), b64(PASSWORD)], 501),
                (["AUTH SCRAM-SHA-256 " + b64("n,,n=a,r=b")], 504),
                (["AUTH CRAM-MD5"], 504), (["AUTH"], 504)):
            with self.subTest(lines=lines), \
                    Raw(self.site.bridge_smtp) as raw:
                raw.ask("EHLO client.example")
                for line in lines[:-1]:
                    self.assertEqual(raw.ask(line)[0], 334)
                self.assertEqual(raw.ask(lines[-1])[0], code)
                self.assertEqual(raw.ask("MAIL FROM:<%s>" % ANN)[0], 530)
        with Raw(self.site.bridge_smtp) as raw:
            self.assertEqual(raw.ask("AUTH PLAIN " + b64(
                "\0%s\0%s" % (ANN, PASSWORD)))[0], 503)

    def test_guessing_ends(self):
        raw = self.raw()
        raw.ask("EHLO client.example")
        for _ in range(5):
            self.assertEqual(raw.ask("AUTH PLAIN " + b64(
                "\0nobody@one.example\0x"))[0], 535)
        self.assertEqual(raw.reply(), (0, ""))

    def test_malformed_lines(self):
        raw = self.logged_in()
        for line in (b"NOOP\n", b"NOOP\rNOOP\r\n", b"NO\0OP\r\n",
                     b"MAIL FROM:<a@one.example>\rRCPT TO:<b>\r\n",
                     b"NOOP \x7f\r\n", b"\n"):
            raw.send(line)
            self.assertEqual(raw.reply()[0], 500, line)
        self.assertEqual(raw.ask("NOOP")[0], 250)
        raw.send(b"NOOP " + b"x" * 20000 + b"\r\n")
        self.assertEqual(raw.reply()[0], 500)
        self.assertEqual(raw.reply(), (0, ""))

    def test_too_many_errors(self):
        raw = self.logged_in()
        codes = [raw.ask("QWERTY")[0] for _ in range(21)]
        self.assertEqual(codes, [502] * 20 + [421])
        self.assertEqual(raw.reply(), (0, ""))

    def test_order(self):
        raw = self.logged_in()
        self.assertEqual(raw.ask("RCPT TO:<%s>" % OUT)[0], 503)
        self.assertEqual(raw.ask("DATA")[0], 503)
        self.assertEqual(raw.ask("MAIL FROM:<%s>" % ANN)[0], 250)
        self.assertEqual(raw.ask("MAIL FROM:<%s>" % ANN)[0], 503)
        self.assertEqual(raw.ask("DATA")[0], 554)
        self.assertEqual(raw.ask("RSET")[0], 250)
        self.assertEqual(raw.ask("RCPT TO:<%s>" % OUT)[0], 503)
        self.assertEqual(raw.ask("MAIL TO:<x>")[0], 501)
        self.assertEqual(raw.ask("QUIT")[0], 221)
        self.assertEqual(raw.reply(), (0, ""))

    def test_replies_are_the_servers(self):
        raw = self.logged_in()
        raw.envelope()
        for line, code, text in (
                ("RCPT TO:<not an address>", 501, "5.1.3"),
                ("RCPT TO:<x@one.example> NOTIFY=WRONG", 501, "NOTIFY"),):
            got, said = raw.ask(line)
            self.assertEqual(got, code)
            self.assertIn(text, said)
        raw.ask("RSET")
        code, said = raw.ask("MAIL FROM:<%s> SIZE=%d" % (ANN, SIZE + 1))
        self.assertEqual(code, 552)
        self.assertIn("5.3.4", said)
        code, said = raw.ask("MAIL FROM:<%s> WRONG=1" % ANN)
        self.assertEqual(code, 555)

    def test_the_servers_words(self):
        """The same conversation without the bridge has the same replies."""
        said = []
        for talk in (self.logged_in(), self.past_the_bridge()):
            said.append([])
            for sender in (ANN, "later@one.example", "never@one.example"):
                for line in ("MAIL FROM:<%s>" % sender,
                             "RCPT TO:<bad bad>", "RCPT TO:<%s>" % OUT):
                    said[-1].append(talk.ask(line))
                code, text = talk.data(self.message() + b".\r\n")
                said[-1].append((code, re.sub("queued as .*", "", text)))
                talk.ask("RSET")  # this Postfix goes on after its no
            for line in ("MAIL FROM:<%s> SIZE=999999999" % ANN,
                         "MAIL FROM:<%s> RET=ALL RET=ALL" % ANN,
                         "MAIL FROM:<%s> BODY=9BIT" % ANN, "RSET",
                         "MAIL FROM:<>", "RSET"):
                said[-1].append(talk.ask(line))
        for through, direct in zip(*said):
            if not through[1].startswith("2.0.0"):
                self.assertEqual(through, direct)
        self.assertIn((452, "4.2.7"), [(c, t[:5]) for c, t in said[0]])
        self.assertIn((554, "5.7.9"), [(c, t[:5]) for c, t in said[0]])

    def test_after_a_refusal(self):
        """The transaction is over, whatever the server thinks."""
        raw = self.logged_in()
        for sender, answer in (("later@one.example", 452),
                               ("never@one.example", 554), (ANN, 250)):
            self.assertEqual(raw.ask("MAIL FROM:<%s>" % sender)[0], 250)
            raw.ask("RCPT TO:<%s>" % OUT)
            self.assertEqual(raw.data(self.message() + b".\r\n")[0], answer)
        self.outside()

    def past_the_bridge(self):
        """A session with the server, logged in."""
        raw = Raw.__new__(Raw)
        raw.socket = self.site.tls.context().wrap_socket(
            socket.create_connection(("127.0.0.1", self.site.submissions),
                                     PATIENCE), server_hostname="localhost")
        raw.file = raw.socket.makefile("rb")
        self.addCleanup(raw.close)
        raw.reply()
        raw.log_in(password=self.site.accounts[ANN].secret)
        return raw

    def test_pipelining(self):
        raw = self.logged_in()
        raw.send(("MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nRCPT TO:<bad bad>\r\n"
                  "DATA\r\n" % (ANN, OUT)).encode())
        self.assertEqual([raw.reply()[0] for _ in range(4)],
                         [250, 250, 501, 354])
        raw.send(self.message() + b".\r\nNOOP\r\nQUIT\r\n")
        self.assertEqual([raw.reply()[0] for _ in range(3)],
                         [250, 250, 221])
        self.assertEqual(self.outside(), self.message())

    def test_idle_server_is_replaced(self):
        """The server has ended the connection by itself."""
        raw = self.logged_in()
        self.site.restart_postfix()
        raw.envelope()
        self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
        self.assertEqual(self.outside(), self.message())


class Messages(SmtpCase):
    def test_octets(self):
        """What comes out is what was handed in."""
        bodies = [".\n", "..\n.x\n.\n", "\n\n\n", "no end of line",
                  "x" * 900 + "\n" + "tab\t \n", "\u00fc\u00df\n" * 100,
                  "".join("%d\n" % n for n in range(20000))]
        raw = self.logged_in()
        for body in bodies:
            self.message_id = "<%s@x.example>" % harness.canary()
            with self.subTest(body=body[:20]):
                message = self.message(body=body)
                if not message.endswith(b"\r\n"):
                    message += b"\r\n"
                raw.envelope(more=" BODY=8BITMIME")
                code, text = raw.data(re.sub(
                    rb"(?m)^\.", b"..", message) + b".\r\n")
                self.assertEqual(code, 250)
                self.assertIn("queued as", text)
                self.assertEqual(self.outside(), message)

    def test_cut_in_pieces(self):
        """Every octet by itself."""
        raw = self.logged_in()
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.envelope()
        raw.ask("DATA")
        message = self.message(body=".\na\n..\n")
        for octet in re.sub(rb"(?m)^\.", b"..", message) + b".\r\n":
            raw.send(bytes([octet]))
        self.assertEqual(raw.reply()[0], 250)
        self.assertEqual(self.outside(), message)

    def test_header_only(self):
        raw = self.logged_in()
        raw.envelope()
        message = b"Message-ID: %s\r\n" % self.message_id.encode()
        self.assertEqual(raw.data(message + b".\r\n")[0], 250)
        self.assertIn(message, self.outside())

    def test_parameters(self):
        raw = self.logged_in()
        self.assertEqual(raw.ask(
            "MAIL FROM:<%s> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=x" % ANN)
            [0], 250)
        raw.send("RCPT TO:<b\u00f8b@outside.example> NOTIFY=NEVER\r\n"
                 .encode())
        self.assertEqual(raw.reply()[0], 250)
        message = self.message(more="X-Raw: \u00f8\n")
        self.assertEqual(raw.data(message + b".\r\n")[0], 250)
        self.assertEqual(self.outside(), message)
        _, recipients, _ = self.site.sink.wait(self.message_id)
        self.assertIn("b\u00f8b@", recipients[0])

    def test_smuggling(self):
        """What another server could take for the end is refused."""
        inner = ("MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\nsmuggled %s\r\n"
                 ".\r\n" % (ANN, OUT, self.secret)).encode()
        for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r",
                    b"\r.\r\n", b"\n.\r", b"\n", b"\r", b"a\rb", b"a\nb"):
            with self.subTest(end=end):
                raw = self.logged_in()
                raw.envelope()
                code, text = raw.data(self.message() + end + inner[:-3] +
                                      b"\r\n.\r\n")
                self.assertEqual((code, text[:5]), (550, "5.6.0"))
                # and the session goes on
                raw.envelope()
                own = "<%s@x.example>" % harness.canary()
                code, _ = raw.data(b"Message-ID: %s\r\n\r\n.\r\n" %
                                   own.encode())
                self.assertEqual(code, 250)
                self.site.sink.wait(own)
                raw.close()
        self.assert_not_outside(self.secret)

    def test_malformed_late(self):
        """Most of it is at the server already."""
        raw = self.logged_in()
        raw.envelope()
        code, _ = raw.data(self.message(body="%s\n" % self.secret +
                                        "line\n" * 30000) + b"\nx\r\n.\r\n")
        self.assertEqual(code, 550)
        self.assert_not_outside()
        raw.envelope()
        self.message_id = "<%s@x.example>" % harness.canary()
        self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
        self.outside()

    def test_too_large(self):
        raw = self.logged_in()
        raw.envelope()
        code, text = raw.data(self.message(body="x" * 70 + "\n" * SIZE) +
                              b".\r\n")
        self.assertEqual(code, 552)
        self.assertIn("5.3.4", text)
        self.assert_not_outside()
        raw.envelope()
        code, text = raw.data(b"X: " + b"x\r\n " * (3 << 20) + b"\r\n.\r\n")
        self.assertEqual(code, 552)

    def test_client_breaks_off(self):
        message = self.message() + b".\r\n"
        for cut in (1, 30, len(message) - 6, len(message) - 1):
            with self.subTest(cut=cut), Raw(self.site.bridge_smtp) as raw:
                raw.log_in()
                raw.envelope()
                raw.ask("DATA")
                raw.send(message[:cut])
        self.assert_not_outside()

    def test_server_breaks_off(self):
        raw = self.logged_in()
        raw.envelope()
        raw.ask("DATA")
        raw.send(self.message())
        self.site.stop_postfix()
        try:
            raw.send(b"x\r\n.\r\n")
            self.assertEqual(raw.reply()[0], 451)
            code, text = raw.ask("MAIL FROM:<%s>" % ANN)
            self.assertEqual(code, 451)
            with self.assertRaises(smtplib.SMTPAuthenticationError) as e, \
                    self.site.submission_client(ANN):
                pass
            self.assertEqual(e.exception.smtp_code, 454)
        finally:
            self.site.restart_postfix()
        self.assert_not_outside()
        raw.envelope()
        self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
        self.outside()

    def test_swaks(self):
        if not shutil.which("swaks"):
            self.skipTest("swaks is not installed")
        for auth in ("PLAIN", "LOGIN"):
            own = "<%s@x.example>" % harness.canary()
            run("swaks", "--server", "127.0.0.1", "--port",
                str(self.site.bridge_smtp), "--auth", auth, "--auth-user",
                ANN, "--auth-password", PASSWORD, "--from", ANN, "--to", OUT,
                "--h-Message-Id", own)
            self.site.sink.wait(own)

    def test_smtplib(self):
        for address in (ANN, BOB):
            self.message_id = "<%s@x.example>" % harness.canary()
            with self.site.submission_client(address) as c:
                self.assertEqual(c.sendmail(address, [OUT, BOB],
                                            self.message()), {})
            self.assertEqual(self.outside(), self.message())


# Subjects with a password in them; @ stands for it.
ENCRYPT = [
    "Subject: encrypt:@:the rest",
    "Subject: encrypt:@",
    "Subject: encrypt:x:@",
    "Subject: encrypt:\u00e4@:x",
    "Subject: Antw: [list] =?UTF-8?Q?encrypt=3A=C3=A4@=3Ax?=",
    "SUBJECT:encrypt:@:x",
    "Subject :  Encrypt : @:x",
    "Subject: Re: encrypt:@:x",
    "Subject: Fwd: AW: SV: encrypt:@:x",
    "Subject:\n encrypt:@:x",
    "Subject: enc\n rypt:@:x",
    "Subject:\n \n encrypt:@:x",
    "Subject: =?UTF-8?Q?encrypt=3A@=3AEin_?=\n =?UTF-8?Q?Betreff?=",
    "Subject: =?UTF-8?B?%B?=",
    "Subject: =?x-none?B?%B?=",
    "Thread-Topic: encrypt:@:x",
    "Comments: Re: encrypt:@:x",
    "Keywords: encrypt:@:x",
    "X-Forwarded-Subject: encrypt:@:x",
    "encrypt:@:x",
    "nonsense\nSubject: encrypt:@:x",
    " leading blank\nSubject: encrypt:@:x",
]


class Passwords(SmtpCase):
    """encrypt:PASSWORD:SUBJECT: refused, and the password is nowhere."""

    records = True

    def assert_kept_here(self):
        """No server heard it, and no file has it."""
        for recorder in self.recorders:
            self.assertNotEqual(recorder.heard, b"")
            for form in forms_of(self.secret):
                self.assertNotIn(form, recorder.heard)
        self.assertEqual(self.site.files_with(
            self.secret, "log", "state", "home", "queue", "data", "mail",
            "run"), [])

    def secret_fields(self):
        return [field.replace("@", self.secret).replace(
            "%B", b64("encrypt:%s:x" % self.secret)) for field in ENCRYPT]

    def test_refused(self):
        raw = self.logged_in()
        start = len(self.site.maillog())
        for field in self.secret_fields():
            for where in ("first", "last", "only"):
                with self.subTest(field=field, where=where):
                    rest = "" if where == "only" else "From: a@x.example\n"
                    text = with_crlf((
                        field + "\n" + rest if where == "first" else
                        rest + field + "\n").encode())
                    raw.envelope()
                    code, said = raw.data(text + b"\r\nbody\r\n.\r\n")
                    self.assertEqual((code, said[:5]), (550, "5.7.1"))
                    self.assertNotIn(self.secret, said)
                    # cut off before the empty line
                    raw.envelope()
                    self.assertEqual(raw.data(text + b".\r\n")[0], 550)
        # the server has not heard of a message even
        self.assertNotIn("message-id", self.site.maillog()[start:])
        self.assert_not_outside(self.secret)
        self.assert_kept_here()
        raw.envelope()
        self.assertEqual(raw.data(self.message() + b".\r\n")[0], 250)
        self.outside()

    def test_drafts(self):
        """Saved, changed and saved again as clients do; then it is sent."""
        raw = self.logged_in()
        with self.site.client(ANN) as c:
            c.select("Drafts")
            for field in self.secret_fields():
                with self.subTest(field=field):
                    self.save_twice(c, "Drafts", field)
            c.append("Sent", None, None, self.draft(self.secret_fields()[0]))
        self.assert_kept_here()
        raw.envelope()
        self.assertEqual(raw.data(self.draft(
            "Subject: encrypt:%s:x" % self.secret) + b".\r\n")[0], 550)
        self.assert_kept_here()

    def draft(self, field, text="first"):
        return with_crlf((
            "Message-ID: %s\nX-Mozilla-Draft-Info: internal/draft; vcard=0\n"
            "%s\n\n%s\n" % (self.message_id, field, text)).encode())

    def save_twice(self, c, folder, field):
        for text in ("first", "second"):
            draft = self.draft(field, text)
            _, before = c.uid("SEARCH", "ALL")
            status, said = c.append(folder, "(\\Draft)", None, draft)
            self.assertEqual(status, "OK")
            uid = re.search(rb"APPENDUID \d+ (\d+)", said[0]).group(1)
            for old in before[0].split():
                c.uid("STORE", old.decode(), "+FLAGS.SILENT", "(\\Deleted)")
                c.uid("EXPUNGE", old.decode())
            self.assertEqual(c.uid("SEARCH", "ALL")[1], [uid])
            self.assertEqual(c.uid("FETCH", uid.decode(), "(BODY.PEEK[])")
                             [1][0][1], draft)

    def test_octet_by_octet(self):
        raw = self.logged_in()
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.envelope()
        raw.ask("DATA")
        for octet in b"Subject: encrypt:%s:x\r\n\r\nbody\r\n.\r\n" % (
                self.secret.encode()):
            raw.send(bytes([octet]))
        self.assertEqual(raw.reply()[0], 550)
        self.assert_not_outside(self.secret)

    def test_innocent(self):
        raw = self.logged_in()
        for more in ("Comments: how to encrypt: a tutorial\n",
                     "X-Encrypt: yes\n", "Keywords: encryption\n"):
            self.message_id = "<%s@x.example>" % harness.canary()
            raw.envelope()
            code, _ = raw.data(self.message(more, "encrypt:a:b\n") +
                               b".\r\n")
            self.assertEqual(code, 250, more)
            self.assertIn(b"encrypt:a:b", self.outside())


if __name__ == "__main__":
    main()

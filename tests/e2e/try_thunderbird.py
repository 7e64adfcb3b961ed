#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Thunderbird through the bridge: reads, searches, sends, and is photographed.

Started by scripts/try-thunderbird, as root; runs the same site as the tests do.
"""
import argparse
import base64
import contextlib
import email.message
import email.policy
import email.utils
import json
import os
import pwd
import re
import secrets
import subprocess
import sys

import harness
from bridge_site import BridgeSite
from demo import Stage
from harness import MAIL_USER, PATIENCE, run, wait_for
from marionette import Marionette, MarionetteError

ANN = "ann@one.example"
BOB = "bob@outside.example"
HERE = os.path.dirname(os.path.abspath(__file__))
NEEDED = ("thunderbird", "Xvfb", "xauth", "import")

# Nothing of it talks to anybody but the bridge, or asks the user.
PREFERENCES = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "mail.biff.show_alert": False,
    "mail.inappnotifications.enabled": False,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "mailnews.start_page_override.mstone": "ignore",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    # the account
    "mail.accountmanager.accounts": "account1,account2",
    "mail.accountmanager.defaultaccount": "account1",
    "mail.accountmanager.localfoldersserver": "server2",
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1",
    "mail.account.account2.server": "server2",
    "mail.identity.id1.compose_html": False,
    "mail.identity.id1.draft_folder": "imap://ann%40one.example@localhost/"
                                      "Drafts",
    "mail.identity.id1.fcc": True,
    "mail.identity.id1.fcc_folder": "imap://ann%40one.example@localhost/Sent",
    "mail.identity.id1.fullName": "Ann",
    "mail.identity.id1.smtpServer": "smtp1",
    "mail.identity.id1.useremail": ANN,
    "mail.identity.id1.valid": True,
    "mail.server.server1.type": "imap",
    "mail.server.server1.authMethod": 3,
    "mail.server.server1.check_new_mail": False,
    "mail.server.server1.hostname": "localhost",
    "mail.server.server1.login_at_startup": False,
    "mail.server.server1.name": "Ann, through the bridge",
    "mail.server.server1.offline_download": False,
    "mail.server.server1.userName": ANN,
    "mail.server.server2.type": "none",
    "mail.server.server2.hostname": "Local Folders",
    "mail.server.server2.name": "Local Folders",
    "mail.server.server2.userName": "nobody",
    "mail.smtpservers": "smtp1",
    "mail.smtp.defaultserver": "smtp1",
    "mail.smtpserver.smtp1.authMethod": 3,
    "mail.smtpserver.smtp1.hostname": "localhost",
    "mail.smtpserver.smtp1.username": ANN,
}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg==")


class Failed(Exception):
    """Thunderbird did not show what it had to show."""


def expect(what, condition, *seen):
    if not condition:
        raise Failed("%s: not so%s" % (
            what, "".join("\n  %.2000r" % (x,) for x in seen)))


# ---- the mail ----

def letter(name, subject):
    m = email.message.EmailMessage(policy=email.policy.SMTP)
    m["From"] = "Bob <%s>" % BOB
    m["To"] = "Ann <%s>" % ANN
    m["Subject"] = subject
    m["Date"] = "Fri, 20 Nov 2026 12:00:00 +0000"
    m["Message-ID"] = "<%s@outside.example>" % name
    return m


def letters():
    """name: message. Each is another kind of MIME."""
    plain = letter("plain", "The recipe you asked for")
    plain.set_content("Dear Ann,\n\nkeep it to yourself: two parts of gin, "
                      "one part of vermouth.\n.\n\nBob\n")
    html = letter("html", "Grüße aus Köln 🍋")
    html.set_content("Only the other half shows the picture.\n")
    html.add_alternative(
        "<p>Schöne <b>Grüße</b>, and a picture: <img width=40 height=40 "
        "src='cid:dot@outside.example'></p>", subtype="html")
    html.get_payload()[1].add_related(PIXEL, "image", "png",
                                      cid="<dot@outside.example>")
    attached = letter("attached", "With two files")
    attached.set_content("See below: a zebra crossing.\n", cte="base64")
    attached.add_attachment(bytes(range(256)) * 20, "application",
                            "octet-stream", filename="übersicht.bin")
    attached.add_attachment(plain)
    large = letter("large", "A very long letter")
    large.set_content("".join("Line %d of a very long letter.\n" % n
                              for n in range(1, 12001)) + "The end.\n")
    return {name: m.as_bytes() for name, m in (
        ("plain", plain), ("html", html), ("attached", attached),
        ("large", large))}


def encrypted_by_sender(site):
    """PGP/MIME to Ann, made by gpg as Bob's client would."""
    inner = (b'Content-Type: text/plain; charset="utf-8"\r\n\r\n'
             b"Nobody on the way has read this: not even the server.\r\n")
    armored = site.gpg("--trust-model", "always", "--armor", "--encrypt",
                       "--recipient", site.keys[ANN], stdin=inner).stdout
    m = letter("foreign", "Encrypted by Bob")
    return (m.as_bytes().rstrip(b"\r\n") + b"\r\nMIME-Version: 1.0\r\n"
            b'Content-Type: multipart/encrypted; boundary="b";\r\n'
            b'\tprotocol="application/pgp-encrypted"\r\n\r\n'
            b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\n"
            b"Version: 1\r\n\r\n--b\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n"
            + armored.replace(b"\n", b"\r\n") + b"\r\n--b--\r\n")


# ---- Thunderbird ----

class Thunderbird:
    """On a display of its own, with a new profile in the user's home."""

    def __init__(self, site, tls, imap, smtp):
        self.site = site
        self.stack = contextlib.ExitStack()
        self.port, = harness.free_ports(1)
        self.home = site.path("home")
        self.profile = os.path.join(self.home, "profile")
        self.process = self.marionette = None
        with open(os.path.join(HERE, "thunderbird.js")) as f:
            self.functions = f.read()
        self.write_profile(tls, imap, smtp)
        self.start_display()

    def give(self, path):
        user = pwd.getpwnam(MAIL_USER)
        os.chown(path, user.pw_uid, user.pw_gid)

    def write_profile(self, tls, imap, smtp):
        os.mkdir(self.profile, 0o700)
        chosen = dict(PREFERENCES)
        chosen["marionette.port"] = self.port
        chosen["mail.server.server1.port"] = imap
        chosen["mail.server.server1.socketType"] = 3 if tls else 0
        chosen["mail.smtpserver.smtp1.port"] = smtp
        chosen["mail.smtpserver.smtp1.try_ssl"] = 3 if tls else 0
        with open(os.path.join(self.profile, "user.js"), "w") as f:
            for name, value in chosen.items():
                f.write("user_pref(%s, %s);\n" % (json.dumps(name),
                                                  json.dumps(value)))
        self.give(self.profile)

    def start_display(self):
        """X picks its number and says it; only who has the cookie may draw."""
        self.cookies = os.path.join(self.home, "Xauthority")
        cookie = secrets.token_hex(16)
        readable, writable = os.pipe()
        os.close(os.open(self.cookies, os.O_CREAT | os.O_WRONLY, 0o600))
        run("xauth", "-f", self.cookies, "add", ":0", ".", cookie)
        with open(self.site.path("log", "xvfb"), "wb") as log:
            x = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writable), "-screen", "0",
                 "1280x900x24", "-nolisten", "tcp", "-auth", self.cookies],
                pass_fds=[writable], stdout=log, stderr=log)
        self.stack.callback(end, x)
        os.close(writable)
        with os.fdopen(readable) as f:
            self.display = ":" + f.readline().strip()
        expect("Xvfb starts", self.display != ":")
        run("xauth", "-f", self.cookies, "add", self.display, ".", cookie)
        self.give(self.cookies)

    def start(self):
        self.log_start = len(self.log())
        with open(self.site.path("log", "thunderbird"), "ab") as log:
            self.process = subprocess.Popen(
                self.site.as_user(
                    "DISPLAY=" + self.display, "XAUTHORITY=" + self.cookies,
                    "LC_ALL=C.UTF-8", "LANGUAGE=en", "TZ=UTC",
                    "TMPDIR=" + self.home,
                    "MOZ_LOG=IMAP:4,sync,timestamp",
                    "MOZ_LOG_FILE=" + self.site.path("home", "protocol"),
                    "thunderbird", "--marionette",
                    "--remote-allow-system-access", "--no-remote",
                    "--profile", self.profile),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.marionette = Marionette(self.port)
        self.script("until(() => document.readyState == 'complete')")

    def stop(self):
        marionette, self.marionette = self.marionette, None
        process, self.process = self.process, None
        if marionette is not None:
            with contextlib.suppress(MarionetteError, OSError):
                marionette.script(self.functions + "quit();")
            marionette.close()
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE if marionette else 0)
            end(process)

    def close(self):
        self.stop()
        self.stack.close()

    def script(self, expression, *arguments):
        return self.marionette.script(
            self.functions + "return await (%s);" % expression, *arguments)

    def do(self, function, *arguments):
        return self.script(function + "(...arguments)", *arguments)

    def log(self):
        """What it says itself of IMAP."""
        try:
            with open(os.path.join(self.home, "protocol.moz_log"),
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def commands(self, pattern):
        """What it has sent since its start, and matches."""
        return re.findall(r"SendData: (\d+ (?:%s).*)" % pattern,
                          self.log()[self.log_start:])

    def photograph(self, path):
        run("import", "-display", self.display, "-window", "root", path,
            env={"XAUTHORITY": self.cookies})


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# ---- the steps ----

class Play:
    def __init__(self, stage, site, options):
        self.stage, self.site, self.options = stage, site, options
        self.mail = letters()
        self.made_by_sender = encrypted_by_sender(site)

    def prepare(self):
        site = self.site
        site.sealpost("user", "set", ANN, "protect_subject=yes")
        with site.direct(ANN) as server:
            for message in self.mail.values():
                sealed = harness.with_crlf(site.seal(ANN, message))
                expect("it is sealed", b"multipart/encrypted" in sealed)
                server.append("INBOX", None, None, sealed)
            server.append("INBOX", None, None, self.made_by_sender)
        self.stage.say("%d letters lie sealed in Ann's mailbox, and one that "
                       "Bob has encrypted himself." % len(self.mail))

    def listing(self, t):
        status, folders = t.do("getMail", "INBOX")
        expect("new mail is taken", status == 0, status, folders)
        seen = {m["id"].split("@")[0]: m for m in t.do("list", "INBOX")}
        expect("all letters are listed",
               sorted(seen) == sorted([*self.mail, "foreign"]), seen)
        for name, message in self.mail.items():
            subject = str(email.message_from_bytes(
                message, policy=email.policy.default)["Subject"])
            expect("size and subject of " + name,
                   (seen[name]["size"], seen[name]["subject"]) ==
                   (len(message), subject), seen[name], len(message))
            self.stage.say("%6d octets  %s" % (len(message), subject))
        expect("no body was fetched for that",
               not t.commands(r"UID fetch .*BODY(\.PEEK)?\[\]"),
               t.commands("UID fetch"))

    def reading(self, t):
        for name, message in self.mail.items():
            status, text = t.do("source", "INBOX", name + "@outside.example")
            expect("octets of " + name, status == 0 and
                   text.encode("latin-1") == message, status, text)
        chunks = t.commands(r"UID fetch \d+ \(UID RFC822.SIZE "
                            r"BODY.PEEK\[\]<\d+\.65536>")
        expect("the large one came in pieces", len(chunks) ==
               len(self.mail["large"]) // 65536 + 1, chunks)
        self.stage.say("%d letters came as they were sent, octet for octet; "
                       "the large one in %d pieces." % (
                           len(self.mail), len(chunks)))

    def looking(self, t):
        text = t.do("open", "INBOX", "plain@outside.example")
        expect("plain text", "two parts of gin" in text["text"], text)
        text = t.do("open", "INBOX", "attached@outside.example")
        expect("attachments", [a[0] for a in text["attachments"]] ==
               ["übersicht.bin", "The recipe you asked for.eml"], text)
        expect("size of an attachment", text["attachments"][0][1] == 5120,
               text)
        text = t.do("open", "INBOX", "foreign@outside.example")
        expect("what Bob encrypted", "not even the server" in text["text"],
               text)
        text = t.do("open", "INBOX", "large@outside.example")
        expect("end of the large one",
               text["text"].rstrip().endswith("The end."),
               text["text"][-100:])
        text = t.do("open", "INBOX", "html@outside.example")
        expect("HTML and its picture", "Schöne Grüße" in text["text"] and
               text["images"] == [1], text)
        expect("the protected subject", "Grüße aus Köln 🍋" in text["title"],
               text)
        t.photograph(self.options.screenshot)
        self.stage.say("screenshot: " + self.options.screenshot)

    def searching(self, t):
        found = t.do("searchBody", "INBOX", "zebra")
        expect("the server's search", found == ["attached@outside.example"],
               found)
        expect("it was asked", t.commands("uid SEARCH"))

    def downloading(self, t):
        expect("download", t.do("downloadAll", "INBOX") == 0)
        expect("all are here", all(
            m["offline"] for m in t.do("list", "INBOX")))
        before = len(t.commands("UID fetch"))
        self.compare_offline(t)
        expect("from the disk", len(t.commands("UID fetch")) == before)

    def compare_offline(self, t):
        for name, message in self.mail.items():
            status, text = t.do("source", "INBOX", name + "@outside.example")
            # it puts fields of its own above what it keeps
            text = re.sub(r"\A(X-Mozilla-\S+: .*\n)*", "", text)
            expect("octets on disk of " + name, status == 0 and
                   text.encode("latin-1") == message, status, text)

    def sending(self, t):
        site, secret = self.site, harness.canary()
        t.do("send", {"to": BOB, "bcc": "hidden@outside.example",
                      "subject": "Grüße zurück", "body": secret + "\n"})
        _, recipients, outside = site.sink.wait(secret)
        expect("the outside got it", len(recipients) == 2 and
               b"hidden@" not in outside, recipients, outside)
        appended = t.commands('append "Sent"')
        expect("Thunderbird stored its copy", len(appended) == 1, appended)
        stored, restored = self.contents("Sent")
        expect("there is one copy, sealed", len(stored) == 1 and
               b"multipart/encrypted" in stored[0], stored)
        expect("with its Bcc", b"hidden@outside.example" in restored[0] and
               secret.encode() in restored[0], restored)
        expect("and nowhere in plaintext",
               not site.files_with(secret), site.files_with(secret))
        self.stage.say("sent to two recipients; one sealed copy in Sent.")

    def drafting(self, t):
        first, second = harness.canary(), harness.canary()
        said = t.do("saveDrafts", {"to": BOB, "subject": "Not yet"},
                    [first, second])
        expect("drafts are saved", said == [0, 0], said)
        stored, restored = self.contents("Drafts")
        expect("there is one draft, sealed", len(stored) == 1 and
               b"multipart/encrypted" in stored[0], stored)
        expect("the later one", first.encode() in restored[0] and
               second.encode() in restored[0], restored)
        for secret in (first, second):
            expect("and nowhere in plaintext",
                   not self.site.files_with(secret))

    def contents(self, folder):
        """Messages of a folder that are not deleted: as stored, and through the bridge."""
        both = []
        for door in (self.site.direct, self.site.client):
            with door(ANN) as session:
                session.select(folder, readonly=True)
                numbers = session.search(None, "UNDELETED")[1][0].split()
                both.append([session.fetch(n, "(BODY.PEEK[])")[1][0][1]
                             for n in numbers])
        return both

    def arriving(self, t):
        t.do("getMail", "INBOX")
        self.site.deliver(letter("later", "Just in").as_bytes() +
                          b"news\r\n", ANN)
        t.do("awaitMessage", "INBOX", "later@outside.example")
        t.do("trash", "INBOX", "later@outside.example")
        left = [m["id"] for m in t.do("list", "INBOX")]
        expect("it is in the trash", "later@outside.example" not in left and
               len(self.contents("Trash")[0]) == 1, left)

    def again(self, t):
        t.stop()
        t.start()
        status, _ = t.do("getMail", "INBOX")
        expect("new mail is taken", status == 0)
        self.compare_offline(t)
        fetched = t.commands("UID fetch .*BODY")
        expect("nothing is fetched twice", not fetched, fetched)

    def play(self, t):
        for text, step in (
                ("Thunderbird takes the list of letters: sizes and protected "
                 "subjects, without a body.", self.listing),
                ("It reads each.", self.reading),
                ("Its window shows them.", self.looking),
                ("It has the server search for a word.", self.searching),
                ("It keeps them all for offline use.", self.downloading),
                ("It sends a letter, with a hidden recipient.", self.sending),
                ("It saves a draft, and saves it again.", self.drafting),
                ("A new letter is announced, and thrown away.",
                 self.arriving),
                ("It ends, and starts again.", self.again)):
            self.stage.step(text)
            step(t)


# ---- running it ----

def show_logs(site):
    for name in ("bridge", "thunderbird", "dovecot"):
        with contextlib.suppress(OSError):
            print("---- %s\n%s" % (name, "\n".join(
                site.log_of(name).splitlines()[-15:])), file=sys.stderr)


def perform(options):
    stage = Stage()
    stage.step("A Postfix and a Dovecot of their own, an account, a bridge.")
    with contextlib.ExitStack() as stack:
        site = BridgeSite()
        stack.callback(site.close)
        site.enrol(ANN)
        imap, smtp = site.bridge_imap, site.bridge_smtp
        more = ""
        if not options.plain:
            imap, smtp = harness.free_ports(2)
            more = ("imaps_listen = inet:127.0.0.1:%d\n"
                    "smtps_listen = inet:127.0.0.1:%d\n" % (imap, smtp))
        site.start_bridge(more)
        play = Play(stage, site, options)
        play.prepare()
        t = Thunderbird(site, not options.plain, imap, smtp)
        stack.callback(t.close)
        try:
            t.start()
            stage.say("%s on display %s; %s on ports %d and %d" % (
                run("thunderbird", "--version").stdout.decode().strip(),
                t.display, "plain" if options.plain else "TLS", imap, smtp))
            if not options.plain:
                t.do("trust", "".join(line for line in site.bridge_command(
                    "trust", "--print").stdout.decode().splitlines()
                    if "CERTIFICATE" not in line))
            t.do("rememberPassword", ANN, site.accounts[ANN].password)
            play.play(t)
        except BaseException:
            with contextlib.suppress(AssertionError, OSError):
                t.photograph(options.screenshot)
            show_logs(site)
            raise
    stage.step("All is as it should be. Everything that was started is "
               "stopped, and its folder is removed.")


def main():
    parser = argparse.ArgumentParser(prog="try-thunderbird")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--screenshot", default="try-thunderbird.png")
    options = parser.parse_args()
    options.screenshot = os.path.abspath(options.screenshot)
    harness.skip_unless_possible()
    harness.end_on_signal()
    try:
        perform(options)
    except (Failed, AssertionError, MarionetteError, OSError) as error:
        print("\ntry-thunderbird: failed: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Shows the whole way of a message once, one line of explanation a step.

Started by scripts/demo, as root; runs the same site as the tests do.
"""
import hashlib
import os
import re
import shlex
import signal
import sys

from harness import (BUILD, PASSWORD, SOURCE, TRACE, Site, run,
                     skip_unless_possible, wait_for)

ANN = "ann@demo.example"
BOB = "bob@outside.example"
SECRET = "two parts of gin, one part of vermouth, no olive"
LETTER = """\
From: Bob <%s>
To: Ann <%s>
Subject: The recipe you asked for
Date: Fri, 20 Nov 2026 12:00:00 +0000
Message-ID: <recipe@outside.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

Dear Ann,

keep it to yourself: %s.

Bob
""" % (BOB, ANN, SECRET)
CORPUS_MESSAGES = 15


class Failed(Exception):
    """A step did not show what it had to show."""


class Stage:
    """Prints the steps; bold and dim on a terminal only."""

    def __init__(self):
        fancy = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.bold, self.dim, self.end = (
            ("\033[1m", "\033[2m", "\033[0m") if fancy else ("", "", ""))
        self.number = 0

    def step(self, text):
        self.number += 1
        print("\n%s%d. %s%s" % (self.bold, self.number, text, self.end),
              flush=True)

    def say(self, text):
        print("   " + text, flush=True)

    def show(self, text):
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        for line in text.splitlines():
            print("   %s| %s%s" % (self.dim, line, self.end), flush=True)


def crlf(message):
    return re.sub(rb"\r?\n", b"\r\n", message)


def checksum(data):
    return hashlib.sha256(data).hexdigest()[:16]


# ---- messages ----

def is_kept_by_postfix(message):
    """Postfix mends what breaks the rules of mail before anyone can seal it."""
    text = message.replace(b"\r\n", b"\n")
    head, empty_line, _ = text.partition(b"\n\n")
    lines = head.split(b"\n")
    names = {line.split(b":")[0].lower() for line in lines}
    dropped = {b"bcc", b"resent-bcc", b"return-path", b"content-length"}
    return (empty_line != b"" and text.endswith(b"\n")
            and not re.search(rb"[\0\r]", text)
            and not names & dropped
            and re.match(rb"[!-9;-~]", lines[0])
            and all(re.match(rb"[!-9;-~]+:|[ \t]+\S", x) for x in lines))


def corpus(count=CORPUS_MESSAGES):
    """Real messages, (name, octets): a choice that is spread over all."""
    found = []
    for folder in (os.path.join(SOURCE, "tests", "corpus"),
                   os.environ.get("SEALPOST_CORPUS", "")):
        for name in sorted(os.listdir(folder)) if folder else ():
            if name.endswith(".eml"):
                with open(os.path.join(folder, name), "rb") as f:
                    found.append((name, crlf(f.read())))
    kept = [m for m in found if is_kept_by_postfix(m[1])]
    return kept[::max(1, len(kept) // count)][:count]


def deliver(site, message):
    """Sends it to Ann; the path of what arrives in her mailbox."""
    before = set(site.stored_files())
    site.send(message, ANN, sender=BOB)
    return wait_for("the message in the mailbox",
                    lambda: set(site.stored_files()) - before).pop()


def read(path):
    with open(path, "rb") as f:
        return f.read()


def restored(site, path, sent):
    """What sealpost-unseal gives back, less the trace fields on top.

    Postfix and Dovecot put Received and the like above a message, as they
    do with every message. Nothing else may differ from what was sent.
    """
    unsealed = crlf(site.unseal(read(path)))
    if not unsealed.endswith(sent):
        return unsealed
    top = unsealed[:-len(sent)].replace(b"\r\n", b"\n")
    return sent if TRACE.sub(b"", top) == b"" else unsealed


# ---- the steps ----

def show_site(stage, site):
    stage.step("A Postfix, a Dovecot and a sealpost-milter of their own are "
               "running now, on loopback only.")
    version = run("/usr/sbin/postconf", "-h", "mail_version")
    stage.say("Postfix %s takes mail on port %d; the hop listens on %d." % (
        version.stdout.decode().strip(), site.port, site.hop))
    stage.say("Dovecot %s serves IMAP on port %d." % (
        run("/usr/sbin/dovecot", "--version").stdout.decode().split()[0],
        site.imap_port))
    stage.say("Everything lies below " + site.folder)


def show_wiring(stage, site):
    stage.step("`sealpost postfix apply` has wired that Postfix: every way "
               "into a mailbox leads through the hop.")
    main = run("/usr/sbin/postconf", "-c", site.path("etc"),
               "virtual_transport", "seal_destination_recipient_limit")
    stage.show(main.stdout)
    services = run("/usr/sbin/postconf", "-c", site.path("etc"), "-M").stdout
    stage.show(b"\n".join(
        line[:70] + b" ..." for line in services.splitlines()
        if re.match(rb"seal|127\.0\.0\.1:%d |\[?127\.0\.0\.1\]?:%d " % (
            site.hop, site.hop), line)))


def make_account(stage, site):
    stage.step("Ann makes a key on her machine. The server gets the public "
               "half, and an account for it.")
    certificate = site.path("ann.asc")
    with open(certificate, "wb") as f:
        f.write(site.make_key(ANN))
    for command in (("domain", "add", ANN.split("@")[1]),
                    ("user", "add", ANN, "--key", certificate)):
        stage.say("$ sealpost " + shlex.join(command))
        stage.show(site.sealpost(*command))
    stage.say("$ sealpost key show " + ANN)
    stage.show(site.sealpost("key", "show", ANN))


def show_stored(stage, site, path):
    stage.step("This is what Dovecot stored: header fields, and ciphertext. "
               "(Some lines of base64 are left out.)")
    stage.say(path)
    text = read(path).decode(errors="replace")
    text = re.sub(r"((?:^ [A-Za-z0-9+/=]+\n){2})(?:^ [A-Za-z0-9+/=]+\n)+",
                  r"\1 [...]\n", text, flags=re.M)
    text = re.sub(r"((?:^[A-Za-z0-9+/=]{64}\n){3})(?:^[A-Za-z0-9+/=]{64}\n)+",
                  r"\1[...]\n", text, flags=re.M)
    stage.show(text)
    places = site.files_with(SECRET)
    if places:
        raise Failed("the secret is readable in " + ", ".join(places))
    stage.say("No mailbox, queue, log, spool or database file holds the "
              "secret, be it in base64.")


def show_gpg(stage, site, path):
    stage.step("Plain gpg with Ann's private key opens it: no sealpost is "
               "needed, now or ever.")
    stage.say("$ GNUPGHOME=%s gpg --decrypt < %s" % (site.path("gnupg"), path))
    plain = site.gpg("--quiet", "--decrypt", stdin=read(path)).stdout
    stage.show(plain)
    entity = LETTER.partition("MIME-Version: 1.0\n")[2].encode()
    if crlf(plain) != crlf(entity):
        raise Failed("gpg did not find what was sent")


def show_unseal(stage, site, path, sent):
    stage.step("sealpost-unseal puts header and body together again, byte "
               "for byte.")
    stage.say("$ sealpost-unseal < sealed > original")
    back = restored(site, path, sent)
    stage.say("sent      %6d octets, sha256 %s..." % (
        len(sent), checksum(sent)))
    stage.say("unsealed  %6d octets, sha256 %s..." % (
        len(back), checksum(back)))
    if back != sent:
        raise Failed("the unsealed message differs from what was sent")


def show_corpus(stage, site):
    messages = corpus()
    stage.step("The same with %d real messages: sent through SMTP, stored, "
               "unsealed, compared." % len(messages))
    different = 0
    for name, sent in messages:
        path = deliver(site, sent)
        same = restored(site, path, sent) == sent
        sealed = b"\nX-Sealpost: v=1; at-rest" in read(path)
        different += not (same and sealed)
        stage.say("%-9s %s  %6d octets  sha256 %s...  %s" % (
            "sealed" if sealed else "NOT SEALED",
            "same" if same else "DIFFERENT", len(sent), checksum(sent), name))
    if different or not messages:
        raise Failed("%d of %d messages did not come back as they were sent"
                     % (different, len(messages)))


def show_log(stage, site):
    stage.step("The log says what became of each message, the counters what "
               "became of all.")
    stage.show("".join(line for line in site.milter.lines
                       if ": sealed" in line).splitlines()[0])
    stage.say("$ sealpost stats")
    stage.show(site.sealpost("stats"))


def play(stage, site):
    show_site(stage, site)
    show_wiring(stage, site)
    make_account(stage, site)
    stage.step("Bob sends Ann a letter through SMTP. He knows nothing of "
               "sealpost.")
    stage.show(LETTER)
    sent = crlf(LETTER.encode())
    path = deliver(site, sent)
    show_stored(stage, site, path)
    show_gpg(stage, site, path)
    show_unseal(stage, site, path, sent)
    show_corpus(stage, site)
    show_log(stage, site)


def say_how_to_look(stage, site):
    stage.step("Everything is left running, as you asked.")
    gnupg = "GNUPGHOME=%s " % site.path("gnupg")
    sealpost = "%s -c %s" % (os.path.join(BUILD, "ctl", "sealpost"),
                             site.path("sealpost.conf"))
    for what, how in (
            ("send", "/usr/sbin/sendmail -C %s %s < message" % (
                site.path("etc"), ANN)),
            ("mailbox", "ls " + site.path("mail", "demo.example", "ann",
                                          "Maildir", "new")),
            ("read", gnupg + os.path.join(BUILD, "ctl", "sealpost-unseal")
             + " < sealed"),
            ("IMAP", "127.0.0.1 port %d, user %s, password %s" % (
                site.imap_port, ANN, PASSWORD)),
            ("manage", sealpost + " user list"),
            ("logs", "less %s %s" % (site.path("log", "maillog"),
                                     site.path("log", "milter"))),
            ("stop", "kill %d      (as root; removes %s, too)" % (
                os.getpid(), site.folder))):
        stage.say("%-8s %s" % (what, how))


# ---- running it ----

class Stopped(Exception):
    """A signal asked for the end."""


def on_signal(number, _):
    raise Stopped("stopped by signal %d" % number)


def wait_for_the_end():
    """Until a signal; what starts from here on belongs to no terminal."""
    os.close(0)
    try:
        signal.pause()
    except Stopped:
        pass


def perform(keep, tell_parent):
    """The exit status. tell_parent() lets the caller's process go."""
    stage = Stage()
    site = None
    try:
        site = Site()
        play(stage, site)
        if keep:
            say_how_to_look(stage, site)
            tell_parent()
            wait_for_the_end()
        else:
            stage.step("Everything that was started is stopped, and its "
                       "folder is removed.")
        return 0
    except (Failed, AssertionError, OSError, Stopped) as error:
        print("\ndemo: failed: %s" % error, file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if site is not None:
            site.close()


def perform_and_stay():
    """In a process of its own session that outlives this one."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(readable)
        os._exit(perform(True, lambda: os.write(writable, b"k")))
    os.close(writable)
    try:
        kept = os.read(readable, 1) == b"k"
    except Stopped:
        os.kill(child, signal.SIGTERM)
        kept = False
    return 0 if kept else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main():
    if sys.argv[1:] not in ([], ["--keep"]):
        print("usage: demo.py [--keep]", file=sys.stderr)
        return 2
    skip_unless_possible()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    if sys.argv[1:]:
        return perform_and_stay()
    return perform(False, None)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Tries the packages of /packages on the system it runs on.

Run by scripts/test-packages in a Debian tree made for that, first "install"
(with a network), then "use" (without, and with loopback ports of its own): it
changes the system as an administrator would, whatever is there. Each step says
what it shows; the first that fails ends it.
"""
import contextlib
import fcntl
import glob
import grp
import hashlib
import imaplib
import os
import pwd
import re
import shutil
import smtplib
import socket
import ssl
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from harness import (Daemon, check, forms_of, holds, run, send_data,
                     text_message, wait_for, with_crlf, without_trace)

PACKAGES = "/packages"
OURS = ("sealpost", "dovecot-sealpost", "sealpost-bridge")
OLD, NEW, NEWER = "0.0.9-1", None, "99-1"
CONF = "/etc/sealpost/sealpost.conf"
STATE = "/var/lib/sealpost"
WIRED = ("/etc/postfix", "/etc/dovecot")
DAEMONS = ("milter", "policyd", "saslauthd")
ANN, BOB = "ann@demo.example", "bob@demo.example"
SENDER = "someone@outside.example"
PASSWORD = "correct horse"
MAIL = "/var/vmail"


def step(text):
    print("* " + text, flush=True)


def expect(what, truth):
    if not truth:
        raise AssertionError("not so: " + what)


def text_of(*command, **more):
    done = run(*command, **more)
    return done.stdout.decode() + done.stderr.decode()


# ---- packages ----

def sort():
    """The packages that were built, in a folder of their version."""
    built = glob.glob(PACKAGES + "/*.deb")
    version = re.search(r"/sealpost_([^_]+)_", " ".join(built)).group(1)
    os.mkdir(os.path.join(PACKAGES, version))
    os.symlink(version, PACKAGES + "/built")
    for path in built:
        shutil.move(path, os.path.join(PACKAGES, version))
    return version


def package_file(name, version):
    found = glob.glob("%s/%s/%s_*.deb" % (PACKAGES, version, name))
    expect("one file of %s %s" % (name, version), len(found) == 1)
    return found[0]


def make_version(version, sample_line):
    """The same packages under another version, with another sample file."""
    folder = os.path.join(PACKAGES, version)
    os.mkdir(folder)
    for name in OURS:
        with tempfile.TemporaryDirectory() as tree:
            run("dpkg-deb", "-R", package_file(name, NEW), tree + "/t")
            control = tree + "/t/DEBIAN/control"
            with open(control) as f:
                text = f.read().replace(NEW, version)
            with open(control, "w") as f:
                f.write(text)
            if name == "sealpost":
                with open(tree + "/t" + CONF, "a") as f:
                    f.write(sample_line)
            run("dpkg-deb", "--root-owner-group", "-b", tree + "/t",
                "%s/%s_%s.deb" % (folder, name, version))


def apt(*words):
    return text_of("apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0",
                   "--no-install-recommends", *words)


def install(version, *names, more=()):
    return apt("--allow-downgrades", *more, "install",
               *(package_file(n, version) for n in names))


def installed(name):
    done = run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}",
               name, status=None)
    return done.returncode == 0 and done.stdout.startswith(b"installed ")


def version_of(name):
    return run("dpkg-query", "-W", "-f", "${Version}", name).stdout.decode()


# ---- what is there ----

def read(path):
    with open(path, "rb") as f:
        return f.read()


def look(*places):
    """Mode, owner and contents of all below; counters change, though."""
    seen = {}
    for place in places:
        for folder, _, files in os.walk(place):
            for path in [folder] + [os.path.join(folder, n) for n in files]:
                st = os.lstat(path)
                seen[path] = (st.st_mode, st.st_uid, st.st_gid)
                if os.path.isfile(path) and "stats.db" not in path:
                    seen[path] += (hashlib.sha256(read(path)).hexdigest(),)
    return seen


def difference(before, after):
    return sorted(p for p in before.keys() | after.keys()
                  if before.get(p) != after.get(p))


@contextlib.contextmanager
def unchanged(what, *places):
    before = look(*places)
    yield
    changed = difference(before, look(*places))
    expect("%s leaves as it was: %s" % (what, changed), not changed)


def mentions(*places):
    return [p for p in look(*places) if os.path.isfile(p) and
            ("sealpost" in p or b"sealpost" in read(p))]


def may_read(user, path):
    return run("setpriv", "--reuid", user, "--regid", user, "--init-groups",
               "cat", path, status=None).returncode == 0


def may_write(user, path):
    return run("setpriv", "--reuid", user, "--regid", user, "--init-groups",
               "sh", "-c", 'exec 3<>"$1"', "sh", path,
               status=None).returncode == 0


# ---- the first half: with a network ----

def desktop():
    step("the bridge alone brings no part of a mail server")
    install(NEW, "sealpost-bridge")
    for other in ("sealpost", "dovecot-sealpost", "postfix", "dovecot-core"):
        expect("%s is not installed" % other, not installed(other))
    text_of("sealpost-bridge", "--version")
    text_of("sealpost-unseal", "--help")


def server():
    step("the server's packages (of an older version) bring what they need")
    said = install(OLD, "sealpost", "dovecot-sealpost")
    for needed in ("postfix", "postfix-sqlite", "dovecot-core"):
        expect("%s is installed" % needed, installed(needed))
    abi = read("/usr/share/dovecot/dovecot-abi") if os.path.exists(
        "/usr/share/dovecot/dovecot-abi") else b""
    depends = run("dpkg-query", "-W", "-f", "${Depends}",
                  "dovecot-sealpost").stdout
    found = re.search(rb"dovecot-abi-[0-9.a-z]+", depends)
    expect("it depends on an ABI of Dovecot", found is not None)
    expect("dovecot-core provides it", found.group(0) in run(
        "dpkg-query", "-W", "-f", "${Provides}", "dovecot-core").stdout)
    expect("and it is the one", abi in found.group(0))
    expect("they say what wires the server: " + said,
           "sealpost dovecot apply && sealpost postfix apply" in said)


def left_alone():
    step("no file of Postfix or Dovecot knows of it")
    found = mentions(*WIRED)
    expect("no mention: %s" % found, not found)


def first_half():
    make_version(OLD, "# Of an older version.\n")
    make_version(NEWER, "# Of a newer version.\n")
    desktop()
    server()
    left_alone()
    apt("install", "dovecot-imapd", "dovecot-lmtpd", "dovecot-sqlite",
        "gnupg", "openssl", "ca-certificates")


# ---- users, groups, permissions ----

def users():
    step("each daemon has a user of its own, and reads what it needs")
    uids = {pwd.getpwnam("sealpost-" + d).pw_uid for d in DAEMONS}
    expect("three users", len(uids) == 3 and 0 not in uids)
    for daemon in DAEMONS:
        user = "sealpost-" + daemon
        expect("no login: " + user,
               pwd.getpwnam(user).pw_shell.endswith("nologin"))
        expect("it counts: " + user, may_write(user, STATE + "/stats.db"))
        expect("the accounts are public: " + user,
               may_read(user, STATE + "/directory.db") and
               not may_write(user, STATE + "/directory.db"))
        expect("verifiers are for saslauthd: " + user,
               may_read(user, STATE + "/secrets.db") ==
               (daemon == "saslauthd"))
        run("setpriv", "--reuid", user, "--regid", user, "--init-groups",
            "/usr/sbin/sealpost-" + daemon, "-n")
    st = os.stat(STATE + "/secrets.db")
    expect("secrets.db is root's and of its group", st.st_uid == 0 and
           grp.getgrgid(st.st_gid).gr_name == "sealpost-secrets" and
           st.st_mode & 0o777 == 0o640)
    expect("nobody else reads it", not may_read("nobody",
                                                STATE + "/secrets.db"))
    st = os.stat("/run/sealpost")
    expect("the sockets' folder is Postfix's to enter",
           grp.getgrgid(st.st_gid).gr_name == "postfix" and
           st.st_mode & 0o7777 == 0o2750)


def upgrade():
    step("an upgrade replaces a configuration file that nobody changed")
    expect("the older one", read(CONF).endswith(b"# Of an older version.\n"))
    with unchanged("the upgrade", STATE, *WIRED):
        install(NEW, *OURS)
    expect("the new one", version_of("sealpost") == NEW and
           b"Of an older" not in read(CONF))
    modules = glob.glob("/usr/lib/dovecot/modules/**/*sealpost*",
                        recursive=True)
    expect("modules are there, and nothing else: %s" % modules,
           len(modules) in (3, 4) and
           all(m.endswith(".so") for m in modules))


def twice():
    step("maintainer scripts can be run twice")
    with unchanged("a second run", STATE, "/etc/sealpost", "/etc/systemd",
                   *WIRED):
        for name in OURS:
            script = "/var/lib/dpkg/info/%s.postinst" % name
            for _ in range(2):
                if os.path.exists(script):
                    run(script, "configure", NEW,
                        env={"DPKG_MAINTSCRIPT_PACKAGE": name,
                             "DPKG_MAINTSCRIPT_NAME": "postinst"})
        apt("install", "--reinstall", *(package_file(n, NEW) for n in OURS))


# ---- the site: what an administrator does ----

def loopback_up():
    with socket.socket() as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"lo", 0x41, b""))


def prepare_site():
    """TLS, logs and names, as a mail server has them before."""
    loopback_up()
    with open(os.path.join(os.path.dirname(__file__),
                           "../../doc/install.md")) as f:
        owner = re.search(r"\n\n((?:    (?:useradd|install) .*\n)+)", f.read())
    run("sh", "-e", "-c", owner.group(1))
    run("useradd", "--create-home", "desk")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", "/etc/ssl/mail.key", "-out", "/etc/ssl/mail.pem")
    with open("/etc/ssl/mail.chain", "wb") as f:
        f.write(read("/etc/ssl/mail.key") + read("/etc/ssl/mail.pem"))
    os.chmod("/etc/ssl/mail.chain", 0o600)
    run("postconf", "-e", "myhostname = mx.demo.example",
        "mydestination = mx.demo.example", "inet_interfaces = loopback-only",
        "maillog_file = /var/log/mail.log", "compatibility_level = 3.6",
        "smtpd_tls_chain_files = /etc/ssl/mail.chain",
        "smtpd_tls_security_level = may", "relayhost =",
        "queue_run_delay = 1000s", "minimal_backoff_time = 1000s")
    run("postconf", "-X", "smtpd_tls_cert_file", "smtpd_tls_key_file")
    newer = b"2.4" in run("dovecot", "--version").stdout
    with open("/etc/dovecot/conf.d/99-site.conf", "w") as f:
        f.write("log_path = /var/log/dovecot.log\n")
        f.write("ssl_server_cert_file = /etc/ssl/mail.pem\n"
                "ssl_server_key_file = /etc/ssl/mail.key\n" if newer else
                "ssl_cert = </etc/ssl/mail.pem\n"
                "ssl_key = </etc/ssl/mail.key\n")


def gpg(*words, stdin=None):
    return run("gpg", "--batch", "--quiet", *words, stdin=stdin).stdout


def accounts():
    step("an account with a key, and one that the bridge has enrolled")
    run("sealpost", "domain", "add", "demo.example")
    gpg("--passphrase", "", "--quick-generate-key", "<%s>" % ANN,
        "future-default", "default", "0")
    with open("/root/ann.asc", "wb") as f:
        f.write(gpg("--armor", "--export", ANN))
    run("sealpost", "user", "add", ANN, "--key", "/root/ann.asc",
        "--password-stdin", stdin=PASSWORD.encode() + b"\n")
    run("setpriv", "--reuid", "desk", "--regid", "desk", "--init-groups",
        "sealpost-bridge", "enrol", "--password-stdin", "--out",
        "/home/desk", BOB, stdin=PASSWORD.encode() + b"\n",
        env={"HOME": "/home/desk"})
    enrolment = glob.glob("/home/desk/*enrolment.json")
    expect("one enrolment file: %s" % enrolment, len(enrolment) == 1)
    run("sealpost", "user", "enrol", enrolment[0])


def wire():
    step("`sealpost dovecot apply` and `sealpost postfix apply` wire both")
    run("sealpost", "dovecot", "apply")
    run("sealpost", "postfix", "apply")
    again = text_of("sealpost", "dovecot", "apply") + text_of(
        "sealpost", "postfix", "apply")
    expect("again, nothing to do: " + again,
           again.count("nothing to do") == 2)
    run("postfix", "check")
    run("doveconf", "-n")


def effective():
    """What Postfix and Dovecot make of their configuration."""
    return (run("postconf", "-n").stdout, run("postconf", "-M").stdout,
            re.sub(rb"(?m)^#.*\n", b"", run("doveconf", "-n").stdout))


class Site:
    """The daemons of the system, started as without systemd."""

    def __init__(self):
        self.running = {}
        self.stack = contextlib.ExitStack()

    def start_dovecot(self):
        os.makedirs("/run/dovecot", exist_ok=True)
        self.dovecot = Daemon(["/usr/sbin/dovecot", "-F"],
                              "/var/log/dovecot.stderr")
        wait_for("Dovecot", lambda: answers(993) and os.path.exists(
            "/var/spool/postfix/private/dovecot-lmtp"))

    def start_postfix(self):
        # Fills its chroot; newer ones do it by themselves, and refuse this.
        run("/usr/lib/postfix/configure-instance.sh", "-", status=None)
        run("postfix", "start")
        wait_for("Postfix", lambda: answers(25))

    def start_daemons(self):
        for name in DAEMONS:
            d = Daemon(["/usr/sbin/sealpost-" + name, "-d"],
                       "/var/log/sealpost-" + name)
            d.wait_line("ready")
            self.running[name] = d
            status = read("/proc/%d/status" % d.pid).decode()
            uid = int(re.search(r"(?m)^Uid:\s+(\d+)", status).group(1))
            expect("%s has given up root" % name,
                   uid == pwd.getpwnam("sealpost-" + name).pw_uid)

    def stop_daemons(self):
        for name in list(self.running):
            expect("%s ends well" % name, self.running.pop(name).stop() == 0)

    def start(self):
        self.start_daemons()
        self.start_dovecot()
        self.start_postfix()

    def stop(self):
        with contextlib.suppress(Exception):
            self.stop_daemons()
        run("postfix", "stop", status=None)
        if hasattr(self, "dovecot"):
            self.dovecot.stop()


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(
            ("127.0.0.1", port), 5):
        return True
    return False


# ---- mail ----

def tls():
    return ssl.create_default_context(cafile="/etc/ssl/mail.pem")


def letter(secret, recipient):
    name = hashlib.sha256(secret.encode()).hexdigest()[:12]
    return text_message(secret, "<%s@outside.example>" % name, recipient)


def send(recipient, message, login=None):
    with contextlib.closing(smtplib.SMTP(
            "localhost", 587 if login else 25, timeout=60)) as c:
        c.ehlo()
        if login:
            c.starttls(context=tls())
            c.ehlo()
            c.login(*login)
        check(c.mail(login[0] if login else SENDER))
        check(c.rcpt(recipient))
        check(send_data(c, message))
        c.quit()


def stored(address):
    local, domain = address.split("@")
    found = []
    for folder, _, files in os.walk("%s/%s/%s" % (MAIL, domain, local)):
        if os.path.basename(folder) in ("new", "cur"):
            found += [os.path.join(folder, n) for n in files]
    return set(found)


def deliver(recipient, secret, login=None):
    """Sends a message with a secret; the file that it becomes."""
    before = stored(recipient)
    message = letter(secret, recipient)
    send(recipient, message, login)
    path = wait_for("mail for " + recipient,
                    lambda: stored(recipient) - before).pop()
    return message, path


def plaintext(secret):
    forms = forms_of(secret)
    return [p for place in (MAIL, STATE, "/var/log", "/var/spool/postfix",
                            "/run/sealpost", "/var/tmp")
            for folder, _, files in os.walk(place)
            for p in (os.path.join(folder, n) for n in files)
            if holds(p, forms)]


def sealed_and_restored(message, path, secret):
    found = plaintext(secret)
    expect("no file holds the secret: %s" % found, not found)
    back = without_trace(run("sealpost-unseal", stdin=read(path)).stdout)
    expect("unsealing gives what was sent",
           with_crlf(back.replace(b"\r\n", b"\n")) == with_crlf(message))


def from_outside():
    step("a message from outside is stored sealed; gpg and unseal open it")
    message, path = deliver(ANN, "kanarie1")
    sealed_and_restored(message, path, "kanarie1")
    parts = re.search(rb"-----BEGIN PGP MESSAGE-----.*?-----END PGP "
                      rb"MESSAGE-----\n", read(path).replace(b"\r", b""),
                      re.S)
    expect("plain gpg opens it",
           b"kanarie1" in gpg("--decrypt", stdin=parts.group(0)))


def by_submission():
    step("submission: the auth server lets in, the policy daemon counts")
    message, path = deliver(ANN, "kanarie2", (ANN, PASSWORD))
    sealed_and_restored(message, path, "kanarie2")
    with contextlib.suppress(smtplib.SMTPAuthenticationError):
        send(ANN, message, (ANN, "wrong")) # by PLAIN, then by LOGIN
        raise AssertionError("a wrong password lets in")

    def counted():
        text = text_of("sealpost", "stats", "--json")
        return all(re.search(r'"%s": *%d\b' % (k, n), text) for k, n in (
            ("logins", 1), ("failed_logins", 2), ("sent", 1), ("sealed", 2)))
    wait_for("the counters", counted)


@contextlib.contextmanager
def imap(address):
    c = imaplib.IMAP4_SSL("localhost", 993, ssl_context=tls())
    c.login(address, PASSWORD)
    yield c
    c.logout()


def by_imap():
    step("Dovecot: login by the verifier, sealing on save, statistics")
    with imap(ANN) as c:
        expect("its command is announced",
               "XFOLDERSTATS" in c.capabilities or
               b"XFOLDERSTATS" in c.capability()[1][0])
        check_imap(c.append("INBOX", None, None,
                            with_crlf(letter("kanarie3", ANN))))
    found = plaintext("kanarie3")
    expect("what a client saves is sealed: %s" % found, not found)
    said = text_of("doveadm", "-f", "tab", "sealpost", "folders", "-u", ANN)
    expect("doveadm knows the folders: " + said, "INBOX" in said)
    # Not -A: Debian's Dovecot takes the users of the machine for accounts, too.
    for address in (ANN, BOB):
        run("doveadm", "sealpost", "audit", "-u", address)


def check_imap(reply):
    expect(str(reply), reply[0] == "OK")


@contextlib.contextmanager
def bridge():
    folder = "/home/desk/.config/sealpost"
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/bridge.conf", "w") as f:
        f.write("[account %s]\nimap_host = localhost\nsmtp_host = localhost\n"
                "imap_ca_file = /etc/ssl/mail.pem\n"
                "smtp_ca_file = /etc/ssl/mail.pem\n" % BOB)
    run("chown", "-R", "desk:desk", "/home/desk/.config")
    os.environ["HOME"] = "/home/desk"
    try:
        d = Daemon(["setpriv", "--reuid", "desk", "--regid", "desk",
                    "--init-groups", "sealpost-bridge", "-d"],
                   "/var/log/sealpost-bridge")
    finally:
        os.environ["HOME"] = "/root"
    try:
        wait_for("the bridge", lambda: answers(1143))
        yield
    finally:
        d.stop()


def by_bridge():
    step("a client that knows no OpenPGP reads and sends through the bridge")
    message, path = deliver(BOB, "kanarie4")
    found = plaintext("kanarie4")
    expect("it is stored sealed: %s" % found, not found)
    with bridge():
        c = imaplib.IMAP4("127.0.0.1", 1143)
        c.login(BOB, PASSWORD)
        c.select()
        data = c.fetch("1", "(BODY.PEEK[])")[1]
        expect("the original is what it sees", without_trace(
            data[0][1].replace(b"\r\n", b"\n")).endswith(message))
        c.logout()
        before = stored(ANN)
        with contextlib.closing(smtplib.SMTP("127.0.0.1", 1587)) as s:
            s.ehlo()
            s.login(BOB, PASSWORD)
            s.sendmail(BOB, [ANN], with_crlf(letter("kanarie5", ANN)))
        wait_for("Bob's mail for Ann", lambda: stored(ANN) - before)
        found = plaintext("kanarie5")
        expect("nothing readable on the server: %s" % found, not found)


def doctor():
    step("`sealpost doctor` finds no error, and sees its probe sealed")
    said = text_of("sealpost", "doctor", "--probe", ANN, status=None)
    expect("no errors:\n" + said, "ok: probe.sealed:" in said and
           ", 0 errors, 0 could not be tried" in said)


def keys_are_watched():
    step("what the timer runs: keys are looked at, and nothing is wrong")
    run("sealpost", "key", "check", "--notify")


def demo():
    step("the demo, with the programs that are installed")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for place, program in (("ctl", "/usr/bin/sealpost"),
                               ("ctl", "/usr/bin/sealpost-unseal"),
                               ("milter", "/usr/sbin/sealpost-milter")):
            os.makedirs(os.path.join(folder, place), exist_ok=True)
            os.symlink(program, os.path.join(folder, place,
                                             os.path.basename(program)))
        tests = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        os.symlink(os.path.realpath(tests), folder + "/tests")
        os.symlink("/usr/share/sealpost/conf-templates",
                   folder + "/conf-templates")
        said = text_of("/usr/bin/python3", "-B", tests + "/e2e/demo.py",
                       env={"SEALPOST_BUILD": folder, "NO_COLOR": "1",
                            "SEALPOST_SOURCE": folder})
        print("  " + "\n  ".join(x for x in said.splitlines()
                                 if re.match(r"\d+\. ", x)))


# ---- coming and going, in use ----

def upgrade_in_use(site):
    step("an upgrade in use keeps a changed configuration file")
    with open(CONF, "a") as f:
        f.write("# The administrator was here.\n")
    with unchanged("the upgrade", STATE, *WIRED):
        install(NEWER, *OURS, more=(
            "-o", "Dpkg::Options::=--force-confdef",
            "-o", "Dpkg::Options::=--force-confold"))
    expect("the change is kept", read(CONF).endswith(b" was here.\n"))
    expect("the new one lies beside it", b"Of a newer" in read(
        CONF + ".dpkg-dist"))
    sealed_and_restored(*deliver(ANN, "kanarie6"), "kanarie6")
    site.stop_daemons()
    site.start_daemons()
    sealed_and_restored(*deliver(ANN, "kanarie7"), "kanarie7")


def remove_in_use(site):
    step("removal while wired: mail waits, nothing is stored as plaintext")
    site.stop_daemons()
    with unchanged("removal", STATE, *WIRED):
        said = apt("remove", *OURS)
    expect("it is said: " + said, "still sends mail" in said and
           "still told to load" in said)
    for name in OURS:
        expect("%s is gone" % name, not installed(name))
    before = stored(ANN)
    start = len(read("/var/log/mail.log"))
    send(ANN, letter("kanarie8", ANN))
    wait_for("the message deferred", lambda: re.search(
        rb"to=<ann@demo.example>.*status=deferred",
        read("/var/log/mail.log")[start:]))
    expect("nothing was stored", stored(ANN) == before)


def come_back(site):
    step("installed again, what waited is delivered, sealed")
    before = stored(ANN)
    install(NEWER, *OURS)
    expect("the changed configuration is still there",
           b"administrator" in read(CONF))
    site.dovecot.stop()
    site.start_dovecot()
    site.start_daemons()
    run("postqueue", "-f")
    path = wait_for("the message", lambda: stored(ANN) - before).pop()
    sealed_and_restored(letter("kanarie8", ANN), path, "kanarie8")


def unwire(before):
    step("the wiring undone, both are as they were")
    run("sealpost", "postfix", "remove")
    run("sealpost", "dovecot", "remove")
    for was, now in zip(before, effective()):
        expect("as it was:\n%s\n%s" % (was.decode(), now.decode()),
               was == now)
    found = mentions(*WIRED)
    expect("no mention: %s" % found, not found)


def purge_with_accounts():
    step("a purge keeps databases with accounts, and says so")
    with unchanged("the purge", *WIRED):
        said = apt("purge", *OURS)
    expect("it is said: " + said, "was kept" in said)
    expect("the configuration is gone", not os.path.exists("/etc/sealpost"))
    expect("they are there", os.path.exists(STATE + "/directory.db") and
           os.path.exists(STATE + "/secrets.db"))
    install(NEWER, *OURS)
    said = text_of("sealpost", "user", "list")
    expect("the accounts are there: " + said, ANN in said and BOB in said)
    users()


def purge():
    step("a purge without accounts leaves nothing")
    for address in (ANN, BOB):
        run("sealpost", "user", "remove", address)
    run("sealpost", "domain", "remove", "demo.example")
    with unchanged("the purge", *WIRED):
        apt("purge", *OURS)
    left = [os.path.join(folder, n)
            for place in ("/etc", "/usr", "/var", "/run", "/opt")
            for folder, folders, files in os.walk(place)
            for n in folders + files if "sealpost" in n]
    left = [p for p in left if not p.startswith("/var/log/") and
            not p.startswith(MAIL) and not p.startswith("/var/cache/")]
    expect("nothing is left: %s" % left, not left)


def second_half():
    users()
    upgrade()
    twice()
    left_alone()
    prepare_site()
    accounts()
    before = effective()
    wire()
    site = Site()
    try:
        site.start()
        from_outside()
        by_submission()
        by_imap()
        by_bridge()
        doctor()
        keys_are_watched()
        demo()
        upgrade_in_use(site)
        remove_in_use(site)
        come_back(site)
    finally:
        site.stop()
    unwire(before)
    purge_with_accounts()
    purge()


def show_logs():
    for path in glob.glob("/var/log/sealpost*") + [
            "/var/log/mail.log", "/var/log/dovecot.log",
            "/var/log/dovecot.stderr"]:
        with contextlib.suppress(OSError):
            print("---- %s\n%s" % (path, "\n".join(
                read(path).decode(errors="replace").splitlines()[-25:])))


def main():
    global NEW
    os.environ.update(DEBIAN_FRONTEND="noninteractive", HOME="/root",
                      LC_ALL="C.UTF-8", PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    if sys.argv[1:] not in (["install"], ["use"]) or not os.path.isdir(
            PACKAGES):
        print("usage: installed.py install|use   (see scripts/test-packages)",
              file=sys.stderr)
        return 2
    NEW = os.readlink(PACKAGES + "/built") if sys.argv[1] == "use" else sort()
    try:
        first_half() if sys.argv[1] == "install" else second_half()
    except (AssertionError, OSError, smtplib.SMTPException,
            imaplib.IMAP4.error) as error:
        show_logs()
        print("FAILED: %s" % error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

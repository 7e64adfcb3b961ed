# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""What the tests of the bridge stand on: a BridgeSite.

It is a Dovecot with the sealpost plugin (TLS and STARTTLS, SCRAM-SHA-256, vaults,
sealing of what LMTP brings) and a Postfix with submission, both under a CA of
their own, and a sealpost-bridge in front of them, run as an ordinary user. All
is below one temporary folder and on free loopback ports.

	site = BridgeSite()
	site.enrol("ann@one.example")
	site.start_bridge()
	with site.client("ann@one.example") as c:   # through the bridge
	    c.select()
	with site.direct("ann@one.example") as c:   # on the server, past it
	    c.append("INBOX", None, None, site.seal("ann@one.example", text))
"""
import base64
import contextlib
import hashlib
import hmac
import imaplib
import os
import pwd
import re
import secrets
import select
import shutil
import signal
import smtplib
import socket
import sqlite3
import ssl
import threading
import time
import unittest

import harness
from harness import (BUILD, Daemon, MAIL_USER, PASSWORD, PATIENCE, Site,
                     free_ports, run, wait_for)
from test_dovecot_plugin import BUILT, MODULES, own_mounts

# another build of the bridge alone, with sanitizers say
PROGRAM = os.environ.get("SEALPOST_BRIDGE") or os.path.join(
    BUILD, "bridge", "sealpost-bridge")

DOVECOT_TLS_23 = """\
ssl = yes
ssl_cert = <{folder}/tls/server.pem
ssl_key = <{folder}/tls/server.key
"""
DOVECOT_TLS_24 = """\
ssl = yes
ssl_server_cert_file = {folder}/tls/server.pem
ssl_server_key_file = {folder}/tls/server.key
"""

# After harness.DOVECOT_COMMON.
DOVECOT_23 = """\
protocols = imap lmtp
disable_plaintext_auth = yes
mail_location = maildir:~/Maildir
mail_plugin_dir = {folder}/modules
mail_plugins = sealpost
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
auth_verbose = yes
login_trusted_networks = 203.0.113.1
protocol imap {{
  mail_plugins = $mail_plugins imap_sealpost
  mail_max_userip_connections = 200
  imap_metadata = yes
}}
protocol lmtp {{
  mail_plugins = $mail_plugins
}}
mail_attribute_dict = file:%h/attributes
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
service imap-login {{
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {sasl}
  }}
}}
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
plugin {{
  sealpost_secrets = {folder}/db/secrets.db
  sealpost_directory = {folder}/db/directory.db
  sealpost_seal = {seal}
  sealpost_spool_directory = {folder}/spool
}}
"""

DOVECOT_24 = """\
protocols {{
  imap = yes
  lmtp = yes
}}
auth_allow_cleartext = no
mail_driver = maildir
mail_path = ~/Maildir
mail_plugin_dir = {folder}/modules
mail_plugins {{
  sealpost = yes
}}
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
auth_verbose = yes
login_trusted_networks = 203.0.113.1
protocol imap {{
  mail_plugins {{
    imap_sealpost = yes
  }}
  mail_max_userip_connections = 200
  imap_metadata = yes
}}
mail_attribute {{
  dict file {{
    path = %{{home}}/attributes
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Drafts {{
    auto = subscribe
    special_use = \\Drafts
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
}}
service imap-login {{
  inet_listener imap {{
    listen = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    listen = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  inet_listener sasl {{
    listen = 127.0.0.1
    port = {sasl}
  }}
}}
passdb passwd-file {{
  passwd_file_path = {folder}/users
}}
userdb passwd-file {{
  passwd_file_path = {folder}/users
}}
sealpost_secrets = {folder}/db/secrets.db
sealpost_directory = {folder}/db/directory.db
sealpost_seal = {seal}
sealpost_spool_directory = {folder}/spool
"""

SUBMISSION = """\
{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
{submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
"""

MAIN_MORE = """\
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = one.example
virtual_transport = lmtp:unix:{folder}/run/lmtp
smtputf8_enable = yes
"""

BRIDGE_CONF = """\
[bridge]
imap_listen = inet:127.0.0.1:{imap}
smtp_listen = inet:127.0.0.1:{smtp}
state_directory = {folder}/state
{more}
"""

ACCOUNT_CONF = """\
[account {address}]
imap_host = localhost
imap_port = {imaps}
imap_ca_file = {folder}/tls/ca.pem
smtp_host = localhost
smtp_port = {submissions}
smtp_ca_file = {folder}/tls/ca.pem
"""


# ---- what design.md, section 4, says ----

def hkdf(key, info):
    """HKDF-SHA-256 with an empty salt, 32 octets."""
    prk = hmac.new(bytes(32), key, "sha256").digest()
    return hmac.new(prk, info + b"\1", "sha256").digest()


def login_secret(address, password):
    """(login secret, passphrase of the vault)"""
    stretched = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), b"sealpost" + address.encode(), 600000)
    return tuple(base64.b64encode(hkdf(stretched, info)).decode()
                 for info in (b"sealpost login v1", b"sealpost vault v1"))


def verifier(password, iterations, salt=None):
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt,
                                 iterations)
    stored = hashlib.sha256(
        hmac.new(salted, b"Client Key", "sha256").digest()).digest()
    server = hmac.new(salted, b"Server Key", "sha256").digest()
    return "{SCRAM-SHA-256}%d,%s,%s,%s" % (iterations, *(
        base64.b64encode(x).decode() for x in (salt, stored, server)))


class Tls:
    """A CA and a server's certificate for localhost and 127.0.0.1."""

    def __init__(self, folder, names="DNS:localhost,IP:127.0.0.1"):
        self.folder = folder
        os.mkdir(folder, 0o755)
        self.make_ca()
        self.issue("server", names)

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_ca(self):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=CA for tests", "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))

    def issue(self, name, names):
        """NAME.pem and NAME.key."""
        run("openssl", "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server",
            "-keyout", self.path(name + ".key"), "-out",
            self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w") as f:
            f.write("basicConstraints=critical,CA:FALSE\n"
                    "subjectAltName=%s\nextendedKeyUsage=serverAuth\n"
                    % names)
        run("openssl", "x509", "-req", "-days", "2", "-in",
            self.path(name + ".csr"), "-CA", self.path("ca.pem"), "-CAkey",
            self.path("ca.key"), "-set_serial", "0x%s" % secrets.token_hex(8),
            "-extfile", self.path(name + ".ext"), "-out",
            self.path(name + ".pem"))
        os.chmod(self.path(name + ".pem"), 0o644)

    def fingerprint(self, name="server"):
        with open(self.path(name + ".pem")) as f:
            der = ssl.PEM_cert_to_DER_cert(f.read())
        return hashlib.sha256(der).hexdigest()

    def context(self):
        return ssl.create_default_context(cafile=self.path("ca.pem"))


class Recorder:
    """
    Between the bridge and a server: ends TLS on both sides and keeps in
    `heard` what the bridge said. Its port stands for the server's.
    """

    def __init__(self, tls, port):
        self.tls, self.server_port = tls, port
        self.heard = b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(tls.path("server.pem"),
                                     tls.path("server.key"))
        self.port, = free_ports(1)
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,),
                             daemon=True).start()

    def serve(self, client):
        with contextlib.suppress(OSError), client, \
                self.context.wrap_socket(client, server_side=True) as a, \
                socket.create_connection(
                    ("127.0.0.1", self.server_port)) as server, \
                self.tls.context().wrap_socket(
                    server, server_hostname="localhost") as b:
            while self.pass_on(a, b):
                pass

    def pass_on(self, bridge, server):
        """In one thread: a TLS connection bears no two."""
        if not bridge.pending() and not server.pending():
            ready = select.select([bridge, server], [], [])[0]
        else:
            ready = [s for s in (bridge, server) if s.pending()]
        for s in ready:
            octets = s.recv(65536)
            if s is bridge:
                self.heard += octets
            (server if s is bridge else bridge).sendall(octets)
            if not octets:
                return False
        return True

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


class Account:
    def __init__(self, address, password, login):
        self.address, self.password, self.login = address, password, login
        self.settings = {}
        self.passphrase = ""
        self.secret = password  # what the server is told


class BridgeSite(Site):
    """`seal`: the plugin seals what LMTP brings to accounts with a key."""

    def __init__(self, mechanisms="plain login scram-sha-256", seal=True,
                 main=""):
        self.mechanisms = mechanisms
        self.seal_on_save = "yes" if seal else "no"
        self.accounts = {}
        self.users_time = 1
        self.bridge = None
        self.imaps_port, self.bridge_imap, self.bridge_smtp = free_ports(3)
        super().__init__(start_milter=False, main=main)

    def close(self):
        with contextlib.suppress(AssertionError):
            self.stop_bridge()
        super().close()

    def make_folders(self):
        super().make_folders()
        user = pwd.getpwnam(MAIL_USER)
        for name in ("state", "home"):
            os.mkdir(self.path(name), 0o700)
            os.chown(self.path(name), user.pw_uid, user.pw_gid)
        self.tls = Tls(self.path("tls"))
        shutil.copytree(MODULES, self.path("modules"))
        shutil.copytree(BUILT, self.path("modules"), dirs_exist_ok=True)
        self.write_users()

    # ---- accounts ----

    def write_users(self):
        """The server's accounts. Replaced as a whole: Dovecot sees it."""
        user = pwd.getpwnam(MAIL_USER)
        with open(self.path("users.new"), "w") as f:
            for a in self.accounts.values():
                f.write("%s:%s:%d:%d::%s::\n" % (
                    a.address, a.verifier, user.pw_uid, user.pw_gid,
                    self.path("mail", a.address)))
        # another time than before: Dovecot looks at the second
        self.users_time += 1
        os.utime(self.path("users.new"), (self.users_time, self.users_time))
        os.replace(self.path("users.new"), self.path("users"))

    def enrol(self, address, password=PASSWORD, login="secret", key="vault",
              iterations=None, settings=None):
        """
        An account at the server and in bridge.conf. login: secret | password.
        key: "vault", "file" (with login = password its passphrase is the
        password) or None: it has no key at all.
        """
        a = self.accounts[address] = Account(address, password, login)
        a.secret, a.passphrase = login_secret(address, password)
        if login == "password":
            a.secret = password
            if key == "file":
                a.passphrase = password
        a.settings = {"login": login}
        self.set_verifier(a, iterations)
        domain = address.split("@")[1]
        if domain not in self.sealpost("domain", "list"):
            self.sealpost("domain", "add", domain)
        self.sealpost("user", "add", address)
        if key is not None:
            self.give_key(a, key)
        a.settings.update(settings or {})
        self.publish_databases()
        return a

    def set_verifier(self, a, iterations=None, salt=None):
        self.put_verifier(a, verifier(a.secret, iterations or (
            4096 if a.login == "secret" else 100000), salt))

    def put_verifier(self, a, text):
        a.verifier = text
        self.write_users()
        # Dovecot looks at the file once a second
        second = int(time.time())
        wait_for("the next second", lambda: int(time.time()) > second)

    def give_key(self, a, where):
        certificate = self.make_key(a.address, a.passphrase)
        self.sealpost("key", "import", a.address, stdin=certificate)
        secret = self.gpg("--pinentry-mode", "loopback", "--passphrase",
                          a.passphrase, "--armor", "--export-secret-keys",
                          self.keys[a.address]).stdout
        if where == "vault":
            self.put_vault(a.address, secret.decode())
            return
        path = self.path("home", a.address + ".key")
        user = pwd.getpwnam(MAIL_USER)
        with open(path, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(secret)
        os.chown(path, user.pw_uid, user.pw_gid)
        a.settings.update(key="file", key_file=path)

    def make_key(self, address, passphrase, algorithm="future-default"):
        """A new key pair; returns the armored certificate."""
        done = self.gpg("--pinentry-mode", "loopback", "--passphrase",
                        passphrase, "--status-fd", "1",
                        "--quick-generate-key", "<%s>" % address, algorithm,
                        "default", "0")
        self.keys[address] = re.search(r"KEY_CREATED \S ([0-9A-F]+)",
                                       done.stdout.decode()).group(1)
        return self.gpg("--armor", "--export", self.keys[address]).stdout

    def put_vault(self, address, armored):
        with contextlib.closing(sqlite3.connect(
                self.path("db", "secrets.db"), isolation_level=None)) as db:
            db.execute("INSERT OR REPLACE INTO vaults VALUES (?, ?, ?)",
                       (address, armored, self.keys[address]))

    def publish_databases(self):
        """Dovecot's mail processes read them, and may not write them."""
        user = pwd.getpwnam(MAIL_USER)
        os.chown(self.path("db", "secrets.db"), 0, user.pw_gid)
        for name in ("directory.db", "secrets.db"):
            os.chmod(self.path("db", name), 0o644)

    def seal(self, address, message):
        """The message (LF or CRLF) as the milter would store it."""
        return run(os.path.join(BUILD, "ctl", "sealpost"), "-c",
                   self.path("sealpost.conf"), "seal", address,
                   stdin=message).stdout

    # ---- servers ----

    def start_dovecot(self):
        version = run("/usr/sbin/dovecot", "--version").stdout.decode()
        old = version.startswith("2.3")
        head = "" if old else ("dovecot_config_version = 2.4.0\n"
                               "dovecot_storage_version = 2.4.0\n")
        common = harness.DOVECOT_COMMON.replace(
            "ssl = no\n", DOVECOT_TLS_23 if old else DOVECOT_TLS_24)
        conf = self.path("dovecot", "dovecot.conf")
        group = run("id", "-gn", MAIL_USER).stdout.decode().strip()
        self.publish_databases()
        with open(conf, "w") as f:
            f.write(head + (common + (DOVECOT_23 if old else DOVECOT_24))
                    .format(folder=self.folder, user=MAIL_USER, group=group,
                            imap=self.imap_port, imaps=self.imaps_port,
                            sasl=self.sasl_port, mechanisms=self.mechanisms,
                            seal=self.seal_on_save))
        self.dovecot = Daemon(
            own_mounts() + [
                "sh", "-c",
                'mount --bind "$1" %s && shift && exec "$@"' % MODULES,
                "sh", self.path("modules"), "/usr/sbin/dovecot", "-F", "-c",
                conf], self.path("log", "dovecot.stderr"))
        self.stack.callback(self.stop_dovecot)
        wait_for("Dovecot", lambda: self.dovecot.process.poll() is not None
                 or self.answers(self.imap_port))
        if self.dovecot.process.poll() is not None:
            raise AssertionError("Dovecot: %s" % "".join(self.dovecot.lines))

    def stop_dovecot(self):
        dovecot, self.dovecot = self.dovecot, None
        if dovecot is None:
            return
        dovecot.send_signal(signal.SIGTERM)
        # it waits half a minute for those whose logins it checks: Postfix
        for pid in run("pgrep", "-P", str(dovecot.pid), "-x", "auth",
                       status=None).stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        dovecot.stop()

    def restart_dovecot(self, mechanisms=None):
        """Postfix as well: else it finds its connection to auth dead."""
        self.stop_dovecot()
        self.mechanisms = mechanisms or self.mechanisms
        self.start_dovecot()
        self.restart_postfix()

    def write_postfix(self, more):
        daemons = run("/usr/sbin/postconf", "-h",
                      "daemon_directory").stdout.decode().strip()
        main = harness.MAIN_CF.replace(
            "virtual_mailbox_maps = inline:{{ legacy@one.example=x }}",
            "virtual_mailbox_maps = static:all")
        with open(self.path("etc", "main.cf"), "w") as f:
            f.write((main + MAIN_MORE).format(
                folder=self.folder, relay=self.relay, daemons=daemons,
                sasl=self.sasl_port) + more)
        with open(self.path("etc", "master.cf"), "w") as f:
            f.write(harness.MASTER_CF.format(
                port="127.0.0.1:%d" % self.port) + SUBMISSION.format(
                    submission="127.0.0.1:%d" % self.submission,
                    submissions="127.0.0.1:%d" % self.submissions))
        with open(self.path("etc", "tls.pem"), "w") as out:
            for name in ("server.key", "server.pem"):
                with open(self.tls.path(name)) as f:
                    out.write(f.read())
        os.chmod(self.path("etc", "tls.pem"), 0o600)
        self.age_postfix()

    def log_of(self, name):
        with open(self.path("log", name), errors="replace") as f:
            return f.read()

    def deliver(self, message, *recipients):
        """By LMTP: sealed on the way in for an account with a key."""
        lmtp = smtplib.LMTP(self.path("run", "lmtp"))
        lmtp.sendmail("sender@outside.example", recipients,
                      harness.with_crlf(message))
        lmtp.quit()

    # ---- the bridge ----

    def write_bridge_conf(self, more="", accounts=None):
        if not re.search(r"(?m)^timeout =", more):
            more += "\ntimeout = 20s"
        parts = [BRIDGE_CONF.format(folder=self.folder, more=more,
                                    imap=self.bridge_imap,
                                    smtp=self.bridge_smtp)]
        for a in accounts or self.accounts.values():
            text = ACCOUNT_CONF.format(
                address=a.address, folder=self.folder, imaps=self.imaps_port,
                submissions=self.submissions)
            for key, value in a.settings.items():
                text = re.sub(r"(?m)^%s = .*\n" % key, "", text)
                text += "%s = %s\n" % (key, value)
            parts.append(text)
        with open(self.path("bridge.conf"), "w") as f:
            f.write("\n".join(parts))
        return self.path("bridge.conf")

    def as_user(self, *command):
        """The command as an ordinary user with a home of its own."""
        user = pwd.getpwnam(MAIL_USER)
        return ["setpriv", "--reuid", str(user.pw_uid), "--regid",
                str(user.pw_gid), "--clear-groups", "env", "-u",
                "GNUPGHOME", "-u", "XDG_STATE_HOME", "-u", "XDG_CONFIG_HOME",
                "HOME=" + self.path("home"), *command]

    def start_bridge(self, more="", wrap=()):
        """With what bridge.conf says beyond the accounts."""
        conf = self.write_bridge_conf(more)
        self.bridge = Daemon(
            self.as_user(*wrap, PROGRAM, "-d", "-c", conf),
            self.path("log", "bridge"))
        self.bridge.wait_line("ready")

    def stop_bridge(self, **how):
        bridge, self.bridge = self.bridge, None
        return bridge.stop(**how) if bridge else None

    def bridge_command(self, *arguments, stdin=b"", status=0):
        return run(*self.as_user(PROGRAM, "-c", self.path("bridge.conf"),
                                 *arguments), stdin=stdin, status=status)

    # ---- clients ----

    @contextlib.contextmanager
    def client(self, address, password=None):
        """IMAP through the bridge."""
        with imaplib.IMAP4("127.0.0.1", self.bridge_imap,
                           timeout=PATIENCE) as c:
            c.login(address, password or self.accounts[address].password)
            yield c

    @contextlib.contextmanager
    def direct(self, address):
        """IMAP on the server, past the bridge."""
        a = self.accounts[address]
        with imaplib.IMAP4_SSL("localhost", self.imaps_port,
                               ssl_context=self.tls.context(),
                               timeout=PATIENCE) as c:
            c.login(address, a.secret)
            yield c

    @contextlib.contextmanager
    def submission_client(self, address=None, password=None):
        """SMTP through the bridge, logged in when there is an address."""
        client = smtplib.SMTP("127.0.0.1", self.bridge_smtp,
                              local_hostname="client.example",
                              timeout=PATIENCE)
        try:
            client.ehlo()
            if address is not None:
                client.login(address, password or
                             self.accounts[address].password)
            yield client
        finally:
            client.close()


class BridgeCase(unittest.TestCase):
    """Tests on one site, which lives as long as the class."""

    site_options = {}

    @classmethod
    def setUpClass(cls):
        cls.site = BridgeSite(**cls.site_options)
        cls.addClassCleanup(cls.site.close)
        cls.prepare()

    @classmethod
    def prepare(cls):
        """Accounts, and the start of the bridge."""

    def setUp(self):
        self.secret = harness.canary()
        self.message_id = "<%s@outside.example>" % secrets.token_hex(8)

    def run(self, result=None):
        """Where a test fails, the logs say more."""
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            for name in ("bridge", "dovecot", "maillog"):
                with contextlib.suppress(OSError):
                    print("---- %s\n%s" % (name, "".join(
                        line[:300].rstrip() + "\n" for line in
                        self.site.log_of(name).splitlines()[-40:])))


def main():
    harness.main()

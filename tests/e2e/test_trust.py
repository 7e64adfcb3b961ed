#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""TLS on the bridge's listeners, and `sealpost-bridge trust`.

A client that trusts the bridge's authority connects by each of its names, one
that does not is refused; installed for the system it is found there.
"""
import imaplib
import os
import pathlib
import shutil
import smtplib
import ssl
import stat
import subprocess

from bridge_site import BridgeCase, PROGRAM, main
from harness import PATIENCE, free_ports, run

ANN = "ann@one.example"
ANCHORS = "/usr/local/share/ca-certificates"


class Trust(BridgeCase):
    @classmethod
    def prepare(cls):
        cls.imaps, cls.smtps = free_ports(2)
        cls.site.enrol(ANN)
        cls.more = ("imaps_listen = inet:127.0.0.1:%d\n"
                    "smtps_listen = inet:127.0.0.1:%d\n"
                    % (cls.imaps, cls.smtps))
        cls.site.start_bridge(cls.more)

    def authority(self):
        """The certificate, as trust prints it."""
        return self.site.bridge_command("trust", "--print").stdout.decode()

    def context(self):
        return ssl.create_default_context(cadata=self.authority())

    def imap(self, host, context):
        with imaplib.IMAP4_SSL(host, self.imaps, ssl_context=context,
                               timeout=PATIENCE) as c:
            c.login(ANN, self.site.accounts[ANN].password)
            return c.select()[0]

    def test_print(self):
        text = self.authority()
        self.assertIn("BEGIN CERTIFICATE", text)
        self.assertNotIn("PRIVATE", text)
        self.assertEqual(text, self.authority())

    def test_explains(self):
        said = self.site.bridge_command("trust").stdout.decode()
        path = self.site.path("state", "ca.pem")
        for word in (path, "--install", "Thunderbird", "Apple"):
            self.assertIn(word, said)

    def test_usage(self):
        for arguments in (["--print", "--install"], ["x"], ["--all"]):
            done = self.site.bridge_command("trust", *arguments, status=2)
            self.assertEqual(done.stdout, b"")

    def test_modes(self):
        folder = self.site.path("state")
        for name, mode in [("ca-key.pem", 0o600), ("localhost.pem", 0o600),
                           ("ca.pem", 0o644)]:
            self.assertEqual(stat.S_IMODE(os.stat(
                os.path.join(folder, name)).st_mode), mode, name)

    def test_tls(self):
        for host in ("localhost", "127.0.0.1"):
            self.assertEqual(self.imap(host, self.context()), "OK")
        client = smtplib.SMTP_SSL("localhost", self.smtps, timeout=PATIENCE,
                                  context=self.context(),
                                  local_hostname="client.example")
        client.login(ANN, self.site.accounts[ANN].password)
        client.quit()

    def test_starttls(self):
        with imaplib.IMAP4("localhost", self.site.bridge_imap,
                           timeout=PATIENCE) as c:
            self.assertEqual(c.starttls(self.context())[0], "OK")
            c.login(ANN, self.site.accounts[ANN].password)
        with smtplib.SMTP("localhost", self.site.bridge_smtp,
                          timeout=PATIENCE,
                          local_hostname="client.example") as client:
            client.starttls(context=self.context())
            client.login(ANN, self.site.accounts[ANN].password)

    def test_not_trusted_unasked(self):
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.imap("localhost", ssl.create_default_context())

    def test_strict_client(self):
        """As strict as newer Pythons are, and OpenSSL's own client."""
        context = self.context()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        self.assertEqual(self.imap("localhost", context), "OK")
        path = os.path.join(self.site.folder, "printed.pem")
        with open(path, "w") as f:
            f.write(self.authority())
        done = run("openssl", "s_client", "-brief", "-verify_return_error",
                   "-x509_strict", "-CAfile", path, "-no-CApath",
                   "-no-CAstore", "-verify_hostname", "localhost", "-connect",
                   "127.0.0.1:%d" % self.imaps, stdin=b"")
        self.assertIn(b"Verification: OK", done.stdout + done.stderr)

    def test_renewed_at_start(self):
        """A leaf that ends tomorrow is replaced; the authority stays."""
        authority = self.authority()
        path = pathlib.Path(self.site.path("state", "localhost.pem"))
        self.site.stop_bridge()
        self.make_short_leaf(path)
        before = path.read_text()
        self.site.start_bridge(self.more)
        self.assertEqual(authority, self.authority())
        self.assertEqual(self.imap("localhost", self.context()), "OK")
        self.assertNotEqual(before, path.read_text())

    def make_short_leaf(self, path):
        folder = self.site.path("state")
        made = os.path.join(self.site.folder, "short")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
            "-keyout", made + ".key", "-out", made + ".csr")
        run("openssl", "x509", "-req", "-in", made + ".csr", "-CA",
            os.path.join(folder, "ca.pem"), "-CAkey",
            os.path.join(folder, "ca-key.pem"), "-set_serial", "7", "-days",
            "1", "-out", made + ".pem")
        path.write_text("".join(pathlib.Path(made + name).read_text()
                                for name in (".key", ".pem")))

    def test_a_stolen_key_is_of_no_use(self):
        """The authority's key has signed for another name."""
        folder = self.site.path("state")
        made = os.path.join(self.site.folder, "stolen")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=example.org",
            "-keyout", made + ".key", "-out", made + ".csr")
        with open(made + ".ext", "w") as f:
            f.write("subjectAltName=DNS:example.org\n")
        run("openssl", "x509", "-req", "-in", made + ".csr", "-CA",
            os.path.join(folder, "ca.pem"), "-CAkey",
            os.path.join(folder, "ca-key.pem"), "-set_serial", "8", "-days",
            "2", "-extfile", made + ".ext", "-out", made + ".pem")
        done = run("openssl", "verify", "-CAfile",
                   os.path.join(folder, "ca.pem"), made + ".pem", status=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"permitted subtree violation",
                      done.stdout + done.stderr)

    def test_install(self):
        """With the system's own update-ca-certificates, on copies of its
        folders that only this process sees."""
        if shutil.which("update-ca-certificates",
                        path="/usr/sbin:/usr/bin") is None:
            self.skipTest("this is no Debian")
        names = sorted(os.listdir(ANCHORS))
        state = os.path.join(self.site.folder, "root-state")
        conf = os.path.join(self.site.folder, "root.conf")
        with open(self.site.path("bridge.conf")) as f:
            text = f.read().replace(self.site.path("state"), state)
        with open(conf, "w") as f:
            f.write(text)
        script = """
            set -e
            cp -a /etc/ssl/certs "$1/certs"
            cp /etc/ca-certificates.conf "$1/"
            mkdir "$1/anchors"
            mount --make-rprivate /
            mount --bind "$1/certs" /etc/ssl/certs
            mount --bind "$1/anchors" %s
            "$2" -c "$3" trust --install
            openssl verify -CApath /etc/ssl/certs "$4/localhost.pem"
            openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt \\
                "$4/localhost.pem"
        """ % ANCHORS
        folder = os.path.join(self.site.folder, "system")
        os.mkdir(folder)
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, "sh", folder, PROGRAM,
             conf, state], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count("localhost.pem: OK"), 2)
        self.assertEqual(os.listdir(os.path.join(folder, "anchors")),
                         ["sealpost-bridge-0.crt"])
        self.assertEqual(sorted(os.listdir(ANCHORS)), names)


if __name__ == "__main__":
    main()

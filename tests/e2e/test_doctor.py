# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""`sealpost doctor` on a site that is wired by sealpost alone: all is fine, then
each thing is broken once, found, and mended by the very command it names."""
import contextlib
import grp
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

import harness
from doctor_site import DoctorSite
from harness import BUILD, main, run

ANN = "ann@one.example"
DAY = 86400
# Writes into the file before it commits, and waits.
KILLED = """
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA cache_size = 1")
db.execute("BEGIN IMMEDIATE")
for n in range(3000):
    db.execute("INSERT INTO domains(domain) VALUES (?)",
               ("x%d.%s.example" % (n, "x" * 50),))
print("written", flush=True)
time.sleep(1000)
"""


class DoctorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = DoctorSite()
        cls.addClassCleanup(cls.site.close)
        cls.site.add_account(ANN)
        cls.hop = "127.0.0.1:%d/inet" % cls.site.hop
        cls.mx = "127.0.0.1:%d/inet" % cls.site.port
        cls.users = "127.0.0.1:%d/inet" % cls.site.submission
        cls.sock = "unix:" + cls.site.path("run", "milter.sock")

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            self.site.print_logs("after %s" % self.id())

    def found(self, check, severity="error", *more):
        """The finding of that check, which is there now."""
        findings = self.site.findings(*more)
        self.assertIn(check, findings)
        finding = findings[check][0]
        self.assertEqual(finding["severity"], severity, finding)
        self.assertTrue(finding["why"], finding)
        self.assertEqual(self.site.doctor_status,
                         1 if severity == "error" else 0)
        return finding

    def assert_fine(self, *more):
        self.assertEqual(self.site.findings(*more), {})
        self.assertEqual(self.site.doctor_status, 0)

    def assert_mended(self, check, severity="error"):
        """It is found, and gone after what it says was done."""
        finding = self.found(check, severity)
        self.site.mend(finding["mend"])
        self.assert_fine()
        return finding


class Fine(DoctorTest):
    def test_all_fine_with_a_probe(self):
        self.assert_fine("--probe", ANN)
        said = {f["check"]: f["severity"]
                for f in self.site.report["findings"]}
        for check in ("postfix.hop", "postfix.order", "dovecot.tls",
                      "socket.milter", "socket.policyd", "socket.saslauthd",
                      "socket.hop", "socket.lmtp", "permissions.secrets",
                      "database.integrity", "key", "clock.plausible",
                      "disk.space", "probe.delivered", "probe.sealed",
                      "probe.removed"):
            self.assertEqual(said.get(check), "ok", check)
        self.assertEqual(list(self.site.stored_files()), [])
        self.site.wait_queue_empty()

    def test_the_document(self):
        self.assert_fine()
        report = self.site.report
        self.assertEqual(list(report), [
            "time", "severity", "ok", "warnings", "errors", "untried",
            "findings"])
        for f in report["findings"]:
            self.assertEqual(list(f), ["check", "severity", "tried", "what",
                                       "why", "mend"])
        self.assertEqual(report["errors"], 0)

    def test_the_text(self):
        done = self.site.doctor("--quiet", status=0).stdout.decode()
        self.assertNotIn("ok:", done)
        self.assertRegex(done, r"(?m)^\d+ fine, \d+ warnings, 0 errors")
        self.assertIn("ok: socket.milter", self.site.doctor().stdout.decode())

    def test_without_a_probe_no_mail_is_sent(self):
        before = len(self.site.maillog())
        self.assert_fine()
        self.assertNotRegex(self.site.maillog()[before:], "postfix/pickup")

    def test_usage(self):
        for options in (["--wait", "no"], ["--wait", "0"], ["--none"],
                        ["more"]):
            self.site.doctor(*options, status=2)

    def test_what_cannot_be_tried(self):
        """Without Postfix's configuration it is not known."""
        site = self.site
        done = run(os.path.join(BUILD, "ctl", "sealpost"), "-c",
                   site.path("sealpost.conf"), "doctor", "--json",
                   "--config-directory", site.path("nowhere"), "--config-file",
                   site.path("nowhere", "dovecot.conf"), status=75)
        self.assertIn(b'"tried": false', done.stdout)

    def test_a_probe_to_nobody(self):
        finding = self.site.findings("--probe", "nobody@one.example")
        self.assertIn("probe.sent", finding)
        self.assertFalse(finding["probe.sent"][0]["tried"])
        self.assertEqual(self.site.doctor_status, 75)


class Postfix(DoctorTest):
    def broken(self, *breaks):
        """(check, severity, arguments of postconf)..."""
        for check, severity, *arguments in breaks:
            with self.subTest(arguments[-1]):
                self.site.postconf(*arguments)
                self.assert_mended(check, severity)

    def test_the_hop(self):
        self.broken(
            ("postfix.hop.milter", "error", "-P",
             "%s/smtpd_milters={%s,default_action=accept}" % (
                 self.hop, self.sock)),
            ("postfix.hop.milter", "error", "-P",
             self.hop + "/smtpd_milters="),
            ("postfix.hop.milter", "error", "-P",
             self.hop + "/milter_default_action=accept"),
            ("postfix.policy", "error", "-P", self.hop +
             "/smtpd_end_of_data_restrictions=check_policy_service,unix:/x"),
            ("postfix.hop.deliver", "error", "-P",
             self.hop + "/content_filter=smtp:[127.0.0.1]:25"),
            ("postfix.hop.access", "error", "-P",
             self.hop + "/smtpd_client_restrictions=permit"),
            ("postfix.hop.settings", "error", "-P",
             "seal/unix/smtp_tls_security_level=may"),
            ("postfix.hop.settings", "error", "-P",
             "seal-cleanup/unix/header_checks=static:IGNORE"),
            ("postfix.hop.extra", "warning", "-P",
             "seal-lmtp/unix/lmtp_connection_cache_on_demand=no"))

    def test_a_service_of_the_hop_is_missing(self):
        self.site.postconf("-MX", "seal-lmtp/unix")
        self.assert_mended("postfix.hop.service")

    def test_main(self):
        maps = "proxy:sqlite:" + self.site.path("etc", "sealpost")
        self.broken(
            ("postfix.transport", "error", "-e",
             "virtual_transport=lmtp:unix:/nowhere"),
            ("postfix.transport", "error", "-e",
             "transport_maps=inline:{ one.example=virtual: }, %s/transport.cf"
             % maps),
            ("postfix.one_recipient", "error", "-e",
             "seal_destination_recipient_limit=50"),
            ("postfix.bounce", "error", "-X", "bounce_size_limit"),
            ("postfix.unusable", "warning", "-e",
             "smtpd_recipient_restrictions=permit_mynetworks"),
            ("postfix.maps", "error", "-e", "virtual_alias_maps="),
            ("postfix.delimiter", "error", "-e", "recipient_delimiter=-"),
            ("postfix.copies", "warning", "-e", "always_bcc=x@one.example"),
            ("postfix.content_filter", "error", "-e",
             "content_filter=lmtp:unix:/nowhere"),
            ("postfix.order", "error", "-e",
             "smtpd_milters=inet:127.0.0.1:9, %s" % self.sock))

    def test_lines_of_master_that_override_main(self):
        self.broken(
            ("postfix.transport", "error", "-P",
             "rewrite/unix/virtual_transport=virtual"),
            ("postfix.one_recipient", "error", "-P",
             "qmgr/unix/seal_destination_recipient_limit=9"),
            ("postfix.bounce", "error", "-P",
             "bounce/unix/bounce_size_limit=50000"),
            ("postfix.unusable", "warning", "-P",
             self.mx + "/smtpd_recipient_restrictions=permit_mynetworks"),
            ("postfix.content_filter", "error", "-P",
             self.mx + "/content_filter=lmtp:unix:/nowhere"),
            ("postfix.order", "error", "-P",
             self.mx + "/smtpd_milters=" + self.sock),
            ("postfix.copies", "warning", "-P",
             "cleanup/unix/always_bcc=x@one.example"))

    def test_logins_and_counting(self):
        policy = "check_policy_service,unix:" + self.site.path(
            "run", "policyd.sock")
        end = "/smtpd_end_of_data_restrictions="
        self.broken(
            ("postfix.sasl", "error", "-e", "smtpd_sasl_auth_enable=yes"),
            ("postfix.sasl", "error", "-P",
             self.mx + "/smtpd_sasl_auth_enable=yes"),
            ("postfix.sasl_path", "warning", "-P",
             self.users + "/smtpd_sasl_path=private/auth"),
            ("postfix.policy", "error", "-P", self.users + end),
            ("postfix.policy", "error", "-P", self.users + end + policy),
            ("postfix.policy", "error", "-P", self.mx + end + policy),
            ("postfix.policy", "error", "-e",
             "smtpd_data_restrictions=reject_unauth_pipelining, " + policy))

    def test_no_submission(self):
        self.site.postconf("-MX", self.users)
        self.site.postconf("-MX", "127.0.0.1:%d/inet" %
                           self.site.submissions)
        self.assert_mended("postfix.submission", "warning")


class Dovecot(DoctorTest):
    @contextlib.contextmanager
    def appended(self, text):
        with open(self.site.dovecot_conf) as f:
            before = f.read()
        with open(self.site.dovecot_conf, "w") as f:
            f.write(before + text)
        try:
            yield
        finally:
            with open(self.site.dovecot_conf, "w") as f:
                f.write(before)

    def test_settings_after_ours(self):
        old = self.site.old_dovecot
        for check, text in (
                ("dovecot.debug", "mail_debug = yes\n"),
                ("dovecot.debug", "auth_debug_passwords = yes\n"),
                ("dovecot.tls", "ssl = yes\n"),
                # 2.4 itself refuses its like beside ssl = required
                ("dovecot.tls", "disable_plaintext_auth = no\n" if old else
                 "ssl = no\nauth_allow_cleartext = yes\n"),
                ("dovecot.plugin", "protocol imap {\n  mail_plugins = "
                 "quota\n}\n" if old else "protocol imap {\n  mail_plugins "
                 "{\n    imap_sealpost = no\n  }\n}\n"),
                ("dovecot.seal_on_save", "plugin {\n  sealpost_seal = no\n}\n"
                 if old else "sealpost_seal = no\n")):
            with self.subTest(text), self.appended(text):
                self.assert_mended(check)

    def test_a_block_with_another_value(self):
        with self.appended("protocol imap {\n  mail_debug = yes\n}\n"):
            finding = self.found("dovecot.debug")
            self.assertIn("protocol imap", finding["what"])
            self.assertIn("mail_debug", finding["mend"])
        self.assert_fine()

    def test_no_databases(self):
        with open(self.site.dovecot_conf) as f:
            before = f.read()
        with open(self.site.dovecot_conf, "w") as f:
            f.write(re.sub(r"(?m)^!include.*sealpost.*\n", "", before) +
                    "protocols = imap lmtp\n")
        findings = self.site.findings()
        self.assertIn("dovecot.passdb", findings)
        self.site.mend(findings["dovecot.userdb"][0]["mend"])
        self.assert_fine()
        with open(self.site.dovecot_conf, "w") as f:
            f.write(before)

    def test_another_database(self):
        name = "sealpost-passdb.conf.ext" if self.site.old_dovecot else \
            "sealpost.conf"
        path = os.path.join(os.path.dirname(self.site.dovecot_conf), name)
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace("secrets.db", "another.db"))
        self.assert_mended("dovecot.passdb")


class Sockets(DoctorTest):
    def test_daemons_that_are_down(self):
        site = self.site
        for name in ("policyd", "saslauthd"):
            with self.subTest(name):
                site.daemons[name].stop()
                finding = self.found("socket." + name)
                self.assertEqual(finding["mend"],
                                 "systemctl restart sealpost-" + name)
                site.start_daemon(name)
                self.assert_fine()
        with site.milter_stopped():
            self.found("socket.milter")
        self.assert_fine()

    def test_a_wrong_protocol(self):
        """Who answers there is somebody else."""
        site = self.site
        site.daemons["saslauthd"].stop()
        with contextlib.closing(socket.create_server(
                ("127.0.0.1", site.sasl_port))) as server:
            def serve():
                with contextlib.suppress(OSError):
                    while True:
                        client, _ = server.accept()
                        with client:
                            client.sendall(b"220 mx.one.example ESMTP\r\n")
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.assertIn("does not speak",
                          self.found("socket.saslauthd")["what"])
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
        site.start_daemon("saslauthd")
        self.assert_fine()

    def test_postfix_is_down(self):
        self.site.stop_postfix()
        self.found("socket.hop")
        self.site.restart_postfix()
        self.assert_fine()

    def test_who_may_connect(self):
        for name in ("milter", "policyd"):
            path = self.site.path("run", name + ".sock")
            check = "permissions." + name
            with self.subTest(name):
                os.chmod(path, 0o666)
                self.assert_mended(check)
                before = os.stat(path)
                os.chmod(path, 0o600)
                self.assert_mended(check)
                os.chown(path, before.st_uid, 0)
                self.assert_mended(check)
                self.assertEqual(os.stat(path).st_gid,
                                 grp.getgrnam("postfix").gr_gid)


class Files(DoctorTest):
    def test_modes(self):
        for name, mode, check in (
                ("db/secrets.db", 0o644, "permissions.secrets"),
                ("db/secrets.db", 0o600, "permissions.secrets"),
                ("db/directory.db", 0o666, "permissions.directory"),
                ("stats/stats.db", 0o664, "permissions.stats"),
                ("db", 0o757, "permissions.folder")):
            with self.subTest(name):
                os.chmod(self.site.path(name), mode)
                self.assert_mended(check)

    def test_owners(self):
        for name, check in (("db/directory.db", "permissions.directory"),
                            ("db/secrets.db", "permissions.secrets"),
                            ("db", "permissions.folder")):
            with self.subTest(name):
                os.chown(self.site.path(name), 1, -1)
                self.assert_mended(check)

    def test_saslauthd_is_shut_out(self):
        conf, path = (self.site.path(*p) for p in (
            ("sealpost.conf",), ("db", "secrets.db")))
        gid = os.stat(path).st_gid
        with open(conf) as f:
            before = f.read()
        with open(conf, "w") as f:
            f.write(before.replace("[saslauthd]\n", "[saslauthd]\nuser = %s\n"
                                   % harness.MAIL_USER))
        try:
            for group, mend in ((gid, "usermod -aG 'mail' 'nobody' && "),
                                (0, "chgrp ")):
                os.chown(path, 0, group)
                finding = self.found("permissions.secrets")
                self.assertTrue(finding["mend"].startswith(mend), finding)
        finally:
            os.chown(path, 0, gid)
            with open(conf, "w") as f:
                f.write(before)
        self.assert_fine()

    def test_a_missing_database(self):
        path = self.site.path("stats", "stats.db")
        os.rename(path, path + ".away")
        try:
            self.assertEqual(self.found("permissions.stats")["mend"],
                             "sealpost init")
        finally:
            os.rename(path + ".away", path)
        self.assert_fine()

    def test_a_damaged_database(self):
        site = self.site
        path = site.path("db", "secrets.db")
        backup = site.path("backup.tar")
        site.sealpost("backup", backup)
        before = os.stat(path)
        with open(path, "r+b") as f:
            f.seek(4096)
            f.write(os.urandom(4096))
        finding = self.found("database.integrity")
        command, _, rest = finding["mend"].partition(" && systemctl")
        self.assertTrue(rest)
        site.mend(command.replace("BACKUP", backup))
        self.assertEqual(os.stat(path).st_gid, before.st_gid)
        self.assert_fine()

    def test_who_was_killed_while_writing(self):
        """What is left then can be repaired by a writer alone."""
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED,
             self.site.path("db", "directory.db")], stdout=subprocess.PIPE)
        writer.stdout.readline()
        writer.kill()
        writer.communicate()
        finding = self.found("database.integrity")
        self.assertIn("killed", finding["what"])
        self.assertTrue(finding["mend"].endswith(" init"))
        self.site.mend(finding["mend"])
        self.assert_fine()

    def test_the_future(self):
        path = self.site.path("db", "secrets.db")
        os.utime(path, (time.time() + DAY, time.time() + DAY))
        self.assertIn("secrets.db", self.found("clock.plausible")["what"])
        os.utime(path)
        with contextlib.closing(sqlite3.connect(
                self.site.path("stats", "stats.db"))) as db:
            db.execute("INSERT INTO counters VALUES "
                       "(?, '', 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)",
                       (int(time.time()) // 3600 * 3600 + 10 * 3600,))
            db.commit()
            self.assertIn("counted", self.found("clock.plausible")["what"])
            db.execute("DELETE FROM counters WHERE hour > ?",
                       (time.time() + 3600,))
            db.commit()
        self.assert_fine()

    def test_a_full_disk(self):
        site = self.site
        wrapped = site.with_modules(
            "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs "$1" && shift && '
            'exec "$@"', "sh", site.path("spool"),
            os.path.join(BUILD, "ctl", "sealpost"), "-c",
            site.path("sealpost.conf"), "doctor", "--json", *site.options())
        done = run(*wrapped, status=1).stdout.decode()
        self.assertIn("disk.space", done)
        self.assertRegex(done, r"spool: .* has [0-4] MB left")


class Keys(DoctorTest):
    @contextlib.contextmanager
    def account(self, name, **options):
        address = name + "@one.example"
        self.site.add_account(address, **options)
        try:
            yield address
        finally:
            self.site.sealpost("user", "remove", address)
        self.assert_fine()

    def test_none(self):
        with self.account("none", key=False) as address:
            finding = self.found("key.none")
            self.assertIn(address, finding["what"])
            self.site.mend("%s < %s" % (
                finding["mend"].split(" FILE")[0],
                self.certificate(address)))
            self.assert_fine()

    def certificate(self, address):
        path = self.site.path("cert.asc")
        with open(path, "wb") as f:
            f.write(self.site.make_key(address))
        return path

    def test_expiring(self):
        for days, within, severity in ((20, 30, "warning"), (5, 7, "warning"),
                                       (1, 1, "error")):
            with self.subTest(days), self.account(
                    "in%d" % days, expire="%dd" % days):
                finding = self.found("key.expiring", severity)
                self.assertIn("within %d day" % within, finding["what"])

    def test_expired_and_from_the_future(self):
        for column, value, check in (
                ("expires", int(time.time()) - 60, "key.expired"),
                ("created", int(time.time()) + DAY, "key.future")):
            with self.subTest(check), self.account(column) as address:
                with contextlib.closing(sqlite3.connect(
                        self.site.path("db", "directory.db"))) as db:
                    db.execute(
                        "UPDATE subkeys SET %s = ? WHERE certificate IN "
                        "(SELECT id FROM certificates WHERE address = ?)" %
                        column, (value, address))
                    db.commit()
                self.found(check)


class Probe(DoctorTest):
    def test_a_deferred_one_is_taken_back(self):
        with self.site.milter_stopped():
            findings = self.site.findings("--probe", ANN)
            self.assertIn("held up", findings["probe.delivered"][0]["what"])
            self.site.wait_queue_empty()
        self.assert_fine("--probe", ANN)

    def test_a_way_around_the_hop(self):
        """Plaintext in the mailbox is found, whatever the settings say."""
        site = self.site
        plugin = os.path.join(os.path.dirname(site.dovecot_conf),
                              "sealpost.conf")
        with open(plugin) as f:
            before = f.read()
        with open(plugin, "w") as f:
            f.write(before.replace("sealpost_seal = yes",
                                   "sealpost_seal = no"))
        os.kill(site.dovecot.pid, 1)
        site.dovecot_reloaded()
        site.postconf("-e", "virtual_transport=lmtp:unix:" + site.path(
            "run", "lmtp"), "transport_maps=")
        site.restart_postfix()
        finding = self.found("probe.sealed", "error", "--probe", ANN)
        self.assertIn("plaintext", finding["what"])
        self.assertEqual(list(site.stored_files()), [])
        with open(plugin, "w") as f:
            f.write(before)
        os.kill(site.dovecot.pid, 1)
        site.dovecot_reloaded()
        for finding in site.findings()["postfix.transport"]:
            site.mend(finding["mend"])
        self.assert_fine("--probe", ANN)

    def test_unenrolled_may_pass(self):
        self.site.write_conf(milter="unenrolled = pass")
        self.found("conf.unenrolled", "warning")
        self.site.write_conf(milter="")
        self.assert_fine()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""`sealpost postfix`: what it makes of main.cf and master.cf, and back."""
import os
import shutil
import stat
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("SEALPOST_SOURCE") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("SEALPOST_BUILD") or os.path.join(SOURCE, "build")

PLAIN_MAIN = """\
compatibility_level = 3.6
myhostname = mx.example.org
mydestination = $myhostname, localhost
"""

AWKWARD_MAIN = """\
# a comment with virtual_transport = in it
compatibility_level = 3.6

myhostname=mx.example.org
virtual_mailbox_domains =
\tone.example,
# a comment within
\ttwo.example

   # an indented comment
virtual_transport = lmtp:unix:private/other
virtual_alias_maps
\t= inline:{ a@one.example=b@one.example }
bounce_size_limit = 70000
mydestination = $myhostname
bounce_size_limit =\t50000
smtpd_recipient_restrictions = permit_mynetworks,

    reject_unauth_destination
# the last one has no line end
recipient_delimiter = -"""

PLAIN_MASTER = """\
# a comment
smtp      inet  n       -       y       -       -       smtpd
#submission inet n       -       y       -       -       smtpd
#  -o syslog_name=postfix/submission
cleanup   unix  n       -       y       -       0       cleanup
proxymap  unix  -       -       n       -       -       proxymap
lmtp      unix  -       -       y       -       -       lmtp
"""

AWKWARD_MASTER = """\
smtp      inet  n\t-       y       -       -       smtpd
  -o x_one=1
# within an entry
  -o { x_two = 2 }

587 inet n - y - - smtpd
  -o smtpd_sasl_auth_enable=yes
proxymap  unix  -       -       n       -       -       proxymap
# no line end
lmtp      unix  -       -       y       -       -       lmtp"""


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(
            prefix="sealpost-test-",
            dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.addCleanup(shutil.rmtree, self.folder)
        self.etc = os.path.join(self.folder, "etc")
        os.mkdir(self.etc)
        self.conf = os.path.join(self.folder, "sealpost.conf")
        self.write_conf("")

    def write_conf(self, text):
        with open(self.conf, "w") as f:
            f.write("[accounts]\ndirectory = %s/directory.db\n%s" %
                    (self.folder, text))

    def put(self, main, master):
        for name, text in (("main.cf", main), ("master.cf", master)):
            with open(os.path.join(self.etc, name), "w") as f:
                f.write(text)

    def get(self, name):
        with open(os.path.join(self.etc, name)) as f:
            return f.read()

    def change(self, name, old, new):
        text = self.get(name)
        self.assertIn(old, text)
        with open(os.path.join(self.etc, name), "w") as f:
            f.write(text.replace(old, new, 1))

    def snapshot(self):
        found = {}
        for folder, folders, files in os.walk(self.etc):
            for name in files:
                path = os.path.join(folder, name)
                s = os.stat(path)
                with open(path) as f:
                    found[os.path.relpath(path, self.etc)] = (
                        f.read(), stat.S_IMODE(s.st_mode), s.st_uid, s.st_gid)
        return found

    def run_command(self, what, *options, status=0):
        done = subprocess.run(
            [os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
             "postfix", what, "--config-directory", self.etc, "--templates",
             os.path.join(SOURCE, "conf-templates", "postfix")] +
            list(options), capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout if status == 0 else done.stderr

    def age(self):
        """Postfix programs wait until a file is a second old."""
        for name in ("main.cf", "master.cf"):
            os.utime(os.path.join(self.etc, name), (1, 1))

    def value(self, name, option="-h"):
        self.age()
        return subprocess.run(
            ["/usr/sbin/postconf", "-c", self.etc, option, name],
            capture_output=True, text=True, check=True).stdout.rstrip("\n")

    def options(self, service):
        """The -o settings of an entry of master.cf."""
        entry = self.value(service, "-Mf")
        found = {}
        for line in entry.splitlines()[1:]:
            setting = line.strip()[len("-o "):].strip()
            if setting.startswith("{"):
                setting = setting[1:-1].strip()
            name, value = setting.split("=", 1)
            found[name.strip()] = value.strip()
        return found


class ApplyAndRemove(Command):
    pairs = (
        ("plain", PLAIN_MAIN, PLAIN_MASTER),
        ("awkward", AWKWARD_MAIN, AWKWARD_MASTER),
        ("carriage returns", PLAIN_MAIN.replace(" = ", " =  "),
         PLAIN_MASTER.rstrip("\n")),
    )

    def test_show_changes_nothing(self):
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        before = self.snapshot()
        said = self.run_command("show")
        self.assertEqual(before, self.snapshot())
        self.assertIn("+virtual_transport = seal:[127.0.0.1]:10027", said)
        self.assertIn("-virtual_transport = lmtp:unix:private/other", said)
        self.assertIn("smtpd_milters", said)

    def test_twice_is_once(self):
        for name, main, master in self.pairs:
            with self.subTest(name):
                self.put(main, master)
                self.run_command("apply")
                once = self.snapshot()
                self.assertIn("nothing to do", self.run_command("apply"))
                self.assertEqual(once, self.snapshot())
                self.assertIn("nothing to do", self.run_command("show"))
                self.run_command("remove")

    def test_remove_restores_every_byte(self):
        for name, main, master in self.pairs:
            with self.subTest(name):
                self.put(main, master)
                os.chmod(os.path.join(self.etc, "master.cf"), 0o600)
                before = self.snapshot()
                self.run_command("apply")
                self.assertNotEqual(before, self.snapshot())
                self.run_command("remove")
                self.assertEqual(before, self.snapshot())
                self.assertEqual(sorted(os.listdir(self.etc)),
                                 ["main.cf", "master.cf"])
                self.assertIn("nothing to do", self.run_command("remove"))

    def test_symbolic_link_stays(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        real = os.path.join(self.folder, "real.cf")
        os.rename(os.path.join(self.etc, "main.cf"), real)
        os.symlink(real, os.path.join(self.etc, "main.cf"))
        self.run_command("apply")
        self.assertTrue(os.path.islink(os.path.join(self.etc, "main.cf")))
        self.assertIn("seal:[127.0.0.1]:10027", self.get("main.cf"))
        self.run_command("remove")
        self.assertEqual(self.get("main.cf"), PLAIN_MAIN)

    def test_other_settings_replace_the_first(self):
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        self.run_command("apply")
        self.write_conf("[hop]\nlisten = 127.0.0.1:20027\n"
                        "deliver = lmtp:inet:127.0.0.1:24\n")
        self.run_command("apply")
        self.assertEqual(self.value("virtual_transport"),
                         "seal:[127.0.0.1]:20027")
        self.assertNotIn("10027", self.get("master.cf"))
        self.assertEqual(
            self.options("127.0.0.1:20027/inet")["content_filter"],
            "seal-lmtp:inet:127.0.0.1:24")
        self.run_command("remove")
        self.assertEqual(self.get("main.cf"), AWKWARD_MAIN)
        self.assertEqual(self.get("master.cf"), AWKWARD_MASTER)


class Values(Command):
    def test_lists_are_kept(self):
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        self.run_command("apply")
        maps = "proxy:sqlite:%s/sealpost/" % self.etc
        self.assertEqual(self.value("virtual_mailbox_domains"),
                         "one.example, two.example, %sdomains.cf" % maps)
        self.assertEqual(
            self.value("virtual_alias_maps"),
            "inline:{ a@one.example=b@one.example }, %saliases.cf" % maps)
        self.assertTrue(self.value("smtpd_recipient_restrictions").startswith(
            "check_recipient_access %sunusable.cf, permit_mynetworks" % maps))
        self.assertEqual(self.value("recipient_delimiter"), "-")
        self.assertEqual(self.value("bounce_size_limit"), "1")

    def test_restrictions_of_an_old_configuration(self):
        """Without relay restrictions the recipient ones hold the door."""
        self.put(PLAIN_MAIN + "smtpd_relay_restrictions =\n", PLAIN_MASTER)
        self.run_command("apply")
        self.assertTrue(self.value("smtpd_recipient_restrictions").endswith(
            "permit_mynetworks, permit_sasl_authenticated, "
            "reject_unauth_destination"))

    def test_own_list_of_proxied_maps(self):
        self.put(PLAIN_MAIN + "proxy_read_maps = $canonical_maps\n",
                 PLAIN_MASTER)
        self.run_command("apply")
        value = self.value("proxy_read_maps", "-hx")
        for name in ("domains", "mailboxes", "aliases", "unusable",
                     "transport"):
            self.assertIn("/sealpost/%s.cf" % name, value)
        self.run_command("remove")
        self.assertEqual(self.value("proxy_read_maps"), "$canonical_maps")

    def test_our_transports_come_first(self):
        ours = "proxy:sqlite:%s/sealpost/transport.cf" % self.etc
        for old, new in (
                ("", ours),
                ("hash:/x, inline:{ a=b }", ours + ", hash:/x, inline:{ a=b }"),
                ("hash:/x, " + ours, ours + ", hash:/x"),
                ("hash:/x " + ours + " hash:/y",
                 ours + ", hash:/x, hash:/y")):
            with self.subTest(old):
                main = PLAIN_MAIN + "smtpd_relay_restrictions =\n" + (
                    "transport_maps = %s\n" % old if old else "")
                self.put(main, PLAIN_MASTER)
                self.run_command("apply")
                self.assertEqual(self.value("transport_maps"), new)
                self.run_command("remove")
                self.assertEqual(self.get("main.cf"), main)

    def test_only_a_whole_entry_is_ours(self):
        ours = "proxy:sqlite:%s/sealpost/" % self.etc
        others = (ours + "aliases.cf.old", "x" + ours + "aliases.cf",
                  "pipemap:{%saliases.cf, hash:/x}" % ours)
        for other in others:
            with self.subTest(other):
                self.put(PLAIN_MAIN + "virtual_alias_maps = %s\n" % other,
                         PLAIN_MASTER)
                self.run_command("apply")
                self.assertEqual(self.value("virtual_alias_maps"),
                                 "%s, %saliases.cf" % (other, ours))
                self.run_command("remove")

    def test_local_recipients(self):
        ours = "proxy:sqlite:%s/sealpost/mailboxes.cf" % self.etc
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply")
        self.assertEqual(self.value("local_recipient_maps"),
                         "proxy:unix:passwd.byname $alias_maps, " + ours)
        self.run_command("remove")
        # Every recipient is taken: with our map, hardly one would be.
        self.put(PLAIN_MAIN + "local_recipient_maps =\n", PLAIN_MASTER)
        self.run_command("apply")
        self.assertEqual(self.value("local_recipient_maps"), "")

    def test_system_users(self):
        main = PLAIN_MAIN + "mailbox_transport_maps = hash:/x\n"
        off = ("mailbox_transport_maps", "allow_mail_to_files",
               "allow_mail_to_commands", "forward_path")
        self.put(main, PLAIN_MASTER)
        self.assertNotIn(".forward files", self.run_command("apply"))
        self.assertEqual(self.value("mailbox_transport"), "")
        for name in off:
            self.assertNotEqual(self.value(name), "", name)
        self.write_conf("[hop]\nsystem_users = yes\n")
        self.assertIn(".forward files, no longer", self.run_command("show"))
        self.run_command("apply")
        self.assertEqual(self.value("mailbox_transport"),
                         "seal:[127.0.0.1]:10027")
        for name in off:
            self.assertEqual(self.value(name), "", name)
        self.assertIn("nothing to do", self.run_command("apply"))
        self.run_command("remove")
        self.assertEqual(self.get("main.cf"), main)

    def test_missing_key_decides_the_reply(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply")
        self.assertIn("'450 4.7.1 ", self.get("sealpost/unusable.cf"))
        self.write_conf("[milter]\nmissing_key = reject\n")
        self.run_command("apply")
        self.assertIn("'550 5.7.1 ", self.get("sealpost/unusable.cf"))

    def test_the_hop(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply")
        hop = self.options("127.0.0.1:10027/inet")
        self.assertIn("unix:/run/sealpost/milter.sock", hop["smtpd_milters"])
        self.assertIn("default_action=tempfail", hop["smtpd_milters"])
        self.assertEqual(hop["smtpd_milter_maps"], "")
        self.assertNotIn("no_milters", hop["receive_override_options"])
        self.assertEqual(hop["content_filter"],
                         "seal-lmtp:unix:private/dovecot-lmtp")
        self.assertNotIn("check_policy_service", "".join(hop.values()))
        self.assertEqual(self.value("seal_destination_recipient_limit"), "1")
        # Every option of the templates that this Postfix has arrived.
        known = subprocess.run(["/usr/sbin/postconf", "-dH"], text=True,
                               capture_output=True).stdout.split()
        self.assertLessEqual(set(hop), set(known))
        self.assertGreater(len(hop), 40)

    def test_postconf_has_nothing_to_say(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply")
        self.age()
        for options in (["-n"], ["-M"], ["-P"]):
            done = subprocess.run(
                ["/usr/sbin/postconf", "-c", self.etc] + options,
                capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class Submission(Command):
    def test_added(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.write_conf("[saslauthd]\nlisten = inet:127.0.0.1:2345\n")
        said = self.run_command("apply")
        self.assertIn("names no certificate", said)
        for service in ("submission/inet", "submissions/inet"):
            options = self.options(service)
            self.assertEqual(options["smtpd_sasl_auth_enable"], "yes")
            self.assertEqual(options["smtpd_sasl_type"], "dovecot")
            self.assertEqual(options["smtpd_sasl_path"],
                             "inet:127.0.0.1:2345")
            self.assertEqual(options["smtpd_tls_security_level"], "encrypt")
            self.assertEqual(
                options["smtpd_end_of_data_restrictions"],
                "check_policy_service { inet:127.0.0.1:10028, "
                "default_action=DUNNO, timeout=2s }")
        self.assertEqual(self.value("smtpd_end_of_data_restrictions"), "")
        self.assertEqual(
            self.options("submissions/inet")["smtpd_tls_wrappermode"], "yes")
        self.assertEqual(self.value("smtpd_sasl_auth_enable"), "no")

    def test_an_existing_one_is_left(self):
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        said = self.run_command("apply")
        self.assertIn("port 587 already", said)
        self.assertIn("-o smtpd_sasl_path=inet:127.0.0.1:12345", said)
        self.assertEqual(self.options("587/inet"),
                         {"smtpd_sasl_auth_enable": "yes"})
        self.assertEqual(self.value("submission/inet", "-M"), "")
        self.assertIn("submissions", self.value("submissions/inet", "-M"))

    def test_not_wanted_or_elsewhere(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply", "--submission", "127.0.0.1:2587",
                         "--submissions", "none")
        self.assertIn("2587", self.value("127.0.0.1:2587/inet", "-M"))
        self.assertNotIn("\nsubmissions", self.get("master.cf"))


class Notes(Command):
    def test_filters(self):
        self.put(PLAIN_MAIN + "content_filter = smtp-amavis:[127.0.0.1]:1\n",
                 PLAIN_MASTER.replace(
                     "-       smtpd\n", "-       smtpd\n"
                     "  -o content_filter=scan:dummy\n", 1))
        said = self.run_command("apply")
        self.assertIn("content_filter = smtp-amavis:[127.0.0.1]:1: only", said)
        self.assertIn("smtp/inet/content_filter = scan:dummy: only", said)
        self.assertEqual(self.run_command("show").count("content_filter"), 2)

    def test_delimiter(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.assertNotIn("that of sealpost.conf", self.run_command("show"))
        self.put(PLAIN_MAIN + "recipient_delimiter = -\n", PLAIN_MASTER)
        self.assertIn("that of sealpost.conf", self.run_command("show"))

    def test_copies(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.assertNotIn("copies", self.run_command("show"))
        for name in ("always_bcc", "sender_bcc_maps", "recipient_bcc_maps"):
            self.put(PLAIN_MAIN + name + " = static:a@far.example\n",
                     PLAIN_MASTER)
            self.assertIn(name + " is set: the copies leave unsealed",
                          self.run_command("show"))


class WithoutTemplates(Command):
    def test_remove(self):
        """The package may be half gone."""
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        self.run_command("apply")
        self.change("main.cf", "unusable.cf, permit_mynetworks",
                    "unusable.cf, permit_mynetworks, reject_rbl_client x")
        subprocess.run(
            [os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
             "postfix", "remove", "--config-directory", self.etc,
             "--templates", "/nonexistent"], check=True, capture_output=True)
        self.assertTrue(self.value("smtpd_recipient_restrictions").startswith(
            "permit_mynetworks, reject_rbl_client x"))
        self.assertEqual(self.get("master.cf"), AWKWARD_MASTER)


class ChangedSince(Command):
    """What the administrator does between apply and remove is not lost."""

    def setUp(self):
        super().setUp()
        self.put(AWKWARD_MAIN, AWKWARD_MASTER)
        self.run_command("apply")

    def test_more_settings(self):
        with open(os.path.join(self.etc, "main.cf"), "a") as f:
            f.write("relayhost = [relay.example]\n")
        self.change("main.cf", "myhostname=mx", "# mine\nmyhostname=mail")
        self.assertIn("nothing to do", self.run_command("apply"))
        self.run_command("remove")
        self.assertEqual(
            self.get("main.cf"),
            AWKWARD_MAIN.replace("myhostname=mx", "# mine\nmyhostname=mail") +
            "\nrelayhost = [relay.example]\n")
        self.assertEqual(self.get("master.cf"), AWKWARD_MASTER)

    def test_a_changed_setting_is_left_and_named(self):
        self.change("main.cf", "virtual_transport = seal:[127.0.0.1]:10027",
                    "virtual_transport = smtp:[192.0.2.1]")
        said = self.run_command("remove")
        self.assertIn("main.cf: virtual_transport was changed", said)
        self.assertEqual(self.get("main.cf"), AWKWARD_MAIN.replace(
            "lmtp:unix:private/other", "smtp:[192.0.2.1]"))

    def test_a_changed_setting_is_applied_again(self):
        self.change("main.cf", "virtual_transport = seal:[127.0.0.1]:10027",
                    "virtual_transport = smtp:[192.0.2.1]")
        said = self.run_command("apply")
        self.assertIn("-virtual_transport = smtp:[192.0.2.1]", said)
        self.assertEqual(self.value("virtual_transport"),
                         "seal:[127.0.0.1]:10027")
        self.run_command("remove")
        self.assertEqual(self.value("virtual_transport"), "smtp:[192.0.2.1]")

    def test_a_changed_list_loses_our_entry_alone(self):
        self.change("main.cf", "unusable.cf, permit_mynetworks",
                    "unusable.cf, reject_unknown_sender_domain, "
                    "permit_mynetworks")
        self.assertIn("nothing to do", self.run_command("apply"))
        said = self.run_command("remove")
        self.assertIn("smtpd_recipient_restrictions was changed", said)
        self.assertEqual(
            self.value("smtpd_recipient_restrictions"),
            "reject_unknown_sender_domain, permit_mynetworks, "
            "reject_unauth_destination")
        self.assertFalse(os.path.exists(os.path.join(self.etc, "sealpost")))

    def test_a_changed_service_is_left_whole(self):
        self.change("master.cf", "-o smtpd_timeout=600s",
                    "-o smtpd_timeout=700s")
        said = self.run_command("remove")
        self.assertIn("master.cf: 127.0.0.1:10027 inet", said)
        self.assertEqual(self.options("127.0.0.1:10027/inet")[
            "smtpd_timeout"], "700s")
        self.assertEqual(self.value("seal/unix", "-M"), "")
        self.assertEqual(self.options("587/inet"),
                         {"smtpd_sasl_auth_enable": "yes"})

    def test_maps_still_in_use_are_left(self):
        with open(os.path.join(self.etc, "main.cf"), "a") as f:
            f.write("relay_recipient_maps = sqlite:%s/sealpost/"
                    "mailboxes.cf\n" % self.etc)
        said = self.run_command("remove")
        self.assertIn("still names files", said)
        self.assertTrue(os.path.exists(
            os.path.join(self.etc, "sealpost/mailboxes.cf")))


class Refusals(Command):
    """One sentence, and nothing is written."""

    def refused(self, sentence, *options, what="apply"):
        before = self.snapshot()
        said = self.run_command(what, *options, status=1)
        self.assertIn(sentence, said)
        self.assertEqual(said.count("\n"), 1, said)
        self.assertEqual(before, self.snapshot())
        self.assertFalse(os.path.exists(os.path.join(self.etc, "sealpost")))

    def test_no_configuration(self):
        self.refused("main.cf: there is no such file")

    def test_no_such_folder(self):
        said = subprocess.run(
            [os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
             "postfix", "show", "--config-directory",
             os.path.join(self.folder, "nowhere")],
            capture_output=True, text=True)
        self.assertEqual(said.returncode, 1)
        self.assertIn("nowhere", said.stderr)

    def test_the_port_is_taken(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER +
                 "10027 inet n - n - - smtpd\n")
        self.refused("choose another [hop] listen")

    def test_a_filter_that_delivers(self):
        self.write_conf("[hop]\ndeliver = dovecot:x\n")
        for value in ("lmtp:unix:private/dovecot-lmtp", "virtual:", "local",
                      "dovecot:x", "$mine"):
            with self.subTest(value):
                self.put(PLAIN_MAIN + "content_filter = %s\n"
                         "mine = lmtp:x\n" % value, PLAIN_MASTER)
                self.refused("delivers around the hop")
        self.put(PLAIN_MAIN, PLAIN_MASTER.replace(
            "-       smtpd\n", "-       smtpd\n"
            "  -o content_filter=lmtp:x\n", 1))
        self.refused("smtp/inet/content_filter = lmtp:x delivers")
        self.refused("smtp/inet/content_filter = lmtp:x delivers", what="show")

    def test_damaged_master(self):
        self.put(PLAIN_MAIN, "smtp inet n\n")
        self.refused("master.cf")

    def test_syntax_in_a_value(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.write_conf("[milter]\nlisten = unix:/tmp/a$b.sock\n")
        self.refused("'$'")

    def test_no_templates(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        done = subprocess.run(
            [os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
             "postfix", "apply", "--config-directory", self.etc,
             "--templates", self.folder], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no such template", done.stderr)
        self.assertEqual(self.get("main.cf"), PLAIN_MAIN)

    def test_wrong_usage(self):
        self.put(PLAIN_MAIN, PLAIN_MASTER)
        self.run_command("apply", "--frobnicate", status=2)
        self.run_command("apply", "extra", status=2)


if __name__ == "__main__":
    if not os.path.exists("/usr/sbin/postconf"):
        print("skipped: Postfix is not installed")
        raise SystemExit(77)
    unittest.main()

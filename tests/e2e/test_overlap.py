#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Settings of main.cf that would lead mail for an account around the hop."""
import os
import re

from harness import TEMPLATES, SiteTest, main, run


def make_local_mailboxes(site):
    """local(8) delivers below the site, and not into the machine's own."""
    os.mkdir(site.path("vm"), 0o1777)
    os.chmod(site.path("vm"), 0o1777)
    site.postconf("-e", "mail_spool_directory = " + site.path("vm"))


class Overlap(SiteTest):
    """Domains of ours that main.cf has in another class, too."""

    site_options = {"main": """\
mydestination = mx.one.example, one.example
relay_domains = two.example
virtual_alias_domains = three.example
transport_maps = inline:{{games@one.example=local:}, {one.example=local:},
    {mail@two.example=local:}, {mail@four.example=local:}}
"""}
    # A user of the machine, too, but for Ann.
    accounts = ("games@one.example", "ann@one.example", "mail@two.example",
                "mail@three.example", "mail@four.example")

    @classmethod
    def prepare(cls):
        make_local_mailboxes(cls.site)
        cls.site.restart_postfix()
        for address in cls.accounts:
            cls.site.add_account(address)
        cls.site.sealpost("alias", "add", "both@one.example",
                          "games@one.example")

    def assert_sealed_once(self, address, owner):
        sent = self.message(to=address)
        start = len(self.site.maillog())
        self.site.send(sent, address)
        self.assert_sealed_copy(owner, sent)
        self.site.wait_queue_empty()
        self.assert_nowhere("vm", "mail", "log", "queue")
        log = self.site.maillog()[start:]
        self.assertEqual(len(re.findall(
            r"postfix/seal/smtp\[.*status=sent", log)), 1, log)
        self.assertEqual(len(re.findall(
            r"postfix/seal/lmtp\[.*status=sent", log)), 1, log)

    def test_mydestination(self):
        for address in ("games@one.example", "Games+x@One.Example",
                        "both@one.example"):
            with self.subTest(address):
                self.setUp()
                self.assert_sealed_once(address, "games@one.example")

    def test_an_account_that_is_no_user_of_the_machine(self):
        self.assert_sealed_once("ann@one.example", "ann@one.example")

    def test_relay_domains(self):
        self.assert_sealed_once("mail@two.example", "mail@two.example")

    def test_transport_maps(self):
        self.assert_sealed_once("mail@four.example", "mail@four.example")

    def test_virtual_alias_domains(self):
        """Such mail is refused: the address is no alias."""
        self.assertEqual(
            self.site.rcpt_reply("mail@three.example")[0], 550)
        run("/usr/sbin/sendmail", "-C", self.site.path("etc"), "-i", "-f",
            "sender@outside.example", "mail@three.example",
            stdin=self.message())
        self.site.sink.wait(self.message_id)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_unknown_users_are_refused(self):
        for domain in ("one", "two", "three", "four"):
            with self.subTest(domain):
                self.assertEqual(self.site.rcpt_reply(
                    "no-such-user@%s.example" % domain)[0], 550)

    def test_a_user_of_the_machine_without_an_account(self):
        """It lies in a domain of ours, so that local(8) may not have it."""
        self.site.send(self.message(), "daemon@one.example")
        self.site.wait_deferred("daemon@one.example", "Cannot encrypt")
        self.assert_nowhere("vm", "mail", "log")
        self.site.empty_queue()

    def test_other_mail_goes_where_it_went(self):
        self.site.send(self.message(), "daemon@mx.one.example")
        self.site.wait_queue_empty()
        self.assertEqual(self.site.files_with(self.secret, "vm"),
                         [self.site.path("vm", "daemon")])

    def test_named(self):
        said = self.site.sealpost(
            "postfix", "show", "--config-directory", self.site.path("etc"),
            "--templates", TEMPLATES)
        for domain, place in (("one", "mydestination"),
                              ("two", "relay_domains"),
                              ("three", "virtual_alias_domains")):
            self.assertIn("%s.example is in %s, too" % (domain, place), said)
        self.assertNotIn("four.example is in", said)


class SystemUsers(SiteTest):
    """What makes local(8) deliver without the hop."""

    site_options = {"hop": "system_users = yes"}
    user = "games@mx.one.example"

    @classmethod
    def prepare(cls):
        site = cls.site
        make_local_mailboxes(site)
        site.postconf(
            "-e", "mailbox_transport_maps = inline:{{daemon=lmtp:unix:%s}, "
            "{games=lmtp:unix:%s}}" % ((site.path("run", "lmtp"),) * 2),
            "alias_maps = inline:{{archive=%s}, {command=\"|cat >%s\"}, "
            "{manager=%s}}" % (site.path("vm", "archive"),
                               site.path("vm", "command"), cls.user))
        site.apply()
        site.restart_postfix()
        site.add_account(cls.user)

    def test_an_account(self):
        sent = self.message(to=self.user)
        self.site.send(sent, self.user)
        self.assert_sealed_copy(self.user, sent)
        self.site.wait_queue_empty()
        self.assert_nowhere("vm", "mail", "log")

    def test_aliases_still_lead_to_accounts(self):
        self.site.send(self.message(), "manager@mx.one.example")
        stored = self.site.wait_stored(self.user, self.message_id)
        self.assertIn(self.secret.encode(), self.site.unseal(stored))
        self.assert_nowhere("vm", "mail", "log")

    def test_mailbox_transport_maps(self):
        self.site.send(self.message(), "daemon@mx.one.example")
        self.site.wait_deferred("daemon@mx.one.example", "Cannot encrypt")
        self.assert_nowhere("vm", "mail", "log")
        self.site.empty_queue()

    def test_aliases_to_files_and_commands(self):
        for name in ("archive", "command"):
            with self.subTest(name):
                self.setUp()
                self.site.send(self.message(), name + "@mx.one.example")
                # It is returned to the sender, without its text.
                self.site.sink.wait(self.message_id)
                self.site.wait_queue_empty()
                self.assert_nowhere("vm", "mail", "log")


if __name__ == "__main__":
    main()

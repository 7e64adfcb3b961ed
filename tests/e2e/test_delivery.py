#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Every way into a mailbox leads through the milter, one recipient a message."""
import smtplib

from harness import (SiteTest, check, main, run, send_data, tls, without_trace,
                     PASSWORD, PATIENCE)

ANN = "ann@one.example"
BOB = "bob@one.example"
CARL = "carl@two.example"


class Delivery(SiteTest):
    @classmethod
    def prepare(cls):
        site = cls.site
        for address in (ANN, BOB, CARL):
            site.add_account(address)
        site.sealpost("alias", "add", "all@one.example", ANN, BOB, CARL)
        site.sealpost("alias", "add", "ann.alias@two.example", ANN)
        site.sealpost("alias", "add", "ann2@one.example", ANN)
        site.sealpost("alias", "add", "chain1@one.example",
                      "chain2@two.example")
        site.sealpost("alias", "add", "chain2@two.example",
                      "chain3@one.example")
        site.sealpost("alias", "add", "chain3@one.example", CARL)
        site.sealpost("alias", "add", "away@one.example", ANN,
                      "friend@far.example")

    def deliver(self, recipients, expected, **options):
        sent = self.message(**options)
        self.site.send(sent, *recipients)
        for address in expected:
            self.assert_sealed_copy(address, sent)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_one(self):
        self.deliver([ANN], [ANN])

    def test_two_in_two_domains(self):
        self.deliver([ANN, CARL], [ANN, CARL])

    def test_alias_one_to_many(self):
        self.deliver(["all@one.example"], [ANN, BOB, CARL])

    def test_aliases_many_to_one(self):
        for address in ("ann.alias@two.example", "ann2@one.example"):
            self.setUp()
            self.deliver([address], [ANN])

    def test_alias_chain(self):
        self.deliver(["chain1@one.example"], [CARL])

    def test_extension(self):
        self.deliver(["ann+lists@one.example"], [ANN])

    def test_extension_of_an_alias(self):
        self.deliver(["ann.alias+x+y@two.example"], [ANN])

    def test_upper_case(self):
        self.deliver(["ANN@ONE.EXAMPLE", "Carl@Two.Example"], [ANN, CARL])

    def test_bcc(self):
        """No copy names another's key."""
        sent = self.message(to=ANN)
        self.site.send(sent, ANN, BOB)
        ann = self.assert_sealed_copy(ANN, sent)
        bob = self.assert_sealed_copy(BOB, sent)
        self.assertFalse(self.site.key_ids(ann) & self.site.key_ids(bob))
        self.assertNotIn(BOB.encode(), ann)
        self.assert_nowhere()

    def test_bcc_field(self):
        sent = self.message(to=ANN, more="Bcc: %s\n" % BOB)
        self.site.send(sent, ANN, BOB)
        kept = sent.replace(b"Bcc: %s\n" % BOB.encode(), b"")
        self.assertNotIn(BOB.encode(), self.assert_sealed_copy(ANN, kept))
        self.assert_sealed_copy(BOB, kept)

    def test_sendmail_command(self):
        sent = self.message()
        run("/usr/sbin/sendmail", "-C", self.site.path("etc"), "-f",
            "sender@outside.example", "-i", ANN, stdin=sent)
        stored = self.site.wait_stored(ANN, self.message_id)
        self.assertEqual(without_trace(self.site.unseal(stored)), sent)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_outbound_is_untouched(self):
        sent = self.message(to="friend@far.example")
        self.site.send(sent, "friend@far.example")
        _, recipients, data = self.site.sink.wait(self.secret)
        self.assertEqual(len(recipients), 1)
        self.assertEqual(without_trace(data), sent.replace(b"\n", b"\r\n"))
        self.assertEqual(data.count(b"\r\nReceived:"), 0)

    def test_forward_and_keep(self):
        """An alias to here and to the outside: sealed here, plain there."""
        sent = self.message()
        self.site.send(sent, "away@one.example")
        self.assert_sealed_copy(ANN, sent)
        _, recipients, data = self.site.sink.wait(self.secret)
        self.assertIn("friend@far.example", recipients[0])
        self.assertNotIn(b"X-Sealpost", data)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_bounce_has_no_body(self):
        sent = self.message()
        with self.site.smtp() as client:
            check(client.mail("sender@outside.example",
                              ["BODY=8BITMIME", "RET=FULL"]))
            check(client.rcpt(ANN, ["NOTIFY=SUCCESS"]))
            check(send_data(client, sent))
        self.assert_sealed_copy(ANN, sent)
        _, _, data = self.site.sink.wait(self.message_id)
        self.assertIn(b"multipart/report", data)
        self.assertNotIn(self.secret.encode(), data)

    def test_unknown_address_is_refused_at_rcpt(self):
        self.assertEqual(self.site.rcpt_reply("nobody@one.example")[0], 550)

    def test_relaying_is_refused_from_the_hop(self):
        """What comes to the hop itself is for its milter to decide."""
        with self.site.smtp(self.site.hop) as client:
            check(client.mail("sender@outside.example"))
            check(client.rcpt("stranger@far.example"))
            self.assertEqual(send_data(client, self.message())[0] // 100, 4)

    def test_two_recipients_on_the_hop(self):
        with self.site.smtp(self.site.hop) as client:
            check(client.mail("sender@outside.example"))
            replies = [client.rcpt(ANN)[0], client.rcpt(BOB)[0]]
            replies.append(send_data(client, self.message())[0])
        self.assertEqual(max(replies) // 100, 4)
        self.assert_nowhere()

    def test_counted(self):
        before = self.site.stats()
        self.deliver([ANN], [ANN])
        after = self.site.stats()
        self.assertEqual(after["sealed"], before["sealed"] + 1)
        self.assertEqual(after["plaintext"], 0)


class Submission(SiteTest):
    """The submission services, against an auth server of Dovecot's."""

    @classmethod
    def prepare(cls):
        cls.site.add_account(ANN)
        cls.site.add_account(BOB)

    def submit(self, client):
        sent = self.message(to=BOB)
        client.ehlo()
        client.login(ANN, PASSWORD)
        check(client.mail(ANN, ["BODY=8BITMIME"]))
        check(client.rcpt(BOB))
        check(send_data(client, sent))
        client.quit()
        self.assert_sealed_copy(BOB, sent)
        self.assert_nowhere("mail", "spool", "log")

    def test_starttls(self):
        with self.site.smtp(self.site.submission) as client:
            self.assertFalse(client.has_extn("auth"))
            self.assertEqual(client.mail(ANN)[0], 530)
            client.starttls(context=tls())
            self.submit(client)

    def test_tls(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.site.submissions,
                              context=tls(), timeout=PATIENCE) as client:
            self.submit(client)

    def test_no_relaying_without_login(self):
        with self.site.smtp(self.site.submission) as client:
            client.starttls(context=tls())
            client.ehlo()
            client.mail(ANN)
            self.assertGreaterEqual(
                client.rcpt("stranger@far.example")[0], 500)

    def test_no_login_on_port_25(self):
        with self.site.smtp() as client:
            self.assertFalse(client.has_extn("auth"))


class SystemUsers(SiteTest):
    """[hop] system_users: local(8) hands its mail to the hop, too."""

    site_options = {"hop": "system_users = yes"}
    user = "mail@mx.one.example"

    @classmethod
    def prepare(cls):
        cls.site.add_account(cls.user)

    def test_sealed(self):
        sent = self.message(to=self.user)
        self.site.send(sent, self.user)
        stored = self.site.wait_stored(self.user, self.message_id)
        self.assertEqual(self.site.key_ids(stored),
                         self.site.subkey_ids(self.user))
        self.assertEqual(without_trace(self.site.unseal(stored)), sent)
        self.site.wait_queue_empty()
        self.assert_nowhere()

    def test_one_who_is_no_account(self):
        sent = self.message(to="daemon@mx.one.example")
        self.site.send(sent, "daemon@mx.one.example")
        self.site.wait_deferred("daemon@mx.one.example", "Cannot encrypt")
        self.assert_not_stored()
        self.assert_nowhere("mail", "spool", "log")
        self.site.empty_queue()


class Removed(SiteTest):
    """After `postfix remove` mail goes where it went before."""

    def test_remove(self):
        self.site.sealpost("postfix", "remove", "--config-directory",
                           self.site.path("etc"))
        self.site.restart_postfix()
        self.assertEqual(
            self.site.rcpt_reply("someone@one.example")[0], 250)
        sent = self.message(to=ANN)
        self.site.send(sent, ANN)
        self.site.sink.wait(self.secret)


if __name__ == "__main__":
    main()

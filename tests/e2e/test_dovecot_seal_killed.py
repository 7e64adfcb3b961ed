# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""doveadm sealpost seal, killed: does the next run end what one began, nothing
lost, nothing twice, and no plaintext left?
"""
import contextlib
import itertools
import random
import shutil
import signal
import subprocess
import time
import unittest

import harness
from test_dovecot_audit import AuditCase
from test_dovecot_seal import each_format


class Kill(AuditCase):
    def time_of_audit(self, user, folder):
        """What only reads is done before what seals as well."""
        start = time.monotonic()
        self.server.doveadm("sealpost", "audit", "-u", user, folder, status=1)
        return time.monotonic() - start

    @each_format
    def test_seal_killed(self, user):
        """Again and again; the last run ends what they began. mdbox is
        stopped by SIGTERM: after a kill Dovecot rebuilds all of it."""
        end = signal.SIGTERM if user.endswith("mdbox") else signal.SIGKILL
        folder = "kept/killed"
        self.empty(user, folder)
        self.fill(user, folder, 200)
        before = self.state(user, folder)
        kills = resumed = 0
        least = min(self.time_of_audit(user, folder) for _ in range(3))
        while kills < 15:
            process = subprocess.Popen(
                self.server.with_modules(
                    "doveadm", "-c", self.server.path("dovecot.conf"),
                    "sealpost", "seal", "-u", user, "mailbox", folder),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                # the first for certain before its end
                process.wait(least * (random.uniform(0.3, 1.2) if kills
                                      else 0.3))
            if process.poll() is not None:
                break
            process.send_signal(end)
            process.wait()
            kills += 1
            plain = self.counts(user, folder, status=None).get("plain", 0)
            if plain == 0:
                break
        self.seal(user, "mailbox", folder)
        self.assertGreater(kills, 0)
        self.assertEqual(self.state(user, folder), before)
        self.assertEqual(self.counts(user, folder), {"sealed": 200})
        self.assertEqual(self.server.files_with(self.secret), [])
        self.empty(user, folder)

    def kill_seal(self, user, folder, call, when):
        """By SIGKILL at a system call; does it happen that often?"""
        done = harness.run(
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
            "-e", "inject=%s:signal=KILL:when=%d" % (call, when),
            *self.server.with_modules(
                "doveadm", "-c", self.server.path("dovecot.conf"),
                "sealpost", "seal", "-u", user, "mailbox", folder),
            status=None)
        return done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)

    @each_format
    def test_seal_killed_at_each_step(self, user):
        """Whatever it was about to do: the next run ends it, nothing is lost,
        nothing is there twice, and no plaintext stays, in the caches neither.
        An sdbox is rebuilt first, as the manual says.
        """
        if user.endswith("mdbox"):
            self.skipTest("a rebuilt mdbox has new UIDs and .broken files")
        if shutil.which("strace") is None or harness.run(
                "strace", "-o", "/dev/null", "true",
                status=None).returncode != 0:
            self.skipTest("no process can be traced here")
        folder = "kept/steps"
        killed = {}
        for call in ("rename", "link", "unlink", "fdatasync", "fsync",
                     "pwrite64"):
            for when in itertools.count(1):
                self.empty(user, folder)
                self.fill(user, folder, 3)
                with self.server.login(user) as session:  # into the cache
                    session.select('"%s"' % folder, readonly=True)
                    session.fetch("1:*", "(ENVELOPE BODYSTRUCTURE PREVIEW)")
                before = self.state(user, folder)
                if not self.kill_seal(user, folder, call, when):
                    break
                with self.subTest(call=call, when=when):
                    if user.endswith("dbox"):
                        self.server.doveadm("force-resync", "-u", user, folder)
                    self.seal(user, "mailbox", folder)
                    self.assertEqual(self.state(user, folder), before)
                    self.assertEqual(self.counts(user, folder), {"sealed": 3})
                    self.assertEqual(self.server.files_with(self.secret), [])
                killed[call] = when
        self.assertGreater(sum(killed.values()), 15, killed)
        self.empty(user, folder)


def main():
    harness.skip_unless_possible()
    harness.end_on_signal()
    unittest.main()


if __name__ == "__main__":
    main()

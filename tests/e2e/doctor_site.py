# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""A site whose Postfix and Dovecot are wired by sealpost alone, all daemons
running: as an administrator has it after installation."""
import grp
import json
import os
import shlex
import shutil

import harness
from harness import BUILD, MAIL_USER, SOURCE, Daemon, run, wait_for
from test_dovecot_command import (COMMON, HEAD_24, OWN_23, OWN_24,
                                  make_certificate)
import test_dovecot_plugin as plugin

CONF_TEMPLATES = os.path.join(SOURCE, "conf-templates")


class DoctorSite(harness.Site):
    def __init__(self, **options):
        self.daemons = {}
        self.reloads = 0
        super().__init__(**options)
        self.start_daemon("policyd")
        self.start_daemon("saslauthd")

    def start_daemon(self, name):
        daemon = Daemon([os.path.join(BUILD, name, "sealpost-" + name), "-c",
                         self.path("sealpost.conf"), "-d"],
                        self.path("log", name))
        self.stack.callback(daemon.stop)
        daemon.wait_line("ready")
        self.daemons[name] = daemon

    # ---- Dovecot ----

    def with_modules(self, *command):
        """As if sealpost's modules were installed."""
        return plugin.own_mounts() + [
            "sh", "-c", 'mount --bind "$1" %s && shift && exec "$@"' %
            plugin.MODULES, "sh", self.path("modules"), *command]

    def make_folders(self):
        super().make_folders()
        os.mkdir(self.path("dovecot", "etc"), 0o755)
        shutil.copytree(plugin.MODULES, self.path("modules"))
        shutil.copytree(plugin.BUILT, self.path("modules"),
                        dirs_exist_ok=True)

    def start_dovecot(self):
        os.chown(self.path("db", "secrets.db"), 0,
                 grp.getgrnam("mail").gr_gid)
        self.dovecot_conf = self.path("dovecot", "etc", "dovecot.conf")
        folder = self.path("dovecot")
        make_certificate(folder)
        self.imaps_port, = harness.free_ports(1)
        self.old_dovecot = old = run(
            "/usr/sbin/dovecot", "--version").stdout.startswith(b"2.3")
        with open(self.dovecot_conf, "w") as f:
            f.write(("" if old else HEAD_24) + (
                COMMON + (OWN_23 if old else OWN_24)).format(
                    folder=folder, imap=self.imap_port,
                    imaps=self.imaps_port))
        self.dovecot_apply()
        self.run_dovecot()

    def dovecot_apply(self):
        self.sealpost("dovecot", "apply", "--config-file", self.dovecot_conf,
                      "--templates", os.path.join(CONF_TEMPLATES, "dovecot"),
                      "--mail-user", MAIL_USER, "--mail-directory",
                      self.path("mail"), "--queue-directory",
                      self.path("queue"))

    def run_dovecot(self):
        dovecot = Daemon(self.with_modules(
            "/usr/sbin/dovecot", "-F", "-c", self.dovecot_conf),
            self.path("log", "dovecot.stderr"))
        self.stack.callback(dovecot.stop)
        wait_for("Dovecot", lambda: dovecot.process.poll() is not None or
                 self.answers(self.imap_port))
        if dovecot.process.poll() is not None:
            raise AssertionError("Dovecot: %s" % "".join(dovecot.lines))
        self.dovecot = dovecot

    def dovecot_reloaded(self):
        """After a SIGHUP: a process that starts now has the new settings."""
        log = self.path("dovecot", "log")
        wait_for("the reload", lambda: open(log, errors="replace").read(
            ).count("SIGHUP received") > self.reloads)
        self.reloads += 1

    # ---- the programs ----

    def sealpost(self, *command, stdin=None, status=0):
        return run(*self.with_modules(
            os.path.join(BUILD, "ctl", "sealpost"), "-c",
            self.path("sealpost.conf"), *command),
            stdin=stdin, status=status).stdout.decode()

    def doctor(self, *more, status=None):
        done = run(*self.with_modules(
            os.path.join(BUILD, "ctl", "sealpost"), "-c",
            self.path("sealpost.conf"), "doctor", *self.options(), *more),
            status=status)
        self.doctor_status = done.returncode
        return done

    def options(self):
        return ("--config-directory", self.path("etc"), "--config-file",
                self.dovecot_conf, "--templates", CONF_TEMPLATES,
                "--submission", "127.0.0.1:%d" % self.submission,
                "--submissions", "127.0.0.1:%d" % self.submissions)

    def findings(self, *more):
        """{check: [finding]} of what is not fine, the status beside."""
        done = self.doctor("--json", *more)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            raise AssertionError("no JSON: %s%s" % (done.stdout, done.stderr))
        self.report = report
        found = {}
        for f in report["findings"]:
            if f["severity"] != "ok" and f["check"] != "clock.synchronized":
                found.setdefault(f["check"], []).append(f)
        return found

    def mend(self, command):
        """Runs what the doctor says, as it says it."""
        script = "export PATH=%s:$PATH\n%s\n" % (
            shlex.quote(os.path.join(BUILD, "ctl")), command)
        run(*self.with_modules("sh", "-e", "-c", script))
        self.age_postfix()

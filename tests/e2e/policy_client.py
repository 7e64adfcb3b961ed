# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""A client of Postfix's policy protocol and a sealpost-policyd of one's own."""
import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import tempfile

from harness import BUILD, Daemon, PATIENCE, run

DUNNO = b"action=DUNNO\n\n"

CONF = """\
[accounts]
directory = {folder}/directory.db
secrets = {folder}/secrets.db
[stats]
database = {folder}/stats.db
{stats}
[policyd]
listen = {listen}
socket_group =
{policyd}
"""


def request(instance, user="ann@example.org", recipients=1, size=1000,
            state="END-OF-MESSAGE", more=""):
    """What Postfix 3.7 sends."""
    return ("request=smtpd_access_policy\nprotocol_state=%s\n"
            "protocol_name=ESMTP\nclient_address=192.0.2.17\n"
            "client_name=client.example.net\nclient_port=40112\n"
            "helo_name=[192.0.2.17]\nsender=%s\nrecipient=\n"
            "recipient_count=%d\nqueue_id=4bXyZ12\ninstance=%s\nsize=%d\n"
            "sasl_method=PLAIN\nsasl_username=%s\nsasl_sender=\n%s\n" % (
                state, user, recipients, instance, size, user,
                more)).encode()


class PolicyConnection:
    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) else \
            socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)

    def send(self, data):
        self.socket.sendall(data)

    def read(self, count):
        """So many octets, or less at the end."""
        data = b""
        while len(data) < count:
            with contextlib.suppress(ConnectionResetError):
                more = self.socket.recv(count - len(data))
                if more:
                    data += more
                    continue
            break
        return data

    def ask(self, data):
        self.send(data)
        return self.read(len(DUNNO))

    def read_all(self):
        return self.read(1 << 20)

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()


class Server:
    """Databases and a daemon in a temporary folder."""

    def __init__(self, stats="", policyd="", init=True, inherit=False,
                 listen=None):
        self.folder = tempfile.mkdtemp(prefix="sealpost-policyd-")
        self.address = os.path.join(self.folder, "socket")
        self.database = os.path.join(self.folder, "stats.db")
        self.conf = os.path.join(self.folder, "sealpost.conf")
        self.listen = listen or "unix:" + self.address
        self.listener = None
        self.daemon = None
        try:
            self.write_conf(stats, policyd)
            if inherit:
                self.listener = socket.socket(socket.AF_UNIX)
                self.listener.bind(self.address)
                self.listener.listen(100)
            if init:
                self.init()
            self.start()
        except BaseException:
            self.close()
            raise

    def write_conf(self, stats="", policyd=""):
        with open(self.conf, "w") as f:
            f.write(CONF.format(folder=self.folder, listen=self.listen,
                                stats=stats, policyd=policyd))

    def sealpost(self, *command, status=0):
        return run(os.path.join(BUILD, "ctl", "sealpost"), "-c", self.conf,
                   *command, status=status).stdout.decode()

    def init(self):
        self.sealpost("init")

    def program(self, *options):
        return [os.path.join(BUILD, "policyd", "sealpost-policyd"), "-c",
                self.conf, *options]

    def start(self):
        command = self.program("-d")
        if self.listener:
            # What a service manager does: descriptor 3, and who it is for.
            command = ["/bin/sh", "-c",
                       "exec 3<&%d; LISTEN_FDS=1; LISTEN_PID=$$; "
                       "export LISTEN_FDS LISTEN_PID; exec \"$@\"" %
                       self.listener.fileno(), "sh", *command]
            os.set_inheritable(self.listener.fileno(), True)
        self.daemon = Daemon(command, os.path.join(self.folder, "log"),
                             close_fds=not self.listener)
        self.daemon.wait_line("ready")

    def stop(self, number=signal.SIGTERM):
        daemon, self.daemon = self.daemon, None
        return daemon.stop(number)

    def connect(self):
        return PolicyConnection(self.address)

    def rows(self):
        """{address: (sent, recipients, octets)}"""
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return {row[0]: row[1:] for row in db.execute(
                "SELECT address, sum(sent), sum(recipients), sum(octets) "
                "FROM counters GROUP BY address")}

    def close(self):
        if self.daemon:
            self.stop(signal.SIGKILL)
        if self.listener:
            self.listener.close()
        shutil.rmtree(self.folder)

#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""What we seal is decrypted, byte for byte, by other OpenPGP programs.

usage: test_interop.py INTEROP_SEAL

GnuPG, Sequoia (sqop) and RNP are used when they are installed; one that is
missing, or that does not know an algorithm, is named at the end. OpenPGP.js is
used when SEALPOST_OPENPGPJS names a folder in whose node_modules it lies.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SEAL = ""
SKIPPED = []

# Where packets change their form: one part of 8192 octets, two, and (version
# 2) one chunk of 16384 octets. See lib/openpgp/packet_writer.h and seipd.h.
SMALL = [0, 1, 15, 16, 17, 511, 512, 513]
AROUND_V1 = [8142, 8186, 16330, 16378]
AROUND_V2 = [8115, 8186, 16370, 16378, 32746]
ALL_V1 = SMALL + [n + d for n in AROUND_V1 for d in (-1, 0, 1)]
ALL_V2 = SMALL + [n + d for n in AROUND_V2 for d in (-1, 0, 1)]
FEW = [0, 17, 20000]
LARGE = [30 * 1024 * 1024]

RSA = ["rsa2048", "rsa3072", "rsa4096"]
NIST = ["nistp256", "nistp384", "nistp521"]
BRAINPOOL = ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1"]
ALGORITHMS = ["cv25519"] + RSA + NIST + BRAINPOOL
THOROUGH = ["cv25519", "rsa2048"]  # every size


def run(*command, **more):
    """Runs a program to its end; its standard output, or an exception."""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=120, check=False,
                          **more)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (
            " ".join(command), done.stderr.decode("utf-8", "replace")))
    return done.stdout


def skip(what):
    SKIPPED.append(what)


class Keys:
    """A GNUPGHOME with one key of each algorithm, and the keys as files."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="sealpost-")
        self.env = dict(os.environ, GNUPGHOME=self.path("gnupg"), LC_ALL="C")
        os.mkdir(self.path("gnupg"), 0o700)
        for algorithm in ALGORITHMS:
            self.make(algorithm)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def gpg(self, *arguments, **more):
        return run("gpg", "--batch", "--quiet", "--no-tty", *arguments,
                   env=self.env, **more)

    def make(self, algorithm):
        address = algorithm + "@example.org"
        self.gpg("--passphrase", "", "--quick-generate-key", address,
                 "ed25519", "sign", "never")
        lines = self.gpg("--with-colons", "--list-keys", address)
        fingerprint = [line.split(":")[9] for line in
                       lines.decode().splitlines()
                       if line.startswith("fpr:")][0]
        self.gpg("--passphrase", "", "--quick-add-key", fingerprint,
                 algorithm, "encrypt", "never")
        with open(self.path(algorithm + ".cert"), "wb") as f:
            f.write(self.gpg("--export", fingerprint))
        with open(self.path(algorithm + ".key"), "wb") as f:
            f.write(self.gpg("--export-secret-keys", fingerprint))

    def close(self):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.env, check=False)
        shutil.rmtree(self.folder)


class Interop(unittest.TestCase):
    """Each test is one program."""

    @classmethod
    def setUpClass(cls):
        cls.keys = Keys() if shutil.which("gpg") else None

    @classmethod
    def tearDownClass(cls):
        if cls.keys:
            cls.keys.close()

    def need(self, program):
        if not shutil.which(program):
            skip("%s is not installed" % program)
            self.skipTest("%s is not installed" % program)
        if not self.keys:
            skip("%s: there is no gpg to make the keys" % program)
            self.skipTest("there is no gpg to make the keys")

    def seal(self, certificate, sizes, *options):
        """A folder with SIZE.plain and SIZE.sealed.asc for each size."""
        folder = tempfile.mkdtemp(dir=self.keys.folder)
        run(SEAL, *options, certificate, folder, *map(str, sizes))
        return folder

    def compare(self, folder, size, opened):
        with open(os.path.join(folder, "%d.plain" % size), "rb") as f:
            plain = f.read()
        self.assertEqual(len(plain), size)
        self.assertTrue(opened == plain, "%d octets came back as %d others"
                        % (size, len(opened)))

    def decrypt_each(self, name, certificate, sizes, decrypt, *options):
        """decrypt(path) gives the plaintext of the file `path`."""
        with self.subTest(key=name):
            folder = self.seal(certificate, sizes, *options)
            for size in sizes:
                path = os.path.join(folder, "%d.sealed.asc" % size)
                self.compare(folder, size, decrypt(path))
            shutil.rmtree(folder)

    @staticmethod
    def sizes_for(algorithm):
        if algorithm == "cv25519":
            return ALL_V1 + LARGE
        return ALL_V1 if algorithm in THOROUGH else FEW

    def test_gnupg(self):
        self.need("gpg")
        for algorithm in ALGORITHMS:
            with self.subTest(key=algorithm):
                self.gnupg(algorithm)

    def gnupg(self, algorithm):
        """One gpg for all files; it writes SIZE.sealed."""
        sizes = self.sizes_for(algorithm)
        folder = self.seal(self.keys.path(algorithm + ".cert"), sizes)
        self.keys.gpg("--decrypt-files", *[
            os.path.join(folder, "%d.sealed.asc" % size) for size in sizes])
        for size in sizes:
            with open(os.path.join(folder, "%d.sealed" % size), "rb") as f:
                self.compare(folder, size, f.read())
        shutil.rmtree(folder)

    def test_gnupg_without_a_warning(self):
        self.need("gpg")
        folder = self.seal(self.keys.path("cv25519.cert"), [100])
        done = subprocess.run(
            ["gpg", "--batch", "--quiet", "--decrypt",
             os.path.join(folder, "100.sealed.asc")],
            env=self.keys.env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, check=True)
        self.assertNotIn(b"WARNING", done.stderr)
        self.assertNotIn(b"CRC", done.stderr)

    def test_sqop(self):
        self.need("sqop")
        for algorithm in ALGORITHMS:
            key = self.keys.path(algorithm + ".key")
            if not self.sqop_knows(algorithm):
                skip("sqop does not know %s" % algorithm)
                continue
            self.decrypt_each(algorithm, self.keys.path(algorithm + ".cert"),
                              self.sizes_for(algorithm),
                              lambda path, key=key: self.sqop(key, path))

    @staticmethod
    def sqop(key, path):
        with open(path, "rb") as f:
            return run("sqop", "decrypt", key, stdin=f)

    def sqop_knows(self, algorithm):
        """It knows what it can encrypt to itself."""
        done = subprocess.run(
            ["sqop", "encrypt", self.keys.path(algorithm + ".cert")],
            input=b"x", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            check=False)
        if done.returncode != 0:
            self.assertIn(algorithm, BRAINPOOL)
        return done.returncode == 0

    def test_sqop_rfc9580(self):
        """A key of version 6: X25519, PKESK version 6, SEIPD version 2."""
        self.need("sqop")
        made = subprocess.run(
            ["sqop", "generate-key", "--profile=rfc9580", "x@example.org"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if made.returncode != 0:
            skip("this sqop does not know RFC 9580: "
                 "X25519 and SEIPD version 2 are untried with it")
            self.skipTest("this sqop does not know RFC 9580")
        key = self.keys.path("v6.key")
        cert = self.keys.path("v6.cert")
        with open(key, "wb") as f:
            f.write(made.stdout)
        with open(cert, "wb") as f:
            f.write(run("sqop", "extract-cert", "--no-armor",
                        input=made.stdout))
        self.decrypt_each("v6", cert, ALL_V2 + LARGE,
                          lambda path: self.sqop(key, path))
        # the same with a key of version 4
        for algorithm in ["cv25519", "nistp256", "rsa2048"]:
            v4 = self.keys.path(algorithm + ".key")
            self.decrypt_each(algorithm + ", SEIPD version 2",
                              self.keys.path(algorithm + ".cert"), FEW,
                              lambda path, v4=v4: self.sqop(v4, path), "-2")

    def test_rnp(self):
        self.need("rnp")
        home = self.keys.path("rnp")
        os.mkdir(home, 0o700)
        for algorithm in ALGORITHMS:
            run("rnpkeys", "--homedir", home, "--import-keys",
                self.keys.path(algorithm + ".key"))
        for algorithm in ALGORITHMS:
            self.decrypt_each(algorithm, self.keys.path(algorithm + ".cert"),
                              self.sizes_for(algorithm),
                              lambda path: self.rnp(home, path))

    @staticmethod
    def rnp(home, path):
        out = path + ".out"
        run("rnp", "--homedir", home, "--password", "", "--decrypt", path,
            "--output", out)
        with open(out, "rb") as f:
            return f.read()

    def test_openpgpjs(self):
        """X25519 and SEIPD version 2 with an implementation of its own."""
        folder = os.environ.get("SEALPOST_OPENPGPJS")
        if not folder:
            skip("OpenPGP.js: SEALPOST_OPENPGPJS is not set")
            self.skipTest("SEALPOST_OPENPGPJS is not set")
        self.need("node")
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "openpgpjs.js")
        for kind in ["v6-x25519", "v4-cv25519", "v4-cv25519-aead",
                     "v4-x25519"]:
            cert = self.keys.path(kind + ".cert")
            key = self.keys.path(kind + ".key")
            run("node", script, folder, "generate", kind, cert, key)
            aead = kind.startswith("v6") or kind.endswith("aead")
            sizes = ALL_V2 if aead else ALL_V1
            with self.subTest(key=kind):
                out = self.seal(cert, sizes, *(["-2"] if aead else []))
                run("node", script, folder, "decrypt", key, *[
                    os.path.join(out, "%d.sealed.asc" % n) for n in sizes])
                for size in sizes:
                    path = os.path.join(out, "%d.sealed.asc.out" % size)
                    with open(path, "rb") as f:
                        self.compare(out, size, f.read())


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    SEAL = os.path.abspath(sys.argv.pop(1))
    result = unittest.main(exit=False, verbosity=2).result
    for reason in SKIPPED:
        print("SKIPPED: " + reason, file=sys.stderr)
    sys.exit(0 if result.wasSuccessful() else 1)

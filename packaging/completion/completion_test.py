#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The sealpost authors
"""Does bash complete what `sealpost ... --help` tells of?

usage: completion_test.py SEALPOST
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SEALPOST = ""
SCRIPT = pathlib.Path(__file__).with_name("sealpost.bash")
ASK = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_sealpost
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words, cwd=None):
    """What bash offers at the end of the line."""
    run = subprocess.run(["/bin/bash", "-c", ASK, "bash", SCRIPT, SEALPOST,
                          *words], capture_output=True, text=True, cwd=cwd,
                         check=True)
    if run.stderr:
        raise AssertionError(run.stderr)
    return sorted(run.stdout.split())


def help_of(*path):
    return subprocess.run([SEALPOST, *path, "--help"], capture_output=True,
                          text=True, check=True).stdout


def commands(*path):
    """Every command: its path and its help."""
    text = help_of(*path)
    if not text.split("\n")[0].endswith(" COMMAND ..."):
        yield path, text
        return
    for name in re.findall(r"^  (\w+)  ", text, re.M):
        yield from commands(*path, name)


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="sealpost-completion-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.conf = cls.folder + "/sealpost.conf"
        with open(cls.conf, "w") as f:
            f.write("[accounts]\ndirectory = {0}/directory.db\n"
                    "secrets = {0}/secrets.db\niterations = 100000\n"
                    "[stats]\ndatabase = {0}/stats.db\n".format(cls.folder))
        for command in (["init"], ["domain", "add", "example.org"],
                        ["domain", "add", "example.net"],
                        ["user", "add", "ann@example.org"],
                        ["user", "add", "bob@example.org"],
                        ["alias", "add", "info@example.org",
                         "ann@example.org"]):
            subprocess.run([SEALPOST, "-c", cls.conf, *command], check=True,
                           stdin=subprocess.DEVNULL, capture_output=True)

    def ask(self, *words):
        return completed("-c", self.conf, *words, cwd=self.folder)

    def test_commands(self):
        tops = re.findall(r"^  (\w+)  ", help_of(), re.M)
        self.assertGreater(len(tops), 8)
        self.assertEqual(completed(""), sorted(tops))
        self.assertEqual(completed("do"),
                         sorted(t for t in tops if t.startswith("do")))
        for top in tops:
            text = help_of(top)
            if text.split("\n")[0].endswith(" COMMAND ..."):
                self.assertEqual(
                    completed(top, ""),
                    sorted(re.findall(r"^  (\w+)  ", text, re.M)))

    def test_options_of_every_command(self):
        seen = 0
        for path, text in commands():
            usage = text.split("\n")[0]
            told = set(re.findall(r"--[a-z-]+", usage))
            told |= set(re.findall(r"^ *(--[a-z-]+)", text, re.M))
            seen += len(told)
            with self.subTest(path):
                self.assertEqual(completed(*path, "-"),
                                 sorted(told | {"--help"}))
        self.assertGreater(seen, 10)

    def test_every_command_takes_a_first_argument(self):
        """Words of the usage that are known are completed."""
        offered = {"ADDRESS": ["ann@example.org", "bob@example.org"],
                   "DOMAIN": ["example.net", "example.org"]}
        seen = set()
        for path, text in commands():
            first = re.match(r"usage: sealpost %s ([A-Z]+)" % " ".join(path),
                             text)
            if first and first[1] in offered and path[0] != "alias":
                seen.add(first[1])
                with self.subTest(path):
                    self.assertEqual(self.ask(*path, ""), offered[first[1]])
        self.assertEqual(seen, set(offered))

    def test_arguments(self):
        ann, bob = "ann@example.org", "bob@example.org"
        self.assertEqual(self.ask("user", "show", "b"), [bob])
        self.assertEqual(self.ask("alias", "add", ""), ["info@example.org"])
        self.assertEqual(self.ask("alias", "add", "x@example.org", ""),
                         [ann, bob])
        self.assertEqual(self.ask("alias", "add", "x@example.org", ann, "b"),
                         [bob])
        self.assertEqual(self.ask("user", "show", ann, ""), [])
        self.assertIn("sealpost.conf",
                      self.ask("key", "import", ann, "seal"))

    def test_values_of_options(self):
        self.assertEqual(self.ask("stats", "--user", "a"),
                         ["ann@example.org"])
        self.assertEqual(self.ask("stats", "--json", "--user", "a"),
                         ["ann@example.org"])
        self.assertEqual(self.ask("user", "add", "new@example.org", "--key",
                                  "seal"), ["sealpost.conf"])
        self.assertEqual(self.ask("stats", "--since", ""), [])
        self.assertEqual(completed("-c", "seal", cwd=self.folder),
                         ["sealpost.conf"])

    def test_settings(self):
        ann = "ann@example.org"
        keys = sorted(re.findall(r"^  (\w+=)", help_of("user", "set"), re.M))
        self.assertGreater(len(keys), 2)
        self.assertEqual(self.ask("user", "set", ann, ""), keys)
        self.assertEqual(self.ask("user", "set", ann, "prot"),
                         ["protect_subject="])
        # bash breaks words at "="
        self.assertEqual(self.ask("user", "set", ann, "protect_subject", "="),
                         ["no", "yes"])
        self.assertEqual(self.ask("user", "set", ann, "protect_subject", "=",
                                  "y"), ["yes"])
        self.assertEqual(self.ask("user", "set", ann, "quota", "=", "1G",
                                  "protect_subject", "=", "n"), ["no"])

    def test_nonsense(self):
        for words in (["nonsense", ""], ["user", "nonsense", ""],
                      ["--nonsense", ""], ["user", "set", "x", "y", "=", ""]):
            with self.subTest(words):
                self.assertEqual(self.ask(*words), [])


if __name__ == "__main__":
    SEALPOST = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()

"""The completions of the shells, as a user's shell gives them.

usage: completions_test.py OBHUT
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))


def script(shell):
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run([PROGRAM, "completion", shell], check=True, capture_output=True, text=True,
                          env=environment).stdout


class Completions(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="obhut-completions-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def file(self, shell):
        file = pathlib.Path(self.folder, shell)
        file.write_text(script(shell))
        return file

    def bash(self, *words):
        line = " ".join(f"'{word}'" for word in words)
        asked = f"source {self.file('bash')}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _obhut; " \
                "printf '%s\\n' \"${COMPREPLY[@]}\""
        return set(subprocess.run(["bash", "-c", asked], check=True, capture_output=True, text=True)
                   .stdout.split())

    def fish(self, line):
        asked = f"source {self.file('fish')}; complete -C '{line}'"
        said = subprocess.run(["fish", "--no-config", "-c", asked], check=True, capture_output=True, text=True,
                              env={**os.environ, "HOME": self.folder}).stdout
        return {one.split("\t")[0] for one in said.splitlines()}

    def test_bash_knows_commands_and_those_below_them(self):
        self.assertEqual(self.bash("obhut", "resto"), {"restore"})
        self.assertEqual(self.bash("obhut", "vault", "re"), {"repair", "restore"})
        self.assertEqual(self.bash("obhut", "--json", "vault", "--vault", "/x", "key", "ad"), {"add-passphrase", "add-recovery"})

    def test_bash_knows_the_options_of_each_command(self):
        self.assertIn("--existing", self.bash("obhut", "restore", "--ex"))
        self.assertEqual(self.bash("obhut", "points", "--existing"), set())

    def test_bash_leaves_the_rest_to_names_of_files(self):
        self.assertEqual(self.bash("obhut", "restore", "latest", ""), set())

    @unittest.skipUnless(shutil.which("fish"), "no fish here")
    def test_fish_knows_them_too(self):
        self.assertEqual(self.fish("obhut resto"), {"restore"})
        self.assertEqual(self.fish("obhut vault re"), {"repair", "restore"})
        self.assertIn("--existing", self.fish("obhut restore --ex"))

    @unittest.skipUnless(shutil.which("zsh"), "no zsh here")
    def test_zsh_takes_its_script(self):
        subprocess.run(["zsh", "-n", self.file("zsh")], check=True)
        self.assertIn("'restore:restore a point or part of it'", script("zsh"))

    def test_what_is_left_out_of_the_help_is_left_out_here(self):
        for shell in ("bash", "zsh", "fish"):
            self.assertNotIn("completion SHELL", script(shell))
            self.assertNotIn("'completion'", script(shell))


if __name__ == "__main__":
    unittest.main()

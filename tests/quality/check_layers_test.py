#!/usr/bin/env python3
"""The layer check must catch each kind of breach: a check that passes everything checks nothing."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHECK = ROOT / "tools/dev/check_layers.py"


class CheckLayers(unittest.TestCase):
    def run_on(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder)
            (top / "tools/dev").mkdir(parents=True)
            (top / "tools/dev/layers.txt").write_text((ROOT / "tools/dev/layers.txt").read_text())
            file = top / path
            file.parent.mkdir(parents=True)
            file.write_text(text)
            run = subprocess.run([sys.executable, CHECK, folder], capture_output=True, text=True)
            return run.returncode, run.stdout

    def refused(self, path, text, words):
        code, out = self.run_on(path, text)
        self.assertEqual(code, 1, out)
        self.assertIn(words, out)

    def test_accepts_an_allowed_include(self):
        self.assertEqual(self.run_on("agent/pack/a.cc", '#include "agent/base/result.h"\n')[0], 0)

    def test_refuses_a_cluster_that_could_open_a_backup(self):
        for folder in ("seal", "pack", "chunk", "scan", "vault", "pipeline", "restore"):
            self.refused("service/cluster/a.cc", f'#include "agent/{folder}/x.h"\n', "may not include")

    def test_refuses_a_lower_layer_that_includes_a_higher_one(self):
        self.refused("agent/base/a.h", '#include "agent/store/store.h"\n', "may not include")

    def test_refuses_operating_system_headers_outside_platform(self):
        self.refused("agent/scan/a.cc", "#include <sys/stat.h>\n", "operating system header")

    def test_refuses_operating_system_ifdefs_outside_platform(self):
        self.refused("agent/scan/a.cc", "#ifdef _WIN32\n#endif\n", "asks for an operating system")

    def test_refuses_a_library_outside_its_home(self):
        self.refused("agent/scan/a.cc", "#include <zstd.h>\n", "outside its home")

    def test_refuses_a_library_in_a_header(self):
        self.refused("agent/seal/a.h", "#include <zstd.h>\n", "in a header")

    def test_refuses_a_folder_that_no_row_names(self):
        self.refused("agent/novel/a.cc", "\n", "no row")


if __name__ == "__main__":
    unittest.main()

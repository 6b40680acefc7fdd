"""--rate: the bill of a month that is not closed."""
import json
import unittest

import fixture
from fixture import Folder, small
from verify_bill import bill_text, running
from verify_bill.instants import parse_month


class Running(Folder):
    def test_prints_what_the_month_comes_to_with_its_corrections(self):
        folder = small().write(self.folder / "export")
        code, out, err = self.verify(folder, "--rate", "2026-04")

        self.assertEqual((code, err), (0, ""))
        rated = json.loads(out)
        self.assertEqual(rated["month"], "2026-04")
        self.assertEqual(out.encode(), running.rate(folder, parse_month("2026-04")))
        self.assertEqual(bill_text.read_amounts(out).month, parse_month("2026-04"))

    def test_comes_to_the_closed_bill_where_nothing_came_since(self):
        export = fixture.Export().add(fixture.created(), fixture.level("l1", "2026-01-11", 5_000_000_000))
        export.close("2026-01")
        folder = export.write(self.folder / "export")

        _, out, _ = self.verify(folder, "--rate", "2026-01")

        self.assertEqual(out.encode(), (folder / "bills" / "2026-01.json").read_bytes())

    def test_names_what_is_wrong(self):
        folder = small().write(self.folder / "export")
        self.assertEqual(self.verify(folder, "--rate", "2026-4")[0], 2)
        about = json.loads((folder / "export.json").read_text())
        for prices, said in (("0" * 64, "names no price list"), ("a" * 64, "is missing"), (None, "prices: ")):
            changed = dict(about, prices=prices)
            if prices is None:
                del changed["prices"]
            (folder / "export.json").write_text(json.dumps(changed))
            code, out, err = self.verify(folder, "--rate", "2026-04")
            self.assertEqual((code, out), (2, ""))
            self.assertIn(said, err)


if __name__ == "__main__":
    unittest.main()

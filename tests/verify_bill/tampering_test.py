#!/usr/bin/env python3
"""Whatever is changed after the fact must be found and named: in the ledger, a bill, a price list, a closing."""
import json
import unittest

import fixture
from fixture import Export, created, dump, level, read_rows, sha256, small, write_rows

OWN = ("key", "key_of_export")  # said wherever no --key is given


class Tampering(fixture.Folder):
    def setUp(self):
        super().setUp()
        self.export = small().write(self.folder / "export")

    def finds(self, wanted, *options):
        """That exactly these findings fail, or are notes."""
        code, found = self.found(self.export, *options)
        self.assertEqual(found - {OWN}, wanted)
        self.assertEqual(code, 1 if wanted else 0)

    def change_rows(self, change):
        rows = read_rows(self.export)
        change(rows)
        write_rows(self.export, rows)

    def change_head(self, **members):
        file = self.export / "export.json"
        file.write_text(dump({**json.loads(file.read_text()), **members}))


class Ledger(Tampering):
    def test_holds_as_it_is(self):
        self.finds(set())

    def test_a_row_changed(self):
        def change(rows):
            rows[2]["event"] = rows[2]["event"].replace("100500000000", "200500000000")
        self.change_rows(change)
        self.finds({("ledger", "row_hash")} | {(f"2026-0{month}", "bill_differs") for month in (1, 2, 3)})
        _, out, _ = self.verify(self.export)
        self.assertIn("line 3: row 3 is not what its hash was made of", out)
        self.assertIn('billed {"customer":"c1","product":"storage/provider","quantity":"101"', out)

    def test_a_row_changed_where_no_bill_shows_it(self):
        def change(rows):
            rows[9]["received"] = "2026-01-05T00:00:11.000001Z"
        self.change_rows(change)
        self.finds({("ledger", "row_hash")})

    def test_a_row_changed_and_hashed_again(self):
        def change(rows):
            rows[8:9] = fixture.chained([rows[8]["event"].replace(":1}", ":2}")], number=9, previous=rows[7]["hash"])
        self.change_rows(change)
        self.finds({("ledger", "row_previous"), ("2026-03", "closing_head_differs")})

    def test_everything_hashed_again(self):
        def change(rows):
            texts = [row["event"] for row in rows]
            texts[0] = texts[0].replace("2026-01-05", "2026-01-04")
            rows[:] = fixture.chained(texts)
        self.change_rows(change)
        self.change_head(head=read_rows(self.export)[-1]["hash"])
        self.finds({(f"2026-0{month}", "closing_head_differs") for month in (1, 2, 3)})

    def test_a_row_removed(self):
        self.change_rows(lambda rows: rows.pop(5))
        self.finds({("ledger", "row_number"), ("ledger", "row_previous"), ("ledger", "ledger_rows"),
                    ("2026-02", "closing_head_differs"), ("2026-02", "bill_differs"),
                    ("2026-03", "closing_head_differs"), ("2026-03", "bill_differs")})

    def test_the_last_row_removed(self):
        self.change_rows(lambda rows: rows.pop())
        self.finds({("ledger", "ledger_rows"), ("ledger", "ledger_head")})

    def test_the_last_rows_removed_and_export_json_told(self):
        self.change_rows(lambda rows: rows.__delitem__(slice(8, None)))
        self.change_head(rows=8, head=read_rows(self.export)[-1]["hash"])
        self.finds({("2026-03", "closing_beyond")})

    def test_two_rows_swapped(self):
        def change(rows):
            rows[3], rows[4] = rows[4], rows[3]
        self.change_rows(change)
        self.finds({("ledger", "row_number"), ("ledger", "row_previous"), ("2026-01", "closing_head_differs")})

    def test_a_row_added_in_the_middle(self):
        def change(rows):
            rows[5:5] = fixture.chained([level("more", "2026-01-12", 9)], number=6, previous=rows[4]["hash"])
        self.change_rows(change)
        self.finds({("ledger", "row_number"), ("ledger", "row_previous"), ("ledger", "ledger_rows"),
                    ("2026-02", "closing_head_differs"), ("2026-02", "bill_differs"),
                    ("2026-03", "closing_head_differs"), ("2026-03", "bill_differs")})

    def test_a_row_added_at_the_end(self):
        def change(rows):
            rows += fixture.chained([level("more", "2026-04-12", 9)], number=11, previous=rows[-1]["hash"])
        self.change_rows(change)
        self.finds({("ledger", "ledger_rows"), ("ledger", "ledger_head")})

    def test_the_ledger_of_another_partner(self):
        self.change_head(partner="02" * 16)
        code, found = self.found(self.export)
        self.assertEqual(code, 1)
        self.assertLessEqual({("ledger", "row_previous"), ("ledger", "row_hash"), ("2026-01", "closing_partner")},
                             found)

    def test_names_the_first_faults_and_counts_the_rest(self):
        self.export = Export().add(created(),
                                   *(level(f"l{n}", "2026-01-06", n) for n in range(60))).write(self.folder / "b")
        self.change_head(partner="02" * 16)
        self.finds({("ledger", "row_previous"), ("ledger", "row_hash"), ("ledger", "rows_more"),
                    ("files", "nothing_closed")})
        _, out, _ = self.verify(self.export)
        self.assertIn("and 42 more faults in rows", out)


class Bills(Tampering):
    def test_edited_after_closing(self):
        bill = self.export / "bills/2026-02.json"
        bill.write_text(bill.read_text().replace('"amount_cents":505', '"amount_cents":605'))
        self.finds({("2026-02", "bill_changed"), ("2026-02", "bill_differs")})

    def test_edited_into_something_else(self):
        (self.export / "bills/2026-01.json").write_text("paid")
        self.finds({("2026-01", "bill_changed"), ("2026-01", "bill_differs")})

    def test_removed(self):
        (self.export / "bills/2026-01.json").unlink()
        self.finds({("2026-01", "unusable")})

    def test_removed_and_asked_for_a_later_month(self):
        (self.export / "bills/2026-01.json").unlink()
        self.finds({("2026-01", "unusable"), ("2026-02", "not_rated")}, "--month", "2026-02")

    def test_a_bill_too_many(self):
        (self.export / "bills/2026-04.json").write_text("{}")
        self.finds({("files", "bill_unclosed")})

    def test_closed_at_what_the_ledger_does_not_come_to(self):
        dear = small().bills["2026-01"].replace(b"1250", b"1350")
        self.export = Export().add(*small().texts[:5]).close("2026-01",
                                                             dear).close("2026-02").write(self.folder / "dear")
        self.finds({("2026-01", "bill_differs")})

    def test_rates_later_months_with_what_was_closed(self):
        """The next month corrects what was billed wrongly, and so is right."""
        dear = small().bills["2026-01"].replace(b'"amount_cents":1250', b'"amount_cents":1350')
        whole = Export().add(*small().texts[:5]).close("2026-01", dear).close("2026-02")
        self.assertIn(b'"corrects":"2026-01","amount_cents":-100', whole.bills["2026-02"])
        self.export = whole.write(self.folder / "dear")
        self.finds({("2026-01", "bill_differs")})

    def test_closed_as_no_bill_at_all(self):
        self.export = Export().add(created()).close("2026-01", b"{}").write(self.folder / "none")
        self.finds({("2026-01", "bill_differs"), ("2026-01", "unusable")})


class PriceLists(Tampering):
    def file(self):
        return next((self.export / "prices").iterdir())

    def test_edited(self):
        self.file().write_text(self.file().read_text().replace("12500000", "13500000"))
        self.finds({("files", "prices_name")} | {(f"2026-0{month}", code) for month in (1, 2, 3)
                                                 for code in ("prices_changed", "not_rated")})

    def test_removed(self):
        self.file().unlink()
        self.finds({(f"2026-0{month}", code) for month in (1, 2, 3) for code in ("unusable", "not_rated")})

    def test_another_for_the_same_month(self):
        cheap = dump(fixture.PRICES).replace("12500000", "2500000")
        whole = Export().add(*small().texts[:5]).close("2026-01")
        bill, whole.bills, whole.closings, whole.prices = whole.bills["2026-01"], {}, {}, cheap
        self.export = whole.close("2026-01", bill).write(self.folder / "cheap")
        self.finds({("2026-01", "bill_differs")})

    def test_the_present_one_beside_those_of_closings(self):
        text = dump(fixture.PRICES).replace("12500000", "2500000")
        (self.export / "prices" / f"{sha256(text)}.json").write_text(text)
        self.finds(set())

    def test_with_a_gap(self):
        later = {**fixture.PRICES, "policies": [{**fixture.PRICES["policies"][0], "from": "2026-02"}]}
        unpriced = {**fixture.PRICES, "prices": fixture.PRICES["prices"][1:]}
        for name, prices in (("policy", later), ("price", unpriced)):
            self.export = Export(prices=prices).add(*small().texts[:5]).close("2026-01",
                                                                              b"{}").write(self.folder / name)
            code, out, _ = self.verify(self.export)
            self.assertEqual(code, 1)
            self.assertIn(f"comes to no bill: prices/{sha256(dump(prices))}.json: ", out)
            self.assertIn(f"no {name} ", out)

    def test_that_changed_between_months_corrects(self):
        whole = Export().add(*small().texts[:5]).close("2026-01")
        whole.prices = json.loads(dump(fixture.PRICES).replace("12500000", "2500000"))
        whole.close("2026-02").close("2026-03")
        self.assertIn(b'"was_cents":1250,"now_cents":250', whole.bills["2026-02"])
        self.export = whole.write(self.folder / "changed")
        self.finds(set())


class Closings(Tampering):
    def test_removed_from_the_middle(self):
        (self.export / "closings/2026-02.jws").unlink()
        self.finds({("2026-03", "closing_gap"), ("2026-03", "closing_previous"), ("2026-03", "not_rated"),
                    ("files", "bill_unclosed")})

    def test_removed_from_the_beginning(self):
        (self.export / "closings/2026-01.jws").unlink()
        self.finds({("2026-02", "closing_first"), ("2026-03", "bill_differs"), ("files", "bill_unclosed")})

    def test_signed_by_another_key(self):
        for name, kid in (("names itself", fixture.STRANGER.public), ("names the provider", fixture.PROVIDER.public)):
            with self.subTest(name):
                whole = small()
                payload = json.loads(fixture.base64.urlsafe_b64decode(whole.closings["2026-03"].split(".")[1] + "=="))
                whole.closings["2026-03"] = fixture.STRANGER.sign("closing", payload, kid=kid)
                self.export = whole.write(self.folder / name)
                self.finds({("2026-03", "closing_signature")})

    def test_with_a_signature_changed(self):
        file = self.export / "closings/2026-01.jws"
        text = file.read_text().strip()
        flipped = text[:-20] + ("A" if text[-20] != "A" else "B") + text[-19:]
        file.write_text(flipped)
        self.finds({("2026-01", "closing_signature"), ("2026-02", "closing_previous")})

    def test_that_is_no_document(self):
        for text in ("", "a.b.c", "\x00", small().closings["2026-02"][:-90], fixture.PROVIDER.sign("receipt", {})):
            (self.export / "closings/2026-02.jws").write_text(text)
            code, found = self.found(self.export)
            self.assertEqual(code, 1)
            self.assertIn(("2026-02", "unusable"), found)
            self.assertNotIn(("2026-03", "closing_gap"), found)

    def test_of_another_month(self):
        one, other = self.export / "closings/2026-02.jws", self.export / "closings/2026-03.jws"
        one.write_text(other.read_text())
        self.assertIn(("2026-02", "closing_month"), self.found(self.export)[1])

    def with_last(self, **changes):
        whole = Export().add(*small().texts[:5]).close("2026-01").add(*small().texts[5:7]).close("2026-02", **changes)
        self.export = whole.write(self.folder / "changed")

    def test_of_another_partner(self):
        self.with_last(partner="02" * 16)
        self.finds({("2026-02", "closing_partner")})

    def test_with_another_head(self):
        self.with_last(head="ab" * 32)
        self.finds({("2026-02", "closing_head_differs")})

    def test_with_fewer_rows_than_the_one_before(self):
        self.with_last(rows=3)
        self.finds({("2026-02", "closing_backwards"), ("2026-02", "closing_head_differs"),
                    ("2026-02", "bill_differs"),
                    ("2026-01", "not_rated")})

    def test_with_rows_that_are_not_there(self):
        self.with_last(rows=8)
        self.finds({("2026-02", "closing_beyond")})

    def test_with_another_bill(self):
        self.with_last(bill="ab" * 32)
        self.finds({("2026-02", "bill_changed")})

    def test_bound_to_another_one_before(self):
        self.with_last(previous="ab" * 32)
        self.finds({("2026-02", "closing_previous")})

    def test_that_begins_with_one_before_it(self):
        self.export = Export().add(created()).close("2026-01", previous="ab" * 32).write(self.folder / "first")
        self.finds({("2026-01", "closing_first")})

    def test_of_an_empty_ledger(self):
        self.export = Export().close("2026-01").add(created()).close("2026-02").write(self.folder / "empty")
        self.finds(set())

    def test_two_months_at_one_row(self):
        self.export = Export().add(*small().texts[:5]).close("2026-01").close("2026-02").write(self.folder / "two")
        self.finds(set())


class Keys(Tampering):
    def test_the_one_given_is_believed(self):
        _, found = self.found(self.export, "--key", fixture.PROVIDER.public)
        self.assertEqual(found, set())

    def test_the_one_given_is_another(self):
        code, found = self.found(self.export, "--key", fixture.STRANGER.public)
        self.assertEqual(code, 1)
        self.assertEqual(found, {("key", "key_differs")} | {(f"2026-0{month}", "closing_signature") for month in (1,
                                                                                                                  2,
                                                                                                                  3)})

    def test_an_export_signed_by_somebody_else_throughout(self):
        """All of it fits together, and only the partner's own records tell."""
        self.export = Export(key=fixture.STRANGER).add(created()).close("2026-01").write(self.folder / "forged")
        self.finds(set())
        self.finds({("key", "key_differs"), ("2026-01", "closing_signature")} - {OWN}, "--key",
                   fixture.PROVIDER.public)


class Months(Tampering):
    def test_one_is_checked_alone(self):
        bill = self.export / "bills/2026-03.json"
        bill.write_text(bill.read_text().replace("1", "2"))
        self.finds(set(), "--month", "2026-02")
        self.finds({("2026-03", "bill_changed"), ("2026-03", "bill_differs")}, "--month", "2026-03")

    def test_the_chain_is_checked_in_any_case(self):
        self.change_rows(lambda rows: rows.pop())
        self.finds({("ledger", "ledger_rows"), ("ledger", "ledger_head")}, "--month", "2026-01")


if __name__ == "__main__":
    unittest.main()

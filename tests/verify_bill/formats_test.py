#!/usr/bin/env python3
"""Golden bytes: ledger rows, bills, signed documents; and the spelling of instants and quantities."""
import pathlib
import unittest

import fixture
import rating
from fixture import created, dump, event, level, trial

from verify_bill import bill, bill_text, chain, closings, instants, prices, receipts, signatures, strict_json
from verify_bill.trouble import BadInput

DATA = pathlib.Path(__file__).resolve().parents[1] / "data" / "trust"
EVENT = ('{"id":"e1","type":"customer.created","at":"2026-03-15T12:00:00.000001Z","customer":"c1",'
         '"mode":"per_gb"}')


class Ledger(unittest.TestCase):
    def test_has_the_golden_hashes(self):
        partner = "01" * 16
        genesis = chain.genesis(partner)
        self.assertEqual(genesis, "1167f41f2010cae5ce6eaeb3d47f3a4b4e68ace1ce894a13bce5f2a13ab73534")
        received = instants.parse_instant("2026-03-15T12:00:01.000001Z")
        first = chain.row_hash(partner, chain.Row(1, received, genesis, "", EVENT), "e1")
        self.assertEqual(first, "f74891f9c275ca95edc95c06a60e9a50767c2ad37dc5c43cd42a2517e1435650")
        other = chain.Row(2, received + 1_000_000, first, "", EVENT.replace("e1", "e2"))
        self.assertEqual(chain.row_hash(partner, other, "e2"),
                         "64b1330863d99cc14b18730f627b4eed1118e3508b19ede45b5d5aed2b799da9")

    def test_counts_long_texts_in_more_than_a_byte(self):
        long = event("e" * 300, "partner.cancelled", "2026-01-01", more="x" * 9000)
        row = fixture.chained([long])[0]
        parsed = chain.parse_row(dump(row))
        self.assertEqual(chain.row_hash(fixture.PARTNER, parsed, "e" * 300), row["hash"])

    def test_takes_instants_before_1970(self):
        row = chain.Row(1, -1, "00" * 32, "", EVENT)
        self.assertEqual(len(chain.row_hash(fixture.PARTNER, row, "e1")), 64)


class Bills(unittest.TestCase):
    EVENTS = [created(), event("e1", "workload.activated", "2026-03-02", workload="w1", kind="server",
                               clock="receipt"),
              event("e2", "workload.activated", "2026-03-03", workload="w2", kind="server", clock="endpoint"),
              level("s1", "2026-03-04", 3_000_000_000), trial("2026-03-20", id="t1"), trial("2026-03-21", id="t2")]

    def test_are_spelt_like_this(self):
        self.assertEqual(rating.ours(self.EVENTS, dump(fixture.PRICES), "2026-03").decode(), (
            '{"month":"2026-03","currency":"EUR",\n'
            '"lines":[\n'
            '{"customer":"c1","product":"storage/provider","quantity":"3","unit":"GB","unit_micro":50000,'
            '"amount_cents":15,"first_use":"2026-03-04T00:00:00Z","evidence":["s1"],"note":""},\n'
            '{"customer":"c1","product":"workload/server","quantity":"2","unit":"workload","unit_micro":12500000,'
            '"amount_cents":2500,"first_use":"2026-03-02T00:00:00Z","evidence":["e1","e2"],"note":"receipt clock"}\n'
            '],\n'
            '"corrections":[],\n'
            '"totals":[\n'
            '{"customer":"c1","amount_cents":2515}\n'
            '],\n'
            '"notices":[\n'
            '{"event":"t2","code":"trial_used"}\n'
            ']}\n'))

    def test_spell_corrections_like_this(self):
        before = rating.ours(self.EVENTS[:1], dump(fixture.PRICES), "2026-03").decode()
        self.assertIn('"corrections":[\n'
                      '{"customer":"c1","product":"storage/provider","corrects":"2026-03","amount_cents":15,'
                      '"was_cents":0,"now_cents":15,"evidence":["s1"]},\n',
                      rating.ours(self.EVENTS, dump(fixture.PRICES), "2026-04", [before]).decode())

    def test_of_nothing_are_whole(self):
        self.assertEqual(rating.ours([], dump(fixture.PRICES), "2026-03"),
                         b'{"month":"2026-03","currency":"EUR",\n"lines":[],\n"corrections":[],\n'
                         b'"totals":[],\n"notices":[]}\n')

    def test_escape_what_must_be_and_nothing_else(self):
        self.assertEqual(bill_text.quoted('Hof, "x"\n\\ \u00e4\x01\x7f/\u2028'),
                         '"Hof, \\"x\\"\\u000a\\\\ \u00e4\\u0001\x7f/\u2028"')

    def test_round_half_a_cent_away_from_zero_once_a_line(self):
        for count, micro, cents in [(1, 4_999, 0), (1, 5_000, 1), (1, 14_999, 1), (1, 15_000, 2), (3, 3_333, 1),
                                    (0, 12_500_000, 0)]:
            self.assertEqual(bill.amount_cents(prices.Decimal(count, 0), micro), cents)

    def test_spell_decimals_without_trailing_zeros(self):
        for text, spelt in [("0.10", "0.1"), ("10", "10"), ("0.000", "0"), ("007.50", "7.5"), ("0.005", "0.005")]:
            self.assertEqual(str(prices.parse_decimal(text)), spelt)
        for text in ("1.2.3", "", "-1", "1e3", "1,5", " 1", "1.", ".5", "٣"):
            with self.assertRaises(ValueError, msg=text):
                prices.parse_decimal(text)


class Instants(unittest.TestCase):
    def test_are_read_with_any_offset(self):
        for text, wanted in [
                ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:30:00+01:30", 0), ("1969-12-31T23:00:00-01:00", 0),
                ("1970-01-01T00:00:00.5Z", 500_000), ("1970-01-01t00:00:00.000001z", 1),
                ("2026-03-15T12:00:00-00:00", 1773576000_000000),
                ("2024-02-29T00:00:00Z", 1709164800_000000), ("9999-12-31T23:59:59-23:59", 253402387139_000000)]:
            self.assertEqual(instants.parse_instant(text), wanted, text)

    def test_are_refused_where_they_are_none(self):
        for text in ("2026-03-15T12:00:00", "2026-03-15 12:00:00Z", "2026-03-15T12:00Z", "2026-03-15T24:00:00Z",
                     "2026-03-15T12:60:00Z", "2026-03-15T23:59:60Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
                     "2026-03-15T12:00:00.Z", "2026-03-15T12:00:00.1234567Z", "2026-03-15T12:00:00+24:00",
                     "2026-03-15T12:00:00+01:60", "2026-03-15T12:00:00+0100", "0000-01-01T00:00:00Z", "",
                     "٢٠٢٦-03-15T12:00:00Z", "2026-03-15T12:00:00Z\n"):
            with self.assertRaises(ValueError, msg=text):
                instants.parse_instant(text)

    def test_are_written_in_utc(self):
        for text, wanted in [("2026-03-15T12:00:00.999999+01:00", "2026-03-15T11:00:00Z"),
                             ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
                             ("0001-01-01T00:00:00+00:01", "0000-12-31T23:59:00Z")]:
            self.assertEqual(instants.format_instant(instants.parse_instant(text)), wanted)

    def test_end_with_the_time_zones(self):
        calendar = instants.Calendar("Europe/Berlin")
        calendar.span(instants.parse_month("2037-12"))
        with self.assertRaises(BadInput):
            calendar.span(instants.parse_month("2038-01"))

    def test_a_life_that_began_with_the_calendar(self):
        events = [created("0001-01-01T00:00:00+23:59"), trial("0001-01-01T00:00:00+23:59")]
        self.assertEqual(rating.rated(events, "2026-03", dump(fixture.PRICES)), "no_policy")


class Documents(unittest.TestCase):
    def test_the_golden_receipts(self):
        key = fixture.PROVIDER.public
        found = receipts.parse((DATA / "receipt-activation.jws").read_bytes(), key)
        self.assertEqual(found, receipts.Activation("w-1", instants.parse_instant("2026-06-01T12:00:00Z"),
                                                    "endpoint"))
        self.assertIsNone(receipts.parse((DATA / "receipt-commit.jws").read_bytes(), key))

    def test_signing_again_gives_the_golden_text(self):
        text = (DATA / "receipt-activation.jws").read_text().strip()
        payload = signatures.read(text.encode(), "receipt").payload
        order = ("schema", "kind", "device", "received_at", "subject", "workload", "activated_at", "clock")
        self.assertEqual(fixture.PROVIDER.sign("receipt", {name: payload[name] for name in order}), text)

    def refused(self, text, code, kind="receipt"):
        with self.assertRaises(BadInput) as caught:
            signatures.read(text if isinstance(text, bytes) else text.encode(), kind)
        self.assertEqual(caught.exception.code, code)

    def test_have_one_form(self):
        good = (DATA / "receipt-activation.jws").read_text().strip()
        header, payload, signature = good.split(".")
        signatures.read((" \n" + good + "\r\n").encode(), "receipt")
        for text in ("", header, header + "." + payload, good + ".x", good + "=", header + ".." + signature,
                     good.replace(".", ". ", 1), header + "." + payload + "." + signature[:-1] + "x", "\x00" + good):
            with self.assertRaises(BadInput, msg=text):
                signatures.read(text.encode(), "receipt")
        stray = good[:-1] + chr(ord(good[-1]) + 1)  # the same bytes, if the last two bits were passed over
        self.refused(stray, "jws_form")
        self.refused(b"\xff" + good.encode(), "not_utf8")
        self.refused(good + "A" * (1 << 20), "too_large")
        self.refused((DATA / "activation.jws").read_text(), "jws_typ")
        self.refused((DATA / "trust.json").read_text(), "jws_form")

    def test_have_one_header(self):
        sign = fixture.PROVIDER.sign
        for header in ({"alg": "none"}, {"alg": "HS256"}, {"crit": ["x"]}, {"kid": "00"}, {"kid": 1}):
            self.refused(sign("receipt", {}, **header), "jws_header")
        twice = fixture.b64(b'{"alg":"EdDSA","alg":"EdDSA","typ":"obhut.receipt+jws","kid":"' +
                            fixture.PROVIDER.public.encode() + b'"}') + "." + fixture.b64(b"{}") + ".AAAA"
        self.refused(twice, "jws_header")

    def test_nest_32_deep_at_most(self):
        sign = fixture.PROVIDER.sign
        signatures.read(sign("receipt", '{"a":' + "[" * 31 + "]" * 31 + "}").encode(), "receipt")
        for levels in (32, 64, 500, 900, 990, 1000, 100_000):
            self.refused(sign("receipt", '{"a":' + "[" * levels + "]" * levels + "}"), "too_deep")

    def test_are_signed_by_one_key(self):
        text = fixture.PROVIDER.sign("receipt", {"a": 1})
        self.assertTrue(signatures.is_signed_by(signatures.read(text.encode(), "receipt"), fixture.PROVIDER.public))
        self.assertFalse(signatures.is_signed_by(signatures.read(text.encode(), "receipt"), fixture.STRANGER.public))
        forged = fixture.STRANGER.sign("receipt", {"a": 1}, kid=fixture.PROVIDER.public)
        self.assertFalse(signatures.is_signed_by(signatures.read(forged.encode(), "receipt"),
                                                 fixture.PROVIDER.public))
        header, payload, _ = text.split(".")
        for signature in ("", fixture.b64(b"\0" * 64), fixture.b64(b"short")):
            unsigned = signatures.read(f"{header}.{payload}.{signature}".encode(), "receipt")
            self.assertFalse(signatures.is_signed_by(unsigned, fixture.PROVIDER.public))

    def test_closings_have_these_members(self):
        payload = {"schema": "obhut.closing/1", "partner": "01" * 16, "month": "2026-03", "bill": "0b" * 32,
                   "prices": "0c" * 32, "rows": 7, "head": "0d" * 32, "previous": "0" * 64,
                   "closed_at": "2026-04-02T08:00:00Z"}
        text = fixture.PROVIDER.sign("closing", payload)
        closing = closings.parse(text.encode() + b"\n", fixture.PROVIDER.public)
        self.assertEqual((closing.name, closing.rows, closing.signed, closing.text_hash),
                         ("2026-03", 7, True, fixture.sha256(text)))
        for name, value in [("schema", "obhut.closing/2"), ("partner", "01"), ("month", "2026-3"),
                            ("bill", "0B" * 32),
                            ("rows", -1), ("rows", 1.0), ("rows", "7"), ("head", None), ("closed_at", "yesterday"),
                            ("more", 1)]:
            with self.assertRaises(BadInput, msg=name) as caught:
                closings.parse(fixture.PROVIDER.sign("closing", {**payload, name: value}).encode(),
                               fixture.PROVIDER.public)
            self.assertEqual(caught.exception.field, name)


class Json(unittest.TestCase):
    def test_is_strict(self):
        for text in ("", "{", "{}x", "[1,]", "{'a':1}", "NaN", "[Infinity]", "01", "1.", "+1", "\ufeff{}", '"\x00"',
                     '"\t"', '"\\x"', "{\"a\":1,}", "nul"):
            with self.assertRaises(BadInput, msg=text[:20]) as caught:
                strict_json.parse(text)
            self.assertEqual(caught.exception.code, "not_json")
        for text in ('{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"a":1}}]'):
            with self.assertRaises(BadInput, msg=text) as caught:
                strict_json.parse(text)
            self.assertEqual((caught.exception.code, caught.exception.field), ("repeated_name", "a"))
        for text in ('"\\ud800"', '{"\\udc00":1}', '["\\ud83dx"]'):
            with self.assertRaises(BadInput, msg=text) as caught:
                strict_json.parse(text)
            self.assertEqual(caught.exception.code, "not_utf8")
        self.assertEqual(strict_json.parse('"\\ud83d\\ude00"'), "\U0001f600")

    def test_nests_64_deep_at_most(self):
        def nested(opening, closing, levels):
            return opening * (levels - 1) + '"\\u0041"'.join("[]") + closing * (levels - 1)

        for pair in (("[", "]"), ('{"a":', "}")):
            strict_json.parse(nested(*pair, 64))
            for levels in (65, 500, 900, 990, 1000, 100_000):
                with self.assertRaises(BadInput, msg=levels) as caught:
                    strict_json.parse(nested(*pair, levels))
                self.assertEqual(caught.exception.code, "too_deep")

    def test_keeps_the_spelling_of_numbers(self):
        self.assertEqual([number.spelling for number in strict_json.parse("[1,1.0,1e0,-0,1e999]")],
                         ["1", "1.0", "1e0", "-0", "1e999"])
        for text in ("1.0", "1e0", '"1"', "true", "null"):
            with self.assertRaises(BadInput, msg=text):
                strict_json.integer(strict_json.parse(text), "n")
        with self.assertRaises(BadInput):
            strict_json.integer(strict_json.parse("9" * 100_000), "n")

    def test_equal_values_look_alike_and_only_they(self):
        def looks(text):
            return repr(strict_json.parse(text))

        self.assertEqual(looks('{"b":[{"y":1,"x":2}],"a":"\\u0041"}'), looks('{"a":"A","b":[{"x":2,"y":1}]}'))
        for one, other in [("1", "1.0"), ("1", '"1"'), ("[1]", "1"), ('["1"]', "[1]"), ("true", "1"),
                           ("null", '"None"'),
                           ('{"a":1}', '{"a":"1"}'), ("[1,2]", "[2,1]"), ('"True"', "true")]:
            self.assertNotEqual(looks(one), looks(other))


if __name__ == "__main__":
    unittest.main()

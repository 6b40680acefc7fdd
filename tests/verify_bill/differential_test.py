#!/usr/bin/env python3
"""The verifier and the server must write the same bill, byte by byte, of whatever may happen.

Then the months are exported as closed, and the verifier must find that everything holds: it rates them
in one pass over the ledger, going on from month to month.

usage: differential_test.py [FIRST_SEED COUNT]      OBHUT_BIN names the folder of obhut-cluster
"""
import collections
import shutil
import sys
import unittest

import fixture
import made_up
import rating

SETS = (1, 300)  # first seed, count


class Differential(fixture.Folder):
    def test_writes_the_servers_bill_of_whatever_happens(self):
        server = rating.Server(self.folder)
        tally = collections.Counter()
        for seed in range(SETS[0], SETS[0] + SETS[1]):
            with self.subTest(seed=seed):
                self.close_months(made_up.MadeUp(seed), server, tally)
        print(f"{SETS[1]} sets: {dict(tally)}")
        self.assertLess(tally["refused"] * 12, tally["bills"])
        self.assertGreater(tally["with corrections"] * 12, tally["bills"])

    def close_months(self, one, server, tally):
        """Closes the months one after the other, while events arrive, and compares each bill."""
        known, coming = one.deliveries()
        prices, export = one.price_list(), fixture.Export()
        for month in map(made_up.text_of_month, one.months):
            arrived = one.chance.randrange(len(coming) * 2 // 3 + 1)
            known, coming = known + coming[:arrived], coming[arrived:]
            if one.chance.random() < 0.1:
                prices = one.price_list()
            closed = [bill.decode() for bill in export.bills.values()]
            mine = self.compare(server, tally, known, prices, month, closed)
            if closed and one.chance.random() < 0.2:  # a closed month as it would come to today, or a preview
                other = made_up.text_of_month(made_up.following(one.chance.choice(one.months),
                                                                one.chance.choice([0, 4])))
                self.compare(server, tally, known, prices, other, closed)
            if mine is None:
                return
            export.texts, export.prices = known, prices
            export.close(month, mine)
        target = self.folder / f"export-{tally['exports']}"
        code, notes = self.found(export.write(target))
        # Nobody measured the local levels that were made up.
        self.assertEqual((code, notes - {("measurements", "measurements_none")}), (0, {("key", "key_of_export")}))
        shutil.rmtree(target)
        tally["exports"] += 1

    def compare(self, server, tally, events, prices, month, closed):
        mine = rating.ours_or_none(events, prices, month, closed)
        theirs = server.rate(events, prices, month, closed)
        self.assertEqual(mine, theirs, f"{month}: {server.message}")
        tally["bills"] += 1
        tally["refused"] += mine is None
        tally["with corrections"] += mine is not None and b'"corrects"' in mine
        return mine


if __name__ == "__main__":
    if len(sys.argv) > 2:
        SETS = int(sys.argv[1]), int(sys.argv[2])
        del sys.argv[1:3]
    unittest.main()

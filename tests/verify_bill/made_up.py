"""Events and price lists made up at random around the edges that matter; a seed makes the same ones again."""
import datetime
import json
import random
import zoneinfo

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# Zone, first month, number of months: both changes of the clock, some of them at a month's first instant.
PLACES = [("Europe/Berlin", (2026, 1), 4)] * 5 + [("Europe/Berlin", (2026, 8), 4)] * 5 + [
    ("America/Havana", (2026, 9), 4),  # midnight of 1 November 2026 comes twice
    ("America/Asuncion", (2017, 8), 4),  # midnight of 1 October 2017 does not come
    ("Australia/Lord_Howe", (2026, 3), 4), ("UTC", (2026, 1), 3), ("Pacific/Apia", (2011, 11), 4),
    ("America/New_York", (2025, 10), 4), ("Asia/Kolkata", (2028, 1), 3)]
PRODUCTS = ["storage/local", "storage/provider", "storage/vendor", "workload/server", "workload/vm",
            "workload/workstation"]


def following(month, count=1):
    number = month[0] * 12 + month[1] - 1 + count
    return number // 12, number % 12 + 1


def text_of_month(month):
    return f"{month[0]:04}-{month[1]:02}"


def micro(when):
    return (when - EPOCH) // datetime.timedelta(microseconds=1)


def changes_of(zone, begin, end):
    """Where the zone's offset changes, to the second, between two instants in microseconds."""
    hour = 3_600_000_000
    found = []
    for at in range(begin, end, hour):
        if offset(zone, at) != offset(zone, at + hour):
            low, high = at, at + hour
            while high - low > 1_000_000:
                middle = (low + high) // 2 // 1_000_000 * 1_000_000
                low, high = (middle, high) if offset(zone, middle) == offset(zone, low) else (low, middle)
            found.append(high)
    return found


def offset(zone, at):
    return (EPOCH + datetime.timedelta(microseconds=at)).astimezone(zone).utcoffset()


CHANGES = {}


class MadeUp:
    """One set: `months` to close in order, `price_list()`, `events` as JSON texts."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.place, self.first, count = self.chance.choice(PLACES)
        self.months = [following(self.first, number) for number in range(count)]
        self.zone = zoneinfo.ZoneInfo(self.place)
        self.instants = self._edges()
        self.numbers = 0
        few = self.chance.random() < 0.5
        self.customers = ["c1"] if few else ["c1", "c2", "ä \"x\"\n\\", ""]
        self.events = self._events(self.chance.choice([3, 8, 15, 15, 30, 60]))

    def _edges(self):
        begin = micro(datetime.datetime(*following(self.first, -1), 1, tzinfo=self.zone))
        end = micro(datetime.datetime(*following(self.months[-1], 2), 1, tzinfo=self.zone))
        key = self.place, self.first
        if key not in CHANGES:
            CHANGES[key] = changes_of(self.zone, begin, end)
        edges = [micro(datetime.datetime(*following(self.first, number), 1, tzinfo=self.zone))
                 for number in range(len(self.months) + 2)]
        edges += CHANGES[key] * 2
        near = [edge + self.chance.choice([-1, 0, 0, 0, 1, 1_800_000_000, -1_800_000_000, 5_400_000_000])
                for edge in edges for _ in range(2)]
        near += [self.chance.randrange(begin, end) // grain * grain
                 for grain in (1, 1_000_000, 3_600_000_000, 86_400_000_000) for _ in range(2)]
        # What lies whole days before an edge, or after it, on the clock: where a trial begins or ends.
        for at in list(near):
            if self.chance.random() < 0.4:
                near.append(self._days_from(at, self.chance.choice([-28, 28, -7, -1, 1, 31])))
        # Few instants, so that much shares one; or all of them.
        return self.chance.sample(near, self.chance.choice([2, 4, 8, len(near), len(near)]))

    def _days_from(self, at, days):
        local = (EPOCH + datetime.timedelta(microseconds=at)).astimezone(self.zone).replace(tzinfo=None)
        return micro((local + datetime.timedelta(days=days)).replace(tzinfo=self.zone))

    def _time_text(self, at):
        if self.chance.random() < 0.3:
            zone = self.chance.choice([self.zone, datetime.timezone(datetime.timedelta(hours=-7, minutes=-30))])
            text = (EPOCH + datetime.timedelta(microseconds=at)).astimezone(zone).isoformat()
            return text if len(text) <= len("2026-01-01T00:00:00.000000+00:00") else self._utc(at)
        return self._utc(at)

    @staticmethod
    def _utc(at):
        return (EPOCH + datetime.timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _event(self, type, customer, at):
        self.numbers += 1
        chance = self.chance
        event = {"id": f"{chance.randrange(100, 999)}-{self.numbers}", "type": type, "at": self._time_text(at),
                 "customer": customer}
        thing = chance.choice(["x", "y", "z"])
        if type in ("customer.created", "customer.mode"):
            event["mode"] = chance.choice(["per_gb", "per_workload", "per_workload"])
        elif type == "workload.activated":
            event |= {"workload": thing, "kind": chance.choice(["server", "vm", "workstation"])}
            clock = chance.choice([None, "endpoint", "receipt"])
            event |= {"clock": clock} if clock else {}
        elif type == "workload.removed":
            event["workload"] = thing
        elif type == "storage.level":
            event |= {"vault": thing, "location": chance.choice(["local", "provider", "provider", "vendor"]),
                      "bytes": chance.choice([0, 0, 1, 10 ** 9, 10 ** 9 + 1, 1_500_000_000, 3 * 10 ** 9,
                                              chance.randrange(10 ** 11)])}
        elif type == "partner.cancelled":
            del event["customer"]
        if chance.random() < 0.1:
            event["unknown"] = chance.choice([None, [1, {"b": 2, "a": True}], "text"])
        return json.dumps(event, ensure_ascii=chance.random() < 0.5)

    def _events(self, count):
        chance = self.chance
        types = (["customer.created"] * 2 + ["customer.mode"] * 2 + ["customer.deleted", "customer.deleted"]
                 + ["trial.started"] * 2 + ["workload.activated"] * 5 + ["workload.removed"] * 3
                 + ["storage.level"] * 7 + ["partner.cancelled"])
        if chance.random() < 0.5:  # longer lives
            types = [type for type in types if type != "customer.deleted"] + ["customer.deleted"]
        early = min(self.instants) - chance.choice([0, 0, 1, 40 * 86_400_000_000])
        made = [self._event("customer.created", customer, chance.choice([early, chance.choice(self.instants)]))
                for customer in self.customers]
        made += [self._event(chance.choice(types), chance.choice(self.customers), chance.choice(self.instants))
                 for _ in range(count)]
        if chance.random() < 0.3:
            made += self._two_lives()
        return made

    def _two_lives(self):
        """A trial, cut off by a deletion, and what it would have freed in the life after it."""
        at, hour = self.chance.choice(self.instants), 3_600_000_000
        stored = {"vault": "x", "location": "vendor"}
        story = [("customer.created", {}), ("trial.started", {}), ("customer.deleted", {}), ("customer.created", {}),
                 ("storage.level", {**stored, "bytes": 3 * 10 ** 9}), ("workload.activated", {"workload": "x"}),
                 ("storage.level", {**stored, "bytes": 0}), ("workload.removed", {"workload": "x"})]
        made = []
        for type, members in story:
            made.append(json.dumps({**json.loads(self._event(type, "two lives", at)), **members}))
            at += self.chance.choice([0, hour, 24 * hour])
        return made

    def deliveries(self):
        """The events in the order they arrive: creations first, so that every prefix can be billed.

        The rest comes in any order, some of it twice, the second time with its members in another order.
        """
        first, rest, known = [], [], set()
        for text in self.events:
            of = json.loads(text)
            begins = of["type"] == "customer.created" and of["customer"] not in known
            (first if begins else rest).append(text)
            known.update([of["customer"]] if begins else [])
        for text in list(first + rest):
            if self.chance.random() < 0.1:
                members = list(json.loads(text).items())
                self.chance.shuffle(members)
                rest.append(json.dumps(dict(members)))
        self.chance.shuffle(rest)
        return first, rest

    def price_list(self):
        """A price list's JSON text."""
        chance = self.chance
        firsts = [following(self.first, -13), self.first] + self.months[1:]
        begins = [firsts[0]] + [month for month in firsts[1:] if chance.random() < 0.25]
        policies = [{"from": text_of_month(month), "gb_bytes": chance.choice([10 ** 9, 10 ** 9, 2 ** 30]),
                     "gb_step": chance.choice(["1", "1", "0.1", "0.001", "10", "2.5", "0.30"]),
                     "trial_days": chance.choice([28, 28, 28, 0, 1, 7, 31]),
                     "trial_free": chance.choice([["workload/*", "storage/vendor"], ["workload/*", "storage/vendor"],
                                                  [], ["storage/*"], ["workload/server", "storage/provider"]])}
                    for month in begins]
        prices = [{"mode": mode, "product": product, "from": text_of_month(month),
                   "micro": chance.choice([0, 1, 5_000, 12_345, 49_999, 50_000, 4_900_000, 12_500_000])}
                  for mode in ("per_gb", "per_workload") for product in PRODUCTS
                  for month in [firsts[0]] + [month for month in firsts[1:] if chance.random() < 0.15]]
        # Gaps, which both must refuse where they matter, and only there.
        if chance.random() < 0.15:
            prices.remove(chance.choice(prices))
        if chance.random() < 0.05 and len(policies) > 1:
            policies.pop(0)
        chance.shuffle(prices)
        chance.shuffle(policies)
        return json.dumps({"currency": "EUR", "time_zone": self.place, "policies": policies, "prices": prices})

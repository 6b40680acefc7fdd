"""All events of a ledger, each once, gathered by customer."""
from . import events
from .trouble import BadInput
from .usage import History


class _Customer:
    def __init__(self):
        self.events = []  # sorted, all of them in history
        self.fresh = []
        self.history = History()

    def settle(self):
        """Brings the history up to date: goes on with it where it can, begins again where an event came late."""
        if not self.fresh:
            return
        self.fresh.sort()
        if self.events and self.fresh[0].at <= self.events[-1].at:
            self.events += self.fresh
            self.events.sort()
            self.history = History()
            self.history.play(self.events)
        else:
            self.events += self.fresh
            self.history.play(self.fresh)
        self.fresh = []


class EventSet:
    """Events in any order, each once whatever the number of deliveries."""

    def __init__(self):
        self.by_id = {}
        self.customers = {}
        self.earliest = {}  # by customer: the earliest instant of those added since take_earliest()
        self.names = {}  # one copy of every customer, workload, vault and kind

    def add(self, text):
        """Takes in an event's JSON text; returns its customer and the Event.

        Errors: those of events.parse(); other_content where another event has the same id.
        """
        customer, event = events.parse(text)
        customer = self.names.setdefault(customer, customer)
        known = self.by_id.get(event.id)
        if known is not None:
            if known.content != event.content:
                raise BadInput("other_content", "id", id=event.id)
            return customer, known
        event = event._replace(object=self.names.setdefault(event.object, event.object),
                               word=self.names.setdefault(event.word, event.word))
        self.by_id[event.id] = event
        if customer is not None:
            if customer not in self.customers:
                self.customers[customer] = _Customer()
            self.customers[customer].fresh.append(event)
            self.earliest[customer] = min(event.at, self.earliest.get(customer, event.at))
        return customer, event

    def history(self, customer):
        """What a customer's events come to so far; None where there is no such customer."""
        if customer not in self.customers:
            return None
        self.customers[customer].settle()
        return self.customers[customer].history

    def subjects(self, rank):
        """Of every event of a type, its customer and its workload or vault."""
        return {(customer, event.object) for customer, of in self.customers.items()
                for events_of in (of.events, of.fresh) for event in events_of if event.rank == rank}

    def take_earliest(self):
        """By customer with events since the last call, the earliest instant among those."""
        taken, self.earliest = self.earliest, {}
        return taken

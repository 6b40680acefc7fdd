"""What a customer used: its events played once, in the order of time, and asked month by month.

Prices, policies and months are asked about afterwards, so that a history serves every bill.
"""
import bisect
import itertools
import typing

from . import events as kinds
from .instants import NEVER


class Life:
    """From a creation to the deletion, which may share its instant."""

    def __init__(self, start, mode):
        self.start, self.end, self.mode = start, NEVER, mode
        self.changes = []  # (instant, mode), as they apply


class Activity:
    """A workload from the activation that began it up to, but not including, its end."""

    def __init__(self, activation):
        self.activation, self.end = activation, NEVER


class Steps:
    """The stored bytes of one location over time: each step holds until the next."""

    def __init__(self):
        self.times, self.sums = [], []
        self.evidence = []  # the last storage event at each step; None where a deletion made it
        self.risen = []  # when the sum first rose above zero in that life
        self.levels = {}  # by vault, now
        self.sum, self.since = 0, None

    def add(self, at, evidence):
        if self.sum and self.since is None:
            self.since = at
        self.times.append(at)
        self.sums.append(self.sum)
        self.evidence.append(evidence)
        self.risen.append(self.since)


class Peak(typing.NamedTuple):
    bytes: int
    evidence: object  # the Event
    first_use: int


class History:
    """Grows by play(); never changes what it says about instants that were played before."""

    def __init__(self):
        self.lives = []
        self.trial = None  # when the customer's one trial began
        self.activities = []  # in the order of their activations
        self.steps = {location: Steps() for location in kinds.LOCATIONS}
        self.notices = []  # (instant, event id, code)
        self.alive = False
        self.active = {}
        self.touched = {}

    def play(self, sorted_events):
        """Applies events, all of them later than those played before."""
        for at, group in itertools.groupby(sorted_events, key=lambda event: event.at):
            self._play_instant(at, list(group))

    def _play_instant(self, at, group):
        if self.alive and len(group) > 1:
            group.sort(key=lambda event: event.rank != kinds.DELETED)
        for event in group:
            if self.alive or event.rank == kinds.CREATED:
                self.APPLY[event.rank](self, event)
            else:
                self.notices.append((at, event.id, "not_alive"))
        # Only the levels with which an instant ends were ever stored.
        for location, evidence in self.touched.items():
            self.steps[location].add(at, evidence)
        self.touched.clear()

    def _created(self, event):
        if not self.alive:
            self.alive = True
            self.lives.append(Life(event.at, event.word))

    def _mode(self, event):
        self.lives[-1].changes.append((event.at, event.word))

    def _deleted(self, event):
        self.alive = False
        self.lives[-1].end = event.at
        for activity in self.active.values():
            activity.end = event.at
        self.active.clear()
        for location, steps in self.steps.items():
            if steps.levels:
                steps.levels, steps.sum, steps.since = {}, 0, None
                self.touched[location] = None

    def _trial(self, event):
        if len(self.lives) > 1 or self.trial is not None:
            self.notices.append((event.at, event.id, "trial_used"))
        else:
            self.trial = event.at

    def _activated(self, event):
        if event.object not in self.active:
            self.active[event.object] = Activity(event)
            self.activities.append(self.active[event.object])

    def _removed(self, event):
        activity = self.active.pop(event.object, None)
        if activity:
            activity.end = event.at

    def _level(self, event):
        steps = self.steps[event.word]
        steps.sum += event.bytes - steps.levels.get(event.object, 0)
        steps.levels[event.object] = event.bytes
        self.touched[event.word] = event

    APPLY = (_created, _mode, _deleted, _trial, _activated, _removed, _level)


def mode_of(history, start, end):
    """The mode of the month [start, end), or None for one in which the customer did not live."""
    for life in history.lives:
        if life.start <= start < life.end:
            changes = [mode for at, mode in life.changes if at < start]
            return changes[-1] if changes else life.mode
    return next((life.mode for life in history.lives if start <= life.start < end), None)


def trial_window(history, end, days_after):
    """When the trial frees, as (begin, end), or None if it has not begun before `end`.

    `days_after(begin)`: the trial's end if the life lasts. A life's end cuts it off.
    """
    if history.trial is None or history.trial >= end:
        return None
    return history.trial, min(days_after(history.trial), history.lives[0].end)


def counted_activities(history, start, end, free):
    """By workload, the Activity under which it counts in the month [start, end).

    `free(activity)`: the window that is free for it, or None. The last activity that counts stands.
    """
    counted = {}
    for activity in history.activities:
        begin = activity.activation.at
        # The instant of the activation counts even where the removal shares it.
        low, high = max(begin, start), min(max(activity.end, begin + 1), end)
        window = free(activity)
        if low < high and (window is None or low < window[0] or window[1] < high):
            counted[activity.activation.object] = activity
    return counted


def peak(steps, start, end, window):
    """The highest sum of a location in [start, end) outside the free window, as a Peak; None if it is 0."""
    pieces = [(start, end)] if window is None else [(start, min(end, window[0])), (max(start, window[1]), end)]
    most, found = 0, None
    for low, high in pieces:
        first = max(bisect.bisect_right(steps.times, low) - 1, 0)
        last = bisect.bisect_left(steps.times, high)
        for index in range(first, last) if low < high else ():
            if steps.sums[index] > most:
                most, found = steps.sums[index], index
    return None if found is None else Peak(most, steps.evidence[found], steps.risen[found])

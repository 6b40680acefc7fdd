"""Instants and billing months. An instant is whole microseconds since 1970-01-01T00:00:00Z.

A month is one number, 12 times the year plus the month counted from 0, so that the next is one more.
"""
import datetime
import functools
import re
import zoneinfo

from .trouble import BadInput

SECOND = 1_000_000
DAY = 86_400 * SECOND
NEVER = 1 << 80  # later than every instant
LAST_YEAR = 2037  # compiled time zone files end there: a later month would be an hour off
EPOCH = datetime.datetime(1970, 1, 1)
EPOCH_DAY = EPOCH.toordinal()
FIRST = (1 - EPOCH_DAY) * DAY  # of what datetime can hold: the years 1 to 9999 of UTC
LAST = (datetime.date.max.toordinal() + 1 - EPOCH_DAY) * DAY - 1
DAYS_OF_400_YEARS = 146_097
INSTANT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?"
                     r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))")
MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


@functools.lru_cache(maxsize=4096)
def _day(text):
    return datetime.date.fromisoformat(text).toordinal() - EPOCH_DAY


def parse_instant(text):
    """An RFC 3339 text with at most six fraction digits, as an instant. Errors: ValueError."""
    match = INSTANT.fullmatch(text)
    if not match:
        raise ValueError(text)
    date, hour, minute, second, fraction, sign, hours, minutes = match.groups()
    hour, minute, second = int(hour), int(minute), int(second)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(text)
    seconds = _day(date) * 86_400 + hour * 3600 + minute * 60 + second
    if sign:
        hours, minutes = int(hours), int(minutes)
        if hours > 23 or minutes > 59:
            raise ValueError(text)
        offset = hours * 3600 + minutes * 60
        seconds += offset if sign == "-" else -offset
    return seconds * SECOND + (int(fraction.ljust(6, "0")) if fraction else 0)


def format_instant(at):
    """`YYYY-MM-DDTHH:MM:SSZ`, the fraction cut off."""
    days, rest = divmod(at, DAY)
    # An offset may lead into the year before the first that datetime knows: the calendar repeats.
    cycles = 1 if at < FIRST else 0
    date = datetime.date.fromordinal(days + EPOCH_DAY + cycles * DAYS_OF_400_YEARS)
    seconds = rest // SECOND
    return (f"{date.year - 400 * cycles:04}-{date.month:02}-{date.day:02}"
            f"T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z")


def parse_month(text):
    """`YYYY-MM` as a month. Errors: ValueError."""
    match = MONTH.fullmatch(text)
    if not match or not 1 <= int(match[2]) <= 12 or int(match[1]) < 1:
        raise ValueError(text)
    return int(match[1]) * 12 + int(match[2]) - 1


def format_month(month):
    """`YYYY-MM`."""
    return f"{month // 12:04}-{month % 12 + 1:02}"


class Calendar:
    """Months and days as a time zone has them."""

    def __init__(self, name):
        """Errors: not_zone."""
        if name.startswith(("posix/", "right/")):  # other spellings; those on the right count leap seconds
            raise BadInput("not_zone", "time_zone", zone=name)
        try:
            self.zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadInput("not_zone", "time_zone", zone=name) from error
        self.starts = {}

    def _instant(self, local):
        """Of a local time: one that is skipped has the offset before the change, of two the first is meant."""
        # fold 0 means just that in both cases.
        offset = local.replace(tzinfo=self.zone, fold=0).utcoffset()
        return (local - EPOCH - offset) // datetime.timedelta(microseconds=1)

    def _local(self, at):
        utc = EPOCH + datetime.timedelta(microseconds=min(max(at, FIRST), LAST))
        try:
            return utc.replace(tzinfo=datetime.timezone.utc).astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:  # the first or last day that there is
            return utc

    def start(self, month):
        """The month's first instant."""
        if month not in self.starts:
            self.starts[month] = self._instant(datetime.datetime(month // 12, month % 12 + 1, 1))
        return self.starts[month]

    def span(self, month):
        """The month's first instant and that of the next. Errors: too_late for what cannot be billed yet."""
        if month // 12 > LAST_YEAR:
            raise BadInput("too_late", month=format_month(month), year=LAST_YEAR)
        return self.start(month), self.start(month + 1)

    def month_of(self, at):
        """The month in which an instant lies."""
        local = self._local(at)
        month = local.year * 12 + local.month - 1
        # Clocks set back over midnight show the old month's date again.
        return month + 1 if at >= self.start(month + 1) else month

    def days_after(self, at, days):
        """The instant with the same local time so many calendar days later."""
        try:
            return self._instant(self._local(at) + datetime.timedelta(days=days))
        except OverflowError:
            return NEVER

"""The command line: arguments in, lines or one JSON object out, an exit code."""
import getopt
import json
import os
import sys

from . import messages, running, verification
from .instants import parse_month
from .report import Report
from .signatures import KEY_DIGITS
from .strict_json import HEX
from .trouble import BadInput

HOLDS, FAILS, BAD_INPUT = 0, 1, 2
INTERRUPTED = 130
SCHEMA = "obhut.verification/1"


class Options:
    """What was asked for."""

    def __init__(self):
        self.help = self.json = False
        self.export = self.month = self.rate = self.key = self.lang = None
        self.receipts = []

    def read(self, arguments):
        """Takes the arguments, the language first. Errors: bad_option, one_export and what is wrong with a value."""
        try:
            given, rest = getopt.gnu_getopt(arguments, "h", ["help", "month=", "rate=", "receipts=", "key=", "json", "lang="])
        except getopt.GetoptError as error:
            raise BadInput("bad_option").at("--" + error.opt if len(error.opt) > 1 else "-" + error.opt) from error
        for name, value in sorted(given, key=lambda pair: pair[0] != "--lang"):
            self._take(name, value)
        if not self.help and len(rest) != 1:
            raise BadInput("one_export")
        self.export = rest[0] if rest else None

    def _take(self, name, value):
        if name in ("-h", "--help"):
            self.help = True
        elif name == "--json":
            self.json = True
        elif name == "--receipts":
            self.receipts.append(value)
        elif name == "--lang":
            if value not in messages.LANGUAGES:
                raise BadInput("not_one_of", choices=", ".join(messages.LANGUAGES)).at(name)
            self.lang = value
        elif name == "--key":
            if len(value) != KEY_DIGITS or not HEX.fullmatch(value):
                raise BadInput("not_hex", digits=KEY_DIGITS).at(name)
            self.key = value
        elif name == "--rate":
            self.rate = _month(name, value)
        else:
            self.month = _month(name, value)


def _month(name, value):
    try:
        return parse_month(value)
    except ValueError as error:
        raise BadInput("not_month").at(name) from error


def as_json(report, lang):
    """All findings as one object."""
    def plain(value):
        return messages.trouble(value, lang) if isinstance(value, BadInput) else value

    found = [{"verdict": one.verdict, "section": one.section, **({"month": one.month} if one.month else {}),
              "code": one.code, "values": {name: plain(value) for name, value in one.values.items()},
              "text": messages.finding(one, lang)} for one in report.findings()]
    return {"schema": SCHEMA, "holds": not report.failed(), "failed": report.failed(), "findings": found}


def show(report, options, lang):
    """Prints the report."""
    if options.json:
        # Escaped to ASCII, so that it is the same JSON whatever the terminal's encoding.
        print(json.dumps(as_json(report, lang)))
        return
    for one in report.findings():
        print(messages.line_of(one, lang))
    print(messages.summary(report.failed(), lang))


def run(arguments):
    """Does what the arguments ask for and returns the exit code."""
    options, report = Options(), Report()
    try:
        options.read(arguments)
        if options.help:
            print(messages.help_text(messages.language(options.lang)), end="")
            return HOLDS
        if options.rate is not None:
            print(running.rate(options.export, options.rate).decode("utf-8"), end="")
            return HOLDS
        verification.verify(options.export, report, options.month, options.key, options.receipts)
    except BadInput as bad:
        print("verify-bill:", messages.trouble(bad, messages.language(options.lang)), file=sys.stderr)
        return BAD_INPUT
    show(report, options, messages.language(options.lang))
    return FAILS if report.failed() else HOLDS


def main(arguments):
    """run(), on streams that take any text and may be closed early."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    try:
        code = run(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILS
    except KeyboardInterrupt:
        return INTERRUPTED

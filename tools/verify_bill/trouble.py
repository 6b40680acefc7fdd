"""Input that cannot be used: the one exception of this package."""


class BadInput(Exception):
    """Says by `code` (of messages.py) what is wrong, and in which field; whoever knows adds file and line.

    `values` fill the message's text.
    """

    def __init__(self, code, field="", **values):
        super().__init__(code)
        self.code, self.field, self.values = code, field, values
        self.file, self.line = "", 0

    def at(self, file, line=0):
        """The same, in this file (unless one is known already). Lines count from 1; 0: the whole file."""
        if not self.file:
            self.file, self.line = file, line
        return self

    def within(self, field):
        """The same, `field` being what holds the field named so far."""
        self.field = f"{field}.{self.field}" if self.field else field
        return self

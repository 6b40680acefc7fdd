"""Who sits before a program and types."""

import os
import pty
import select
import time


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, *words, user=None):
        """`user`: a uid, of a group of the same number, instead of one's own."""
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            if user is not None:
                os.chdir("/")
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
            os.environ["LC_ALL"] = "C"
            os.execv(words[0], words)

    def wait_for(self, text, seconds=30):
        """Returns what was shown up to it."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"not seen: {text!r} in\n{self.seen}")
            try:
                self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except OSError as problem:
                raise AssertionError(f"ended without {text!r}:\n{self.seen}") from problem
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, line):
        os.write(self.fd, line.encode() + b"\n")

    def ended(self):
        try:
            while select.select([self.fd], [], [], 30)[0]:
                part = os.read(self.fd, 65536)
                if not part:
                    break
                self.seen += part.decode(errors="replace")
        except OSError:
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

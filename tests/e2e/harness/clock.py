"""A wrong time of day for processes that are started meanwhile."""

import contextlib
import os
import unittest

from harness.environment import environment

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


@contextlib.contextmanager
def clock(offset):
    """What is started inside sees the time of day moved, and nothing else. `offset`: such as "-2d"."""
    if not os.path.exists(FAKETIME):
        raise unittest.SkipTest("faketime is not installed: no clock can be moved here")
    with environment(LD_PRELOAD=FAKETIME, FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1", NO_FAKE_STAT="1"):
        yield

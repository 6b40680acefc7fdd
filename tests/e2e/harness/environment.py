"""Variables for processes that are started meanwhile."""

import contextlib
import os


@contextlib.contextmanager
def environment(**variables):
    """For what is started inside."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value

"""Files of an export, which may be missing, no files at all, or larger than any honest one."""
import hashlib
import os
import stat

from .trouble import BadInput

LARGEST = 256 << 20  # bytes of a bill with half a million lines; what is read whole must fit into memory


def name_of(path, folder):
    """What messages call a file: its path inside the export."""
    return os.path.relpath(path, folder).replace(os.sep, "/")


def open_regular(path, name, limit=None):
    """A regular file, opened for reading bytes; never waits for a pipe.

    Errors: missing, dangling, not_file, too_large, unreadable.
    """
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput("not_file").at(name)
        if limit is not None and status.st_size > limit:
            raise BadInput("too_large", limit=limit).at(name)
        return open(path, "rb")
    except FileNotFoundError as error:
        raise BadInput("dangling" if os.path.islink(path) else "missing").at(name) from error
    except (OSError, ValueError) as error:
        raise BadInput("unreadable", reason=getattr(error, "strerror", None) or str(error)).at(name) from error


def read(path, name, limit=LARGEST):
    """All bytes of a regular file. Errors: as open_regular()."""
    with open_regular(path, name, limit) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise BadInput("unreadable", reason=error.strerror).at(name) from error
    if len(data) > limit:
        raise BadInput("too_large", limit=limit).at(name)
    return data


def lines(path, name, longest):
    """The lines of a regular file of UTF-8 text, each with its number, one at a time.

    Errors, with file and line: as open_regular(); too_large for a line of more bytes than `longest`; not_utf8.
    """
    with open_regular(path, name) as file:
        line = 0
        while True:
            line += 1
            try:
                data = file.readline(longest + 1)
                if len(data) > longest:
                    raise BadInput("too_large", limit=longest)
                text = text_of(data)
            except OSError as error:
                raise BadInput("unreadable", reason=error.strerror).at(name, line) from error
            except BadInput as bad:
                raise bad.at(name, line)
            if not text:
                return
            yield line, text


def listing(path, name):
    """The names in a folder, sorted; none where it does not exist. Errors: unreadable."""
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput("unreadable", reason=error.strerror).at(name) from error


def text_of(data):
    """Bytes as text. Errors: not_utf8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("not_utf8", position=error.start) from error


def sha256(data):
    """Lower-case hex of the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()

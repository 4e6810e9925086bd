"""Names of files, which may hold anything, as text that can be written and shown."""

import os


def as_text(name: str) -> str:
    r"""Return a file's name as text that can be written anywhere: bytes that are none as '\xff'."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def one_line(text: str) -> str:
    """Return a text that breaks no line and no column, and that a terminal doesn't obey."""
    return "".join(c if c.isprintable() else "?" for c in text)

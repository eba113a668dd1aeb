"""Files that a caller names: below the user's home, of known size, with an end."""

import os
import stat
from pathlib import Path
from typing import Any

from .errors import ArgumentError, ArgumentTypeError
from .memory import memory_limit
from .text import shortened


_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def to_path(function: str, argument: str, path: Any, kind: str = "file") -> Path:
    """The path that was passed; `~` at its beginning is the user's home.

    Args:
        function: the function as the user called it.
        argument: the argument.
        path: what was passed.
        kind: what is there, or will be.

    Raises:
        TypeError: if it is no path.
        ValueError: if it begins with the home of a user who is not known.
    """
    text = path if isinstance(path, str) else None
    if isinstance(path, os.PathLike):
        text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        complaint = f"must be a {kind}, got {shortened(repr(path))}"
        raise ArgumentTypeError(function, argument, complaint, "Pass its path.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ArgumentError(
            function,
            argument,
            f"begins with a home that is not known, got {text!r}",
            "Write the path in full.",
        ) from error


def read_file(file: Path) -> bytes:
    """All bytes of a file.

    Raises:
        ValueError: if it is none, such as a pipe, which may never send a byte.
        MemoryError: if it does not fit into memory.
        OSError: if it is not there, or cannot be read.
    """
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise ValueError(f"it is no file, but {kind}")
    check_fits(found.st_size)
    return file.read_bytes()


def check_fits(size: int) -> None:
    """Raise unless so many bytes of a file fit into half of the memory.

    What a file declares costs its writer nothing, so it is looked at before the data.

    Raises:
        MemoryError: if they do not.
    """
    limit = memory_limit() // 2
    if size > limit:
        raise MemoryError(
            f"it takes {size / 2**30:.3g} GiB, and half of the memory is "
            f"{limit / 2**30:.3g} GiB"
        )

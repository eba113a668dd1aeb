"""Files that are there whole or not at all, and folders that processes share."""

import contextlib
import os
import secrets
import time
import weakref
from pathlib import Path


try:
    import fcntl
except ImportError:
    fcntl = None


TEMPORARY = ".assocmem-tmp-"
# Seconds that another process may take to settle what a folder holds.
_PATIENCE = 10


def write(file: Path, data: bytes) -> None:
    """Put a whole file on disk, or leave the old one as it was."""
    with _written(file, data) as temporary:
        os.replace(temporary, file)
    _sync(file.parent)


def write_new(file: Path, data: bytes, lasting: bool = True) -> bool:
    """Put a whole file on disk, unless there is one of its name, and say whether.

    Args:
        file: where.
        data: its bytes.
        lasting: whether it must be there after the machine has lost its power.
    """
    with _written(file, data, lasting) as temporary:
        try:
            os.link(temporary, file)
        except FileExistsError:
            return False
        except OSError:
            # Not every file system has links. A file that is half there may be seen.
            try:
                with open(file, "xb") as stream:
                    _fill(stream, data, lasting)
            except FileExistsError:
                return False
    if lasting:
        _sync(file.parent)
    return True


@contextlib.contextmanager
def _written(file: Path, data: bytes, lasting: bool = True):
    """A temporary file beside another one, with its bytes on disk."""
    temporary = file.with_name(f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as stream:
            _fill(stream, data, lasting)
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _fill(stream, data: bytes, lasting: bool) -> None:
    stream.write(data)
    stream.flush()
    if lasting:
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    # Not every system can sync a folder; the file in it is whole all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_stale(folder: Path) -> None:
    """Remove temporary files of killed processes, an hour old or older."""
    for file in folder.glob(f"{TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < time.time() - 3600:
                file.unlink()


class Presence:
    """The presence in a folder, which others see until it is left or the process ends.

    Who is alone may settle what the folder holds before others come in. Where a system
    cannot tell, nobody is alone.

    Attributes:
        alone: whether no other one is in the folder, nor comes before `settled`.
    """

    def __init__(self, folder: Path):
        """Come in: at once where nobody is there or all have settled, else soon."""
        self.alone, self._descriptor = False, None
        self.leave = lambda: None
        if fcntl is None:
            return
        try:
            self._descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            # Such as a folder that may be written and not be listed.
            return
        self.leave = weakref.finalize(self, os.close, self._descriptor)
        self.alone = self._locked(fcntl.LOCK_EX)
        give_up = time.monotonic() + _PATIENCE
        while not (self.alone or self._locked(fcntl.LOCK_SH)):
            if time.monotonic() > give_up:
                break
            time.sleep(0.01)

    def settled(self) -> None:
        """Let others in."""
        if self.alone and fcntl is not None:
            self.alone = False
            self._locked(fcntl.LOCK_SH)

    def _locked(self, kind: int) -> bool:
        """Whether the folder could be locked; also where no folder can."""
        assert fcntl is not None and self._descriptor is not None
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return kind == fcntl.LOCK_SH
        return True

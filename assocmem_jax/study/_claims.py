"""Claims of processes that share a store: who computes which cells."""

import contextlib
import dataclasses
import functools
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .._base.files import read_file
from ._extent import Extent
from ._files import TEMPORARY, write_new


# Seconds between two signs of life, and after which a silent process counts as dead.
_BEAT = 5.0
_STALE = 60.0
_ENDING = ".claim"


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim that is there.

    Attributes:
        name: of the chunk.
        number: how many times it was taken over from a dead process.
        machine: where its process runs; `None` where the file is damaged.
        host: name of that machine.
        pid: number of that process.
        extent: the cells; `None` where the file is damaged.
        file: where it is said.
        live: whether its process is alive, as far as one can tell.
    """

    name: str
    number: int
    machine: str | None
    host: str
    pid: int
    extent: Extent | None
    file: Path
    live: bool

    def covers(self, name: str, extent: Extent) -> bool:
        """Whether it is a claim on some cells of a chunk."""
        if self.extent is None:
            return self.name == name
        return self.extent.overlaps(extent)


class Claims:
    """The claims of one study on chunks of a store, in the folder `claims`.

    A claim is a file that only one process can make. While the process lives it touches
    the file; when it is dead or silent, the next number of the same chunk may be
    claimed, again by one process alone. Where a file system fails in this, cells are
    computed twice: their bits are the same.
    """

    def __init__(self, folder: Path):
        """Nothing is claimed."""
        self._folder, self._held = folder, dict[str, Path]()
        self._known: dict[tuple[str, int], dict[str, Any]] = {}
        self._stop, self._thread = threading.Event(), None
        self._lock = threading.Lock()

    def take(self, wanted: Mapping[str, Extent]) -> list[str]:
        """Claim chunks, and say which could be: no cell of them is another's.

        Args:
            wanted: cells of chunks, by name.
        """
        self._folder.mkdir(exist_ok=True)
        others = self.others()
        for name, extent in wanted.items():
            taken = any(claim.covers(name, extent) for claim in others if claim.live)
            if name not in self._held and not taken:
                numbers = [claim.number for claim in others if claim.name == name]
                number = 1 + max(numbers, default=-1)
                self._make(name, number, extent)
        # Who claimed other chunks with the same cells at the same time is there by now,
        # or will find these.
        others = self.others()
        for name, extent in wanted.items():
            there = [claim for claim in others if claim.covers(name, extent)]
            if any(claim.live for claim in there):
                self.release([name])
            elif name in self._held:
                for claim in there:
                    claim.file.unlink(missing_ok=True)
        return [name for name in wanted if name in self._held]

    def release(self, names: Collection[str] | None = None) -> None:
        """Give up claims: those on some chunks, or all."""
        with self._lock:
            for name in list(self._held if names is None else names):
                if file := self._held.pop(name, None):
                    with contextlib.suppress(OSError):
                        file.unlink()

    def close(self) -> None:
        """Give up all claims, remove those of the dead, and show no sign of life."""
        self._stop.set()
        self.release()
        with contextlib.suppress(OSError):
            for claim in self.others():
                # Its process may have been killed after it had saved the chunk.
                if not claim.live:
                    claim.file.unlink(missing_ok=True)

    def others(self) -> list[Claim]:
        """All claims but those that are held here."""
        mine = set(self._held.values())
        found = [x for x in self._listed() if x[0] not in mine]
        # The clocks of two machines differ: that of the files counts.
        now = self._now() if found else 0.0
        return [self._read(file, stat, now) for file, stat in found]

    def _listed(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self._folder) as items:
            for item in items:
                if item.name.endswith(_ENDING):
                    # Given up in the meantime.
                    with contextlib.suppress(FileNotFoundError):
                        found.append((Path(item.path), item.stat()))
        return found

    def _now(self) -> float:
        probe = self._folder / f"{TEMPORARY}{secrets.token_hex(8)}"
        try:
            probe.touch()
            return probe.stat().st_mtime
        except OSError:
            # A folder that is only read.
            return time.time()
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()

    def _read(self, file: Path, stat: os.stat_result, now: float) -> Claim:
        key = file.name, stat.st_ino
        said = self._known.get(key) or _parsed(file)
        if said["machine"] is not None:
            self._known[key] = said
        claim = Claim(file=file, live=now - stat.st_mtime < _STALE, **said)
        dead = claim.machine == machine() and not _is_running(claim.pid)
        return dataclasses.replace(claim, live=False) if dead else claim

    def _make(self, name: str, number: int, extent: Extent) -> None:
        """Make the file of a claim, whole, unless there is one of its name."""
        file = self._folder / f"{name}.{number}{_ENDING}"
        said = {
            "machine": machine(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "extent": extent.described(),
        }
        with self._lock:
            if write_new(file, json.dumps(said).encode(), lasting=False):
                self._held[name] = file
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, daemon=True)
            self._thread.start()

    def _live(self) -> None:
        """Give signs of life, until there is nothing more to do."""
        while not self._stop.wait(_BEAT):
            with self._lock:
                for file in self._held.values():
                    # Taken over, after a long sleep of this machine.
                    with contextlib.suppress(OSError):
                        os.utime(file)


def _parsed(file: Path) -> dict[str, Any]:
    """What the file of a claim says, and what its name says."""
    name, _, number = file.name.removesuffix(_ENDING).rpartition(".")
    known: dict[str, Any] = {
        "name": name,
        "number": int(number) if number.isdecimal() else 0,
    }
    try:
        said = json.loads(read_file(file))
        return {
            **known,
            "machine": str(said["machine"]),
            "host": str(said["host"]),
            "pid": int(said["pid"]),
            "extent": Extent.of(said["extent"]),
        }
    # Damaged, or given up in the meantime.
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {**known, "machine": None, "host": "", "pid": 0, "extent": None}


@functools.cache
def machine() -> str:
    """What tells the processes of one machine from those of others.

    Containers may share a name, and number their processes each for itself.
    """
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(str(os.stat("/proc/self/ns/pid").st_ino))
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    return "-".join(parts)


def _is_running(pid: int) -> bool:
    """Whether a process of this machine runs, as far as the system tells."""
    # Elsewhere the call would end it.
    if os.name == "posix":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        # Of another user.
        except (OSError, OverflowError):
            pass
        # What has ended has a number until its parent asks how.
        with contextlib.suppress(OSError, IndexError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return state not in ("Z", "X")
    return True

"""Memory that this process may use."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def memory_limit(root: Path = Path("/")) -> int:
    """Bytes that this process may use: the machine's, or fewer where a cgroup says so.

    A container or a job of a cluster is killed beyond its own limit, however much the
    machine has. What it was at first is kept.

    Args:
        root: where the system's own files are.
    """
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        physical = 2**33
    return min([physical, *_cgroup_limits(root)])


def _cgroup_limits(root: Path) -> Iterator[int]:
    """Limits of the groups that this process is in, and of those that hold them."""
    for file in _limit_files(root):
        try:
            # "max" where there is none.
            yield int(file.read_text())
        except (OSError, ValueError):
            continue


def _limit_files(root: Path) -> Iterator[Path]:
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        parts = [part for part in path.split("/") if part not in ("", "..")]
        places = []
        if not controllers:
            # Version 2: one group for all that is limited.
            places = [(mounted / x, "memory.max") for x in ("", "unified")]
        elif "memory" in controllers.split(","):
            places = [(mounted / "memory", "memory.limit_in_bytes")]
        for place, name in places:
            for depth in range(len(parts) + 1):
                yield place.joinpath(*parts[:depth], name)

"""What a store holds of all that was asked of it, and when it will be done."""

import dataclasses
from pathlib import Path

from ._archive import Archive
from ._cells import Cells
from ._claims import Claim, Claims
from ._dataset import numbers_of
from ._load import chunks_of


@dataclasses.dataclass(frozen=True)
class Part:
    """The cells of one rule at one dimension.

    Attributes:
        rule: its name.
        d: dimension of the keys.
        done: how many cells there are.
        running: how many lack and are being computed.
        left: how many lack and are not.
    """

    rule: str
    d: int
    done: int
    running: int
    left: int


@dataclasses.dataclass(frozen=True)
class Status:
    """What there is of a study, and what is going on.

    Attributes:
        parts: of each rule and dimension.
        workers: cells that each process computes, by machine and process.
        seconds_left: about; `None` where nothing is known.
    """

    parts: list[Part]
    workers: dict[tuple[str, int], int]
    seconds_left: float | None


def status_of(folder: Path) -> Status:
    """The status of a store.

    Raises:
        FileNotFoundError: if the folder is none.
        OSError: if it cannot be read.
        ValueError: if its settings are damaged.
    """
    archive = Archive(folder, "study.status", "path")
    settings = archive.settings()
    if settings is None:
        raise archive.error(
            FileNotFoundError,
            f"leads to no store, there is no `{archive.spec}`",
            "Pass the folder of `sweep(store=...)`.",
        )
    cells, seconds = Cells(settings), dict[tuple[str, int], float]()
    for _, chunk in chunks_of(archive, settings, archive.names()):
        extent, *numbers = numbers_of(chunk, cells.scores)
        cells.put(extent, *numbers)
        place = extent.rule, extent.d
        seconds[place] = seconds.get(place, 0.0) + float(chunk.attrs["seconds"])
    claims = [claim for claim in Claims(folder / "claims").others() if claim.live]
    parts = [
        _part(cells, claims, x, d) for x in settings["rules"] for d in settings["d"]
    ]
    workers = dict[tuple[str, int], int]()
    for claim in claims:
        if claim.extent is not None:
            worker = claim.host, claim.pid
            count, _ = cells.lacking(claim.extent)
            workers[worker] = workers.get(worker, 0) + count
    left = _seconds_left(cells, seconds)
    return Status(parts, workers, None if left is None else left / max(1, len(workers)))


def _part(cells: Cells, claims: list[Claim], rule: str, d: int) -> Part:
    filled, each = cells.by_load(rule, d)
    extents = [claim.extent for claim in claims if claim.extent is not None]
    running = sum(
        cells.lacking(extent)[0]
        for extent in extents
        if (extent.rule, extent.d) == (rule, d)
    )
    done = sum(filled)
    size = each * len(cells.loads_at(d))
    return Part(rule, d, done, running, size - done - running)


def _seconds_left(cells: Cells, seconds: dict[tuple[str, int], float]) -> float | None:
    """Seconds that one process would take for all that lacks."""
    # In pairs times their dimension: of the same rule and dimension they take as long,
    # about; of another one there is nothing better to go by.
    done, lack = dict[tuple[str, int], float](), dict[tuple[str, int], float]()
    for rule in cells.axes["rule"]:
        for d in cells.axes["d"]:
            filled, each = cells.by_load(rule, d)
            asked = cells.loads_at(d)
            work = [d * n if n in asked else 0 for n in cells.loads]
            done[rule, d] = sum(x * w for x, w in zip(filled, work, strict=True))
            lack[rule, d] = each * sum(work) - done[rule, d]
    known = sum(done[place] for place in seconds)
    if not any(lack.values()):
        return 0.0
    if not known:
        return None
    overall = sum(seconds.values()) / known
    return sum(
        work * (seconds[place] / done[place] if place in seconds else overall)
        for place, work in lack.items()
    )

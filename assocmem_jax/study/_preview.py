"""What a study would compute, before anything is computed or written."""

import dataclasses
import warnings
from pathlib import Path

from .._spec.spec import Spec
from ..metrics._own import scores_of
from ._archive import Archive
from ._dataset import filled
from ._extent import point_of
from ._load import chunks_of
from ._plan import CHUNK_OVERHEAD, check_results, chunks, rows
from ._settings import differences, store_settings


@dataclasses.dataclass(frozen=True)
class Preview:
    """The plan of a study.

    Attributes:
        cells: how many there are.
        there: how many of them the store has.
        chunks: how many are to be computed.
        bytes: what the store will take, about.
    """

    cells: int
    there: int
    chunks: int
    bytes: int


def preview(spec: Spec, folder: Path) -> Preview:
    """The plan of a study with a store, which need not be there.

    Raises:
        ValueError: if the store cannot take the study, or results would not fit into
            memory.
    """
    size = rows(max(spec.num_pairs), max(spec.d))
    check_results(spec, size)
    archive, asked = Archive(folder), store_settings(spec)
    settings, names = archive.settings() or asked, archive.names()
    if names and (differs := differences(settings, asked)):
        raise archive.error(
            ValueError,
            f"holds a study with other settings ({differs})",
            "Use another folder or the same settings.",
        )
    with warnings.catch_warnings():
        # Of bad chunks the study itself will say what it does with them.
        warnings.simplefilter("ignore", UserWarning)
        cells = filled(asked, chunks_of(archive, asked, names))
    there, count = cells.counts()
    lacking = lambda rule, point, d: cells.missing(rule, point_of(spec, rule, point), d)
    todo = chunks(spec, size, lacking)
    # Mean and deviation, in chunks and in the result.
    numbers = 2 * 8 * count * len(scores_of(spec.metrics))
    taken = numbers + (len(names) + len(todo) + 1) * CHUNK_OVERHEAD
    return Preview(count, there, len(todo), taken)

"""What is done of a study that runs, and who does the rest."""

from typing import Any

import numpy as np

from .._spec.spec import Spec
from ._cells import Cells
from ._extent import Extent, cases_of, extent_of, parsed, point_of
from ._plan import Chunk
from ._settings import store_settings


class Ledger:
    """The cells of a study, filled from a store and by whoever computes chunks.

    Without a store nothing is kept, and all is claimed that lacks.

    Attributes:
        cells: those of the study.
        names: of all chunks of which cells were taken.
        seen: of all chunks that may have cells of the study, taken or not.
    """

    def __init__(self, spec: Spec, store: Any):
        """Read what the store has of the study.

        Args:
            spec: the study.
            store: the `Store`, or `None`.
        """
        self._spec, self._store = spec, store
        self.cells = Cells(store_settings(spec))
        self.names, self.seen = set[str](), set[str]()
        self._extents: dict[Chunk, Extent] = {}
        if store is not None:
            from ._claims import Claims

            self._claims = Claims(store.path / "claims")
            self._cases = cases_of(spec)
        self.read()

    def read(self) -> None:
        """Take chunks from the store that are new in it."""
        if self._store is None:
            return
        # Not at the top: a study without a store loads xarray while it compiles.
        from ._dataset import numbers_of

        self._look()
        for name in self.seen - self.names:
            if (chunk := self._store.load(name)) is None:
                self.seen.discard(name)
                continue
            self.cells.put(*numbers_of(chunk, self.cells.scores))
            self.names.add(name)

    def _look(self) -> None:
        """See which chunks are there, without reading them."""
        self.seen |= {x for x in self._store.names() if self._asks(x)}

    def _asks(self, name: str) -> bool:
        """Whether a chunk of that name may have cells of this study."""
        found = parsed(name)
        if found is None:
            return False
        d, case, trials = found
        asked = case in self._cases and d in self._spec.d
        return asked and trials.start < self._spec.trials

    def missing(self, rule: str, point: int, d: int) -> np.ndarray:
        """Which cells lack: trials x levels x loads."""
        return self.cells.missing(rule, point_of(self._spec, rule, point), d)

    def extent(self, chunk: Chunk) -> Extent:
        """The cells of a chunk."""
        if chunk not in self._extents:
            self._extents[chunk] = extent_of(self._spec, chunk)
        return self._extents[chunk]

    def unclaimed(self, chunks: list[Chunk]) -> list[Chunk]:
        """Chunks that no other process computes."""
        if self._store is None:
            return chunks
        others = [claim for claim in self._claims.others() if claim.live]
        extents = {chunk: self.extent(chunk) for chunk in chunks}
        return [
            chunk
            for chunk, extent in extents.items()
            if not any(claim.covers(extent.name, extent) for claim in others)
        ]

    def claim(self, chunks: list[Chunk]) -> list[Chunk]:
        """Claim chunks that lack, and say which could be."""
        if self._store is None:
            return chunks
        wanted = {x.name: x for x in map(self.extent, chunks) if self._lacks(x)}
        with self._store.archive.explained(self._store.path / "claims"):
            held = self._claims.take(wanted)
        # What was claimed by another before may be done by now. To read all that is
        # new would take as long as others take to compute small chunks.
        self._look()
        new = self.seen - self.names - set(held)
        if any(wanted[name].may_share(other) for name in held for other in new):
            self.read()
        done = {x for x in held if x in self.seen or not self._lacks(wanted[x])}
        self._claims.release(done)
        return [x for x in chunks if self.extent(x).name in set(held) - done]

    def _lacks(self, extent: Extent) -> bool:
        """Whether no cell of an extent is filled."""
        lack, size = self.cells.lacking(extent)
        return lack == size

    def keep(
        self, chunk: Chunk, mean: np.ndarray, std: np.ndarray, **attrs: Any
    ) -> None:
        """Fill the cells of a chunk, and save it."""
        extent = self.extent(chunk)
        self.cells.put(extent, mean, std)
        if self._store is not None:
            from ._dataset import chunk_dataset

            data = chunk_dataset(extent, mean, std, self.cells.scores, **attrs)
            self._store.save(extent.name, data)
            self._claims.release([extent.name])
        self.names.add(extent.name)
        self.seen.add(extent.name)

    def close(self) -> None:
        """Leave what is claimed to others."""
        if self._store is not None:
            self._claims.close()

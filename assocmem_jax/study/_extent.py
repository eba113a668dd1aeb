"""Which cells a chunk has numbers of, whatever study it was computed for."""

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .._base.text import to_text
from .._spec.spec import Spec
from ._plan import Chunk
from ._settings import own_values, same_level


@dataclasses.dataclass(frozen=True)
class Extent:
    """A rectangle of cells: trials, levels and loads of one rule at one dimension.

    Attributes:
        rule: its name.
        call: the rule as text, before anything is varied.
        point: what it can be varied in, varied or not, and the ensemble and the v of
            the values where these are axes; `None` for what is no number.
        d: dimension of the keys.
        first: the first trial.
        count: how many trials.
        levels: by axis of questions, the level in each combination that there is.
        loads: numbers of stored pairs.
    """

    rule: str
    call: str
    point: Mapping[str, float | int | str | None]
    d: int
    first: int
    count: int
    levels: Mapping[str, tuple[float | int | str, ...]]
    loads: tuple[int, ...]

    @functools.cached_property
    def name(self) -> str:
        """Part of a file name: the same wherever these cells are planned."""
        levels = {x: list(map(same_level, of)) for x, of in self.levels.items()}
        rest = _digest([sorted(levels.items()), list(self.loads)], 12)
        trials = f"trials{self.first}-{self.first + self.count}"
        return f"{self.case}-{trials}-{rest}"

    @functools.cached_property
    def case(self) -> str:
        """The beginning of the names of all chunks of this rule and dimension."""
        return f"d{self.d}-{case_of(self.rule, self.call, self.point)}"

    @functools.cached_property
    def combinations(self) -> set[tuple[str, ...]]:
        """The combinations of levels, as what they are in a kernel."""
        axes = [map(same_level, self.levels[x]) for x in sorted(self.levels)]
        return set(zip(*axes, strict=True))

    def overlaps(self, other: "Extent") -> bool:
        """Whether there is a cell in both."""
        return (
            self.case == other.case
            and self.first < other.first + other.count
            and other.first < self.first + self.count
            and not set(self.loads).isdisjoint(other.loads)
            and not self.combinations.isdisjoint(other.combinations)
        )

    def may_share(self, name: str) -> bool:
        """Whether a chunk of that name may have a cell that is here, too."""
        found = parsed(name)
        if found is None:
            return False
        d, case, trials = found
        last = self.first + self.count
        same = f"d{d}-{case}" == self.case
        return same and trials.start < last and self.first < trials.stop

    def described(self) -> dict[str, Any]:
        """What JSON can hold, of which `Extent.of` makes it again."""
        return dataclasses.asdict(self)

    @staticmethod
    def of(described: Mapping[str, Any]) -> "Extent":
        """The extent of which `described` told.

        Raises:
            KeyError: if something lacks.
            TypeError: if something is of another kind.
            ValueError: if something is out of range.
        """
        whole = {x: int(described[x]) for x in ("d", "first", "count")}
        levels = {x: tuple(map(_level, of)) for x, of in described["levels"].items()}
        loads = tuple(map(int, described["loads"]))
        point = dict(described["point"])
        rule, call = (str(described[x]) for x in ("rule", "call"))
        return Extent(rule, call, point, **whole, levels=levels, loads=loads)


def _level(x: Any) -> float | str:
    return x if isinstance(x, str) else float(x)


def extent_of(spec: Spec, chunk: Chunk) -> Extent:
    """The cells of a chunk of a study."""
    every = spec.combinations
    return Extent(
        rule=chunk.rule,
        call=to_text(spec.rules[chunk.rule]),
        point=point_of(spec, chunk.rule, chunk.point),
        d=chunk.d,
        first=chunk.first,
        count=chunk.count,
        levels={
            name: tuple(every[i][k] for i in chunk.levels)
            for k, name in enumerate(spec.question_levels)
        },
        loads=chunk.loads,
    )


def point_of(spec: Spec, rule: str, point: int) -> dict[str, float | int | str | None]:
    """All hyperparameters of a rule, varied or not, at one point of a study."""
    return {**own_values(spec.rules[rule]), **spec.point(rule, point)}


def cases_of(spec: Spec) -> set[str]:
    """What is in the names of the chunks of all rules of a study."""
    return {
        case_of(name, to_text(rule), point_of(spec, name, i))
        for name, rule in spec.rules.items()
        for i in range(len(spec.points(name)))
    }


def case_of(rule: str, call: str, point: Mapping[str, float | int | str | None]) -> str:
    """A digest of a rule: its name, and hyperparameters as they are in a kernel."""
    same = {name: same_level(level) for name, level in point.items()}
    return _digest([rule, call, sorted(same.items())], 16)


_NAME = re.compile(r"d(\d+)-([0-9a-f]{16})-trials(\d+)-(\d+)-[0-9a-f]{12}")


def parsed(name: str) -> tuple[int, str, range] | None:
    """Dimension, case and trials of a name of a chunk; `None` for another name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return int(found[1]), found[2], range(int(found[3]), int(found[4]))


def _digest(x: Any, size: int) -> str:
    return hashlib.sha256(json.dumps(x).encode()).hexdigest()[:size]

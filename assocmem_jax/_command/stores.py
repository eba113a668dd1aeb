"""Commands about stores: what they hold, and how they are joined."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from .._base.labels import Dataset
from . import tables as _tables


Study = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STUDY")]
Out = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUT")]
Stores = Annotated[
    Sequence[Path],
    tyro.conf.Positional,
    tyro.conf.arg(metavar="IN [IN ...]", help_behavior_hint="(required)"),
]


@dataclasses.dataclass(frozen=True)
class Status:
    """Say how much of a study is done, and by when the rest will be.

    While other commands work on the study, too.

    Attributes:
        study: a folder that `assocmem sweep` fills.
    """

    study: Study

    def run(self, command: str) -> None:
        """Print a table of cells."""
        del command
        from ..study._status import status_of

        print(_tables.of_status(status_of(self.study)))


@dataclasses.dataclass(frozen=True)
class Merge:
    """Join stores of parts of a study, which may overlap, into one.

    They must differ in their axes alone, and agree in every bit.

    Attributes:
        out: folder of the store to write. If there is one already, it takes part.
        stores: folders that `assocmem sweep` filled, finished or not.
    """

    out: Out
    stores: Stores

    def run(self, command: str) -> None:
        """Write the store, and say how much it holds."""
        del command
        from ..study._merge import merge_stores

        study = merge_stores(self.out, *self.stores)
        done, cells = (study.attrs[name] for name in ("done", "cells"))
        print(f"Result: {self.out / 'study.nc'} ({done} of {cells} cells)")


def loaded(study: Path, group: str | None) -> Dataset:
    """A study from disk. Of one that is not finished, say how much there is."""
    from ..study._load import load_study

    data = load_study(study, group=group)
    # Files of others need not say.
    done, cells = (data.attrs.get(name) for name in ("done", "cells"))
    if done != cells:
        print(f"Unfinished: {done} of {cells} cells.")
    return data


def planned(plan: Any) -> str:
    """What a study would compute, one thing a line, as its settings are.

    Args:
        plan: the `Preview`.
    """
    lines = {
        "cells": f"{plan.cells} ({plan.there} there)",
        "chunks": f"{plan.chunks} to compute",
        "disk": f"about {_size(plan.bytes)}",
    }
    return "\n".join(f"{name:18}{said}" for name, said in lines.items())


def _size(count: float | int) -> str:
    units = ("bytes", "KiB", "MiB", "GiB")
    unit = 0
    while count >= 1024 and unit < len(units) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.3g} {units[unit]}"

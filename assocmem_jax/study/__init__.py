"""Studies: what rules retrieve over whole grids."""

from .._spec.spec import Spec as Spec
from ._load import load_study as load_study
from ._merge import merge_stores as merge_stores
from ._sweep import run as run, sweep as sweep


__all__ = [
    "Spec",
    "load_study",
    "merge_stores",
    "run",
    "sweep",
]

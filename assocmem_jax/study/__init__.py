"""Studies: what rules retrieve over whole grids."""

from .._spec.spec import Spec as Spec
from ._keep import keep_programs as keep_programs
from ._load import load_study as load_study
from ._merge import merge_stores as merge_stores
from ._sweep import run as run, sweep as sweep


__all__ = [
    "Spec",
    "keep_programs",
    "load_study",
    "merge_stores",
    "run",
    "sweep",
]

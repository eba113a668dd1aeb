"""Studies: what rules retrieve over whole grids."""

from .._spec.spec import Spec as Spec
from ._load import load_study as load_study
from ._sweep import run as run, sweep as sweep


__all__ = [name for name in dir() if name[0] != "_"]  # pyright: ignore

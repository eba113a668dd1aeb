"""Figures of a study. Every function draws into `ax` and returns it."""

from ._axes import style as style
from ._capacity import capacity as capacity
from ._heatmap import heatmap as heatmap
from ._lines import collapse as collapse, curves as curves, difference as difference
from ._residuals import residuals as residuals
from ._state import recall_against_bytes as recall_against_bytes


__all__ = [
    "capacity",
    "collapse",
    "curves",
    "difference",
    "heatmap",
    "recall_against_bytes",
    "residuals",
    "style",
]

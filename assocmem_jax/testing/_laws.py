"""The table of all laws."""

from . import _answered, _derived, _prefixed, _spread, _traced  # noqa: F401
from ._law import LAWS as LAWS

"""The type of what studies return, for modules that should not wait for xarray."""

from typing import TYPE_CHECKING, Any


if TYPE_CHECKING:
    from xarray import Dataset as Dataset
else:
    Dataset = Any

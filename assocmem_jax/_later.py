"""Modules that are loaded when they are first used.

So a study waits for them while its first program compiles.
"""

import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING


def _later(name: str) -> ModuleType:
    """A module, not inside of a package, whose code runs at the first access to it."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    import h5netcdf as h5netcdf
    import h5py as h5py
    import xarray as xr
else:
    h5netcdf, h5py, xr = map(_later, ("h5netcdf", "h5py", "xarray"))

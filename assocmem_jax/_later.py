"""Modules that are loaded when they are first used."""

import importlib.util
import sys
from types import ModuleType


def later(name: str) -> ModuleType:
    """A module whose code runs at the first access to what is in it.

    So a study waits for xarray and the like while its first program compiles.

    Args:
        name: the module, not inside of a package.
    """
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

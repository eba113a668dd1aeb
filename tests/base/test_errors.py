"""Errors about arguments, in parts."""

import errno
import pickle
from typing import Any

import pytest

from assocmem_jax._base.errors import (
    ArgumentError,
    ArgumentTypeError,
    BadArgument,
    argument_error,
    called_as,
)


TOO_SMALL = ("sweep", "d", "must be at least 1, got 0", "Pass a positive number.")


def test_parts_make_a_sentence():
    assert str(ArgumentError(*TOO_SMALL)) == (
        "`sweep(d=...)` must be at least 1, got 0. Pass a positive number."
    )
    both = ArgumentError("retrieve", ("keys", "values"), "needs one value per key")
    assert str(both) == "`retrieve(keys=..., values=...)` needs one value per key."
    whole = ArgumentError("f", (), "needs something", given="3")
    assert str(whole) == "`f(...)` needs something."
    given = ArgumentError("sweep", "store", "is full!", "Clear it.", given="'x'")
    assert str(given) == "`sweep(store='x')` is full! Clear it."
    assert given.said_of("It", "Go.") == "It is full! Go."


def test_kinds_are_those_that_callers_expect():
    assert issubclass(ArgumentError, ValueError)
    assert issubclass(ArgumentTypeError, TypeError)
    denied = argument_error(PermissionError)(*TOO_SMALL)
    assert isinstance(denied, PermissionError) and str(denied).startswith("`sweep(d=")
    assert denied.errno is None
    assert argument_error(PermissionError) is type(denied)


def test_errors_survive_another_process():
    error = pickle.loads(pickle.dumps(ArgumentError(*TOO_SMALL)))
    assert str(error) == str(ArgumentError(*TOO_SMALL))
    error.rename("f", {"d": "size"})
    assert str(pickle.loads(pickle.dumps(error))).startswith("`f(size=...)`")


def refused(*parts, kind: type[BadArgument] = ArgumentError):
    with called_as("search", {"n": "start", "d": "start"}, instead_of=("sweep",)):
        raise kind(*parts)


def test_another_caller_says_it_of_its_own_arguments():
    with pytest.raises(ArgumentError, match=r"^`search\(v=...\)` is bad. No.$"):
        refused("sweep", "v", "is bad", "No.")
    with pytest.raises(ArgumentTypeError, match=r"^`search\(start=...\)` is bad.$"):
        refused("sweep", ("n", "d"), "is bad", kind=ArgumentTypeError)
    with pytest.raises(ArgumentError, match=r"^`Softmax\(n=...\)` is bad.$"):
        refused("Softmax", "n", "is bad")


def test_all_else_of_an_error_stays():
    cause = OSError("cause")
    refused = pytest.raises(PermissionError)
    with refused as info, called_as("search", instead_of=("sweep",)):
        error: Any = argument_error(PermissionError)(*TOO_SMALL)
        error.errno = errno.EACCES
        error.add_note("a note")
        raise error from cause
    assert info.value.errno == errno.EACCES and info.value.__cause__ is cause
    assert info.value.__notes__ == ["a note"]
    assert str(info.value).startswith("`search(d=...)`")


def test_other_errors_pass():
    refused = pytest.raises(ValueError, match="^sweep$")
    with refused, called_as("search", instead_of=("sweep",)):
        raise ValueError("sweep")

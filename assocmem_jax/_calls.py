"""Rules and ensembles as text, `Softmax(beta=0.5)`, and back."""

import ast
import dataclasses
import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array

from ._names import suggest


def to_text(module: eqx.Module) -> str:
    """A module as the call that makes it, the same text for the same numbers.

    Arrays of more than one number are given by shape, type and digest.
    """
    arguments = [
        f"{field.name}={_number(value)}"
        for field in dataclasses.fields(module)  # pyright: ignore[reportArgumentType]
        if field.init and (value := getattr(module, field.name)) is not None
    ]
    return f"{type(module).__name__}({', '.join(arguments)})"


def _number(value: Any) -> str:
    if not isinstance(value, Array | np.ndarray):
        return repr(value)
    array = np.asarray(value)
    if array.ndim == 0:
        return str(array)
    shape = "x".join(map(str, array.shape))
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"<{shape} {array.dtype} {digest[:16]}>"


def from_text(text: str, kinds: Mapping[str, Callable]) -> Any:
    """Make what a text such as `Softmax(beta=0.5)` or `Softmax` calls for.

    Args:
        text: a name, alone or called with literal arguments.
        kinds: what can be called, by name; upper and lower case are the same.

    Raises:
        ValueError: if the text is no such call, or a name in it is not known.
        TypeError: if it has too many or too few arguments.
    """
    example = f"{next(iter(kinds))}()"
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            call = ast.Call(call, [], [])
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError("it is not a name")
        name = call.func.id
        positional = [ast.literal_eval(x) for x in call.args]
        named = {str(x.arg): ast.literal_eval(x.value) for x in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"`{text}` must be a call such as `{example}`, with numbers or text as "
            f"arguments: {error}."
        ) from error
    spelled = {kind.lower(): kind for kind in kinds}
    if name.lower() not in spelled:
        raise ValueError(f"`{name}` is not known here.{suggest(name, kinds)}")
    kind = kinds[spelled[name.lower()]]
    known = list(inspect.signature(kind).parameters)
    for argument in named:
        if argument not in known:
            raise ValueError(
                f"`{text}` has an argument `{argument}`, which `{name}` does not take."
                f"{suggest(argument, known)}"
            )
    return kind(*positional, **named)

"""Rules and ensembles as text, `Softmax(beta=0.5)`, and back."""

import ast
import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array

from .suggest import suggest


def to_text(module: eqx.Module) -> str:
    """A module as the call that makes it, the same text for the same numbers.

    Arrays of more than one number are given by shape, type and digest, functions by
    name, and those whose name is not theirs alone by a digest of their code, too.
    """
    arguments = [
        f"{field.name}={_value(value)}"
        for field in dataclasses.fields(module)  # pyright: ignore[reportArgumentType]
        if field.init and (value := getattr(module, field.name)) is not None
    ]
    return f"{type(module).__name__}({', '.join(arguments)})"


def _value(value: Any) -> str:
    if isinstance(value, eqx.Module):
        return to_text(value)
    if not isinstance(value, Array | np.ndarray):
        if callable(value) and hasattr(value, "__qualname__"):
            local = "<" in value.__qualname__ and hasattr(value, "__code__")
            return value.__qualname__ + (f"#{_code(value)}" if local else "")
        # An address in memory differs from one process to the next.
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
    array = np.asarray(value)
    if array.ndim == 0:
        return str(array)
    shape = "x".join(map(str, array.shape))
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"<{shape} {array.dtype} {digest[:16]}>"


def _code(function: Any) -> str:
    """Digest of what a function does, and of what it does it with."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [function.__defaults__, function.__kwdefaults__, cells]

    def of(code):
        inner = [of(x) if inspect.iscode(x) else repr(x) for x in code.co_consts]
        return code.co_code.hex(), inner, code.co_names

    text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr((of(function.__code__), held)))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def public(module: ModuleType, base: type) -> dict[str, Callable]:
    """What of a module can be called for: the concrete kinds of `base`, by name."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind)
        and issubclass(kind, base)
        and not inspect.isabstract(kind)
    }


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
            raise ValueError("a name must be called")
        name = call.func.id
        positional = [ast.literal_eval(x) for x in call.args]
        named = {str(x.arg): ast.literal_eval(x.value) for x in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ValueError(
            f"`{text}` must be a call such as `{example}`. Its arguments must be "
            "numbers or quoted text."
        ) from error
    spelled = {kind.lower(): kind for kind in kinds}
    if name.lower() not in spelled:
        raise ValueError(f"`{name}` is not known here.{suggest(name, kinds)}")
    kind = kinds[spelled[name.lower()]]
    signature = inspect.signature(kind)
    known = list(signature.parameters)
    for argument in named:
        if argument not in known:
            raise ValueError(
                f"`{text}` has an argument `{argument}`, which `{name}` does not take."
                f"{suggest(argument, known)}"
            )
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise TypeError(
            f"`{text}` {_misfit(signature, positional, named)}. `{name}` takes "
            f"{', '.join(f'`{x}`' for x in known) or 'no arguments'}."
        ) from error
    return kind(*positional, **named)


def _misfit(
    signature: inspect.Signature, positional: Sequence[Any], named: Mapping[str, Any]
) -> str:
    """What keeps arguments with known names from fitting a signature."""
    known = list(signature.parameters)
    if len(positional) > len(known):
        return f"has {len(positional)} arguments, at most {len(known)} fit"
    twice = [name for name in known[: len(positional)] if name in named]
    if twice:
        return f"gives `{twice[0]}` twice"
    missing = [
        f"`{name}`"
        for name in known[len(positional) :]
        if name not in named
        and signature.parameters[name].default is inspect.Parameter.empty
    ]
    return f"lacks {' and '.join(missing)}"

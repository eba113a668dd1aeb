"""Rules and ensembles as text, `Softmax(beta=0.5)`, and back."""

import ast
import dataclasses
import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .checks import is_traced
from .suggest import suggest


def to_text(module: Any, within: tuple[int, ...] = ()) -> str:
    """A module as the call that makes it, the same text for the same numbers.

    A class from elsewhere carries its module, as its name may be one of the library's.
    Arrays of more than one number are given by shape, type and digest, functions by
    name, and those whose name is not theirs alone by a digest of their code, too.

    Args:
        module: a rule, an ensemble, or another dataclass.
        within: what the text is a part of already, by identity.
    """
    kind = type(module)
    ours = kind.__module__.partition(".")[0] == __name__.partition(".")[0]
    arguments = [
        f"{field.name}={_value(value, within)}"
        for field in _in_order(module)
        # Modules from elsewhere may set all of their fields by a method of their own.
        if field.init or not ours
        if (value := getattr(module, field.name, None)) is not None
        if not _is_left_out(field, value)
    ]
    name = kind.__name__ if ours else f"{kind.__module__}.{kind.__name__}"
    return f"{name}({', '.join(arguments)})"


def number_text(x: float) -> str:
    """A number as the shortest text that is exactly it, whole ones without a point."""
    short = f"{x:.15g}"
    return short if float(short) == x else repr(x)


def _is_known_number(x: Any) -> bool:
    if isinstance(x, Array):
        return x.shape == () and not is_traced(x) and not x.is_deleted()
    return isinstance(x, np.ndarray) and x.shape == ()


def shown(module: eqx.Module) -> str:
    """A module as it is shown: single numbers by value, where these are known."""
    whole = lambda x: isinstance(x, eqx.Module) or _is_known_number(x)
    text = lambda x: str(x) if whole(x) else eqx.tree_pformat(x)
    arguments = [
        f"{field.name}={text(value)}"
        for field in _in_order(module)
        if field.repr and (value := getattr(module, field.name, None)) is not None
        if not _is_left_out(field, value)
    ]
    return f"{type(module).__name__}({', '.join(arguments)})"


def _in_order(module: Any) -> list[dataclasses.Field]:
    """Fields in the order of a call: those that are given by name alone come last."""
    return sorted(dataclasses.fields(module), key=lambda field: bool(field.kw_only))


def _is_left_out(field: dataclasses.Field, value: Any) -> bool:
    """Whether an argument that can be given by name alone was left out."""
    if not field.kw_only or type(value) is not type(field.default):
        return False
    return not jax.tree.leaves(value) and value == field.default


def _value(value: Any, within: tuple[int, ...]) -> str:
    if id(value) in within:
        return "..."
    within = (*within, id(value))
    text = lambda x: _value(x, within)
    if isinstance(value, Array | np.ndarray | np.generic):
        return _array(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_text(value, within)
    if isinstance(value, functools.partial):
        held = (value.func, value.args, value.keywords)
        return f"partial{text(held)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{text(k)}: {text(x)}' for k, x in value.items())}}}"
    if isinstance(value, list | tuple):
        entries = ", ".join(map(text, value))
        return f"[{entries}]" if isinstance(value, list) else f"({entries})"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(text, value)))}}}"
    if callable(value) and hasattr(value, "__qualname__"):
        local = "<" in value.__qualname__ and hasattr(value, "__code__")
        return value.__qualname__ + (f"#{_code(value, within)}" if local else "")
    # An address in memory differs from one process to the next.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _array(value: Any) -> str:
    if isinstance(value, Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    array = np.asarray(value)
    if isinstance(value, Array):
        array = _in_32_bits(array)
    if array.ndim == 0:
        return str(array)
    shape = "x".join(map(str, array.shape))
    digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"<{shape} {array.dtype} {digest[:16]}>"


def _in_32_bits(array: np.ndarray) -> np.ndarray:
    """The numbers as JAX holds them without its 64-bit mode, where it can.

    The settings of a study are the same in both modes, and its numbers, too.
    """
    narrow = {
        "float64": np.float32,
        "complex128": np.complex64,
        "int64": np.int32,
        "uint64": np.uint32,
    }.get(array.dtype.name)
    if narrow is None:
        return array
    with np.errstate(over="ignore"):
        short = array.astype(narrow)
    exact = array.dtype.kind in "iu"
    held = short == array if exact else np.isfinite(short) == np.isfinite(array)
    return short if np.all(held) else array


def _code(function: Any, within: tuple[int, ...]) -> str:
    """Digest of the code of a function, and of everything it holds."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [function.__defaults__, function.__kwdefaults__, cells]
    # The source, as byte code differs between versions of Python.
    code = _source(function.__code__) or _instructions(function.__code__)
    return hashlib.sha256(f"{code} {_value(held, within)}".encode()).hexdigest()[:8]


@functools.lru_cache(256)
def _source(code: CodeType) -> str | None:
    """The text of a function alone, where it is known."""
    try:
        text = "".join(inspect.findsource(code)[0])
        nodes = [node for node in ast.walk(ast.parse(text)) if _may_be(node, code)]
    except (OSError, SyntaxError, TypeError, IndexError):
        return None
    texts = [ast.get_source_segment(text, node) for node in nodes]
    return min(filter(None, texts), key=len, default=None)


def _may_be(node: Any, code: CodeType) -> bool:
    """Whether a part of a syntax tree may be the function with this code."""
    if not isinstance(node, ast.Lambda | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    taken = [x.arg for x in (*node.args.posonlyargs, *node.args.args)]
    named = getattr(node, "name", "<lambda>") == code.co_name
    # Several functions may begin on one line.
    first, last = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
    places = [
        ((top, left), (bottom, right))
        for top, bottom, left, right in code.co_positions()
        # What Python adds has no place, or one of no length.
        if None not in (top, bottom, left, right) and (top, left) != (bottom, right)
    ]
    inside = all(first <= start and end <= last for start, end in places)
    return named and inside and taken == [*code.co_varnames[: code.co_argcount]]


def _instructions(code: CodeType) -> str:
    inner = [_instructions(x) if inspect.iscode(x) else repr(x) for x in code.co_consts]
    text = repr((code.co_code.hex(), inner, code.co_names))
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def public(module: ModuleType, base: type) -> dict[str, Callable]:
    """The concrete kinds of `base` in a module, by name."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind)
        and issubclass(kind, base)
        and not inspect.isabstract(kind)
    }


def from_text(
    text: str,
    kinds: Mapping[str, Callable],
    parts: Mapping[str, Callable] = MappingProxyType({}),
) -> Any:
    """Make the module that a text such as `Softmax(beta=0.5)` or `Softmax` names.

    Args:
        text: a name, alone or called with arguments that are literals, or such calls.
        kinds: what can be called, by name; upper and lower case are the same.
        parts: what else can be called within a call.

    Raises:
        ValueError: if the text is no such call, or a name in it is not known.
        TypeError: if it has too many or too few arguments.
    """
    example, said = f"{next(iter(kinds))}()", shortened(text)
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            call = ast.Call(call, [], [])
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
            raise ValueError("a name must be called")
        name, within = (
            call.func.id,
            functools.partial(_argument, kinds={**kinds, **parts}),
        )
        positional = [within(x) for x in call.args]
        named = {str(x.arg): within(x.value) for x in call.keywords}
    except _Inner as error:
        raise error.args[0] from error.__cause__
    # The last two are of texts with too many brackets or signs within one another.
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"`{said}` must be a call such as `{example}`. Its arguments must be "
            "numbers or quoted text."
        ) from error
    spelled = {kind.lower(): kind for kind in kinds}
    if name.lower() not in spelled:
        known = suggest(name, kinds)
        raise ValueError(f"`{shortened(name)}` is not known here.{known}")
    kind = kinds[spelled[name.lower()]]
    signature = inspect.signature(kind)
    known = list(signature.parameters)
    for argument in named:
        if argument not in known:
            raise ValueError(
                f"`{said}` has an argument `{argument}`, which `{name}` does not take."
                f"{suggest(argument, known)}"
            )
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        raise TypeError(
            f"`{said}` {_misfit(signature, positional, named)}. `{name}` takes "
            f"{', '.join(f'`{x}`' for x in known) or 'no arguments'}."
        ) from error
    try:
        return kind(*positional, **named)
    except OverflowError as error:
        raise ValueError(
            f"`{said}` has a number that is out of range: {error}. Pass a smaller one."
        ) from error


class _Inner(Exception):
    """An error of a call within a call, which says enough."""


def _argument(node: ast.expr, kinds: Mapping[str, Callable]) -> Any:
    """An argument of a call as text: a literal, or another call."""
    known = {kind.lower() for kind in kinds}
    named = isinstance(node, ast.Name) and node.id.lower() in known
    if not named and not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    try:
        return from_text(ast.unparse(node), kinds)
    except (ValueError, TypeError) as error:
        raise _Inner(error) from error


def shortened(text: str, size: int = 200) -> str:
    """A text as a message repeats it: of a long one, the beginning and the end."""
    half = size // 2
    return text if len(text) <= size else f"{text[:half]}...{text[-half:]}"


def _misfit(
    signature: inspect.Signature, positional: Sequence[Any], named: Mapping[str, Any]
) -> str:
    """The reason why arguments with known names do not fit a signature."""
    by_name = inspect.Parameter.KEYWORD_ONLY
    known = list(signature.parameters)
    in_order = [x for x in known if signature.parameters[x].kind is not by_name]
    if len(positional) > len(in_order):
        unnamed = " without a name" if len(known) > len(in_order) else ""
        most = len(in_order)
        return f"has {len(positional)} arguments{unnamed}, at most {most} fit"
    twice = [name for name in in_order[: len(positional)] if name in named]
    if twice:
        return f"gives `{twice[0]}` twice"
    missing = [
        f"`{name}`"
        for name in [x for x in known if x not in in_order[: len(positional)]]
        if name not in named
        and signature.parameters[name].default is inspect.Parameter.empty
    ]
    return f"lacks {' and '.join(missing)}"

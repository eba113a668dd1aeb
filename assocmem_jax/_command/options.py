"""The settings of a study, as they are typed on a command line."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tyro
from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

from .. import _rules, patterns
from .._base.files import to_path
from .._base.text import from_text, public, to_text
from .._core.rule import AbstractRule
from ..patterns import AbstractEnsemble


class Mistake(Exception):
    """A mistake in what was typed; the message says which, and what to do.

    No `ValueError`: the parser would put a frame around it.
    """


RULES = public(_rules, AbstractRule)
ENSEMBLES = {
    **public(patterns, AbstractEnsemble),
    # On a command line, samples are a file.
    "Samples": patterns.Samples.load,
}


def parse_sizes(words: Sequence[str]) -> tuple[int, ...]:
    """Whole numbers and ranges, in any order: `16:1024` doubles from 16 up to 1024."""
    sizes = set()
    for word in _split(words):
        first, colon, last = word.partition(":")
        try:
            size, limit = int(first), int(last if colon else first)
        except ValueError as error:
            raise ValueError(
                f"`{word}` must be a whole number, or a range such as `16:1024`."
            ) from error
        if size < 1 or limit < size:
            raise ValueError(
                f"`{word}` must be at least 1, and a range ascend, as in `16:1024`."
            )
        while size <= limit:
            sizes.add(size)
            size *= 2
    return tuple(sorted(sizes))


def parse_rules(words: Sequence[str]) -> dict[str, AbstractRule]:
    """Rules, each with a name before it or named by what was typed."""
    rules = {}
    for word in words:
        name, equals, call = word.partition("=")
        if not equals or "(" in name:
            name, call = word, word
        if name in rules:
            raise ValueError(f"`{name}` is there twice. Write `another_name={call}`.")
        rules[name] = from_text(call, RULES)
    return rules


def parse_ensemble(word: str) -> AbstractEnsemble:
    """An ensemble such as `Spherical` or `Samples('keys.npy')`."""
    return from_text(word, ENSEMBLES)


def parse_levels(words: Sequence[str]) -> float | tuple[float, ...]:
    """One number, or several that make an axis."""
    levels = tuple([_number(word) for word in _split(words)])
    if len(levels) == 0:
        raise ValueError("A level is missing. Give one number, or several for an axis.")
    return levels if len(levels) > 1 else levels[0]


def parse_vary(words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Axes of hyperparameters, such as `beta=0.1,1`."""
    vary = {}
    for word in words:
        name, equals, levels = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` must be like `beta=0.1,1`.")
        if name in vary:
            raise ValueError(f"`{name}` is there twice. Write `{name}=0.1,1`.")
        vary[name] = tuple(_number(level) for level in _split([levels]))
    return vary


def parse_select(words: Sequence[str]) -> dict[str, float]:
    """Entries of axes, such as `query_noise=0.5`."""
    select = {}
    for word in words:
        name, equals, level = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` must be like `query_noise=0.5`.")
        select[name] = _number(level)
    return select


def _split(words: Sequence[str]) -> list[str]:
    """Entries that are separated by spaces or by commas."""
    return [part for word in words for part in word.split(",") if part]


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise ValueError(f"`{word}` must be a number, such as `0.5`.") from error


def _parse_values(words: Sequence[str]) -> AbstractEnsemble | str | None:
    word = words[0].lower()
    if word == "none":
        return None
    named = word in ("keys", "one-hot", "marginalized")
    return word if named else parse_ensemble(words[0])


def _parse_size(words: Sequence[str]) -> int:
    try:
        return int(words[0])
    except ValueError as error:
        raise ValueError(f"`{words[0]}` must be a whole number.") from error


def _parse_path(words: Sequence[str]) -> Path:
    return _path(words[0])


def _path(word: str) -> Path:
    return to_path("assocmem", "FILE", word)


def _text(x: Any) -> list[str]:
    """The words that parse to `x`, for the help."""
    if isinstance(x, AbstractEnsemble):
        return [to_text(x)]
    if isinstance(x, tuple):
        return [str(y) for y in x]
    return ["none" if x is None or x == {} else str(x)]


_FORMS: dict[Any, tuple[Any, str, Callable[[list[str]], Any]]] = {
    Path: (1, "PATH", _parse_path),
    Path | None: (1, "PATH", _parse_path),
    Mapping[str, AbstractRule]: ("*", "[NAME=]RULE [...]", parse_rules),
    Sequence[int]: ("*", "SIZE|FIRST:LAST [...]", parse_sizes),
    int | None: (1, "SIZE", _parse_size),
    Sequence[Path]: ("*", "STORE [...]", lambda words: tuple(map(_path, words))),
    Sequence[str]: ("*", "NAME [...]", lambda words: tuple(_split(words))),
    float | Sequence[float]: ("*", "LEVEL [...]", parse_levels),
    Mapping[str, Sequence[float]]: ("*", "NAME=LEVEL,... [...]", parse_vary),
    Mapping[str, float]: ("*", "AXIS=LEVEL [...]", parse_select),
    AbstractEnsemble: (1, "ENSEMBLE", lambda words: parse_ensemble(words[0])),
    AbstractEnsemble | str | None: (
        1,
        "ENSEMBLE|keys|one-hot|marginalized",
        _parse_values,
    ),
}
registry = tyro.constructors.ConstructorRegistry()


@registry.primitive_rule
def _form(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    form = _FORMS.get(info.type)
    if form is None:
        return None
    nargs, metavar, parse = form

    def instance(words: list[str]) -> Any:
        try:
            return parse(words)
        except (ValueError, TypeError, OSError) as error:
            raise Mistake(str(error)) from error

    return PrimitiveConstructorSpec(
        nargs=nargs,
        metavar=metavar,
        instance_from_str=instance,
        is_instance=lambda x: True,
        str_from_instance=_text,
    )

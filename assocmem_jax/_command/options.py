"""The settings of a study, as they are typed on a command line."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tyro
from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

from .. import patterns
from .._base.files import to_path
from .._base.text import from_text, public, to_text
from .._catalog.rules import PARTS, RULES
from .._core.rule import AbstractRule
from .._spec.levels import Level
from .._spec.loads import Loads, from_texts, loads
from ..patterns import AbstractEnsemble


class Mistake(Exception):
    """A mistake in what was typed; the message says which, and what to do.

    No `ValueError`: the parser would put a frame around it.
    """


ENSEMBLES = {
    **public(patterns, AbstractEnsemble),
    # On a command line, samples are a file.
    "Samples": patterns.Samples.load,
}


def parse_pairs(words: Sequence[str]) -> tuple[int, ...] | Loads:
    """Numbers of pairs; or multiples of d, `0.5d 2d`, and ranges that double them."""
    entries = _split(words)
    if not any(word.endswith("d") for word in entries):
        return parse_sizes(words)
    ratios = set()
    for word in entries:
        first, colon, last = word.partition(":")
        (ratio,), (limit,) = (
            from_texts([text]).ratios for text in (first, last if colon else first)
        )
        if limit < ratio:
            raise ValueError(f"`{word}` must ascend, as in `0.5d:8d`.")
        # Doubling is exact.
        while ratio <= limit:
            ratios.add(ratio)
            ratio *= 2
    return loads(*sorted(ratios))


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
    return _named(words, RULES, PARTS)


def parse_ensembles(
    words: Sequence[str],
) -> AbstractEnsemble | dict[str, AbstractEnsemble]:
    """One ensemble, or several that make an axis, named as rules are."""
    ensembles = _named(words, ENSEMBLES, {})
    if len(ensembles) == 0:
        raise ValueError("An ensemble is missing. Give one, or several for an axis.")
    # Even one with a name makes an axis.
    alone = list(ensembles) == list(words) and len(words) == 1
    return next(iter(ensembles.values())) if alone else ensembles


def _named(
    words: Sequence[str], kinds: Mapping[str, Any], parts: Mapping[str, Any]
) -> dict[str, Any]:
    named = {}
    for word in words:
        name, equals, call = word.partition("=")
        if not equals or "(" in name:
            name, call = word, word
        if name in named:
            raise ValueError(f"`{name}` is there twice. Write `another_name={call}`.")
        named[name] = from_text(call, kinds, parts)
    return named


def parse_ensemble(word: str) -> AbstractEnsemble:
    """An ensemble such as `Spherical` or `Samples('keys.npy')`."""
    return from_text(word, ENSEMBLES)


def parse_dimensions(words: Sequence[str]) -> int | tuple[int, ...] | None:
    """One dimension of values, or several that make an axis; `none` is d."""
    if [word.lower() for word in words] == ["none"]:
        return None
    sizes = parse_sizes(words)
    return sizes[0] if len(sizes) == 1 else sizes


def parse_levels(words: Sequence[str]) -> Any:
    """One number or power of d, or several that make an axis."""
    levels = tuple([_level(word) for word in _split(words)])
    if len(levels) == 0:
        raise ValueError("A level is missing. Give one number, or several for an axis.")
    return levels if len(levels) > 1 else levels[0]


def parse_vary(words: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Axes of hyperparameters, such as `beta=0.1,1/sqrt(d)`, and of static fields."""
    vary = {}
    for word in words:
        name, equals, levels = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` must be like `beta=0.1,1`.")
        if name in vary:
            raise ValueError(f"`{name}` is there twice. Write `{name}=0.1,1`.")
        vary[name] = tuple(_level(level) for level in _split([levels]))
    return vary


def parse_select(words: Sequence[str]) -> dict[str, Any]:
    """Entries of axes, such as `query_noise=0.5` or `ensemble=gaussian`."""
    select = {}
    for word in words:
        name, equals, level = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` must be like `query_noise=0.5`.")
        select[name] = _level(level)
    return select


def _split(words: Sequence[str]) -> list[str]:
    """Entries that are separated by spaces or by commas."""
    return [part for word in words for part in word.split(",") if part]


def _level(word: str) -> int | float | str:
    """A number; or a text, of which the study knows what it is."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(word)
    return word


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


FORMS: dict[Any, tuple[Any, str, Callable[[list[str]], Any]]] = {
    Path: (1, "PATH", _parse_path),
    Path | None: (1, "PATH", _parse_path),
    Mapping[str, AbstractRule]: ("*", "[NAME=]RULE [...]", parse_rules),
    Sequence[int]: ("*", "SIZE|FIRST:LAST [...]", parse_sizes),
    Sequence[int] | Loads: ("*", "SIZE|FIRST:LAST|LOADd [...]", parse_pairs),
    int | Sequence[int] | None: ("*", "SIZE [...]", parse_dimensions),
    int | None: (1, "SIZE", _parse_size),
    Sequence[Path]: ("*", "STORE [...]", lambda words: tuple(map(_path, words))),
    Sequence[str]: ("*", "NAME [...]", lambda words: tuple(_split(words))),
    Level | Sequence[Level]: ("*", "LEVEL [...]", parse_levels),
    Mapping[str, Level | Sequence[Level]]: ("*", "NAME=LEVEL,... [...]", parse_vary),
    Mapping[str, float | int | str]: ("*", "AXIS=LEVEL [...]", parse_select),
    AbstractEnsemble | Mapping[str, AbstractEnsemble]: (
        "*",
        "[NAME=]ENSEMBLE [...]",
        parse_ensembles,
    ),
    AbstractEnsemble | str | None: (
        1,
        "ENSEMBLE|keys|one-hot|marginalized",
        _parse_values,
    ),
}
registry = tyro.constructors.ConstructorRegistry()


@registry.primitive_rule
def _form(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    form = FORMS.get(info.type)
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

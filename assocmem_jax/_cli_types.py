"""How the settings of a study are typed on a command line."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tyro
from tyro.constructors import PrimitiveConstructorSpec, PrimitiveTypeInfo

from . import _rules, patterns
from ._calls import from_text, to_text
from ._rule import AbstractRule
from .patterns import AbstractEnsemble


def _public(module: Any, base: type) -> dict[str, Callable]:
    return {
        name: kind
        for name, kind in vars(module).items()
        if inspect.isclass(kind)
        and issubclass(kind, base)
        and not inspect.isabstract(kind)
    }


_RULES = _public(_rules, AbstractRule)
_ENSEMBLES = {
    **_public(patterns, AbstractEnsemble),
    # On a command line, samples are a file.
    "Samples": patterns.Samples.load,
}


def parse_sizes(words: Sequence[str]) -> tuple[int, ...]:
    """Whole numbers and ranges: `16:1024` doubles from 16 up to 1024."""
    sizes = []
    for word in (part for given in words for part in given.split(",")):
        first, colon, last = word.partition(":")
        try:
            size, limit = int(first), int(last if colon else first)
        except ValueError as error:
            raise ValueError(
                f"`{word}` must be a whole number, or a range such as `16:1024`."
            ) from error
        if size < 1 or limit < size:
            raise ValueError(
                f"`{word}` must be at least 1, and a range must ascend, as in `16:1024`."
            )
        while size <= limit:
            sizes.append(size)
            size *= 2
    return tuple(sizes)


def parse_rules(words: Sequence[str]) -> dict[str, AbstractRule]:
    """Rules, each with a name before it or named by what was typed."""
    rules = {}
    for word in words:
        name, equals, call = word.partition("=")
        if not equals or "(" in name:
            name, call = word, word
        if name in rules:
            raise ValueError(f"`{name}` is there twice. Write `another_name={call}`.")
        rules[name] = from_text(call, _RULES)
    return rules


def parse_ensemble(word: str) -> AbstractEnsemble:
    """An ensemble such as `Spherical` or `Samples('keys.npy')`."""
    return from_text(word, _ENSEMBLES)


def parse_levels(words: Sequence[str]) -> float | tuple[float, ...]:
    """One number, or several that make an axis."""
    levels = tuple(float(part) for word in words for part in word.split(","))
    return levels if len(levels) > 1 else levels[0]


def parse_vary(words: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Axes of hyperparameters, such as `beta=0.1,1`."""
    vary = {}
    for word in words:
        name, equals, levels = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` must be like `beta=0.1,1`.")
        vary[name] = tuple(float(level) for level in levels.split(","))
    return vary


def _parse_values(words: Sequence[str]) -> AbstractEnsemble | str:
    return words[0] if words[0] in ("keys", "one-hot") else parse_ensemble(words[0])


def _text(x: Any) -> list[str]:
    if isinstance(x, AbstractEnsemble):
        return [to_text(x)]
    if isinstance(x, Mapping):
        return [f"{name}={','.join(map(str, levels))}" for name, levels in x.items()]
    return [str(y) for y in x] if isinstance(x, tuple) else [str(x)]


_FORMS: dict[Any, tuple[Any, str, Callable[[list[str]], Any]]] = {
    Mapping[str, AbstractRule]: ("*", "[NAME=]RULE [...]", parse_rules),
    Sequence[int]: ("*", "SIZE|FIRST:LAST [...]", parse_sizes),
    float | Sequence[float]: ("*", "LEVEL [...]", parse_levels),
    Mapping[str, Sequence[float]]: ("*", "NAME=LEVEL,...", parse_vary),
    AbstractEnsemble: (1, "ENSEMBLE", lambda words: parse_ensemble(words[0])),
    AbstractEnsemble | str | None: (1, "ENSEMBLE|keys|one-hot", _parse_values),
}
registry = tyro.constructors.ConstructorRegistry()


@registry.primitive_rule
def _form(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    form = _FORMS.get(info.type)
    if form is None:
        return None
    nargs, metavar, parse = form
    return PrimitiveConstructorSpec(
        nargs=nargs,
        metavar=metavar,
        instance_from_str=parse,
        is_instance=lambda x: True,
        str_from_instance=_text,
    )

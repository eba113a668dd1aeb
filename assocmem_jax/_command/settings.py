"""Settings of a study in a file, with the names and the forms of the options."""

import datetime
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from .._base.suggest import suggest
from .._base.text import shortened
from .options import FORMS, Mistake


def words_of(file: Path, command: type) -> dict[str, list[str]]:
    """The words that a command line has for each setting of a TOML file.

    Args:
        file: the file. A list is a list of words, and a table is words `name=entry`.
        command: the dataclass whose fields may be set.

    Raises:
        Mistake: if the file cannot be read, has a key that is no setting, or an entry
            that an option would not take.
    """
    try:
        with file.open("rb") as stream:
            settings = tomllib.load(stream)
    except OSError as error:
        raise Mistake(f"`{file}` cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Mistake(f"`{file}` is no TOML: {error}.") from error
    hints = get_type_hints(command)
    words = {}
    for key, entry in settings.items():
        name = key.replace("-", "_")
        if name not in hints:
            raise Mistake(
                f"`{file}` sets `{key}`, which is no option.{suggest(name, hints)}"
            )
        if name in words:
            raise Mistake(f"`{file}` sets `{key}` twice. Write it once, with `_`.")
        try:
            words[name] = _words(entry)
            _check(hints[name], words[name])
        except (ValueError, TypeError, OSError) as error:
            raise Mistake(f"`{file}`, `{key}`: {error}") from error
    return words


def with_settings(
    args: list[str], words: Mapping[str, list[str]]
) -> tuple[list[str], set[str]]:
    """Arguments of a command and settings of a file, and which of these count.

    Args:
        args: arguments as they were typed, after the file.
        words: what `words_of` found. What was typed wins.
    """
    typed = {
        arg.removeprefix("--").partition("=")[0].replace("-", "_")
        for arg in args
        if arg.startswith("--")
    }
    taken = {name: x for name, x in words.items() if name not in typed}
    options = [
        word
        for name, entries in taken.items()
        for word in (f"--{name.replace('_', '-')}", *entries)
    ]
    return [*options, *args], set(taken)


def _words(entry: Any) -> list[str]:
    if isinstance(entry, Mapping):
        joined = {name: ",".join(_words(x)) for name, x in entry.items()}
        return [f"{name}={word}" for name, word in joined.items()]
    if isinstance(entry, list):
        return [_word(x) for x in entry]
    return [_word(entry)]


def _word(entry: Any) -> str:
    odd = bool | list | dict | datetime.date | datetime.time
    if isinstance(entry, odd) or entry == "":
        raise ValueError(
            f"`{shortened(str(entry))}` must be a number or a text, or a list or a "
            "table of them."
        )
    return str(entry)


def _check(hint: Any, words: list[str]) -> None:
    """Raise unless an option of a type would take these words."""
    if hint in FORMS:
        count, _, parse = FORMS[hint]
    else:
        kind: Callable = int if hint is int else float
        count, parse = 1, lambda words: _number(kind, words[0])
    if count == 1 and len(words) != 1:
        raise ValueError(f"one entry is needed, got {len(words)}.")
    parse(words)


def _number(kind: Callable, word: str) -> Any:
    try:
        return kind(word)
    except ValueError as error:
        what = "whole number" if kind is int else "number"
        raise ValueError(f"`{word}` must be a {what}.") from error

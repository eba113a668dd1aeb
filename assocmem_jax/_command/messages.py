"""Messages of the library as they are told to someone who typed options."""

import re
from collections.abc import Mapping

from .._base.errors import BadArgument
from .options import ENSEMBLES, RULES


# Arguments that are no option of the same name.
_TYPED = {
    "memory": "--memory-gib",
    **dict.fromkeys(("ds", "dataset", "cap", "path"), "STUDY"),
}
_POSITIONAL = {
    "study.merge_stores": {"out": "OUT", "stores": "IN"},
}
# A setting in an advice: `trials=2`, or `sweep(store=...)`.
_SETTING = re.compile(r"`(?:[a-z_.]+\()?(\w+)=([^`()]*)\)?`")


def told(said: object, places: Mapping[str, str] | None = None) -> str:
    """An error or a warning in one line, with options in place of arguments.

    Args:
        said: the error.
        places: where settings are from that were not typed, by argument.
    """
    places = places or {}
    if isinstance(said, BadArgument) and not _is_typed(said.function):
        typed = {**_TYPED, **_POSITIONAL.get(said.function, {})}
        options = [
            places.get(name) or _option(name, said.given, typed)
            for name in said.arguments
        ]
        subject = " and ".join(options) or "The command"
        advice = _SETTING.sub(
            lambda found: _option(found[1], found[2], _TYPED), said.advice
        )
        said = said.said_of(subject, advice)
    return " ".join(str(said).split())


def _is_typed(function: str) -> bool:
    """Whether a function is called on the command line, as rules and ensembles are."""
    return function.partition(".")[0] in {**RULES, **ENSEMBLES}


def _option(name: str, given: str, typed: Mapping[str, str]) -> str:
    option = typed.get(name, f"--{name.replace('_', '-')}")
    known = given not in ("", "...") and option.startswith("-")
    return f"`{option} {given}`" if known else f"`{option}`"

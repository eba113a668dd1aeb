"""Errors about an argument, in parts, so that another caller can say them of its own.

A function that hands its arguments on renames errors about them by `called_as`, and the
command line names options by `said_of`. Nobody has to take a message apart.
"""

import contextlib
import functools
from collections.abc import Collection, Iterator, Mapping, Sequence


def call_text(function: str, arguments: Sequence[str] = (), given: str = "...") -> str:
    """A call as text, such as `sweep(d=...)`, with backticks."""
    return f"`{function}({', '.join(f'{x}={given}' for x in arguments) or '...'})`"


def first_line(error: Exception) -> str:
    """What an error says in its first line, or the error itself where it is silent."""
    return next(iter(str(error).strip().splitlines()), repr(error)).rstrip(".")


class BadArgument(Exception):
    """An argument that a function refuses, or fails by.

    Attributes:
        function: the function as the user called it, such as `theory.predict`.
        arguments: names of the arguments; none where the error is about all of them.
        complaint: what is wrong and what was got, without a full stop.
        advice: whole sentences that say what to do.
        given: what was passed, where the message should repeat it in the call.
    """

    def __init__(
        self,
        function: str,
        arguments: str | Sequence[str],
        complaint: str,
        advice: str = "",
        given: str = "...",
    ):
        """Take the parts; the name of a single argument may be a text."""
        self.function = function
        self.arguments = (arguments,) if isinstance(arguments, str) else (*arguments,)
        self.complaint, self.advice, self.given = complaint, advice.strip(), given
        # By name: `OSError` would take the parts for a number, a text and a file.
        BaseException.__init__(
            self, function, self.arguments, complaint, self.advice, given
        )

    def __str__(self) -> str:
        """The message: the call as typed, what is wrong, what to do."""
        return self.said_of(call_text(self.function, self.arguments, self.given))

    def said_of(self, subject: str, advice: str | None = None) -> str:
        """The message with a subject in place of the call, and other advice if any."""
        stop = "" if self.complaint.endswith((".", "!", "?")) else "."
        advice = self.advice if advice is None else advice
        return f"{subject} {self.complaint}{stop} {advice}".rstrip()

    def rename(self, function: str, names: Mapping[str, str] | None = None) -> None:
        """Say it of the call of another function.

        Args:
            function: the function that the user called.
            names: its name of each argument that it calls by another one.
        """
        self.function = function
        # In order, and each once.
        known = dict.fromkeys((names or {}).get(x, x) for x in self.arguments)
        self.arguments = (*known,)


class ArgumentError(BadArgument, ValueError):
    """An argument out of range, of a wrong shape, or at odds with another one."""


class ArgumentTypeError(BadArgument, TypeError):
    """An argument of the wrong kind."""


@functools.cache
def argument_error(kind: type[Exception]) -> type[BadArgument]:
    """The kind of error about an argument that is an error of some other kind, too.

    Such as one about the folder of `sweep(store=...)` that is a `PermissionError`.
    """
    # By its kind, as no module holds it: a worker's error comes back as it was.
    again = {"__reduce__": lambda error: (_argument_error_again, (kind, error.args))}
    return type(f"Argument{kind.__name__}", (BadArgument, kind), again)


def _argument_error_again(kind: type[Exception], parts: tuple) -> BadArgument:
    return argument_error(kind)(*parts)


@contextlib.contextmanager
def called_as(
    function: str,
    names: Mapping[str, str] | None = None,
    *,
    instead_of: Collection[str],
) -> Iterator[None]:
    """Say of arguments that are handed on by which names the user knows them.

    Args:
        function: the function that the user called.
        names: its name of each argument that it calls by another one.
        instead_of: the functions that arguments are handed on to. Errors of others,
            such as a rule that is made on the way, stay as they are.
    """
    try:
        yield
    except BadArgument as error:
        if error.function not in instead_of:
            raise
        error.rename(function, names)
        raise

"""Names that a caller passes in, and what to say about an unknown one."""

import difflib
from collections.abc import Iterable


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all.

    Args:
        name: what was passed.
        known: what could have been passed.

    Returns:
        A sentence with a space before it, or nothing where no name is known.
    """
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean `{close[0]}`?"
    if not known:
        return ""
    return f" Choose from {', '.join(f'`{other}`' for other in known)}."

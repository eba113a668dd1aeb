"""The rules in plain torch, as somebody would write them: rows are items."""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import torch

import assocmem_jax as am


@dataclasses.dataclass(frozen=True)
class Peer:
    """A rule, and its code in torch.

    Attributes:
        rule: of this library.
        write: from keys and values to a memory, in torch.
        read: from the memory and queries to answers, in torch.
        tolerance: on errors relative to the largest number.
        sizes: further sizes that the operations of the rule are counted in.
        note: why a time is what it is, where that needs a word.
    """

    rule: am.AbstractRule
    write: Callable[..., Any]
    read: Callable[..., torch.Tensor]
    tolerance: float = 1e-4
    sizes: dict[str, float] = dataclasses.field(default_factory=dict)
    note: str = ""

    def counted(self, what: str, **sizes: float) -> float:
        """What the rule says of itself: operations or numbers, at these sizes."""
        about = self.rule.about
        assert about is not None
        text = re.sub(r"^about ", "", getattr(about, what))
        # A product has no sign between its factors.
        text = re.sub(r"(?<=[\w)]) (?=[\w(])", "*", text).replace("^", "**")
        return float(eval(text, {}, {**sizes, **self.sizes}))  # noqa: S307


def keep(keys, values):
    """The pairs themselves."""
    return keys, values


def weighing(weights: Callable[[torch.Tensor], torch.Tensor]) -> Callable:
    """Values weighted by a function of all scores, one row per query."""
    return lambda memory, queries: weights(queries @ memory[0].T) @ memory[1]


def linear(memory, queries):
    """Queries times a matrix."""
    return queries @ memory


def sparsemax(scores):
    """By sorting."""
    ordered = torch.sort(scores, dim=1, descending=True).values
    count = torch.arange(1, scores.shape[1] + 1, dtype=scores.dtype)
    thresholds = (torch.cumsum(ordered, 1) - 1) / count
    size = (ordered > thresholds).sum(1, keepdim=True)
    return torch.relu(scores - thresholds.gather(1, size - 1))


RULES: dict[str, Peer] = {
    "DotProduct": Peer(am.DotProduct(), lambda k, v: k.T @ v, linear),
    "Pseudoinverse": Peer(
        am.Pseudoinverse(), lambda k, v: torch.linalg.pinv(k) @ v, linear
    ),
    "ReLU": Peer(am.ReLU(), keep, weighing(torch.relu)),
    "Softmax": Peer(
        am.Softmax(2.0), keep, weighing(lambda s: torch.softmax(2.0 * s, 1))
    ),
    "Sparsemax": Peer(am.Sparsemax(2.0), keep, weighing(lambda s: sparsemax(2.0 * s))),
}

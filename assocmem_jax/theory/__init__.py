"""What must come out: closed forms."""

from ._cosine import mean_cosine as mean_cosine, mean_norm as mean_norm

"""The study of the figures under test, and what tests read off them."""

import numpy as np
from matplotlib.collections import FillBetweenPolyCollection
from scipy import stats


RULES = ["pseudoinverse", "softmax", "dot product"]
D = np.array([16, 32, 128])
N = np.array([4, 16, 24, 64, 1024])
TRIALS = 6


def student(samples, confidence=0.95):
    """Mean and ends of Student's interval over the last axis."""
    count = samples.shape[-1]
    mean = samples.mean(-1)
    half = samples.std(-1, ddof=1) / np.sqrt(count)
    half = half * stats.t.ppf((1 + confidence) / 2, count - 1)
    return mean, mean - half, mean + half


def bands_of(ax):
    """Low and high end of every band, in order of n."""
    bands = []
    for band in ax.collections:
        assert isinstance(band, FillBetweenPolyCollection)
        vertices = np.asarray(band.get_paths()[0].vertices)
        columns = [vertices[vertices[:, 0] == x, 1] for x in np.unique(vertices[:, 0])]
        bands.append(([y.min() for y in columns], [y.max() for y in columns]))
    return bands


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def markers_of(ax):
    """Where markers of a kind are, for lines that are nothing but markers."""
    return {
        line.get_marker(): list(zip(*line.get_data(), strict=True))
        for line in ax.get_lines()
        if line.get_linestyle() == "None"
    }

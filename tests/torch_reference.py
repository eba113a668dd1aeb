"""Rules in torch, from their definitions, with items as columns."""

import torch


def pseudoinverse(K, V, Q):
    # The derivative of `torch.linalg.pinv` is the one at constant rank, too.
    return V @ torch.linalg.pinv(K) @ Q


def ridge(K, V, Q, penalty):
    matrix = K @ K.T + penalty * torch.eye(K.shape[0], dtype=K.dtype)
    return V @ (K.T @ torch.linalg.solve(matrix, Q))


def softmax(K, V, Q, beta=1.0):
    return V @ torch.softmax(beta * (K.T @ Q), dim=0)


def relu(K, V, Q):
    return V @ torch.relu(K.T @ Q)


def dot_product(K, V, Q):
    return V @ (K.T @ Q)


def polynomial(K, V, Q, degree):
    return V @ (K.T @ Q) ** degree


def exponential(K, V, Q, beta):
    return V @ torch.exp(beta * (K.T @ Q))


def top_k(K, V, Q, k):
    scores, index = torch.topk(K.T @ Q, k, dim=0)
    return V @ torch.zeros_like(K.T @ Q).scatter(0, index, scores)


def sparsemax(K, V, Q, beta):
    """By sorting (Martins & Astudillo 2016, algorithm 1)."""
    scores = beta * (K.T @ Q)
    ordered, _ = torch.sort(scores, dim=0, descending=True)
    count = torch.arange(1, len(scores) + 1, dtype=scores.dtype)[:, None]
    threshold = (torch.cumsum(ordered, 0) - 1) / count
    size = torch.sum(ordered > threshold, dim=0, keepdim=True)
    return V @ torch.relu(scores - threshold.gather(0, size - 1))


def entmax15(K, V, Q, beta):
    """Of order 1.5, by sorting (Peters et al. 2019, algorithm 2)."""
    scores = beta * (K.T @ Q) / 2
    ordered, _ = torch.sort(scores, dim=0, descending=True)
    count = torch.arange(1, len(scores) + 1, dtype=scores.dtype)[:, None]
    mean = torch.cumsum(ordered, 0) / count
    spread = torch.cumsum(ordered**2, 0) - count * mean**2
    # Where the root has no derivative, the threshold is not taken.
    room = (1 - spread) / count
    root = torch.sqrt(torch.where(room > 0, room, 1.0))
    threshold = mean - torch.where(room > 0, root, 0.0)
    size = torch.sum(threshold <= ordered, dim=0, keepdim=True)
    return V @ torch.relu(scores - threshold.gather(0, size - 1)) ** 2

"""Toy models of superposition (Elhage et al. 2022) trained by PyTorch, with their expected losses.

Usage: python scripts/reference/make_toy.py [--steps N] [--inits N] [--out FILE]

x^ = relu(W^T W x + b), x_i uniform in [0, 1] with probability p and else 0, squared error summed over features.
Plain Adam on plain samples, so nothing is shared with the training in src/microscope/toy. The expected loss of
each start's solution is then computed in float64 over every set of present features, with exact weights and
many values per set; the standard error comes from the spread within sets. The best start is kept, and its
loss measured again on values that did not choose it.
"""

import argparse
import json
import math
import pathlib

import numpy as np
import torch

POINTS = [(2, 1, p) for p in (0.9, 0.7, 0.57, 0.4, 0.2, 0.05)] + [
    (5, 2, p) for p in (1.0, 0.3, 0.1, 0.03, 0.01)]


def train(n, m, p, inits, steps, seed):
    torch.manual_seed(seed)
    w = (torch.randn(inits, m, n) * 0.5).requires_grad_()
    b = torch.zeros(inits, 1, n, requires_grad=True)
    peak = 0.01
    optimiser = torch.optim.Adam([w, b], lr=peak)
    rows = 2048 if p > 0.05 else 8192
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = peak * 0.5 * (1 + math.cos(math.pi * step / steps))
        x = torch.rand(rows, n) * (torch.rand(rows, n) < p)
        guess = torch.relu(x @ w.transpose(1, 2) @ w + b)
        # Every start has the same scale of gradients at every p, so one rate serves all.
        loss = ((x - guess) ** 2).sum(-1).mean(-1).sum() / p
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return w.detach().double().numpy(), b.detach().double().numpy()[:, 0]


def expected_loss(w, b, p, per_set, seed):
    """Loss and standard error, with sets of present features enumerated."""
    n = w.shape[1]
    rng = np.random.default_rng(seed)
    total, variance = 0.0, 0.0
    for bits in range(2 ** n):
        on = np.array([(bits >> i) & 1 for i in range(n)], dtype=float)
        weight = float(np.prod(np.where(on > 0, p, 1 - p)))
        if weight == 0:
            continue
        x = rng.random((per_set if bits else 1, n)) * on
        error = ((x - np.maximum(0, x @ w.T @ w + b)) ** 2).sum(-1)
        total += weight * error.mean()
        variance += weight ** 2 * error.var() / len(error)
    return total, variance ** 0.5


def dimensions(w):
    norms = np.linalg.norm(w, axis=0)
    out = []
    for i, norm in enumerate(norms):
        out.append(0.0 if norm < 0.1 else float(
            norm ** 2 / (((w[:, i] / norm) @ w) ** 2).sum()))
    return out


def point(n, m, p, given):
    w, b = train(n, m, p, given.inits, given.steps, seed=0)
    rough = [expected_loss(w[i], b[i], p, 20_000, 1)[0] for i in range(len(w))]
    best = int(np.argmin(rough))
    loss, error = expected_loss(w[best], b[best], p, 1_000_000, 2)
    columns = w[best].T
    angles = []
    if m == 2:
        turn = sorted(np.degrees(np.arctan2(columns[:, 1], columns[:, 0]))[
            np.linalg.norm(columns, axis=1) > 0.1])
        angles = [float(b - a) for a, b in zip(turn, turn[1:] + [turn[0] + 360])]
    result = {
        "features": n, "hidden": m, "probability": p,
        "loss": round(loss, 7), "standardError": round(error, 8), "starts": given.inits,
        "norms": [round(float(x), 4) for x in sorted(np.linalg.norm(columns, axis=1))],
        "dimensions": [round(x, 4) for x in sorted(dimensions(w[best]))],
        "angles": [round(x, 2) for x in sorted(angles)],
        "bias": [round(float(x), 4) for x in sorted(b[best])],
    }
    print(json.dumps(result), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--inits", type=int, default=16)
    parser.add_argument("--out", default=root / "test/fixtures/toy/superposition.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    points = [point(n, m, p, given) for n, m, p in POINTS]
    text = ",\n".join(json.dumps(one) for one in points)
    pathlib.Path(given.out).write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()

"""One training step of every kind of dictionary, by PyTorch's autograd from the published formulas.

Usage: python scripts/reference/make_dictionary_steps.py [--out test/fixtures/dictionary-steps]

Every file holds activations `x/ADDRESS` [rows, width], parameters `before/NAME` and `after/NAME` one step of plain
gradient descent later, and `loss`, `mse` and `l0`. Rows of encoders are features, as while training. `dead` marks the
features that count as dead.
"""

import argparse
import pathlib

import torch
from safetensors.torch import save_file

ROWS, D, N = 8, 6, 16
LR = 0.05


class Rectangle(torch.autograd.Function):
    """1[pre > threshold] whose derivative by the threshold is the rectangle kernel's; by pre it has none."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return (pre > threshold).float()

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < ctx.bandwidth / 2).float() / ctx.bandwidth
        return None, (-near * grad).sum(0), None


class JumpReLU(torch.autograd.Function):
    """pre · 1[pre > threshold], with -(threshold / bandwidth) K for the threshold."""

    @staticmethod
    def forward(ctx, pre, threshold, bandwidth):
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        return pre * (pre > threshold).float()

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < ctx.bandwidth / 2).float() / ctx.bandwidth
        return grad * (pre > threshold).float(), (-near * threshold * grad).sum(0), None


def per_row(value):
    return value.sum() / ROWS


def squared(error):
    return per_row(error.square())


def norms(p, name="0.W_dec.0"):
    return p[name].norm(dim=-1)


def pre_of(p, x, bias="0.b_enc"):
    return (x - p["0.b_dec.0"]) @ p["0.W_enc.0"].T + p[bias]


def standard(p, x, dead, coefficient):
    acts = torch.relu(pre_of(p, x["a"]))
    mse = squared(acts @ p["0.W_dec.0"] + p["0.b_dec.0"] - x["a"])
    return mse + coefficient * per_row(acts * norms(p)), mse, acts


def gated(p, x, dead, coefficient):
    raw = (x["a"] - p["0.b_dec.0"]) @ p["0.W_enc.0"].T
    gate = raw + p["0.b_gate"]
    acts = (gate > 0).float() * torch.relu(raw * p["0.r_mag"].exp() + p["0.b_mag"])
    mse = squared(acts @ p["0.W_dec.0"] + p["0.b_dec.0"] - x["a"])
    penalty = per_row(torch.relu(gate) * norms(p))
    frozen = torch.relu(gate) @ p["0.W_dec.0"].detach() + p["0.b_dec.0"].detach()
    return mse + coefficient * penalty + squared(frozen - x["a"]), mse, acts


def keep(pre, k):
    values, index = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, index, torch.relu(values))


def keep_batch(pre, k):
    smallest = pre.flatten().topk(k * ROWS).values[-1]
    return torch.where(pre >= smallest.detach(), torch.relu(pre), torch.zeros_like(pre))


def auxiliary(p, pre, missed, dead, k):
    """Dead features alone explain what is missed, relative to its variance."""
    index = dead.nonzero().flatten()
    acts = keep(torch.relu(pre[:, index]), min(k, len(index)))
    missed = missed.detach()
    error = (acts @ p["0.W_dec.0"][index] - missed).square().sum(-1).mean()
    return error / (missed - missed.mean(0)).square().sum(-1).mean()




def topk(p, x, dead, k):
    pre = pre_of(p, x["a"])
    acts = keep(pre, k)
    guess = acts @ p["0.W_dec.0"] + p["0.b_dec.0"]
    mse = squared(guess - x["a"])
    aux = auxiliary(p, pre, x["a"] - guess, dead, (D + 1) // 2) if dead.any() else 0
    return mse + aux / 32, mse, acts


def batchtopk(p, x, dead, k):
    acts = keep_batch(pre_of(p, x["a"]), k)
    mse = squared(acts @ p["0.W_dec.0"] + p["0.b_dec.0"] - x["a"])
    return mse, mse, acts


def matryoshka(p, x, dead, k, prefixes):
    acts = keep_batch(pre_of(p, x["a"]), k)
    losses = [
        squared(acts[:, :size] @ p["0.W_dec.0"][:size] + p["0.b_dec.0"] - x["a"]) for size in prefixes
    ]
    return sum(losses), losses[-1], acts


def jumprelu(p, x, dead, coefficient, bandwidth, target=None, tanh=None):
    pre, threshold = pre_of(p, x["a"]), p["0.threshold"]
    acts = JumpReLU.apply(pre, threshold, bandwidth)
    mse = squared(acts @ p["0.W_dec.0"] + p["0.b_dec.0"] - x["a"])
    l0 = per_row(Rectangle.apply(pre, threshold, bandwidth))
    penalty = l0 if target is None else (l0 / target - 1).square()
    if tanh is not None:
        penalty = per_row(torch.tanh(tanh * acts * norms(p)))
    short = per_row(torch.relu(threshold - pre) * dead * norms(p).detach())
    return mse + coefficient * penalty + 3e-6 * short, mse, acts


def skip_transcoder(p, x, dead, k):
    acts = keep(x["a"] @ p["0.W_enc.0"].T + p["0.b_enc"], k)
    mse = squared(acts @ p["0.W_dec.0"] + p["0.b_dec.0"] + x["a"] @ p["0.W_skip"] - x["b"])
    return mse, mse, acts


def crosscoder(p, x, dead, coefficient):
    acts = torch.relu(x["a"] @ p["0.W_enc.0"].T + x["b"] @ p["0.W_enc.1"].T + p["0.b_enc"])
    mse = sum(
        squared(acts @ p[f"0.W_dec.{j}"] + p[f"0.b_dec.{j}"] - x[at]) for j, at in enumerate("ab")
    )
    weight = norms(p, "0.W_dec.0") + norms(p, "0.W_dec.1")
    return mse + coefficient * per_row(acts * weight), mse, acts


def cross_layer(p, x, dead, k):
    first = keep(x["a"] @ p["0.W_enc.0"].T + p["0.b_enc"], k)
    second = keep(x["b"] @ p["1.W_enc.0"].T + p["1.b_enc"], k)
    near = first @ p["0.W_dec.0"] + p["0.b_dec.0"] - x["b"]
    far = first @ p["0.W_dec.1"] + second @ p["1.W_dec.0"] + p["1.b_dec.0"] - x["c"]
    mse = squared(near) + squared(far)
    return mse, mse, torch.cat([first, second], dim=-1)


SINGLE = {"0.W_enc.0": (N, D), "0.W_dec.0": (N, D), "0.b_enc": (N,), "0.b_dec.0": (D,)}
GATED = {name: shape for name, shape in SINGLE.items() if name != "0.b_enc"} | {
    f"0.{name}": (N,) for name in ("b_gate", "b_mag", "r_mag")
}
CASES = {
    "standard": (standard, dict(coefficient=0.7), SINGLE),
    "gated": (gated, dict(coefficient=0.7), GATED),
    "topk": (topk, dict(k=4), SINGLE),
    "batchtopk": (batchtopk, dict(k=4), SINGLE),
    "matryoshka": (matryoshka, dict(k=4, prefixes=(4, 9, N)), SINGLE),
    "jumprelu": (jumprelu, dict(coefficient=0.3, bandwidth=0.8), SINGLE | {"0.threshold": (N,)}),
    "jumprelu-target": (
        jumprelu,
        dict(coefficient=0.3, bandwidth=0.8, target=3.0),
        SINGLE | {"0.threshold": (N,)},
    ),
    "jumprelu-tanh": (
        jumprelu,
        dict(coefficient=0.3, bandwidth=0.8, tanh=4.0),
        SINGLE | {"0.threshold": (N,)},
    ),
    "skip-transcoder": (skip_transcoder, dict(k=4), SINGLE | {"0.W_skip": (D, D)}),
    "crosscoder": (
        crosscoder,
        dict(coefficient=0.7),
        SINGLE | {"0.W_enc.1": (N, D), "0.W_dec.1": (N, D), "0.b_dec.1": (D,)},
    ),
    "cross-layer": (
        cross_layer,
        dict(k=4),
        SINGLE | {"0.W_dec.1": (N, D), "1.W_enc.0": (N, D), "1.W_dec.0": (N, D)} | {"1.b_enc": (N,), "1.b_dec.0": (D,)},
    ),
}
UNIT = {"topk", "batchtopk", "matryoshka", "skip-transcoder", "cross-layer"}


def decoders(p, part):
    return [name for name in p if name.startswith(f"{part}.W_dec.")]


def unit_rows(p):
    """Brings every feature's decoders, over all it writes, to length 1."""
    for part in {name.split(".")[0] for name in p}:
        names = decoders(p, part)
        length = sum(p[name].square().sum(-1, keepdim=True) for name in names).sqrt()
        for name in names:
            p[name] = p[name] / length


def step(name, generator):
    loss_of, settings, shapes = CASES[name]
    random = lambda *shape: torch.randn(*shape, generator=generator)
    p = {key: 0.5 * random(*shape) for key, shape in shapes.items()}
    if "0.threshold" in p:
        p["0.threshold"] = p["0.threshold"].abs() + 0.2
    if name in UNIT:
        unit_rows(p)
    x = {address: 1.5 * random(ROWS, D) for address in "abc"}
    dead = torch.zeros(N)
    dead[[2, 3, 11, 12, 13]] = 1
    if name == "topk":
        # What is dead must not be among the chosen, as it would not be.
        p["0.b_enc"][dead.bool()] = -1.5
    p = {key: value.clone().requires_grad_() for key, value in p.items()}
    loss, mse, acts = loss_of(p, x, dead.bool() if name == "topk" else dead, **settings)
    loss.backward()
    after = {}
    with torch.no_grad():
        grads = {key: value.grad.clone() for key, value in p.items()}
        if name in UNIT:
            for part in {key.split(".")[0] for key in p}:
                names = decoders(p, part)
                along = sum((grads[key] * p[key]).sum(-1, keepdim=True) for key in names)
                for key in names:
                    grads[key] -= along * p[key]
        for key, value in p.items():
            after[key] = value - LR * grads[key]
        if name in UNIT:
            unit_rows(after)
        if "0.threshold" in after:
            after["0.threshold"].clamp_(min=0)
    return {
        **{f"x/{address}": value for address, value in x.items()},
        **{f"before/{key}": value.detach().contiguous() for key, value in p.items()},
        **{f"after/{key}": value.contiguous() for key, value in after.items()},
        "dead": dead,
        "loss": loss.detach().reshape(1),
        "mse": mse.detach().clone().reshape(1),
        "l0": ((acts > 0).float().sum() / ROWS).reshape(1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("test/fixtures/dictionary-steps"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for seed, case in enumerate(CASES):
        save_file(step(case, torch.Generator().manual_seed(seed)), out / f"{case}.safetensors")

"""Optimiser trajectories in float64: PyTorch's on a tiny fixed problem, and Lion from its paper.

Usage: python scripts/reference/make_adamw.py [--out test/fixtures/optim.json]

Problem: loss = mean over batch and outputs of (tanh(x w + b) - y)^2, with x [6, 3], w [3, 2], b [2]. For
each optimiser the file holds, per step, the loss and the gradients at the parameters before the
step, and the parameters after it; so a step can be checked alone (feed the recorded
gradients) or the whole run from the start (own gradients).

Conventions worth knowing: SGD and Adam add weight decay to the gradient, AdamW and Lion decay the
parameters by lr * weightDecay; Adam's eps is outside the square root; clipping multiplies by
min(1, maxNorm / (norm + 1e-6)) with the norm over all parameters together.
The moving average starts as a copy of the parameters after the first step. A schedule is listed by
the factor (or rate) in force at step 0, 1, 2, ...: with warmup, step 0 has rate 0.
Lion: Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2.
"""

import argparse
import json
import pathlib

import numpy as np
import torch
import transformers
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

STEPS = 10
torch.set_default_dtype(torch.float64)


def problem():
    generator = torch.Generator().manual_seed(7)
    randn = lambda *shape: torch.round(torch.randn(*shape, generator=generator) * 1000) / 1000
    return {"x": randn(6, 3), "y": torch.tanh(randn(6, 2)), "w": randn(3, 2), "b": randn(2)}


class Net(torch.nn.Module):
    def __init__(self, data):
        super().__init__()
        self.w = torch.nn.Parameter(data["w"].clone())
        self.b = torch.nn.Parameter(data["b"].clone())

    def loss(self, x, y):
        return ((torch.tanh(x @ self.w + self.b) - y) ** 2).mean()


class Lion:
    """Algorithm 2 of Chen et al. 2023, in numpy."""

    def __init__(self, params, lr, betas, weight_decay):
        self.params, self.lr, self.betas, self.weight_decay = list(params), lr, betas, weight_decay
        self.momentum = [np.zeros(tuple(p.shape)) for p in self.params]
        self.param_groups = [{"lr": lr}]

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    def step(self):
        beta1, beta2 = self.betas
        lr = self.param_groups[0]["lr"]
        with torch.no_grad():
            for i, p in enumerate(self.params):
                grad, value = p.grad.numpy(), p.detach().numpy().copy()
                update = np.sign(beta1 * self.momentum[i] + (1 - beta1) * grad)
                value -= lr * (update + self.weight_decay * value)
                self.momentum[i] = beta2 * self.momentum[i] + (1 - beta2) * grad
                p.copy_(torch.from_numpy(value))


def flat(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def run(data, make_optimiser, max_norm=None, schedule=None, micro_batches=1, ema=None):
    net = Net(data)
    optimiser = make_optimiser(net.parameters())
    scheduler = schedule(optimiser) if schedule else None
    average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(ema)) if ema else None
    steps = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        total = 0.0
        for x, y in zip(data["x"].chunk(micro_batches), data["y"].chunk(micro_batches)):
            loss = net.loss(x, y) / micro_batches
            loss.backward()
            total += loss.item()
        step = {"loss": total, "gradW": flat(net.w.grad), "gradB": flat(net.b.grad)}
        if max_norm is not None:
            step["gradNorm"] = float(torch.nn.utils.clip_grad_norm_(net.parameters(), max_norm))
            step["clippedW"], step["clippedB"] = flat(net.w.grad), flat(net.b.grad)
        step["lr"] = float(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if scheduler:
            scheduler.step()
        step["w"], step["b"] = flat(net.w), flat(net.b)
        if average:
            average.update_parameters(net)
            step["emaW"], step["emaB"] = flat(average.module.w), flat(average.module.b)
        steps.append(step)
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/optim.json", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = problem()
    optim = torch.optim
    adamw = dict(lr=0.05, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)

    def case(name, options, make_optimiser, **extra):
        return {"name": name, "options": options, "steps": run(data, make_optimiser, **extra)}

    cosine = lambda o: transformers.get_cosine_schedule_with_warmup(o, 3, STEPS)
    cases = [
        case("sgd", {"lr": 0.3}, lambda p: optim.SGD(p, lr=0.3)),
        case("sgd-momentum", {"lr": 0.1, "momentum": 0.9, "weightDecay": 0.05},
             lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05)),
        case("sgd-nesterov", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.0},
             lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
        case("adam", {"lr": 0.05, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weightDecay": 0.0},
             lambda p: optim.Adam(p, lr=0.05)),
        case("adam-l2", {"lr": 0.05, "beta1": 0.8, "beta2": 0.95, "eps": 1e-3, "weightDecay": 0.1},
             lambda p: optim.Adam(p, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
        case("adamw", {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weightDecay": 0.1},
             lambda p: optim.AdamW(p, **adamw)),
        case("lion", {"lr": 0.02, "beta1": 0.9, "beta2": 0.99, "weightDecay": 0.1},
             lambda p: Lion(p, 0.02, (0.9, 0.99), 0.1)),
        case("adamw-clip-cosine-ema",
             {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weightDecay": 0.1,
              "maxNorm": 0.15, "schedule": {"kind": "cosine", "warmup": 3, "total": STEPS},
              "ema": 0.8},
             lambda p: optim.AdamW(p, **adamw), max_norm=0.15, schedule=cosine, ema=0.8),
        case("adamw-accumulate",
             {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weightDecay": 0.1,
              "microBatches": 3},
             lambda p: optim.AdamW(p, **adamw), micro_batches=3),
    ]

    def factors(make, total=20):
        optimiser = optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler, out = make(optimiser), []
        for _ in range(total + 3):
            out.append(float(optimiser.param_groups[0]["lr"]))
            optimiser.step()
            scheduler.step()
        return out

    t = transformers
    schedules = [
        {"name": "constant", "warmup": 4,
         "factors": factors(lambda o: t.get_constant_schedule_with_warmup(o, 4))},
        {"name": "linear", "warmup": 4, "total": 20,
         "factors": factors(lambda o: t.get_linear_schedule_with_warmup(o, 4, 20))},
        {"name": "cosine", "warmup": 4, "total": 20,
         # Past its last step this one would climb again, so it ends there.
         "factors": factors(lambda o: t.get_cosine_schedule_with_warmup(o, 4, 20))[:21]},
        {"name": "cosine", "warmup": 0, "total": 20, "floor": 0.1,
         "factors": factors(lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 20, eta_min=0.1))[:21]},
    ]
    out = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__},
           "problem": {key: {"shape": list(value.shape), "data": flat(value)}
                       for key, value in data.items()},
           "cases": cases, "schedules": schedules}
    text = json.dumps(out).replace('{"name"', '\n{"name"').replace('{"loss"', '\n {"loss"')
    args.out.write_text(text + "\n", encoding="utf-8")
    for entry in cases:
        print(f"{entry['name']:24s} loss {entry['steps'][0]['loss']:.4f} -> "
              f"{entry['steps'][-1]['loss']:.4f}")
    print(f"{args.out}: {args.out.stat().st_size / 1024:.1f} KiB")


if __name__ == "__main__":
    main()

"""What delphi's own scorers make of fixed answers of a judge.

Usage: python scripts/reference/make_explanation_scores.py [--out test/fixtures/explanation-scores.json]

DetectionScorer, FuzzingScorer and RefactoredOpenAISimulator of delphi run on made-up texts with a client that answers from a
seeded stream; some answers fail or cannot be read. Written are the samples in the order they were asked, the answers, and the scores
that delphi's result_analysis and simulator compute. vllm, which only its local client needs, is left out.
Versions: requirements-interop.txt.
"""

import argparse
import asyncio
import importlib.abc
import importlib.machinery
import json
import pathlib
import sys
import types

import numpy as np
import pandas as pd
import torch


class WithoutVllm(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Empty modules for vllm, which is imported but not used here."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name.split(".")[0] == "vllm" else None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = lambda name: type(name, (), {}) if not name.startswith("__") else (_ for _ in ()).throw(AttributeError(name))
        return module

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, WithoutVllm())

from delphi.clients.client import Response  # noqa: E402
from delphi.latents.latents import ActivatingExample, Latent, LatentRecord, NonActivatingExample  # noqa: E402
from delphi.latents.samplers import normalize_activations  # noqa: E402
from delphi.log.result_analysis import compute_auc, compute_classification_metrics, compute_confusion  # noqa: E402
from delphi.scorers.classifier.detection import DetectionScorer  # noqa: E402
from delphi.scorers.classifier.fuzz import FuzzingScorer  # noqa: E402
from delphi.scorers.simulator.simulation.oai_simulator import RefactoredOpenAISimulator  # noqa: E402

TOKENS, EXAMPLES = 16, 20


class Words:
    """A tokenizer of which delphi needs only this."""

    def batch_decode(self, tokens):
        return [f" w{int(token)}" for token in tokens]


def texts(rng, activating, count):
    out = []
    for _ in range(count):
        tokens = torch.from_numpy(rng.integers(0, 50, TOKENS))
        acts = torch.zeros(TOKENS)
        if activating:
            places = rng.choice(TOKENS, rng.integers(1, 5), replace=False)
            acts[places] = torch.from_numpy(rng.gamma(2, 1, len(places)).astype(np.float32))
            out.append(ActivatingExample(tokens=tokens, activations=acts))
        else:
            out.append(NonActivatingExample(tokens=tokens, activations=acts, str_tokens=Words().batch_decode(tokens)))
    return sorted(out, key=lambda one: -one.max_activation) if activating else out


def record(rng, count=EXAMPLES):
    test = normalize_activations(texts(rng, True, count), 6.0)
    for example in test:
        example.str_tokens = Words().batch_decode(example.tokens)
    return LatentRecord(latent=Latent("layers.0", 0), test=test, not_active=texts(rng, False, count), explanation="made up")


class Judge:
    """Answers by a stream of its own; failures and answers that cannot be read at fixed questions."""

    def __init__(self, seed, logprobs, odd):
        self.rng = np.random.default_rng(seed)
        self.logprobs, self.odd = logprobs, odd
        self.replies = []

    async def generate(self, prompt, **_):
        odd = self.odd.get(len(self.replies))
        if odd is not None:
            self.replies.append(dict(text=odd))
            if odd == "":
                raise RuntimeError("no answer")
            return Response(text=odd)
        ones = self.rng.random(5)
        text = "[" + ", ".join(str(int(p > 0.5)) for p in ones) + "]"
        reply = dict(text=text)
        if self.logprobs:
            reply["logprobs"] = [
                dict(token=str(int(p > 0.5)), top=[dict(token="1", logprob=float(np.log(p * 0.9))), dict(token="0", logprob=float(np.log((1 - p) * 0.9))), dict(token="x", logprob=float(np.log(0.1)))])
                for p in ones
            ]
        self.replies.append(reply)
        objects = [types.SimpleNamespace(token=one["token"], top_logprobs=[types.SimpleNamespace(**top) for top in one["top"]]) for one in reply.get("logprobs", [])]
        return Response(text=text, logprobs=objects or None)


def classified(make, seed, odd):
    logprobs = not odd
    judge = Judge(seed, logprobs, odd)
    scorer = make(judge, n_examples_shown=5, log_prob=logprobs)
    asked = []
    batch = scorer._batch
    scorer._batch = lambda samples: asked.extend(samples) or batch(samples)
    outputs = scorer.call_sync(record(np.random.default_rng(seed))).score
    frame = pd.DataFrame([dict(activating=one.activating, prediction=one.prediction, probability=one.probability) for one in outputs])
    metrics = compute_classification_metrics(compute_confusion(frame))
    return dict(
        items=[dict(text=sample.text, truth=sample.data.activating) for sample in asked],
        replies=judge.replies,
        expected=dict(balancedAccuracy=float(metrics["accuracy"]), f1=float(metrics["f1_score"]), auc=compute_auc(frame), missing=int(frame.prediction.isna().sum())),
    )


class Simulator:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.replies = {}

    async def generate(self, prompt, **_):
        asked = json.loads(prompt[-1]["content"])
        tokens = [one["token"] for one in asked["activations"]]
        levels = [int(level) for level in self.rng.integers(0, 11, len(tokens)) * (self.rng.random(len(tokens)) < 0.3)]
        self.replies["".join(tokens)] = levels
        return Response(text=json.dumps(dict(activations=[dict(token=token, activation=level) for token, level in zip(tokens, levels)])))


def simulated(seed):
    made = record(np.random.default_rng(seed), 5)
    client = Simulator(seed)
    groups = asyncio.run(RefactoredOpenAISimulator(client, Words(), all_at_once=False)(made)).score
    [overall] = [group for group in groups if group.quantile == -1] if hasattr(groups[0], "quantile") else [groups[-1]]
    examples = lambda rows: [dict(tokens=Words().batch_decode(row.tokens), acts=row.activations.double().tolist(), levels=[int(v) for v in getattr(row, "normalized_activations", torch.zeros(TOKENS))]) for row in rows]
    return dict(max=6.0, active=examples(made.test), silent=examples(made.not_active), replies=client.replies, expected=dict(correlation=overall_correlation(overall)))


def overall_correlation(group):
    for name in ("correlation", "ev_correlation_score"):
        if hasattr(group, name):
            return float(getattr(group, name))
    raise AttributeError(f"no correlation in {group}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/explanation-scores.json", type=pathlib.Path)
    args = parser.parse_args()
    odd = {1: "", 3: "I cannot tell.", 6: "[1, 0]"}
    active = lambda judge, **more: FuzzingScorer(judge, fuzz_type="active", **more)
    made = {
        "detection": classified(DetectionScorer, 1, {}),
        "detection-failures": classified(DetectionScorer, 2, odd),
        "fuzzing": classified(FuzzingScorer, 3, {}),
        "fuzzing-active": classified(active, 4, {}),
        "fuzzing-failures": classified(FuzzingScorer, 5, odd),
    }
    simulations = [simulated(seed) for seed in (11, 12, 13)]
    args.out.write_text(json.dumps(dict(classified=made, simulated=simulations)) + "\n")


if __name__ == "__main__":
    main()

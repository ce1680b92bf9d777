"""Edge scores of small models, done by EAP-IG's own implementation (github.com/hannamw/EAP-IG).

Usage: PYTHONPATH=EAP-IG/src python scripts/reference/make_circuits.py [--out FILE]

Needs TransformerLens 2 (HookedTransformer) and a checkout of EAP-IG, in which the device 'cuda' is
replaced by 'cpu'. Weights are those of test/fixtures/families/NAME. Writes, for every model and method, the
score of every edge by name. EAP-IG's differences are corrupted - clean and its metric here is the logit
difference, so its scores have the opposite sign of ours: they are written with ours.
"""

import argparse
import json
import pathlib

import torch
from hooked import load_hooked

import eap.attribute as attribute
from eap.graph import Graph

MODELS = ["gpt2", "llama3"]
CLEAN = [3, 7, 9, 11, 4, 8]
CORRUPTED = [3, 7, 21, 11, 30, 8]
TARGET, DISTRACTOR = 5, 17
STEPS = 5


def tokens(_model, inputs, max_length=None):
    """Stands in for EAP-IG's tokenisation: prompts are named, not written."""
    ids = torch.tensor([CLEAN if name == "clean" else CORRUPTED for name in inputs])
    return ids, torch.ones_like(ids), torch.full((len(inputs),), ids.shape[1]), ids.shape[1]


def metric(logits, _clean_logits, _lengths, _label):
    return (logits[:, -1, TARGET] - logits[:, -1, DISTRACTOR]).mean()


def scores(model, method):
    graph = Graph.from_model(model)
    data = [(["clean"], ["corrupted"], None)]
    run = {
        "eap": lambda: attribute.get_scores_eap(model, graph, data, metric, quiet=True),
        "eap-ig-inputs": lambda: attribute.get_scores_eap_ig(
            model, graph, data, metric, steps=STEPS, quiet=True),
    }[method]
    graph.scores[:] = run()
    return {name: round(-float(edge.score), 8) for name, edge in graph.edges.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--out", default=root / "test/fixtures/microscope/circuits.json")
    out = parser.parse_args().out
    attribute.tokenize_plus = tokens
    cases = []
    for name in MODELS:
        model, _ = load_hooked(
            root / "test/fixtures/families" / name, use_attn_result=True,
            use_split_qkv_input=True, use_hook_mlp_in=True,
            **({} if name == "gpt2" else {"ungroup_grouped_query_attention": True}))
        for method in ["eap", "eap-ig-inputs"]:
            cases.append({"model": name, "method": method, "steps": STEPS,
                          "scores": scores(model, method)})
    document = {"clean": CLEAN, "corrupted": CORRUPTED, "target": TARGET,
                "distractor": DISTRACTOR, "cases": cases}
    pathlib.Path(out).write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()

"""The other side of bench/circuits.ts: one patching sweep by TransformerLens 2, or edges by EAP-IG.

Usage: python scripts/reference/compare_circuits.py sweep|eap|eap-ig [--threads N]

A random model of GPT-2 small's shape. The sweep runs a sample of its 2,304 patches, evenly spread over
layers, heads and positions, and scales up. Prints {"cpu": seconds, "wall": seconds}.
"""

import argparse
import json
import time
from functools import partial

import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

CLEAN = torch.arange(16) * 7 + 100
CORRUPTED = CLEAN.clone()
CORRUPTED[10] = 9999


def build(**options):
    return HookedTransformer(HookedTransformerConfig(
        n_layers=12, d_model=768, n_heads=12, d_head=64, d_mlp=3072, d_vocab=50257, n_ctx=1024,
        act_fn="gelu_new", normalization_type="LN", device="cpu", seed=0, **options)).eval()


def difference(logits):
    return (logits[:, -1, 5] - logits[:, -1, 17]).mean()


def clock(run):
    run(1)
    cpu, wall = time.process_time(), time.perf_counter()
    scale = run(None)
    return {"cpu": (time.process_time() - cpu) * scale,
            "wall": (time.perf_counter() - wall) * scale}


def sweep():
    model = build()
    with torch.inference_mode():
        _, cache = model.run_with_cache(CLEAN[None])

        def put(value, hook, head, position):
            value[:, position, head] = cache[hook.name][:, position, head]
            return value

        def run(limit):
            sample = [(layer, head, position) for layer in range(12) for head in (0, 6)
                      for position in (0, 8)][:limit]
            for layer, head, position in sample:
                hook = partial(put, head=head, position=position)
                float(difference(model.run_with_hooks(
                    CORRUPTED[None], fwd_hooks=[(f"blocks.{layer}.attn.hook_z", hook)])))
            return 12 * 12 * 16 / len(sample)

        return clock(run)


def edges(method):
    import eap.attribute as attribute
    from eap.graph import Graph
    model = build(use_attn_result=True, use_split_qkv_input=True, use_hook_mlp_in=True)

    def tokens(_model, names, max_length=None):
        ids = torch.stack([CLEAN if name == "clean" else CORRUPTED for name in names])
        return ids, torch.ones_like(ids), torch.full((len(names),), 16), 16

    attribute.tokenize_plus = tokens
    graph = Graph.from_model(model)
    data = [(["clean"] * 4, ["corrupted"] * 4, None)]
    metric = lambda logits, _clean, _lengths, _label: difference(logits)

    def run(_limit):
        if method == "eap":
            attribute.get_scores_eap(model, graph, data, metric, quiet=True)
        else:
            attribute.get_scores_eap_ig(model, graph, data, metric, steps=5, quiet=True)
        return 1

    return clock(run)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", choices=["sweep", "eap", "eap-ig"])
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(json.dumps(sweep() if given.bench == "sweep" else edges(given.bench)))


if __name__ == "__main__":
    main()

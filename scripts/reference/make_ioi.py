"""The measurements of TransformerLens's demonstrations, done by it on a tiny random GPT-2.

Usage: python scripts/reference/make_ioi.py [--out FILE]

Weights are those of test/fixtures/families/gpt2, processed as TransformerLens does by default (norms and value biases folded,
writing weights and unembedding centred). Words are `a1`, `a2`, ...: one token each. Writes a reference as
src/microscope/ioi/reference/types.ts describes it, so that the comparison with GPT-2 small's published figures can be
tested where its weights are not: every figure must pass.
"""

import argparse
import json
import pathlib

import torch
from hooked import load_hooked
from transformer_lens import patching, utils

PAIRS = [("a3 a7 a9 a11 a4 a8", "a3 a7 a21 a11 a30 a8", 5, 17),
         ("a6 a2 a19 a4 a1 a9", "a6 a5 a9 a14 a40 a9", 3, 20)]
POSITIONS = [3, 6]
HALVES = [[4, 9, 2, 30, 11], [7, 41, 3, 8, 25]]
TEXT = "a5 a4 a9 a30 a2 a6"


def ids(text):
    return [0] + [int(word[1:]) for word in text.split()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--out", default=root / "test/fixtures/microscope/ioi.json")
    out = parser.parse_args().out
    folder = root / "test/fixtures/families/gpt2"
    raw, _ = load_hooked(folder)
    model, _ = load_hooked(folder, use_attn_result=True)
    model.load_and_process_state_dict(
        model.state_dict(), fold_ln=True, center_writing_weights=True, center_unembed=True,
        fold_value_biases=True)
    n_layers, n_heads = model.cfg.n_layers, model.cfg.n_heads
    clean = torch.tensor([ids(c) for c, _, _, _ in PAIRS])
    corrupted = torch.tensor([ids(c) for _, c, _, _ in PAIRS])
    answers = torch.tensor([[t, d] for _, _, t, d in PAIRS])

    def diffs(logits):
        last = logits[:, -1].gather(1, answers)
        return last[:, 0] - last[:, 1]

    mean = lambda logits: diffs(logits).mean()
    logits, cache = model.run_with_cache(clean)
    other, _ = model.run_with_cache(corrupted)
    directions = model.W_U.T[answers]
    directions = directions[:, 0] - directions[:, 1]

    def project(stack, cache):
        scaled = cache.apply_ln_to_stack(stack, layer=-1, pos_slice=-1)
        return (scaled * directions).sum(-1).mean(-1).tolist()

    lens = dict(zip(*reversed([
        project(cache.accumulated_resid(layer=-1, incl_mid=True, pos_slice=-1), cache),
        cache.accumulated_resid(layer=-1, incl_mid=True, pos_slice=-1, return_labels=True)[1]])))
    each, labels = cache.decompose_resid(layer=-1, pos_slice=-1, return_labels=True)
    layers = dict(zip(labels, project(each, cache)))
    heads = project(cache.stack_head_results(layer=-1, pos_slice=-1), cache)
    names = [f"{l}.{h}" for l in range(n_layers) for h in range(n_heads)]

    span = float(mean(logits) - mean(other))

    def normalised(logits):
        return (mean(logits) - mean(other)) / span

    def table(found, at=None):
        """[layer, position or head] to names of layers or heads."""
        if at is None:
            return {f"{l}.{h}": float(found[l, h]) for l in range(n_layers) for h in range(n_heads)}
        return {str(l): float(found[l, at]) for l in range(n_layers)}

    by_position = {
        "resid_pre": patching.get_act_patch_resid_pre(model, corrupted, cache, normalised),
        "attn_out": patching.get_act_patch_attn_out(model, corrupted, cache, normalised),
        "mlp_out": patching.get_act_patch_mlp_out(model, corrupted, cache, normalised)}
    by_head = {
        "z": patching.get_act_patch_attn_head_out_all_pos(model, corrupted, cache, normalised),
        "q": patching.get_act_patch_attn_head_q_all_pos(model, corrupted, cache, normalised),
        "k": patching.get_act_patch_attn_head_k_all_pos(model, corrupted, cache, normalised),
        "v": patching.get_act_patch_attn_head_v_all_pos(model, corrupted, cache, normalised),
        "pattern": patching.get_act_patch_attn_head_pattern_all_pos(
            model, corrupted, cache, normalised)}
    tables = [{"site": site, "at": at, "effects": table(found, at)}
              for site, found in by_position.items() for at in POSITIONS]
    tables += [{"site": site, "at": "all", "effects": table(found)}
               for site, found in by_head.items()]

    def silence(value, hook):
        value = value.clone()
        value[:, -1, 1] = 0
        return value

    with model.hooks(fwd_hooks=[("blocks.0.attn.hook_z", silence)]):
        silenced, without = model.run_with_cache(clean)
    knocked = project(without.stack_head_results(layer=-1, pos_slice=-1), without)

    def no_values(value, hook):
        value = value.clone()
        value[:, :, 0] = 0
        return value

    text = torch.tensor([ids(TEXT)])
    repeated = torch.tensor([half + half for half in HALVES])
    _, scores = model.run_with_cache(repeated)
    length = len(HALVES[0])

    def diagonal(back):
        return {f"{l}.{h}": float(scores["pattern", l].diagonal(-back, -2, -1).mean((0, -1))[h])
                for l in range(n_layers) for h in range(n_heads)}

    single = model(text)[0, -1]
    ablate = dict(return_type="loss", fwd_hooks=[(utils.get_act_name("v", 0), no_values)])
    rounded = lambda x: json.loads(json.dumps(x), parse_float=lambda v: round(float(v), 6))
    document = {
        "model": "a tiny random GPT-2", "tolerance": 0.001,
        "shape": {"nLayers": n_layers, "nHeads": n_heads, "dModel": model.cfg.d_model},
        "prompts": [{"clean": c, "corrupted": o, "target": f"a{t}", "distractor": f"a{d}"}
                    for c, o, t, d in PAIRS],
        "logitDiffs": diffs(logits).tolist(),
        "mean": {"clean": float(mean(logits)), "corrupted": float(mean(other))},
        # The running sums start with the embeddings, which the comparison has no name for.
        "lens": {name: value for name, value in lens.items()
                 if name not in ("0_pre", "final_post")},
        "layers": {f"{'attn' if 'attn' in name else 'mlp'} {name.split('_')[0]}": value
                   for name, value in layers.items() if "attn" in name or "mlp" in name},
        "heads": dict(zip(names, heads)),
        "patching": tables,
        "knockOut": {"head": "0.1", "heads": dict(zip(names, knocked)),
                     "mean": float(mean(silenced))},
        "answers": [{"prompt": TEXT, "token": "a5", "logit": float(single[5]),
                     "probability": float(single.softmax(-1)[5])}],
        "differences": [{"prompt": TEXT, "target": "a5", "distractor": "a17",
                         "logitDiff": float(single[5] - single[17])}],
        "loss": {"text": TEXT, "head": "0.0", "plain": float(model(text, return_type="loss")),
                 "ablated": float(model.run_with_hooks(text, **ablate)),
                 "ablatedUnfolded": float(raw.run_with_hooks(text, **ablate))},
        "headScores": {"halves": HALVES, "previousToken": diagonal(1),
                       "duplicateToken": diagonal(length), "induction": diagonal(length - 1)},
        "roles": {},
    }
    pathlib.Path(out).write_text(json.dumps(rounded(document)) + "\n")


if __name__ == "__main__":
    with torch.no_grad():
        main()

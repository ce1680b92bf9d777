"""Interventions, patching sweeps, logit lens and direct logit attribution, done by TransformerLens.

Usage: python scripts/reference/make_microscope.py [--families DIR] [--out test/fixtures/microscope]

Weights are those of test/fixtures/families/NAME. Writes microscope.json (what was done, small results) and
microscope.safetensors (tokens, edit values, logits):

  edits     each case: a model, a list of edits applied in order, and the tensor `edit.NAME.logits`.
            ops: zero; set, add (a vector over the last axis); scale (a number); project (remove the
            component along a direction); patch (take the values of another run, `source` names its
            tokens). `positions` are query positions, `heads` head indices (key-value heads for
            hook_k and hook_v); null means all.
  patching  denoising sweeps: run the corrupted tokens with one clean activation put in, report
            logit[answer] - logit[distractor] at the last position. effect[layer][pos or head].
  lens      `lens.MODEL` [layer + 1, batch, pos, d_vocab]: final norm and unembedding applied to the
            first block's resid_pre and to every resid_post.
  dla       logit difference split over components and over heads at the last position, the final
            norm's scale frozen and its weight folded in; `constant` is what no component writes.
"""

import argparse
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformer_lens import patching

from hooked import load_hooked

POS = 7
ADD = {"op": "add", "value": "vector"}

# name -> (model, edits). `vector` and `direction` stand for random values of the right width.
CASES = {
    "zero-z-head": ("gpt2", [{"address": "blocks.1.attn.hook_z", "op": "zero", "heads": [1]}]),
    "zero-pos-embed": ("gpt2", [{"address": "hook_pos_embed", "op": "zero", "positions": [2, 5]}]),
    "set-resid-mid": ("gpt2", [{"address": "blocks.0.hook_resid_mid", "op": "set",
                                "value": "vector", "positions": [3]}]),
    "add-result-head": ("gpt2", [{"address": "blocks.0.attn.hook_result", **ADD, "heads": [0],
                                  "positions": [1, 6]}]),
    "add-attn-in-head": ("gpt2", [{"address": "blocks.1.hook_attn_in", **ADD, "heads": [1]}]),
    "add-mlp-in": ("gpt2", [{"address": "blocks.1.hook_mlp_in", **ADD}]),
    "scale-scores": ("gpt2", [{"address": "blocks.0.attn.hook_attn_scores", "op": "scale",
                               "value": 0.25, "heads": [0]}]),
    "scale-ln1-scale": ("gpt2", [{"address": "blocks.1.ln1.hook_scale", "op": "scale",
                                  "value": 2.0, "positions": [4, 6]}]),
    "add-ln-final": ("gpt2", [{"address": "ln_final.hook_normalized", **ADD, "positions": [6]}]),
    "project-resid-post": ("gpt2", [{"address": "blocks.0.hook_resid_post", "op": "project",
                                     "value": "direction"}]),
    "patch-resid-pre": ("gpt2", [{"address": "blocks.1.hook_resid_pre", "op": "patch",
                                  "source": "tokensB", "positions": [2, 3]}]),
    "freeze-pattern": ("gpt2", [{"address": "blocks.0.hook_resid_pre", **ADD},
                                {"address": "blocks.1.attn.hook_pattern", "op": "patch",
                                 "source": "tokens"}]),
    "freeze-norm-scale": ("gpt2", [{"address": "blocks.0.hook_resid_post", **ADD},
                                   {"address": "ln_final.hook_scale", "op": "patch",
                                    "source": "tokens"}]),
    "add-then-scale": ("gpt2", [{"address": "blocks.0.hook_mlp_out", **ADD},
                                {"address": "blocks.0.hook_mlp_out", "op": "scale",
                                 "value": 3.0}]),
    "scale-then-add": ("gpt2", [{"address": "blocks.0.hook_mlp_out", "op": "scale", "value": 3.0},
                                {"address": "blocks.0.hook_mlp_out", **ADD}]),
    "neox-attn-out": ("gpt-neox", [{"address": "blocks.0.hook_attn_out", **ADD,
                                    "positions": [2]}]),
    "neox-mlp-in": ("gpt-neox", [{"address": "blocks.1.hook_mlp_in", "op": "scale",
                                  "value": -1.5}]),
    "neox-q": ("gpt-neox", [{"address": "blocks.0.attn.hook_q", **ADD, "heads": [1]}]),
    "gqa-k": ("llama3", [{"address": "blocks.0.attn.hook_k", **ADD, "heads": [1],
                          "positions": [1, 4]}]),
    "gqa-v-zero": ("llama3", [{"address": "blocks.1.attn.hook_v", "op": "zero", "heads": [0]}]),
    "gqa-z-patch": ("llama3", [{"address": "blocks.0.attn.hook_z", "op": "patch",
                                "source": "tokensB", "heads": [3]}]),
    "gated-pre": ("llama3", [{"address": "blocks.0.mlp.hook_pre", **ADD}]),
    "gated-pre-linear": ("llama3", [{"address": "blocks.0.mlp.hook_pre_linear", "op": "scale",
                                     "value": 0.5, "positions": [3, 4, 5, 6]}]),
    "gated-post": ("llama3", [{"address": "blocks.1.mlp.hook_post", "op": "zero",
                               "positions": [6]}]),
    "qk-norm-q": ("qwen3", [{"address": "blocks.0.attn.hook_q", **ADD, "heads": [2]}]),
    "post-norm-attn-out": ("gemma2", [{"address": "blocks.1.hook_attn_out", "op": "scale",
                                       "value": 0.0, "positions": [5]}]),
    "post-norm-mlp-out": ("gemma3", [{"address": "blocks.0.hook_mlp_out", **ADD}]),
    "embed-gemma": ("gemma2", [{"address": "hook_embed", "op": "set", "value": "vector",
                                "positions": [0]}]),
}


class Models:
    """The unprocessed models, loaded once per set of switches."""

    def __init__(self, families):
        self.families, self.loaded = families, {}

    def get(self, name, **switches):
        key = (name, *sorted(switches))
        if key not in self.loaded:
            self.loaded[key], _ = load_hooked(self.families / name, **switches)
        return self.loaded[key]


def switches_for(edits):
    names = {edit["address"].rsplit(".", 1)[-1] for edit in edits}
    switches = {"hook_result": "use_attn_result", "hook_mlp_in": "use_hook_mlp_in",
                "hook_attn_in": "use_attn_in"}
    return {switches[name]: True for name in names if name in switches}


def pick(activation, address, edit):
    """A boolean mask of the entries that the edit touches."""
    mask = torch.ones(activation.shape, dtype=torch.bool)
    square = address.endswith(("hook_pattern", "hook_attn_scores"))  # [batch, head, query, key]
    for key, axis in (("positions", 2 if square else 1), ("heads", 1 if square else 2)):
        if edit.get(key) is not None:
            chosen = torch.zeros(activation.shape[axis], dtype=torch.bool)
            chosen[edit[key]] = True
            shape = [1] * activation.dim()
            shape[axis] = -1
            mask &= chosen.view(shape)
    return mask


def edited(activation, edit, value, other):
    if edit["op"] == "zero":
        return torch.zeros_like(activation)
    if edit["op"] == "set":
        return value.expand_as(activation)
    if edit["op"] == "add":
        return activation + value
    if edit["op"] == "scale":
        return activation * value
    if edit["op"] == "patch":
        return other
    unit = value / value.norm()
    return activation - (activation @ unit)[..., None] * unit


def run_edits(models, name, edits, tokens, values):
    model = models.get(name, **switches_for(edits))
    hooks = []
    for edit, value in zip(edits, values):
        other = None
        if edit["op"] == "patch":
            _, cache = model.run_with_cache(tokens[edit["source"]])
            other = cache[edit["address"]]

        def hook(activation, hook, edit=edit, value=value, other=other):
            return torch.where(pick(activation, edit["address"], edit),
                               edited(activation, edit, value, other), activation)
        hooks.append((edit["address"], hook))
    return model.run_with_hooks(tokens["tokens"], fwd_hooks=hooks)


def make_edits(models, tensors, tokens, generator):
    out = []
    for name, (model, edits) in CASES.items():
        loaded = models.get(model, **switches_for(edits))
        _, cache = loaded.run_with_cache(tokens["tokens"])
        values, described = [], []
        for index, edit in enumerate(edits):
            value, shown = edit.get("value"), dict(edit)
            if isinstance(value, str):
                width = cache[edit["address"]].shape[-1]
                value = torch.randn(width, generator=generator)
                shown["value"] = f"edit.{name}.{index}"
                tensors[shown["value"]] = value
            values.append(value)
            described.append(shown)
        logits = run_edits(models, model, edits, tokens, values)
        change = (logits - loaded(tokens["tokens"])).abs().max().item()
        if change < 1e-2:
            raise SystemExit(f"{name}: the edit changes nothing ({change})")
        tensors[f"edit.{name}.logits"] = logits
        out.append({"name": name, "model": model, "edits": described})
    return out


def make_patching(models, name, tokens, answer, distractor):
    model = models.get(name, use_attn_result=True)
    clean, corrupted = tokens["tokens"][:1], tokens["tokensB"][:1]
    metric = lambda logits: logits[0, -1, answer] - logits[0, -1, distractor]
    _, cache = model.run_with_cache(clean)
    sweeps = {
        "hook_resid_pre": patching.get_act_patch_resid_pre,
        "hook_attn_out": patching.get_act_patch_attn_out,
        "hook_mlp_out": patching.get_act_patch_mlp_out,
        "attn.hook_z": patching.get_act_patch_attn_head_out_all_pos,
    }
    return {"model": name, "answer": answer, "distractor": distractor, "row": 0,
            "clean": metric(model(clean)).item(), "corrupted": metric(model(corrupted)).item(),
            "sweeps": [{"site": site, "axes": ["layer", "head" if site == "attn.hook_z" else "pos"],
                        "effect": sweep(model, corrupted, cache, metric).tolist()}
                       for site, sweep in sweeps.items()]}


def make_lens(models, name, tokens, tensors):
    model = models.get(name)
    _, cache = model.run_with_cache(tokens["tokens"])
    streams = [cache["blocks.0.hook_resid_pre"]]
    streams += [cache[f"blocks.{i}.hook_resid_post"] for i in range(model.cfg.n_layers)]
    tensors[f"lens.{name}"] = torch.stack([model.unembed(model.ln_final(s)) for s in streams])


def make_dla(models, name, tokens, answer, distractor):
    model, _ = load_hooked(models.families / name, use_attn_result=True)
    # process_weights_ always folds value biases too, which moves them from heads to b_O.
    model.load_and_process_state_dict(
        model.state_dict(), fold_ln=True, center_writing_weights=False, center_unembed=False,
        fold_value_biases=False)
    logits, cache = model.run_with_cache(tokens["tokens"][:1])
    parts, labels = cache.decompose_resid(return_labels=True, mode="full", pos_slice=-1)
    heads = cache.stack_head_results(pos_slice=-1)

    def attribute(stack):
        return cache.logit_attrs(stack, answer, incorrect_tokens=distractor, pos_slice=-1)[:, 0]

    by_part, by_head = attribute(parts), attribute(heads)
    constant = (model.b_U[answer] - model.b_U[distractor]).item()
    difference = (logits[0, -1, answer] - logits[0, -1, distractor]).item()
    if abs(by_part.sum().item() + constant - difference) > 1e-4:
        raise SystemExit(f"{name}: direct logit attribution does not add up")
    return {"model": name, "answer": answer, "distractor": distractor, "row": 0,
            "logitDiff": difference, "constant": constant,
            "components": dict(zip(labels, by_part.tolist())),
            "heads": by_head.view(model.cfg.n_layers, model.cfg.n_heads).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", default="test/fixtures/families", type=pathlib.Path)
    parser.add_argument("--out", default="test/fixtures/microscope", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    args.out.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(11)
    source = load_file(args.families / "gpt2" / "reference.safetensors")["tokens"]
    tokens = {"tokens": source[:, :POS].contiguous(), "tokensB": source[:, 5:5 + POS].contiguous()}
    tensors, models = dict(tokens), Models(args.families)
    document = {
        "edits": make_edits(models, tensors, tokens, generator),
        "patching": [make_patching(models, name, tokens, 5, 17)
                     for name in ("gpt2", "gpt-neox", "llama3", "gemma2")],
        # Not gpt-neox: folding the norms of its parallel blocks changes TransformerLens's logits.
        "dla": [make_dla(models, name, tokens, 5, 17) for name in ("gpt2", "llama3")],
    }
    for name in ("gpt2", "llama3", "gemma2"):
        make_lens(models, name, tokens, tensors)
    tensors = {key: value.clone().contiguous() for key, value in tensors.items()}
    save_file(tensors, args.out / "microscope.safetensors")
    (args.out / "microscope.safetensors").chmod(0o644)
    text = json.dumps(document).replace('{"name"', '\n{"name"').replace('{"site"', '\n {"site"')
    (args.out / "microscope.json").write_text(text.replace('{"model"', '\n{"model"') + "\n")
    for path in sorted(args.out.iterdir()):
        print(f"{path}: {path.stat().st_size / 1024:.1f} KiB")


if __name__ == "__main__":
    main()

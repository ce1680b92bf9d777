"""Save every TransformerLens activation of the tiny models, by address.

Usage: python scripts/reference/make_transformerlens.py [--families test/fixtures/families]
       [--out test/fixtures/transformerlens]

Weights are those of test/fixtures/families/NAME; each NAME.safetensors here holds `tokens`, `logits`
and all hook points of an unprocessed HookedTransformer (version 3.9.0) with `hook_result` and
`hook_mlp_in` switched on. `hook_attn_in` comes from a second run with `use_attn_in`, because
that switch gives the norm before attention a head axis.
"""

import argparse
import pathlib

import torch
import transformer_lens
import transformers
from safetensors.torch import load_file, save_file

from hooked import load_hooked

NAMES = ["gpt2", "gpt-neox", "llama2", "llama3", "qwen3", "gemma2", "gemma3"]
POS = 7


def make(name, families, out_dir):
    folder = families / name
    tokens = load_file(folder / "reference.safetensors")["tokens"][:, :POS].contiguous()
    model, hf = load_hooked(folder, use_attn_result=True, use_hook_mlp_in=True)
    with torch.no_grad():
        logits, cache = model.run_with_cache(tokens)
        expected = hf(tokens, use_cache=False).logits
    drift = (logits - expected).abs().max().item()
    # unembed.hook_in and hook_out repeat the final norm's output and the logits.
    out = {key: value for key, value in cache.items() if not key.startswith("unembed.")}
    if model.cfg.n_key_value_heads is None:
        per_head, _ = load_hooked(folder, use_attn_in=True)
        with torch.no_grad():
            _, per_head_cache = per_head.run_with_cache(
                tokens, names_filter=lambda key: key.endswith("hook_attn_in"))
        out |= dict(per_head_cache.items())
    out |= {"tokens": tokens, "logits": logits}
    out = {key: value.clone().contiguous() for key, value in out.items()}
    path = out_dir / f"{name}.safetensors"
    save_file(out, path, metadata={"weights": f"families/{name}"})
    path.chmod(0o644)
    print(f"{name:12s} {path.stat().st_size / 1024:6.1f} KiB  {len(out)} tensors  "
          f"max |TransformerLens - transformers| logits {drift:.2e}")
    if drift > 1e-4:
        raise SystemExit(f"{name}: TransformerLens and transformers disagree")
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--families", default="test/fixtures/families", type=pathlib.Path)
    parser.add_argument("--out", default="test/fixtures/transformerlens", type=pathlib.Path)
    parser.add_argument("--list", action="store_true", help="print every address and its shape")
    args = parser.parse_args()
    if not hasattr(transformer_lens, "HookedTransformer"):
        raise SystemExit("needs a TransformerLens with HookedTransformer (3.9.0)")
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names:
        out = make(name, args.families, args.out)
        if args.list:
            for key, value in out.items():
                print(f"    {key:45s} {list(value.shape)}")


if __name__ == "__main__":
    main()

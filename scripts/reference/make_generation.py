"""Greedy generation references: what `transformers` continues the tiny models with.

Usage: python scripts/reference/make_generation.py [--families DIR] [--out test/fixtures/generation.json]

Two prompts of equal length, 20 new tokens each, plain and with two repetition penalties (the tied models repeat
one token until the penalty is large). Every token has
its log-probability (nats) under the unmodified softmax; the runner-up margin is the smallest
gap, in processed logits, between the chosen token and the next one over the whole continuation, so that a
reader can see the choice does not hang on rounding. `generate` (with its cache) must agree with a
loop that recomputes the whole prompt each step, else the script fails.
"""

import argparse
import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file

NAMES = ["gpt2", "gpt-neox", "llama3", "llama31-rope", "mistral", "qwen3", "gemma2", "gemma3", "phi3"]
PROMPT, NEW = 5, 20


def penalise(logits, tokens, penalty):
    """Keskar et al. 2019 (CTRL) as in transformers: divide positive, multiply negative logits."""
    seen = logits.gather(1, tokens)
    seen = torch.where(seen < 0, seen * penalty, seen / penalty)
    return logits.scatter(1, tokens, seen)


def full_recompute(model, prompts, penalty):
    tokens, logprobs, margin = prompts, [], float("inf")
    for _ in range(NEW):
        with torch.no_grad():
            logits = model(tokens, use_cache=False).logits[:, -1]
        processed = penalise(logits, tokens, penalty) if penalty != 1 else logits
        top = processed.topk(2, dim=-1)
        margin = min(margin, (top.values[:, 0] - top.values[:, 1]).min().item())
        chosen = top.indices[:, :1]
        logprobs.append(logits.log_softmax(-1).gather(1, chosen))
        tokens = torch.cat([tokens, chosen], dim=1)
    return tokens[:, prompts.shape[1]:], torch.cat(logprobs, dim=1), margin


def make(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True).eval()
    # Random continuations would stop early at these ids, which is not what is tested here.
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    source = load_file(folder / "reference.safetensors")["tokens"]
    prompts = source[:, :PROMPT]
    cases = []
    for penalty in (1.0, 1.3, 4.0):
        tokens, logprobs, margin = full_recompute(model, prompts, penalty)
        cached = model.generate(prompts, attention_mask=torch.ones_like(prompts), do_sample=False,
                                max_new_tokens=NEW, min_new_tokens=NEW,
                                repetition_penalty=penalty)[:, PROMPT:]
        if not torch.equal(cached, tokens):
            raise SystemExit(f"{folder.name}: generate and full recomputation disagree")
        cases.append({
            "repetitionPenalty": penalty,
            "tokens": tokens.tolist(),
            "logprobs": [[round(x, 6) for x in row] for row in logprobs.tolist()],
            "margin": round(margin, 5),
        })
        print(f"{folder.name:14s} penalty {penalty}  margin {margin:.4f}  "
              f"distinct {[len(set(row)) for row in tokens.tolist()]}")
    return {"model": folder.name, "prompts": prompts.tolist(), "cases": cases}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", default="test/fixtures/families", type=pathlib.Path)
    parser.add_argument("--out", default="test/fixtures/generation.json", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    models = [make(args.families / name) for name in NAMES]
    text = json.dumps({"transformers": transformers.__version__, "models": models})
    args.out.write_text(text.replace('{"model"', '\n{"model"').replace('{"rep', '\n {"rep') + "\n")
    print(f"{args.out}: {args.out.stat().st_size / 1024:.1f} KiB")


if __name__ == "__main__":
    main()

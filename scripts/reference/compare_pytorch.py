"""Time PyTorch (transformers) and TransformerLens on the shapes of `glassbox bench`.

Usage: python scripts/reference/compare_pytorch.py [--threads 2] [--repeats 5] [--tiny]
       [--bench forward512,...] [--impl transformers-eager,...] [--processor-time] > pytorch.json

Every (implementation, bench) pair runs in a fresh process, so its peak memory is its own. Progress goes
to stderr, one JSON document {machine, versions, settings, results} to stdout. Seconds are the median of the repeats
after one warm-up run. Weights are random: the GPT-2-small shape is 12 layers, 768 wide, 12 heads,
vocabulary 50,257, float32; training is 4 layers, 256 wide, 4 heads, vocabulary 4,096, 16 x 128 tokens.

Benches
  matmul       fp32 1024^3 in numpy and torch, and torch's read bandwidth: the rooflines of this run
  forward512   logits for 512 tokens, and the peak resident memory of a process that only does this
  cached512    the same with activations kept: every hook point in TransformerLens (per-head results
               included); all hidden states and attention patterns in transformers
  forward16    logits for 16 tokens
  decode256    256 greedy tokens one by one with a key-value cache after a 16-token prompt, batch 1
  train        forward, backward and AdamW on one batch
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

PROCESSOR_TIME = False
IMPLS = ["transformers-eager", "transformers-sdpa", "hooked-transformer", "transformer-bridge"]
BENCHES = ["matmul", "forward512", "cached512", "forward16", "decode256", "train"]
# What an implementation cannot do, or what would repeat another row.
SKIP = {
    ("transformers-sdpa", "cached512"): "sdpa returns no attention patterns",
    ("transformer-bridge", "decode256"): "same network as transformers-eager",
    ("transformer-bridge", "train"): "same network as transformers-eager",
}
FULL = {
    "model": {"layers": 12, "width": 768, "heads": 12, "vocab": 50257, "positions": 1024},
    "forward512": 512, "forward16": 16, "prompt": 16, "decode256": 256, "matmul": 1024,
    "train": {"layers": 4, "width": 256, "heads": 4, "vocab": 4096, "positions": 128, "batch": 16},
    "bandwidthBytes": 1 << 29,
}
TINY = {
    "model": {"layers": 2, "width": 48, "heads": 3, "vocab": 211, "positions": 64},
    "forward512": 24, "forward16": 4, "prompt": 4, "decode256": 6, "matmul": 64,
    "train": {"layers": 1, "width": 32, "heads": 2, "vocab": 97, "positions": 16, "batch": 2},
    "bandwidthBytes": 1 << 20,
}


def clock():
    """Seconds on the wall, or of processor time when main() says so."""
    return time.process_time() if PROCESSOR_TIME else time.perf_counter()


def peak_rss():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes on Linux


def timed(run, repeats):
    run()
    seconds = []
    for _ in range(repeats):
        start = clock()
        run()
        seconds.append(clock() - start)
    return {"seconds": statistics.median(seconds), "min": min(seconds), "max": max(seconds),
            "repeats": repeats}


def build_transformers(shape, attention):
    import torch
    import transformers
    config = transformers.GPT2Config(
        n_layer=shape["layers"], n_embd=shape["width"], n_head=shape["heads"],
        vocab_size=shape["vocab"], n_positions=shape["positions"], resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0)
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation=attention)


def build_hooked(shape, **options):
    from transformer_lens import HookedTransformer, HookedTransformerConfig
    return HookedTransformer(HookedTransformerConfig(
        n_layers=shape["layers"], d_model=shape["width"], n_heads=shape["heads"],
        d_head=shape["width"] // shape["heads"], d_mlp=4 * shape["width"],
        d_vocab=shape["vocab"], n_ctx=shape["positions"], act_fn="gelu_new",
        normalization_type="LN", device="cpu", seed=0, **options))


def build_bridge(shape):
    """The bridge wants a folder with a tokenizer even when it is handed the model."""
    from tokenizers import Tokenizer, models
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import PreTrainedTokenizerFast
    model = build_transformers(shape, "eager")
    with tempfile.TemporaryDirectory() as folder:
        model.config.save_pretrained(folder)
        words = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="b"))
        PreTrainedTokenizerFast(tokenizer_object=words, bos_token="a", eos_token="a",
                                pad_token="a").save_pretrained(folder)
        return TransformerBridge.boot_transformers(folder, hf_model=model, device="cpu")


def forward_only(impl, model, tokens):
    if impl.startswith("transformers"):
        return lambda: model(tokens, use_cache=False).logits
    return lambda: model(tokens, return_type="logits")


def forward_cached(impl, model, tokens):
    """Returns a function that runs and counts the activations and bytes it kept."""
    def run():
        if impl.startswith("transformers"):
            out = model(tokens, use_cache=False, output_hidden_states=True, output_attentions=True)
            kept = list(out.hidden_states) + list(out.attentions)
        else:
            _, cache = model.run_with_cache(tokens)
            kept = list(cache.values())
        # Some entries are two names for one tensor.
        unique = {value.data_ptr(): value for value in kept}
        run.kept = {"tensors": len(kept),
                    "bytes": sum(v.numel() * v.element_size() for v in unique.values())}
    return run


def decode(impl, model, prompt, count):
    """Returns a function giving the seconds of `count` single-token steps, without the prompt's."""
    import torch
    if impl.startswith("transformers"):
        from transformers import DynamicCache

        def run():
            cache = DynamicCache(config=model.config)
            token = model(prompt, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
            start = clock()
            for _ in range(count):
                token = model(token, past_key_values=cache, use_cache=True).logits.argmax(-1)
            return clock() - start
    else:
        from transformer_lens import TransformerLensKeyValueCache

        def run():
            cache = TransformerLensKeyValueCache.init_cache(model.cfg, "cpu", 1)
            step = lambda tokens: model(tokens, past_kv_cache=cache, return_type="logits",
                                        attention_mask=torch.ones_like(tokens))[:, -1:].argmax(-1)
            token = step(prompt)
            start = clock()
            for _ in range(count):
                token = step(token)
            return clock() - start
    return run


def bench_matmul(sizes, repeats):
    import numpy as np
    import torch
    n = sizes["matmul"]
    a = np.random.default_rng(0).standard_normal((n, n), dtype=np.float32)
    ta, flops = torch.from_numpy(a), 2 * n**3
    block = torch.ones(sizes["bandwidthBytes"] // 4)
    numpy_time = timed(lambda: a @ a, 4 * repeats)
    torch_time = timed(lambda: ta @ ta, 4 * repeats)
    read_time = timed(lambda: block.sum(), repeats)
    return {"numpyGflops": flops / numpy_time["seconds"] / 1e9,
            "torchGflops": flops / torch_time["seconds"] / 1e9,
            "readGBps": sizes["bandwidthBytes"] / read_time["seconds"] / 1e9}


def bench_train(impl, sizes, repeats):
    import torch
    shape = sizes["train"]
    attention = impl.removeprefix("transformers-")
    model = (build_transformers(shape, attention) if impl.startswith("transformers")
             else build_hooked(shape)).train()
    tokens = torch.randint(0, shape["vocab"], (shape["batch"], shape["positions"]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = (model(tokens, labels=tokens, use_cache=False).loss
                if impl.startswith("transformers") else model(tokens, return_type="loss"))
        loss.backward()
        optimiser.step()

    return timed(step, 2 * repeats) | {
        "tokens": tokens.numel(), "parameters": sum(p.numel() for p in model.parameters())}


def work(impl, bench, sizes, repeats, threads):
    """Run one pair in this process."""
    import torch
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if bench == "matmul":
        return bench_matmul(sizes, repeats)
    # The libraries load their parts on demand; load them here so that they count as baseline.
    import transformers
    from transformers import AutoModelForCausalLM, GPT2LMHeadModel  # noqa: F401
    transformers.logging.set_verbosity_error()
    if not impl.startswith("transformers-"):
        from transformer_lens import HookedTransformer  # noqa: F401
    if bench == "train":
        return bench_train(impl, sizes, repeats)
    baseline = peak_rss()
    shape = sizes["model"]
    if impl.startswith("transformers"):
        model = build_transformers(shape, impl.removeprefix("transformers-"))
    elif impl == "hooked-transformer":
        options = {"use_attn_result": True, "use_hook_mlp_in": True} if bench == "cached512" else {}
        model = build_hooked(shape, **options)
    else:
        model = build_bridge(shape)
        if bench == "cached512":
            model.set_use_attn_result(True)
            model.set_use_hook_mlp_in(True)
    model.eval()
    weights = {p.data_ptr(): p.numel() * p.element_size() for p in model.parameters()}
    count = {"cached512": sizes["forward512"], "decode256": sizes["prompt"]}.get(bench)
    tokens = torch.randint(0, shape["vocab"], (1, count or sizes[bench]))
    with torch.inference_mode():
        if bench == "decode256":
            run = decode(impl, model, tokens, sizes["decode256"])
            run()
            totals = [run() for _ in range(max(1, repeats // 2))]
            result = {"seconds": statistics.median(totals), "min": min(totals), "max": max(totals),
                      "repeats": len(totals), "tokens": sizes["decode256"],
                      "secondsPerToken": statistics.median(totals) / sizes["decode256"]}
        elif bench == "cached512":
            run = forward_cached(impl, model, tokens)
            result = timed(run, repeats) | {"tokens": count} | {"kept": run.kept}
        else:
            result = timed(forward_only(impl, model, tokens), repeats) | {"tokens": sizes[bench]}
    return result | {"weightBytes": sum(weights.values()), "peakRssBytes": peak_rss(),
                     "importRssBytes": baseline}


def cpu_name():
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions():
    from importlib.metadata import version
    names = ["torch", "transformers", "transformer-lens", "numpy"]
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="toy shapes: does the script work")
    parser.add_argument("--bench", default=",".join(BENCHES))
    parser.add_argument("--impl", default=",".join(IMPLS))
    parser.add_argument("--timeout", type=int, default=900, help="seconds for one pair")
    parser.add_argument("--processor-time", action="store_true",
                        help="count processor time; with --threads 1, for a busy machine")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    global PROCESSOR_TIME
    PROCESSOR_TIME = args.processor_time
    sizes = TINY if args.tiny else FULL
    if args.worker:
        impl, bench = args.worker.split("/")
        result = work(impl, bench, sizes, args.repeats, args.threads)
        print("RESULT " + json.dumps(result))
        return

    # As an exception this ends the running pair too; by default it would be left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    env = os.environ | {"OMP_NUM_THREADS": str(args.threads), "MKL_NUM_THREADS": str(args.threads),
                        "OPENBLAS_NUM_THREADS": str(args.threads), "HF_HUB_OFFLINE": "1"}
    load_before, results, failed = os.getloadavg(), [], False
    for bench in args.bench.split(","):
        for impl in (["torch"] if bench == "matmul" else args.impl.split(",")):
            row = {"impl": impl, "bench": bench}
            results.append(row)
            if (impl, bench) in SKIP:
                row["skipped"] = SKIP[impl, bench]
                continue
            command = [sys.executable, __file__, "--worker", f"{impl}/{bench}",
                       "--threads", str(args.threads), "--repeats", str(args.repeats)]
            try:
                command += [flag for flag, given in [("--tiny", args.tiny),
                                                     ("--processor-time", args.processor_time)]
                            if given]
                done = subprocess.run(command, env=env,
                                      capture_output=True, text=True, timeout=args.timeout)
                lines = [x for x in done.stdout.splitlines() if x.startswith("RESULT ")]
                if done.returncode or not lines:
                    raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
                row |= json.loads(lines[-1].removeprefix("RESULT "))
            except (subprocess.TimeoutExpired, RuntimeError) as error:
                row["error"], failed = str(error), True
            shown = {k: row[k] for k in ("seconds", "secondsPerToken", "torchGflops", "error")
                     if k in row}
            print(f"{bench:11s} {impl:20s} {shown}", file=sys.stderr)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    print(json.dumps({
        "machine": {"cpu": cpu_name(), "cores": os.cpu_count(), "memoryBytes": memory,
                    "system": platform.system(), "loadBefore": load_before[0],
                    "loadAfter": os.getloadavg()[0]},
        "versions": versions(),
        "settings": {"threads": args.threads, "repeats": args.repeats, "sizes": sizes,
                     "clock": "processor" if args.processor_time else "wall"},
        "results": results,
    }, indent=2))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

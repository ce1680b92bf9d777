"""One training step of dictionary_learning's TopK trainer, timed.

    python dictionary_training.py --repeats 5 --threads 2

d 512 -> 16,384 features, k 32, batches of 4,096 rows that are ready in memory. Prints JSON: wall and processor
seconds of every step after two that warm up. Needs dictionary-learning (with or without nnsight) and torch.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import sys
import time
import types

import torch


def trainer_class():
    """The trainer without the package's __init__, which needs nnsight for its buffer of activations."""
    spec = importlib.util.find_spec("dictionary_learning")
    root = spec.submodule_search_locations[0]
    for name, path in (("", ""), (".trainers", "/trainers")):
        module = types.ModuleType("dictionary_learning" + name)
        module.__path__ = [root + path]
        sys.modules["dictionary_learning" + name] = module
    if importlib.util.find_spec("nnsight") is None:
        sys.modules["nnsight"] = types.ModuleType("nnsight")
        sys.modules["nnsight"].LanguageModel = object
    from dictionary_learning.trainers.top_k import TopKTrainer

    return TopKTrainer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    width, features, rows, k = (16, 64, 32, 4) if options.tiny else (512, 16384, 4096, 32)
    x = torch.randn(rows, width)
    trainer = trainer_class()(
        steps=100_000, activation_dim=width, dict_size=features, k=k, layer=0, lm_name="none", device="cpu",
        warmup_steps=10,
    )
    wall, cpu = [], []
    for step in range(options.repeats + 2):
        started, used = time.perf_counter(), time.process_time()
        trainer.update(step, x)
        if step >= 2:
            wall.append(time.perf_counter() - started)
            cpu.append(time.process_time() - used)
    versions = {"torch": torch.__version__, "dictionary-learning": importlib.metadata.version("dictionary-learning")}
    print(json.dumps({"wall": wall, "cpu": cpu, "versions": versions}))


main()

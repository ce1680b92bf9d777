"""What SAEBench's own calculator makes of random activations: how far a concept's direction is absorbed by other features.

Usage: python scripts/reference/make_absorption.py [--out test/fixtures/absorption.json]

FeatureAbsorptionCalculator of SAEBench runs on a model and a dictionary that are nothing but the tensors written; its prompts are
replaced by row numbers. Versions: requirements-interop.txt.
"""

import argparse
import json
import pathlib
import types

import numpy as np
import torch
from sae_bench.evals.absorption.feature_absorption_calculator import FeatureAbsorptionCalculator

WIDTH, FEATURES, ROWS = 8, 24, 60


class Calculator(FeatureAbsorptionCalculator):
    def _build_prompts(self, words):
        return [types.SimpleNamespace(word=word, base=int(word)) for word in words]

    def _validate_prompts_are_same_length(self, prompts):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/absorption.json", type=pathlib.Path)
    args = parser.parse_args()
    rng = np.random.default_rng(17)
    draw = lambda *shape: torch.from_numpy(rng.standard_normal(shape).astype(np.float32))
    probe = draw(WIDTH)
    decoder = draw(FEATURES, WIDTH)
    # Some features lie along the probe, as those of a concept do.
    decoder[:9] = decoder[:9] * 0.5 + probe * torch.linspace(0.2, 1.5, 9)[:, None]
    decoder /= decoder.norm(dim=1, keepdim=True)
    acts = torch.relu(draw(ROWS, FEATURES) - 0.8) * (1 + draw(ROWS, FEATURES).abs())
    splits = [7, 8]
    acts[::2, splits] = 0
    x = acts @ decoder + 0.3 * draw(ROWS, WIDTH)
    model = types.SimpleNamespace(run_with_cache=lambda prompts, names_filter: (None, {names_filter[0]: x[prompts][:, None, :]}))
    sae = types.SimpleNamespace(W_dec=decoder, device="cpu", dtype=torch.float32, encode=lambda batch: acts[[next(i for i in range(ROWS) if torch.equal(row, x[i])) for row in batch]])
    calculator = Calculator(model=model, icl_word_list=[], word_token_pos=0)
    found = calculator.calculate_absorption(sae, [str(i) for i in range(ROWS)], probe, splits, layer=0, show_progress=False)
    rows = [dict(full=bool(one.is_full_absorption), fraction=float(one.absorption_fraction)) for one in found.word_results]
    fractions = [row["fraction"] for row in rows]
    assert any(row["full"] for row in rows) and 0.0 in fractions and 1.0 in fractions and any(0 < f < 1 for f in fractions)
    flat = lambda tensor: tensor.flatten().double().tolist()
    made = dict(direction=flat(probe), decoder=flat(decoder), splits=splits, x=flat(x), acts=flat(acts), rows=rows)
    args.out.write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()

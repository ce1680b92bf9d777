"""Do other projects load what Glassbox wrote, and compute the same?

Usage: node scripts/reference/write_interop.ts FOLDER && python scripts/reference/check_interop.py FOLDER

Loads every folder with the project's own loader (SAE.load_from_disk, from_pretrained, load_many, load_transcoder_set, load_clt), runs it on
the same activations and prints the largest difference. Exits 1 if one is above 1e-5. Versions: requirements-interop.txt.
"""

import json
import pathlib
import sys

import torch
import yaml
from safetensors.torch import load_file

TOLERANCE = 1e-5
CPU = dict(device=torch.device("cpu"), dtype=torch.float32)


def saelens(path, x):
    from sae_lens import SAE

    sae = SAE.load_from_disk(path)
    return [sae.encode(x)], [sae(x)]


def dictionary_learning(path, x):
    from dictionary_learning import dictionary
    from dictionary_learning.trainers import batch_top_k, matryoshka_batch_top_k, top_k

    kind = json.loads((path / "config.json").read_text())["trainer"]["dict_class"]
    places = (dictionary, batch_top_k, matryoshka_batch_top_k, top_k)
    found = next(getattr(place, kind) for place in places if hasattr(place, kind))
    more = dict(normalize_decoder=False) if kind == "AutoEncoder" else {}
    ae = found.from_pretrained(str(path / "ae.pt"), **more)
    acts = ae.encode(x)
    return [acts], [ae.decode(acts)]


def sparsify(path, x):
    from sparsify import SparseCoder

    [coder] = SparseCoder.load_many(str(path), local=True).values()
    values, places, _ = coder.encode(x)
    acts = torch.zeros(len(x), coder.num_latents).scatter(-1, places, values)
    return [acts], [coder(x).sae_out]


def circuit_tracer(path, x):
    from circuit_tracer.transcoder.cross_layer_transcoder import load_clt
    from circuit_tracer.transcoder.single_layer_transcoder import load_transcoder_set

    config = yaml.safe_load((path / "config.yaml").read_text())
    assert "transcoders" not in config
    hooks = {name: config[name] for name in ("feature_input_hook", "feature_output_hook", "scan")}
    if config["model_kind"] == "cross_layer_transcoder":
        clt = load_clt(str(path), **hooks, **CPU)
        acts = clt.encode(torch.stack([x] * clt.n_layers))
        return list(acts), list(clt.decode(acts))
    files = sorted(path.glob("layer_*.safetensors"))
    made = load_transcoder_set({i: str(file) for i, file in enumerate(files)}, **hooks, **CPU)
    stacked = torch.stack([x] * len(made))
    acts = made.encode(stacked)
    out = [one.decode(a, x) for one, a in zip(made, acts)]
    assert not made.skip_connection or all(one.W_skip is not None for one in made)
    return list(acts), out


def main():
    root = pathlib.Path(sys.argv[1])
    worst = 0.0
    for project in (saelens, dictionary_learning, sparsify, circuit_tracer):
        for path in sorted((root / project.__name__.replace("circuit_tracer", "circuit-tracer")).iterdir()):
            expected = load_file(path / "expected.safetensors")
            with torch.no_grad():
                acts, out = project(path, expected["x"])
            differences = [(value - expected[f"{name}.{i}"]).abs().max().item() for name, values in (("acts", acts), ("out", out)) for i, value in enumerate(values)]
            worst = max(worst, *differences)
            alive = sum(int((value != 0).sum()) for value in acts)
            print(f"{project.__name__:20} {path.name:26} largest difference {max(differences):.2e} ({alive} activations)")
    print(f"worst {worst:.2e}")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()

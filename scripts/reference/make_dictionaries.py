"""Tiny dictionaries in the formats of other projects, with what each makes of some activations.

Usage: python scripts/reference/make_dictionaries.py [--out test/fixtures/dictionaries]

Every folder holds the files of one format with random weights, and expected.safetensors: `x` [rows, d_in] and, by
the published formulas written out here in numpy, `acts` [rows, d_dict] and `out` [rows, d_out]. unsafe.pt is a
pickle that would run a function: readers must refuse it.
"""

import argparse
import json
import os
import pathlib
import pickle

import numpy as np
import torch
from safetensors.numpy import save_file

D, N, ROWS = 6, 10, 5


class Maker:
    def __init__(self, out):
        self.out = out
        self.rng = np.random.default_rng(3)

    def random(self, *shape, scale=0.6):
        return (self.rng.standard_normal(shape) * scale).astype(np.float32)

    def folder(self, name):
        path = self.out / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def expect(self, path, x, acts, out):
        save_file({"x": x, "acts": acts.astype(np.float32), "out": out.astype(np.float32)}, path / "expected.safetensors")


def relu(x):
    return np.maximum(x, 0)


def top(pre, k, scores=None):
    scores = pre if scores is None else scores
    keep = np.argsort(-scores, axis=-1)[:, :k]
    out = np.zeros_like(pre)
    np.put_along_axis(out, keep, np.take_along_axis(relu(pre), keep, -1), -1)
    return out


def saelens(make):
    base = dict(d_in=D, d_sae=N, dtype="float32", device="cpu", normalize_activations="none", reshape_activations="none")
    meta = dict(sae_lens_version="6.18.0", model_name="gpt2", hook_name="blocks.1.hook_resid_post")
    x = make.random(ROWS, D, scale=1.5)
    w = dict(W_enc=make.random(D, N), W_dec=make.random(N, D), b_enc=make.random(N), b_dec=make.random(D))

    def write(name, cfg, tensors, acts, out):
        path = make.folder(name)
        (path / "cfg.json").write_text(json.dumps(cfg))
        save_file(tensors, path / "sae_weights.safetensors")
        make.expect(path, x, acts, out)

    pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    acts = relu(pre)
    cfg = dict(base, architecture="standard", apply_b_dec_to_input=True, metadata=meta)
    write("saelens-standard", cfg, w, acts, acts @ w["W_dec"] + w["b_dec"])

    norms = np.linalg.norm(w["W_dec"], axis=-1)
    acts = top(pre, 3, pre * norms)
    cfg = dict(base, architecture="topk", k=3, rescale_acts_by_decoder_norm=True, apply_b_dec_to_input=True, metadata=meta)
    write("saelens-topk", cfg, w, acts, acts @ w["W_dec"] + w["b_dec"])

    gated = dict(W_enc=w["W_enc"], W_dec=w["W_dec"], b_dec=w["b_dec"], b_gate=make.random(N), b_mag=make.random(N), r_mag=make.random(N))
    raw = (x - w["b_dec"]) @ w["W_enc"]
    acts = (raw + gated["b_gate"] > 0) * relu((x - w["b_dec"]) @ (w["W_enc"] * np.exp(gated["r_mag"])) + gated["b_mag"])
    cfg = dict(base, architecture="gated", apply_b_dec_to_input=True, metadata=meta)
    write("saelens-gated", cfg, gated, acts, acts @ w["W_dec"] + w["b_dec"])

    jump = dict(w, threshold=np.abs(make.random(N)))
    pre0 = x @ w["W_enc"] + w["b_enc"]
    acts = pre0 * (pre0 > jump["threshold"])
    # The form of version 5: everything at the top level.
    cfg = dict(base, architecture="jumprelu", apply_b_dec_to_input=False, model_name="gpt2", hook_name="blocks.1.hook_resid_post", hook_layer=1)
    write("saelens-v5-jumprelu", cfg, jump, acts, acts @ w["W_dec"] + w["b_dec"])

    # Before version 4: hook_point, and TopK as an activation function of a standard SAE.
    acts = top(pre, 2)
    cfg = dict(base, hook_point="blocks.0.hook_resid_pre", activation_fn_str="topk", activation_fn_kwargs={"k": 2}, apply_b_dec_to_input=True)
    write("saelens-v3-topk", cfg, w, acts, acts @ w["W_dec"] + w["b_dec"])

    skip = dict(w, W_skip=make.random(D, D))
    acts = relu(pre0)
    meta = dict(meta, hook_name="blocks.1.mlp.hook_in", hook_name_out="blocks.1.hook_mlp_out")
    cfg = dict(base, architecture="skip_transcoder", d_out=D, apply_b_dec_to_input=False, metadata=meta)
    write("saelens-skip-transcoder", cfg, skip, acts, acts @ w["W_dec"] + w["b_dec"] + x @ skip["W_skip"].T)


def dictionary_learning(make):
    x = make.random(ROWS, D, scale=1.5)
    enc, b, dec, b_dec = make.random(N, D), make.random(N), make.random(D, N), make.random(D)

    def write(name, kind, tensors, acts, out, legacy=False, **extra):
        path = make.folder(name)
        trainer = dict(dict_class=kind, activation_dim=D, dict_size=N, layer=2, lm_name="pythia-70m", submodule_name="resid_post_layer_2", **extra)
        (path / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"ctx_len": 128}}))
        state = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in tensors.items()}
        torch.save(state, path / "ae.pt", _use_new_zipfile_serialization=not legacy)
        make.expect(path, x, acts, out)

    acts = relu((x - b_dec) @ enc.T + b)
    tensors = {"bias": b_dec, "encoder.weight": enc, "encoder.bias": b, "decoder.weight": dec}
    write("dictionary-learning-standard", "AutoEncoder", tensors, acts, acts @ dec.T + b_dec)
    write("dictionary-learning-legacy", "AutoEncoder", tensors, acts, acts @ dec.T + b_dec, legacy=True)

    r, gb, mb = make.random(N), make.random(N), make.random(N)
    raw = (x - b_dec) @ enc.T
    acts = (raw + gb > 0) * relu(np.exp(r) * raw + mb)
    tensors = {"decoder_bias": b_dec, "encoder.weight": enc, "r_mag": r, "gate_bias": gb, "mag_bias": mb, "decoder.weight": dec}
    write("dictionary-learning-gated", "GatedAutoEncoder", tensors, acts, acts @ dec.T + b_dec)

    acts = top((x - b_dec) @ enc.T + b, 3)
    tensors = {"b_dec": b_dec, "encoder.weight": enc, "encoder.bias": b, "decoder.weight": dec, "k": np.array(3)}
    write("dictionary-learning-topk", "AutoEncoderTopK", tensors, acts, acts @ dec.T + b_dec, k=3)

    pre = relu((x - b_dec) @ enc.T + b)
    acts = pre * (pre > 0.4)
    tensors = {**tensors, "threshold": np.array(0.4, dtype=np.float32)}
    write("dictionary-learning-batchtopk", "BatchTopKSAE", tensors, acts, acts @ dec.T + b_dec, k=3)


def sparsify(make):
    x = make.random(ROWS, D, scale=1.5)
    enc, b, dec, b_dec, skip = make.random(N, D), make.random(N), make.random(N, D), make.random(D), make.random(D, D)
    path = make.folder("sparsify") / "layers.1.mlp"
    path.mkdir(exist_ok=True)
    (path / "cfg.json").write_text(json.dumps(dict(activation="topk", expansion_factor=32, k=3, d_in=D, transcode=True, skip_connection=True)))
    save_file({"encoder.weight": enc, "encoder.bias": b, "W_dec": dec, "b_dec": b_dec, "W_skip": skip}, path / "sae.safetensors")
    acts = top(x @ enc.T + b, 3)
    make.expect(path, x, acts, acts @ dec + b_dec + x @ skip.T)


def gemma_scope(make):
    x = make.random(ROWS, D, scale=1.5)
    w = dict(W_enc=make.random(D, N), W_dec=make.random(N, D), b_enc=make.random(N), b_dec=make.random(D), threshold=np.abs(make.random(N)))
    path = make.folder("gemma-scope-2b-pt-res") / "layer_3" / "width_16k" / "average_l0_71"
    path.mkdir(parents=True, exist_ok=True)
    np.savez(path / "params.npz", **w)
    pre = x @ w["W_enc"] + w["b_enc"]
    acts = relu(pre) * (pre > w["threshold"])
    make.expect(path, x, acts, acts @ w["W_dec"] + w["b_dec"])


def circuit_tracer(make):
    layers = 2
    x = make.random(ROWS, D, scale=1.5)
    head = "model_name: tiny\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\nscan: tiny\n"

    path = make.folder("circuit-tracer-set")
    (path / "config.yaml").write_text(head + "model_kind: transcoder_set\ntranscoders: []\n")
    expected = {"x": x}
    for layer in range(layers):
        w = dict(W_enc=make.random(N, D), W_dec=make.random(N, D), b_enc=make.random(N), b_dec=make.random(D))
        acts = relu(x @ w["W_enc"].T + w["b_enc"])
        out = acts @ w["W_dec"] + w["b_dec"]
        if layer == 1:
            w["activation_function.threshold"] = np.abs(make.random(N))
            w["W_skip"] = make.random(D, D)
            pre = x @ w["W_enc"].T + w["b_enc"]
            acts = pre * (pre > w["activation_function.threshold"])
            out = acts @ w["W_dec"] + w["b_dec"] + x @ w["W_skip"].T
        save_file(w, path / f"layer_{layer}.safetensors")
        expected |= {f"acts.{layer}": acts.astype(np.float32), f"out.{layer}.0": out.astype(np.float32)}
    save_file(expected, path / "expected.safetensors")

    path = make.folder("circuit-tracer-clt")
    (path / "config.yaml").write_text(head + "model_kind: cross_layer_transcoder\n")
    expected = {"x": x}
    for layer in range(layers):
        w = {f"W_enc_{layer}": make.random(N, D), f"b_enc_{layer}": make.random(N), f"b_dec_{layer}": make.random(D)}
        dec = make.random(N, layers - layer, D)
        save_file(w, path / f"W_enc_{layer}.safetensors")
        save_file({f"W_dec_{layer}": dec}, path / f"W_dec_{layer}.safetensors")
        acts = relu(x @ w[f"W_enc_{layer}"].T + w[f"b_enc_{layer}"])
        expected[f"acts.{layer}"] = acts
        for j in range(layers - layer):
            expected[f"out.{layer}.{j}"] = acts @ dec[:, j] + (w[f"b_dec_{layer}"] if j == 0 else 0)
    save_file({k: np.ascontiguousarray(v, dtype=np.float32) for k, v in expected.items()}, path / "expected.safetensors")


class Unsafe:
    def __reduce__(self):
        return (os.system, ("echo this must never run",))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/dictionaries", type=pathlib.Path)
    make = Maker(parser.parse_args().out)
    for part in (saelens, dictionary_learning, sparsify, gemma_scope, circuit_tracer):
        part(make)
    torch.save({"a": torch.zeros(1), "b": Unsafe()}, make.out / "unsafe.pt")
    (make.out / "unsafe-plain.pt").write_bytes(pickle.dumps(Unsafe(), protocol=2))
    strided = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    torch.save({"t": strided.t(), "part": strided[1:3, ::2], "half": strided.half(), "b16": strided.bfloat16(),
                "nested": {"list": [torch.tensor(7)], "none": None}, "p": torch.nn.Parameter(strided)}, make.out / "views.pt")


if __name__ == "__main__":
    main()

"""Tiny dictionaries written by other projects, with what each project itself makes of some activations.

Usage: python scripts/reference/make_dictionaries.py [--out test/fixtures/dictionaries]

SAELens, dictionary_learning, sparsify and circuit-tracer write their own folders here and compute expected.safetensors with
their own classes: `x` [rows, d_in], `acts` [rows, d_dict], `out` [rows, d_out]. Folders of SAELens before version 6 and
Gemma Scope's npz are written by hand and read by SAELens and circuit-tracer.
unsafe.pt is a pickle that would run a function: readers must refuse it. Versions: requirements-interop.txt.
"""

import argparse
import importlib
import json
import os
import pathlib
import pickle
import sys
import types

import numpy as np
import torch
from safetensors.torch import save_file

D, D_OUT, N, ROWS = 6, 4, 10, 5


class Maker:
    def __init__(self, out):
        self.out = out
        self.rng = np.random.default_rng(3)

    def random(self, *shape, scale=0.6):
        return torch.from_numpy((self.rng.standard_normal(shape) * scale).astype(np.float32))

    def x(self):
        return self.random(ROWS, D, scale=1.5)

    def folder(self, name):
        path = self.out / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def fill(self, module):
        """Random parameters in place of the initial ones, many of which are zero."""
        with torch.no_grad():
            for name, value in module.named_parameters():
                drawn = self.random(*value.shape)
                value.copy_(drawn.abs() if "threshold" in name else drawn)
        return module

    def expect(self, path, **tensors):
        stored = {name: value.detach().float().contiguous() for name, value in tensors.items()}
        save_file(stored, path / "expected.safetensors")


def write_json(path, value):
    path.write_text(json.dumps(value) + "\n")


def saelens(make):
    import sae_lens
    from sae_lens import SAE
    from sae_lens.saes.sae import SAEMetadata

    x = make.x()
    meta = dict(model_name="gpt2", hook_name="blocks.1.hook_resid_post", context_size=16, prepend_bos=True, dataset_path="random")
    both = dict(meta, hook_name="blocks.1.mlp.hook_in", hook_name_out="blocks.1.hook_mlp_out", hook_layer_out=1)

    def expect(path):
        # The numbers are those of what SAELens reads back, not of what was in memory.
        loaded = SAE.load_from_disk(path)
        make.expect(path, x=x, acts=loaded.encode(x), out=loaded(x))

    def write(name, sae, save="save_model"):
        path = make.folder(name)
        getattr(make.fill(sae), save)(path)
        expect(path)

    def config(kind, metadata=meta, **more):
        return getattr(sae_lens, f"{kind}Config")(d_in=D, d_sae=N, metadata=SAEMetadata(**metadata), **more)

    for suffix, norm in [("", "none"), ("-layer-norm", "layer_norm"), ("-constant-norm", "constant_norm_rescale"), ("-average", "expected_average_only_in")]:
        write(f"saelens-standard{suffix}", sae_lens.StandardSAE(config("StandardSAE", normalize_activations=norm)))
    write("saelens-gated", sae_lens.GatedSAE(config("GatedSAE")))
    write("saelens-topk", sae_lens.TopKSAE(config("TopKSAE", k=3)))
    write("saelens-topk-rescaled", sae_lens.TopKSAE(config("TopKSAE", k=3, rescale_acts_by_decoder_norm=True)))
    write("saelens-jumprelu", sae_lens.JumpReLUSAE(config("JumpReLUSAE", apply_b_dec_to_input=False)))
    for name, kind in [("batchtopk", "BatchTopKTrainingSAE"), ("matryoshka", "MatryoshkaBatchTopKTrainingSAE")]:
        more = dict(matryoshka_widths=[4, N]) if name == "matryoshka" else {}
        sae = getattr(sae_lens, kind)(config(kind, k=2.5, **more))
        sae.topk_threshold.fill_(0.4)
        write(f"saelens-{name}", sae, "save_inference_model")
    for name, kind in [("transcoder", "Transcoder"), ("skip-transcoder", "SkipTranscoder"), ("jumprelu-transcoder", "JumpReLUTranscoder"), ("jumprelu-skip-transcoder", "JumpReLUSkipTranscoder")]:
        made = getattr(sae_lens, kind)(config(kind, both, d_out=D_OUT, apply_b_dec_to_input=False))
        write(f"saelens-{name}", made)
    made = sae_lens.Transcoder(config("Transcoder", both, d_out=D_OUT, apply_b_dec_to_input=False, normalize_activations="layer_norm"))
    write("saelens-transcoder-layer-norm", made)

    base = dict(d_in=D, d_sae=N, dtype="float32", device="cpu", normalize_activations="none")
    w = dict(W_enc=make.random(D, N), W_dec=make.random(N, D), b_enc=make.random(N), b_dec=make.random(D))

    def old(name, cfg, tensors):
        path = make.folder(name)
        write_json(path / "cfg.json", dict(base, **cfg))
        save_file(tensors, path / "sae_weights.safetensors")
        expect(path)

    # The form of version 5: everything at the top level.
    old("saelens-v5-jumprelu", dict(architecture="jumprelu", apply_b_dec_to_input=False, model_name="gpt2", hook_name="blocks.1.hook_resid_post", hook_layer=1, reshape_activations="none"), dict(w, threshold=make.random(N).abs()))
    # Before version 4: hook_point, and TopK as an activation function of a standard SAE.
    old("saelens-v3-topk", dict(hook_point="blocks.0.hook_resid_pre", activation_fn_str="topk", activation_fn_kwargs={"k": 2}, apply_b_dec_to_input=True), w)


def dictionary_learning(make):
    from dictionary_learning import dictionary
    from dictionary_learning.trainers import batch_top_k, gdm, jumprelu, matryoshka_batch_top_k, standard, top_k

    x = make.x()
    common = dict(steps=10000, activation_dim=D, dict_size=N, layer=2, lm_name="EleutherAI/pythia-70m", device="cpu", submodule_name="resid_post_layer_2")
    steps = dict(warmup_steps=10)

    def write(name, trainer, legacy=False, **config):
        path = make.folder(name)
        ae = make.fill(trainer.ae)
        if hasattr(ae, "threshold") and ae.threshold.ndim == 0:
            ae.threshold.fill_(0.4)
        full = {**trainer.config, **config}
        write_json(path / "config.json", {"trainer": full, "buffer": {"d_submodule": D, "ctx_len": 128}})
        state = {key: value.cpu() for key, value in ae.state_dict().items()}
        torch.save(state, path / "ae.pt", _use_new_zipfile_serialization=not legacy)
        acts = ae.encode(x)
        make.expect(path, x=x, acts=acts, out=ae.decode(acts))

    auto = standard.StandardTrainer(**common, lr=1e-3)
    write("dictionary-learning-standard", auto)
    write("dictionary-learning-legacy", standard.StandardTrainerAprilUpdate(**common, lr=1e-3), legacy=True)
    new = types.SimpleNamespace(ae=dictionary.AutoEncoderNew(D, N), config=auto.config)
    write("dictionary-learning-new", new, dict_class="AutoEncoderNew", trainer_class="StandardTrainerNew")
    write("dictionary-learning-gated", gdm.GatedSAETrainer(**common))
    write("dictionary-learning-jumprelu", jumprelu.JumpReluTrainer(**common))
    write("dictionary-learning-topk", top_k.TopKTrainer(**common, k=3))
    write("dictionary-learning-batchtopk", batch_top_k.BatchTopKTrainer(**common, k=3))
    groups = matryoshka_batch_top_k.MatryoshkaBatchTopKTrainer(**common, k=3, group_fractions=[0.4, 0.6])
    write("dictionary-learning-matryoshka", groups)


def sparsify(make):
    from sparsify import SparseCoder, SparseCoderConfig

    x = make.x()

    def write(name, hookpoint, dtype=torch.float32, **config):
        path = make.folder(f"sparsify-{name}") / hookpoint
        made = make.fill(SparseCoder(D, SparseCoderConfig(num_latents=N, **config), dtype=dtype))
        made.save_to_disk(path)
        # Half-precision weights are computed with in float32, as readers of any other program would.
        loaded = SparseCoder.load_from_disk(path).float()
        values, places, _ = loaded.encode(x)
        acts = torch.zeros(ROWS, N).scatter(-1, places, values)
        # forward() of a multi-TopK coder decodes 4 k features without the skip, so encode and decode are asked.
        out = loaded.decode(values, places)
        if loaded.W_skip is not None:
            out = out + x @ loaded.W_skip.mT
        if not loaded.cfg.multi_topk:
            assert torch.equal(out, loaded(x).sae_out)
        make.expect(path, x=x, acts=acts, out=out)

    write("release", "layers.0.mlp", k=3, transcode=True)
    write("release", "layers.1.mlp", k=3, transcode=True, skip_connection=True)
    write("topk", "h.2", k=3)
    write("skip", "gpt_neox.layers.1.attention", k=3, skip_connection=True)
    write("groupmax", "layers.1", k=5, activation="groupmax")
    write("layer", "layers.1", k=2, transcode=True)
    write("multi-topk", "layers.0/seed1", k=2, multi_topk=True)
    write("half", "layers.0.mlp", k=N, transcode=True, dtype=torch.float16)


def gemma_scope(make):
    from circuit_tracer.transcoder.single_layer_transcoder import load_gemma_scope_transcoder

    x = make.x()
    names = dict(W_enc=(D, N), W_dec=(N, D), b_enc=(N,), b_dec=(D,), threshold=(N,))
    w = {name: make.random(*shape).numpy() for name, shape in names.items()}
    path = make.folder("gemma-scope-2b-pt-res") / "layer_3" / "width_16k" / "average_l0_71"
    path.mkdir(parents=True, exist_ok=True)
    np.savez(path / "params.npz", **{**w, "threshold": np.abs(w["threshold"])})
    loaded = load_gemma_scope_transcoder(str(path / "params.npz"), 3)
    acts = loaded.encode(x)
    make.expect(path, x=x, acts=acts, out=loaded.decode(acts))


def gemma_scope_2(make):
    from circuit_tracer.transcoder.single_layer_transcoder import load_gemma_scope_2_transcoder

    x = make.x()
    names = dict(w_enc=(D, N), w_dec=(N, D), b_enc=(N,), b_dec=(D,), threshold=(N,), affine_skip_connection=(D, D))
    w = {name: make.random(*shape) for name, shape in names.items()}
    w["threshold"] = w["threshold"].abs()
    path = make.folder("gemma-scope-2-270m-pt") / "transcoder" / "layer_5_width_16k_l0_small_affine"
    path.mkdir(parents=True, exist_ok=True)
    save_file(w, path / "params.safetensors")
    loaded = load_gemma_scope_2_transcoder(str(path / "params.safetensors"), 5)
    acts = loaded.encode(x)
    make.expect(path, x=x, acts=acts, out=loaded.decode(acts, x))


def circuit_tracer(make):
    from circuit_tracer.transcoder.activation_functions import JumpReLU
    from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder
    from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet

    layers = 2
    x = make.x()
    head = "model_name: tiny\nfeature_input_hook: mlp.hook_in\nfeature_output_hook: mlp.hook_out\nscan: tiny\n"
    cpu = dict(device=torch.device("cpu"), dtype=torch.float32)

    path = make.folder("circuit-tracer-set")
    (path / "config.yaml").write_text(head + "model_kind: transcoder_set\n")
    plain = SingleLayerTranscoder(D, N, torch.relu, 0, **cpu)
    jump = SingleLayerTranscoder(D, N, JumpReLU(torch.zeros(N)), 1, skip_connection=True, **cpu)
    made = TranscoderSet({0: make.fill(plain), 1: make.fill(jump)}, "mlp.hook_in", "mlp.hook_out", scan="tiny")
    made.to_safetensors(path)
    expected = {"x": x}
    for layer, transcoder in enumerate(made):
        acts = transcoder.encode(x)
        expected |= {f"acts.{layer}": acts, f"out.{layer}": transcoder.decode(acts, x)}
    make.expect(path, **expected)

    path = make.folder("circuit-tracer-clt")
    (path / "config.yaml").write_text(head + "model_kind: cross_layer_transcoder\n")
    clt = make.fill(CrossLayerTranscoder(layers, N, D, "jump_relu", lazy_decoder=False, **cpu))
    clt.to_safetensors(path)
    inputs = torch.stack([x] * layers)
    acts = clt.encode(inputs)
    out = clt.decode(acts)
    expected = {"x": x} | {f"acts.{layer}": acts[layer] for layer in range(layers)}
    make.expect(path, **expected, **{f"total.{layer}": out[layer] for layer in range(layers)})


def crosscoders(make, checkout):
    """Crosscoders of science-of-finetuning/crosscoder_learning (commit b2363ed), whose package has the name of another one."""
    package = types.ModuleType("crosscoder_learning")
    package.__path__ = [str(checkout / "dictionary_learning")]
    sys.modules["crosscoder_learning"] = package
    found = importlib.import_module("crosscoder_learning.dictionary")

    def write(name, crosscoder, **more):
        path = make.folder(name)
        make.fill(crosscoder)
        if "threshold" in dict(crosscoder.named_buffers()):
            crosscoder.threshold.fill_(0.9)
        kind = type(crosscoder).__name__
        trainer = dict(dict_class=kind, activation_dim=D, dict_size=N, layer=2, lm_name="base-chat", submodule_name=None,
                       code_normalization=str(crosscoder.code_normalization), code_normalization_alpha_sae=1.0, code_normalization_alpha_cc=0.1, **more)
        write_json(path / "config.json", {"trainer": trainer})
        torch.save(crosscoder.state_dict(), path / "ae.pt")
        x = make.random(ROWS, 2, D, scale=1.5)
        acts = crosscoder.encode(x)
        out = crosscoder.decode(acts)
        make.expect(path, **{"x.0": x[:, 0], "x.1": x[:, 1], "acts": acts, "out.0": out[:, 0], "out.1": out[:, 1]})

    write("crosscoder", found.CrossCoder(D, N, 2))
    stats = dict(activation_mean=make.random(2, D), activation_std=make.random(2, D).abs() + 0.5, target_rms=2.0)
    for kind in ("CROSSCODER", "SAE", "MIXED", "NONE"):
        made = found.BatchTopKCrossCoder(D, N, 2, k=3, code_normalization=found.CodeNormalization[kind], **stats)
        write(f"crosscoder-batchtopk-{kind.lower()}", made, k=3)


class Unsafe:
    def __reduce__(self):
        return (os.system, ("echo this must never run",))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/dictionaries", type=pathlib.Path)
    parser.add_argument("--only", nargs="*", help="of these projects only, for example sparsify")
    parser.add_argument("--crosscoders", type=pathlib.Path, help="a checkout of crosscoder_learning; left alone without")
    args = parser.parse_args()
    make = Maker(args.out)
    torch.manual_seed(0)
    parts = (saelens, dictionary_learning, sparsify, gemma_scope, gemma_scope_2, circuit_tracer, crosscoders)
    for i, part in enumerate(parts):
        # Every project draws from its own stream, so that one can be made again alone.
        make.rng = np.random.default_rng([3, i])
        if args.only is not None and part.__name__ not in args.only:
            continue
        if part is not crosscoders:
            part(make)
        elif args.crosscoders:
            part(make, args.crosscoders)
    if args.only is not None:
        return
    torch.save({"a": torch.zeros(1), "b": Unsafe()}, make.out / "unsafe.pt")
    (make.out / "unsafe-plain.pt").write_bytes(pickle.dumps(Unsafe(), protocol=2))
    strided = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    torch.save({"t": strided.t(), "part": strided[1:3, ::2], "half": strided.half(), "b16": strided.bfloat16(),
                "nested": {"list": [torch.tensor(7)], "none": None}, "p": torch.nn.Parameter(strided)}, make.out / "views.pt")


if __name__ == "__main__":
    main()

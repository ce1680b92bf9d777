"""The other side of bench/peers.ts: the same work in the packages people use for it.

Usage: python scripts/reference/peers.py NAME --inputs FOLDER [--threads N]

Loads what NAME needs, runs it once to warm up and then obeys lines on stdin, answering each with a line of
JSON: `run` does the work once and tells wall and processor seconds, `save PATH` writes the last result.
Whatever the packages print goes to stderr. Each peer is called through its own public functions.

    graph                circuit-tracer: attribute
    dictionary-learning  dictionary_learning: TopKTrainer.update
    sae-lens             SAELens: SAETrainer.step with a TopKTrainingSAE
    sae-lens-sparse      the same with its sparse activations
    sweep                TransformerLens: patching.get_act_patch_attn_head_out_by_pos
    eap, eap-ig          EAP-IG: get_scores_eap, get_scores_eap_ig
"""

import argparse
import contextlib
import importlib.metadata
import json
import sys
import time
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


class Tokenizer:
    """Stands in for a tokenizer where a peer insists on one; prompts are token ids throughout."""

    padding_side = "right"

    def __init__(self, vocab_size, first):
        self.vocab_size = vocab_size
        # circuit-tracer puts a token before a prompt that does not start with a special one.
        self.all_special_ids = [first]

    def decode(self, ids, **_):
        return " ".join(str(int(i)) for i in torch.as_tensor(ids).flatten())


class Graph:
    """circuit-tracer. Timed: forward pass, features, all rows, the packed graph; not: loading."""

    packages = ("circuit-tracer", "transformer-lens", "transformers")

    def __init__(self, folder, settings):
        from circuit_tracer.attribution.attribute import attribute
        from circuit_tracer.replacement_model.replacement_model_transformerlens import (
            TransformerLensReplacementModel,
        )
        from circuit_tracer.transcoder.cross_layer_transcoder import load_clt
        from circuit_tracer.transcoder.single_layer_transcoder import load_transcoder_set
        from hooked import load_hooked

        plain, _ = load_hooked(folder / "model")
        layers = plain.cfg.n_layers
        model = TransformerLensReplacementModel(plain.cfg)
        model.load_state_dict(plain.state_dict())
        hooks = {"feature_input_hook": "mlp.hook_in", "feature_output_hook": "hook_mlp_out"}
        # The weights stay in memory, where ours are.
        loading = {"scan": "bench", "device": torch.device("cpu"), "dtype": torch.float32,
                   "lazy_encoder": False, "lazy_decoder": False, **hooks}
        weights = folder / "transcoders"
        transcoders = (
            load_clt(str(weights), **loading) if settings["kind"] == "cross-layer" else
            load_transcoder_set(
                {i: str(weights / f"layer_{i}.safetensors") for i in range(layers)}, **loading))
        model._configure_replacement_model(transcoders)
        model.tokenizer = Tokenizer(plain.cfg.d_vocab, settings["tokens"][0])
        self.attribute, self.model, self.settings = attribute, model, settings
        self.tokens = torch.tensor(settings["tokens"])

    def warm(self):
        # One backward pass of features is enough: a whole graph takes a minute.
        return self.run(self.settings["batch"])

    def run(self, most=None):
        given = self.settings
        self.graph = self.attribute(
            self.tokens, self.model, max_n_logits=given["maxLogits"],
            desired_logit_prob=given["logitShare"], batch_size=given["batch"],
            max_feature_nodes=most or given["maxFeatures"])
        return {"nodes": len(self.graph.adjacency_matrix)}

    def save(self):
        from circuit_tracer.graph import compute_graph_scores, compute_node_influence

        graph = self.graph
        weights = torch.zeros(len(graph.adjacency_matrix))
        weights[-len(graph.logit_targets):] = graph.logit_probabilities
        return {
            "adjacency": graph.adjacency_matrix,
            "features": graph.active_features[graph.selected_features].int(),
            "activations": graph.activation_values[graph.selected_features],
            "logits": graph.logit_token_ids.int(),
            "probabilities": graph.logit_probabilities,
            "influence": compute_node_influence(graph.adjacency_matrix, weights),
            "scores": torch.tensor(compute_graph_scores(graph)),
        }


class DictionaryLearning:
    """dictionary_learning. Timed: one update."""

    packages = ("dictionary-learning",)

    def __init__(self, folder, settings):
        from dictionary_learning.trainers.top_k import TopKTrainer

        start = load_file(folder / "dictionary.safetensors")
        self.x = start["x"]
        self.trainer = TopKTrainer(
            steps=100_000, activation_dim=settings["width"], dict_size=settings["features"],
            k=settings["k"], layer=0, lm_name="none", device="cpu", warmup_steps=0, lr=settings["lr"])
        ae = self.trainer.ae
        with torch.no_grad():
            ae.encoder.weight.copy_(start["W_enc"].T)
            ae.decoder.weight.copy_(start["W_dec"].T)
            ae.b_dec.copy_(start["b_dec"])
        # Step 0 is where its own first bias would be computed; ours is given.
        self.step = 0

    def run(self):
        self.step += 1
        return {"loss": self.trainer.update(self.step, self.x)}

    def save(self):
        ae = self.trainer.ae
        return {"W_enc": ae.encoder.weight.T.contiguous(), "W_dec": ae.decoder.weight.T.contiguous(),
                "b_enc": ae.encoder.bias, "b_dec": ae.b_dec}


class SaeLens:
    """SAELens. Timed: one step of its trainer.

    `sparse` is its faster setting, which trains only without rescaling by decoder norms; the other one
    is its default.
    """

    packages = ("sae-lens",)

    def __init__(self, folder, settings, sparse=False):
        from sae_lens.config import LoggingConfig, SAETrainerConfig
        from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
        from sae_lens.training.sae_trainer import SAETrainer

        start = load_file(folder / "dictionary.safetensors")
        self.x = start["x"]
        sae = TopKTrainingSAE(TopKTrainingSAEConfig(
            d_in=settings["width"], d_sae=settings["features"], k=settings["k"], device="cpu",
            apply_b_dec_to_input=True, use_sparse_activations=sparse,
            rescale_acts_by_decoder_norm=not sparse))
        with torch.no_grad():
            for name in ("W_enc", "W_dec", "b_dec"):
                getattr(sae, name).copy_(start[name])
        rows = len(self.x)
        self.trainer = SAETrainer(
            SAETrainerConfig(
                total_training_samples=100_000 * rows, train_batch_size_samples=rows, device="cpu",
                lr=settings["lr"], lr_end=settings["lr"], lr_scheduler_name="constant", lr_warm_up_steps=0,
                lr_decay_steps=0, adam_beta1=0.9, adam_beta2=0.999, n_checkpoints=0,
                checkpoint_path=None, save_final_checkpoint=False, dead_feature_window=10_000,
                feature_sampling_window=1000, n_restart_cycles=1, autocast=False,
                logger=LoggingConfig(log_to_wandb=False)),
            sae, iter(()))

    def run(self):
        out = self.trainer.step(self.x)
        self.trainer.n_training_steps += 1
        return {"loss": float(out.losses["mse_loss"] if "mse_loss" in out.losses else out.loss)}

    def save(self):
        sae = self.trainer.sae
        return {name: getattr(sae, name) for name in ("W_enc", "W_dec", "b_enc", "b_dec")}


def difference(settings):
    target, distractor = settings["target"], settings["distractor"]
    return lambda logits: logits[:, -1, target] - logits[:, -1, distractor]


class Sweep:
    """TransformerLens. Timed: both plain runs and the patches; `sample` of them, all at equal cost."""

    packages = ("transformer-lens", "transformers")

    def __init__(self, folder, settings):
        import pandas
        from hooked import load_hooked
        from transformer_lens import patching

        torch.set_grad_enabled(False)
        self.model, _ = load_hooked(folder / "model")
        self.clean = torch.tensor([settings["clean"]])
        self.corrupted = torch.tensor([settings["corrupted"]])
        metric = difference(settings)
        self.metric = lambda logits: metric(logits).mean()
        self.patch = patching.get_act_patch_attn_head_out_by_pos
        self.which = pandas.DataFrame(settings["sample"], columns=["layer", "pos", "head"])
        self.of = settings["of"]

    def run(self):
        plain = clocked(self.cached)
        patches = clocked(self.patched)
        scale = self.of / len(self.which)
        return {clock: plain[clock] + scale * patches[clock] for clock in ("wall", "cpu")}

    def cached(self):
        _, self.cache = self.model.run_with_cache(self.clean)
        return {}

    def patched(self):
        self.found = self.patch(
            self.model, self.corrupted, self.cache, self.metric, index_axis_names=None, index_df=self.which)
        return {}

    def save(self):
        return {"logitDiff": self.found}


class Eap:
    """EAP-IG. Timed: all scores of four prompts."""

    packages = ("eap", "transformer-lens", "transformers")

    def __init__(self, folder, settings):
        import eap.attribute as attribute
        from eap.graph import Graph as EdgeGraph
        from hooked import load_hooked

        self.model, _ = load_hooked(
            folder / "model", use_attn_result=True, use_split_qkv_input=True, use_hook_mlp_in=True)
        self.graph = EdgeGraph.from_model(self.model)
        metric = difference(settings)
        # A sum, because the package divides by the number of prompts itself.
        self.metric = lambda logits, _clean, _lengths, _label: metric(logits).sum()
        names = ("clean", "corrupted")
        rows = {name + str(i): torch.tensor([example[name]])
                for i, example in enumerate(settings["examples"]) for name in names}
        self.data = [(*([name + str(i) for i in range(len(rows) // 2)] for name in names), None)]
        self.attribute, self.steps = attribute, settings.get("steps")

        def tokens(_model, names, max_length=None):
            ids = torch.cat([rows[name] for name in names])
            return ids, torch.ones_like(ids), torch.full((len(ids),), ids.shape[1]), ids.shape[1]

        # Prompts are token ids, and the package names the device 'cuda' outright.
        attribute.tokenize_plus = tokens

    def run(self):
        plain = torch.zeros
        if not torch.cuda.is_available():
            torch.zeros = lambda *shape, device=None, **rest: plain(*shape, device="cpu", **rest)
        try:
            if self.steps is None:
                get = self.attribute.get_scores_eap
                self.scores = get(self.model, self.graph, self.data, self.metric, quiet=True)
            else:
                get = self.attribute.get_scores_eap_ig
                self.scores = get(
                    self.model, self.graph, self.data, self.metric, steps=self.steps, quiet=True)
        finally:
            torch.zeros = plain
        # As a caller would between two runs: it leaves gradients of all weights behind.
        self.model.zero_grad()
        return {}

    def save(self):
        return {"scores": self.scores}


PEERS = {"graph": Graph, "dictionary-learning": DictionaryLearning, "sae-lens": SaeLens,
         "sae-lens-sparse": partial(SaeLens, sparse=True),
         "sweep": Sweep, "eap": Eap, "eap-ig": Eap}


def clocked(run):
    wall, cpu = time.perf_counter(), time.process_time()
    told = run()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, **told}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=sorted(PEERS))
    parser.add_argument("--inputs", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    answers = sys.stdout

    def say(answer):
        print(json.dumps(answer), file=answers, flush=True)

    with contextlib.redirect_stdout(sys.stderr):
        settings = json.loads((given.inputs / "settings.json").read_text())
        peer = PEERS[given.name](given.inputs, settings)
        first = clocked(getattr(peer, "warm", peer.run))
        versions = {name: importlib.metadata.version(name) for name in ("torch", *peer.packages)}
        say({"first": first, "versions": {"python": sys.version.split()[0], **versions}})
        for line in sys.stdin:
            command, _, path = line.strip().partition(" ")
            if command == "run":
                say(clocked(peer.run))
            elif command == "save":
                found = {k: v.detach().contiguous().clone() for k, v in peer.save().items()}
                save_file(found, path)
                say({"saved": list(found)})


if __name__ == "__main__":
    main()

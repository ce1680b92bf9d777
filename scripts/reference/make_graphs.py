"""Attribution graphs that circuit-tracer made of tiny random models, in both of its forms.

Usage: python scripts/reference/make_graphs.py [--out test/fixtures/graphs], from the root of the checkout.

Per kind of transcoders a folder with graph.json by create_graph_files, graph.pt by Graph.to_pt, and scores.json by
compute_graph_scores, so that readers of either can be checked. Versions: requirements-interop.txt.
"""

import argparse
import json
import os
import pathlib
import tempfile

import torch
from circuit_tracer import ReplacementModel, attribute
from circuit_tracer.graph import compute_graph_scores
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder, TranscoderSet
from circuit_tracer.utils.create_graph_files import create_graph_files
from transformer_lens import HookedTransformerConfig
from transformers import AutoTokenizer, PreTrainedTokenizerFast

TOKENIZER = pathlib.Path("test/fixtures/tokenizers/byte-level")
PROMPT = "The quick brown fox\njumps"
LAYERS, WIDTH, FEATURES = 2, 16, 8
CPU = dict(device=torch.device("cpu"), dtype=torch.float32)


def config(tokenizer):
    return HookedTransformerConfig(
        n_layers=LAYERS, d_model=WIDTH, d_head=8, n_heads=2, d_mlp=32, n_ctx=32, d_vocab=len(tokenizer),
        act_fn="gelu_new", normalization_type="LN", tokenizer_name="tiny-tokenizer", model_name="tiny", seed=4, device="cpu",
        init_weights=True, initializer_range=0.3,
    )


def filled(module):
    with torch.no_grad():
        for name, value in module.named_parameters():
            value.copy_(torch.full_like(value, 0.9) if "threshold" in name else torch.randn_like(value) * 0.3)
    return module


def transcoders(kind):
    hooks = dict(feature_input_hook="mlp.hook_in", feature_output_hook="mlp.hook_out", scan=f"example/{kind}-transcoders")
    if kind == "cross-layer":
        return filled(CrossLayerTranscoder(LAYERS, FEATURES, WIDTH, "jump_relu", lazy_decoder=False, **hooks, **CPU))
    each = {i: SingleLayerTranscoder(WIDTH, FEATURES, JumpReLU(torch.zeros(FEATURES)), i, **CPU) for i in range(LAYERS)}
    return filled(TranscoderSet(each, **hooks))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="test/fixtures/graphs", type=pathlib.Path)
    out = parser.parse_args().out.resolve()
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|im_end|>")
    # The name of the tokenizer is stored in graph.pt, so it is one that says nothing of this machine.
    scratch = tempfile.mkdtemp()
    os.chdir(scratch)
    tokenizer.save_pretrained("tiny-tokenizer")
    tokenizer = AutoTokenizer.from_pretrained("tiny-tokenizer")
    for kind in ("per-layer", "cross-layer"):
        torch.manual_seed(7)
        model = ReplacementModel.from_config(config(tokenizer), transcoders(kind), tokenizer=tokenizer)
        graph = attribute(PROMPT, model, max_n_logits=3, batch_size=16, verbose=False)
        folder = out / f"circuit-tracer-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        graph.to_pt(str(folder / "graph.pt"))
        create_graph_files(graph, slug="graph", output_path=str(folder))
        replacement, completeness = compute_graph_scores(graph)
        (folder / "scores.json").write_text(json.dumps(dict(replacement=float(replacement), completeness=float(completeness))) + "\n")
        (folder / "graph-metadata.json").unlink()
        made = json.loads((folder / "graph.json").read_text())
        ids = [node["node_id"] for node in made["nodes"]]
        print(kind, len(ids), "nodes,", len(made["links"]), "links,", len(ids) - len(set(ids)), "ids used twice")


if __name__ == "__main__":
    main()

"""Write a tiny random-weight Hugging Face folder, with reference activations, for every model family.

Usage: python scripts/reference/make_families.py [--out test/fixtures/families] [name ...]

Each folder holds
  config.json           the keys as `transformers` saves them today (`rope_parameters`, `dtype`)
  config.hub.json       the same configuration with the keys that folders on the hub carry
                        (`rope_theta`, `rope_scaling`, `torch_dtype`, ...)
  model.safetensors     random weights (or shards with an index)
  reference.safetensors `tokens` [batch, pos], `logits` [batch, pos, d_vocab] and activations by address

The model is built from config.hub.json, so both files describe it; the script checks that loading the
folder again with either file gives the same logits. References are float32 with eager attention on
the stored weights, so a bfloat16 or float16 folder is compared against its own rounded values.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import torch
import transformers
from safetensors import safe_open
from safetensors.torch import load_file, save_file

BATCH, POS, VOCAB = 2, 12, 48

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "mlp_bias": False,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": VOCAB,
}
LLAMA3 = LLAMA | {"num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 24,
                  "intermediate_size": 28, "rope_theta": 500000.0}
# head_dim is not hidden_size / num_attention_heads here, as in several published models.
SMALL_GQA = LLAMA | {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
ROPE = SMALL_GQA | {"num_hidden_layers": 1}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "attn_pdrop": 0.1,
    "bos_token_id": 0,
    "embd_pdrop": 0.1,
    "eos_token_id": 0,
    "layer_norm_epsilon": 1e-5,
    "n_ctx": 32,
    "n_embd": 16,
    "n_head": 2,
    "n_layer": 2,
    "n_positions": 32,
    "resid_pdrop": 0.1,
    "torch_dtype": "float32",
    "vocab_size": VOCAB,
}
NEOX = {
    "architectures": ["GPTNeoXForCausalLM"],
    "model_type": "gpt_neox",
    "bos_token_id": 0,
    "eos_token_id": 0,
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "rotary_emb_base": 10000,
    "rotary_pct": 0.25,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_parallel_residual": True,
    "vocab_size": VOCAB,
}
MISTRAL = SMALL_GQA | {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "sliding_window": 5,
}
for key in ("attention_bias", "mlp_bias", "pretraining_tp"):
    MISTRAL.pop(key)
QWEN2 = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "max_window_layers": 2,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 1,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "sliding_window": 4,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "use_sliding_window": False,
    "vocab_size": VOCAB,
}
QWEN3 = QWEN2 | {
    "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "rope_scaling": None,
    "sliding_window": None,
}
GEMMA2 = {
    "architectures": ["Gemma2ForCausalLM"],
    "model_type": "gemma2",
    "attention_bias": False,
    "attn_logit_softcapping": 3.0,
    "bos_token_id": 2,
    "cache_implementation": "hybrid",
    "eos_token_id": 1,
    "final_logit_softcapping": 4.0,
    "head_dim": 8,
    "hidden_act": "gelu_pytorch_tanh",
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "query_pre_attn_scalar": 12,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "sliding_window": 5,
    "torch_dtype": "float32",
    "vocab_size": VOCAB,
}
GEMMA3 = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "attention_bias": False,
    "attn_logit_softcapping": None,
    "bos_token_id": 2,
    "cache_implementation": "hybrid",
    "eos_token_id": 1,
    "final_logit_softcapping": None,
    "head_dim": 8,
    "hidden_activation": "gelu_pytorch_tanh",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 3,
    "num_key_value_heads": 1,
    "pad_token_id": 0,
    "query_pre_attn_scalar": 12,
    "rms_norm_eps": 1e-6,
    "rope_local_base_freq": 100.0,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "sliding_window": 5,
    "sliding_window_pattern": 3,
    "torch_dtype": "float32",
    "vocab_size": VOCAB,
}
PHI3 = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "attention_bias": False,
    "bos_token_id": 1,
    "embd_pdrop": 0.0,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "hidden_size": 16,
    "intermediate_size": 24,
    "max_position_embeddings": 64,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "original_max_position_embeddings": 64,
    "pad_token_id": 0,
    "resid_pdrop": 0.0,
    "rms_norm_eps": 1e-5,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "sliding_window": 6,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "vocab_size": VOCAB,
}
LONGROPE = {"type": "longrope", "short_factor": [1.0, 1.1, 1.3, 1.6], "long_factor": [1.5, 2.5, 4.0, 6.0]}

# name -> (hub configuration, options). `dtype` is the stored type, `shard` the largest shard,
# `hub_names` rewrites tensor names to those of the folders published on the hub.
FAMILIES = {
    "gpt2": (GPT2, {}),
    "gpt2-relu": (GPT2 | {"activation_function": "relu", "n_inner": 40, "n_layer": 1}, {}),
    "gpt2-untied": (GPT2 | {"tie_word_embeddings": False, "n_layer": 1}, {}),
    "gpt2-hub-names": (GPT2 | {"n_layer": 1}, {"hub_names": "gpt2"}),
    "gpt-neox": (NEOX | {"torch_dtype": "float16"}, {"dtype": torch.float16}),
    "gpt-neox-sequential": (NEOX | {"use_parallel_residual": False, "num_hidden_layers": 1}, {}),
    "gpt-neox-f16-hub-names": (NEOX | {"torch_dtype": "float16", "num_hidden_layers": 1},
                               {"dtype": torch.float16, "hub_names": "gpt_neox"}),
    "llama2": (LLAMA, {}),
    "llama3": (LLAMA3, {}),
    "llama3-bf16": (LLAMA3 | {"torch_dtype": "bfloat16", "num_hidden_layers": 1}, {"dtype": torch.bfloat16}),
    "llama3-sharded": (SMALL_GQA | {"rope_theta": 500000.0}, {"shard": 8000}),
    "llama31-rope": (ROPE | {
        "rope_theta": 100.0,
        "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 16, "rope_type": "llama3"}}, {}),
    "llama-rope-linear": (ROPE | {"rope_scaling": {"type": "linear", "factor": 4.0}}, {}),
    # The prompt (12) is longer than max_position_embeddings (8), so the dynamic base applies.
    "llama-rope-dynamic": (ROPE | {"max_position_embeddings": 8,
                                        "rope_scaling": {"type": "dynamic", "factor": 2.0}}, {}),
    "llama-rope-yarn": (ROPE | {
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                         "original_max_position_embeddings": 16}}, {}),
    "llama-biases": (SMALL_GQA | {"attention_bias": True, "mlp_bias": True,
                                  "num_hidden_layers": 1}, {}),
    "smollm": (SMALL_GQA | {"tie_word_embeddings": True, "is_llama_config": True,
                            "rope_interleaved": False}, {}),
    "mistral": (MISTRAL, {}),
    "mistral-full": (MISTRAL | {"sliding_window": None, "num_hidden_layers": 1}, {}),
    "qwen2": (QWEN2, {}),
    "qwen2-sliding": (QWEN2 | {"use_sliding_window": True, "max_window_layers": 1,
                               "tie_word_embeddings": False}, {}),
    "qwen3": (QWEN3, {}),
    "gemma2": (GEMMA2, {}),
    "gemma3": (GEMMA3, {}),
    # The linear factor touches the full-attention layers only.
    "gemma3-rope-linear": (GEMMA3 | {"rope_scaling": {"rope_type": "linear", "factor": 8.0},
                                     "sliding_window_pattern": 2, "num_hidden_layers": 2}, {}),
    "phi3": (PHI3, {}),
    "phi3-longrope-short": (PHI3 | {"rope_scaling": LONGROPE, "max_position_embeddings": 64,
                                    "original_max_position_embeddings": 16,
                                    "sliding_window": None, "num_hidden_layers": 1}, {}),
    # 12 positions exceed the original 8, so the long factors apply.
    "phi3-longrope-long": (PHI3 | {"rope_scaling": LONGROPE, "max_position_embeddings": 64,
                                   "original_max_position_embeddings": 8,
                                   "sliding_window": None, "num_hidden_layers": 1}, {}),
    # Phi-4-mini: a quarter of each head is not rotated, grouped queries, tied embeddings.
    "phi3-partial-rotary": (PHI3 | {"partial_rotary_factor": 0.75, "num_attention_heads": 4,
                                    "num_key_value_heads": 2, "hidden_size": 32,
                                    "tie_word_embeddings": True, "sliding_window": None,
                                    "num_hidden_layers": 1}, {}),
}

# Where each family keeps its parts: base model, layers, embedding, final norm, attention, MLP,
# and the norms that sit between a part's output and the residual stream (Gemma).
PARTS = {
    "gpt2": ("transformer", "h", "wte", "ln_f", "attn", "mlp", None, None),
    "gpt_neox": ("gpt_neox", "layers", "embed_in", "final_layer_norm", "attention", "mlp", None,
                 None),
    "gemma2": ("model", "layers", "embed_tokens", "norm", "self_attn", "mlp",
               "post_attention_layernorm", "post_feedforward_layernorm"),
    "gemma3_text": ("model", "layers", "embed_tokens", "norm", "self_attn", "mlp",
                    "post_attention_layernorm", "post_feedforward_layernorm"),
}
DEFAULT_PARTS = ("model", "layers", "embed_tokens", "norm", "self_attn", "mlp", None, None)


def randomise(model, model_type, generator):
    """Weights large enough, and norms and biases uneven enough, that a mistake moves the logits."""
    offset_norm = model_type.startswith("gemma")  # Gemma stores (norm weight - 1).
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                is_scale = name.endswith("weight")
                centre = 1.0 if is_scale and not offset_norm else 0.0
                parameter.copy_(centre + 0.3 * noise)
            elif "wte" in name or "embed" in name:
                parameter.copy_(0.4 * noise)
            else:
                parameter.copy_(0.3 * noise)


def capture(model, tokens):
    """Run the model once and return its activations by address."""
    model_type = model.config.model_type
    base, layers, embed, final_norm, attn, mlp, attn_norm, mlp_norm = PARTS.get(
        model_type, DEFAULT_PARTS)
    out, handles = {}, []
    first = lambda value: (value[0] if isinstance(value, tuple) else value).detach().clone()

    def on(module, name, pick=first):
        handles.append(module.register_forward_hook(
            lambda _module, _args, value: out.__setitem__(name, pick(value))))

    def on_input(module, name):
        def hook(_module, args, kwargs):
            value = args[0] if args else kwargs["hidden_states"]
            out[name] = value.detach().clone()
        handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    root = getattr(model, base)
    on(getattr(root, embed), "hook_embed")
    if model_type == "gpt2":
        on(root.wpe, "hook_pos_embed")
    parallel = getattr(model.config, "use_parallel_residual", False)
    for index, block in enumerate(getattr(root, layers)):
        prefix = f"blocks.{index}."
        if index == 0:  # later ones equal the previous block's hook_resid_post
            on_input(block, prefix + "hook_resid_pre")
        on(getattr(block, attn_norm or attn), prefix + "hook_attn_out")
        on(getattr(block, attn), prefix + "attn.hook_pattern", lambda value: value[1].detach().clone())
        on(getattr(block, mlp_norm or mlp), prefix + "hook_mlp_out")
        on(block, prefix + "hook_resid_post")
    on_input(getattr(root, final_norm), "resid_final")
    with torch.no_grad():
        out["logits"] = model(tokens, use_cache=False).logits
    for handle in handles:
        handle.remove()

    n_layers = len(getattr(root, layers))
    for index in range(n_layers):
        prefix = f"blocks.{index}."
        if not parallel:
            before = (prefix + "hook_resid_pre" if index == 0
                      else f"blocks.{index - 1}.hook_resid_post")
            out[prefix + "hook_resid_mid"] = out[before] + out[prefix + "hook_attn_out"]
    if model_type.startswith("gemma"):
        # The address means "what enters the residual stream", so the sqrt(d_model) factor is in it.
        out["hook_embed"] = out["blocks.0.hook_resid_pre"].clone()
    if "hook_pos_embed" in out:
        out["hook_pos_embed"] = out["hook_pos_embed"].expand(tokens.shape[0], -1, -1).clone()
    # `hook_normalized` is the normed residual before the norm's own weight and bias.
    resid = out.pop("resid_final")
    if not torch.equal(resid, out[f"blocks.{n_layers - 1}.hook_resid_post"]):
        raise SystemExit("the final norm does not read the last residual stream")
    eps = getattr(getattr(root, final_norm), "variance_epsilon", None)
    eps = eps or getattr(getattr(root, final_norm), "eps")
    if isinstance(getattr(root, final_norm), torch.nn.LayerNorm):
        resid = resid - resid.mean(-1, keepdim=True)
    scale = (resid.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    out["ln_final.hook_scale"] = scale
    out["ln_final.hook_normalized"] = resid / scale
    out["tokens"] = tokens
    return {key: value.contiguous() for key, value in out.items()}


def to_hub_names(folder, kind):
    """Rename tensors to the published layout, with the buffers that old folders carry."""
    path = folder / "model.safetensors"
    state = load_file(path)
    if kind == "gpt2":
        state = {key.removeprefix("transformer."): value for key, value in state.items()}
        for layer in range(1 + max(int(k.split(".")[1]) for k in state if k.startswith("h."))):
            state[f"h.{layer}.attn.bias"] = torch.tril(torch.ones(1, 1, 32, 32))
    else:
        for layer in range(1 + max(int(k.split(".")[2]) for k in state if ".layers." in k)):
            at = f"gpt_neox.layers.{layer}.attention."
            state[at + "bias"] = torch.tril(torch.ones(1, 1, 64, 64, dtype=torch.bool))
            state[at + "masked_bias"] = torch.tensor(-1e9, dtype=torch.float16)
            state[at + "rotary_emb.inv_freq"] = torch.tensor([1.0, 0.01], dtype=torch.float16)
    save_file({k: v.contiguous() for k, v in state.items()}, path, metadata={"format": "pt"})


def load(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True)
    return model.eval()


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def make(name, out_dir, seed):
    hub_config, options = FAMILIES[name]
    folder = out_dir / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)

    with tempfile.TemporaryDirectory() as scratch:
        write_json(pathlib.Path(scratch) / "config.json", hub_config)
        config = transformers.AutoConfig.from_pretrained(scratch)
        model = transformers.AutoModelForCausalLM.from_config(
            config, dtype=torch.float32, attn_implementation="eager").eval()
        randomise(model, config.model_type, generator)
        model.to(options.get("dtype", torch.float32))
        model.save_pretrained(folder, max_shard_size=options.get("shard", "1GB"))
    (folder / "generation_config.json").unlink(missing_ok=True)
    saved = json.loads((folder / "config.json").read_text())
    saved.pop("_name_or_path", None)
    write_json(folder / "config.json", saved)
    write_json(folder / "config.hub.json", hub_config)
    if "hub_names" in options:
        to_hub_names(folder, options["hub_names"])

    tokens = torch.randint(0, VOCAB, (BATCH, POS), generator=generator)
    reference = capture(load(folder), tokens)
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch)
        for path in folder.glob("model*"):
            shutil.copy(path, copy)
        shutil.copy(folder / "config.hub.json", copy / "config.json")
        again = load(copy)(tokens, use_cache=False).logits.detach()
    drift = (again - reference["logits"]).abs().max().item()
    if drift > 1e-6:
        raise SystemExit(f"{name}: config.json and config.hub.json differ by {drift} in the logits")
    save_file(reference, folder / "reference.safetensors",
              metadata={"made_with": f"transformers {transformers.__version__}"})
    for path in folder.iterdir():
        path.chmod(0o644)
    size = sum(path.stat().st_size for path in folder.iterdir())
    spread = reference["logits"].std().item()
    print(f"{name:28s} {size / 1024:6.1f} KiB  logits std {spread:.2f}  tensors {len(reference)}")
    return size


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="families to write (default: all)")
    parser.add_argument("--out", default="test/fixtures/families", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    order = list(FAMILIES)
    total = 0
    for name in args.names or order:
        total += make(name, args.out, seed=1000 + order.index(name))
    print(f"total {total / 1024:.0f} KiB")


if __name__ == "__main__":
    main()

"""Build an unprocessed TransformerLens HookedTransformer from a local Hugging Face folder.

TransformerLens itself only loads models by hub name. Here its configuration is filled in from the
folder, its own weight converters are applied, and nothing is folded, centred or otherwise changed.
"""

import torch
import transformers
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.pretrained import weight_conversions as convert

CONVERTERS = {
    "gpt2": convert.convert_gpt2_weights,
    "gpt_neox": convert.convert_neox_weights,
    "llama": convert.convert_llama_weights,
    "qwen3": convert.convert_qwen3_weights,
    "gemma2": convert.convert_gemma_weights,
    "gemma3_text": convert.convert_gemma_weights,
}


def hooked_config(config):
    """The TransformerLens configuration that means the same as a `transformers` one."""
    kind = config.model_type
    if kind == "gpt2":
        return dict(
            n_layers=config.n_layer, d_model=config.n_embd, n_heads=config.n_head,
            d_head=config.n_embd // config.n_head, d_mlp=config.n_inner or 4 * config.n_embd,
            n_ctx=config.n_positions, eps=config.layer_norm_epsilon,
            act_fn=config.activation_function, normalization_type="LN",
            positional_embedding_type="standard",
            original_architecture="GPT2LMHeadModel")
    heads, kv_heads = config.num_attention_heads, getattr(config, "num_key_value_heads", None)
    d_head = getattr(config, "head_dim", None) or config.hidden_size // heads
    common = dict(
        n_layers=config.num_hidden_layers, d_model=config.hidden_size, n_heads=heads, d_head=d_head,
        d_mlp=config.intermediate_size, n_ctx=config.max_position_embeddings,
        positional_embedding_type="rotary", rotary_adjacent_pairs=False,
        n_key_value_heads=kv_heads if kv_heads not in (None, heads) else None,
        original_architecture=config.architectures[0])
    if kind == "gpt_neox":
        rope = config.rope_parameters
        return common | dict(
            eps=config.layer_norm_eps, act_fn=config.hidden_act, normalization_type="LN",
            parallel_attn_mlp=config.use_parallel_residual, rotary_base=rope["rope_theta"],
            rotary_dim=int(d_head * rope["partial_rotary_factor"]))
    common |= dict(eps=config.rms_norm_eps, normalization_type="RMS", final_rms=True,
                   gated_mlp=True, rotary_dim=d_head)
    if kind in ("llama", "qwen3"):
        return common | dict(act_fn=config.hidden_act, use_qk_norm=kind == "qwen3",
                             rotary_base=config.rope_parameters["rope_theta"])
    types = ["local" if t == "sliding_attention" else "global" for t in config.layer_types]
    common |= dict(
        act_fn="gelu_pytorch_tanh", use_normalization_before_and_after=True,
        attn_scale=config.query_pre_attn_scalar ** 0.5, use_local_attn=True, attn_types=types,
        window_size=config.sliding_window, n_key_value_heads=kv_heads)
    if kind == "gemma2":
        return common | dict(
            rotary_base=config.rope_parameters["rope_theta"],
            attn_scores_soft_cap=config.attn_logit_softcapping,
            output_logits_soft_cap=config.final_logit_softcapping)
    return common | dict(
        use_qk_norm=True, rotary_base=config.rope_parameters["full_attention"]["rope_theta"],
        rotary_base_local=config.rope_parameters["sliding_attention"]["rope_theta"])


def load_hooked(folder, **overrides):
    """Return (HookedTransformer, transformers model) for the folder, both float32 and unprocessed."""
    hf = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True).eval()
    fields = hooked_config(hf.config) | dict(
        d_vocab=hf.config.vocab_size, device="cpu", init_weights=False, seed=0) | overrides
    model = HookedTransformer(HookedTransformerConfig(**fields))
    state = CONVERTERS[hf.config.model_type](hf, model.cfg)
    missing, unexpected = model.load_state_dict(state, strict=False)
    missing = [name for name in missing if not name.endswith(
        ("mask", "IGNORE", "rotary_sin", "rotary_cos", "unembed.b_U"))]
    if missing or unexpected:
        raise SystemExit(f"{folder}: missing {missing}, unexpected {unexpected}")
    torch.nn.init.zeros_(model.unembed.b_U)
    return model.eval(), hf

"""What `transformers` reads from published-style config.json files, omitted keys included.

Usage: python scripts/reference/make_configs.py [--out test/fixtures/configs.json]

The configurations follow the published files of well-known models (sizes as published, factor lists
of longrope shortened to the head size given here). Each comes with the values the model classes of
`transformers` use, so that defaults, old and new spellings and the rotary scaling can be compared.
"""

import argparse
import json
import math

from transformers import AutoConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

LONG = [1.0 + 0.5 * i for i in range(48)]
SHORT = [1.0 + 0.01 * i for i in range(48)]

CONFIGS = {
    "gpt2": {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_ctx": 1024, "n_embd": 768, "n_head": 12,
             "n_layer": 12, "n_positions": 1024, "vocab_size": 50257, "layer_norm_epsilon": 1e-05},
    "gpt2 with inner size": {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 2,
             "n_positions": 32, "vocab_size": 100, "n_inner": 100, "activation_function": "relu", "tie_word_embeddings": False},
    "pythia": {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_size": 512, "intermediate_size": 2048,
               "num_attention_heads": 8, "num_hidden_layers": 6, "vocab_size": 50304, "max_position_embeddings": 2048,
               "rotary_pct": 0.25, "rotary_emb_base": 10000, "hidden_act": "gelu", "use_parallel_residual": True,
               "bos_token_id": 0, "eos_token_id": 0, "layer_norm_eps": 1e-05},
    "neox defaults": {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_size": 640, "intermediate_size": 2560,
               "num_attention_heads": 8, "num_hidden_layers": 2, "vocab_size": 1000, "rope_scaling": {"type": "linear", "factor": 2.0}},
    "llama 2": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
                "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "vocab_size": 32000,
                "max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": None, "bos_token_id": 1, "eos_token_id": 2},
    "llama 3.1": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
                  "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 128256,
                  "max_position_embeddings": 131072, "rms_norm_eps": 1e-05, "rope_theta": 500000.0, "bos_token_id": 128000,
                  "eos_token_id": [128001, 128008, 128009],
                  "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                   "original_max_position_embeddings": 8192, "rope_type": "llama3"}},
    "llama 3.2 new spelling": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "head_dim": 64,
                  "intermediate_size": 8192, "num_attention_heads": 32, "num_hidden_layers": 16, "num_key_value_heads": 8,
                  "vocab_size": 128256, "max_position_embeddings": 131072, "tie_word_embeddings": True,
                  "rope_parameters": {"rope_theta": 500000.0, "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                      "original_max_position_embeddings": 8192, "rope_type": "llama3"}},
    "llama dynamic": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
                  "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 320, "rope_scaling": {"type": "dynamic", "factor": 2.0}},
    "smollm2": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 576, "intermediate_size": 1536,
                "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "vocab_size": 49152,
                "max_position_embeddings": 8192, "rope_theta": 100000, "tie_word_embeddings": True, "rms_norm_eps": 1e-05,
                "attention_bias": False, "rope_interleaved": False, "bos_token_id": 0, "eos_token_id": 0},
    "mistral 0.1": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336,
                    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 32000,
                    "max_position_embeddings": 32768, "sliding_window": 4096, "rope_theta": 10000.0, "rms_norm_eps": 1e-05},
    "mistral 0.3": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336,
                    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "vocab_size": 32768,
                    "max_position_embeddings": 32768, "sliding_window": None, "rope_theta": 1000000.0, "rms_norm_eps": 1e-05},
    "mistral nemo": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 5120, "intermediate_size": 14336,
                     "head_dim": 128, "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "vocab_size": 131072,
                     "max_position_embeddings": 131072, "sliding_window": None, "rope_theta": 1000000.0, "rms_norm_eps": 1e-05},
    "mistral defaults": {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 256, "intermediate_size": 512,
                     "num_attention_heads": 16, "num_hidden_layers": 2, "vocab_size": 320},
    "qwen2.5": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864,
                "num_attention_heads": 14, "num_hidden_layers": 24, "num_key_value_heads": 2, "vocab_size": 151936,
                "max_position_embeddings": 32768, "max_window_layers": 21, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
                "sliding_window": 32768, "tie_word_embeddings": True, "use_sliding_window": False,
                "bos_token_id": 151643, "eos_token_id": 151645},
    "qwen2 yarn and window": {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_size": 256, "intermediate_size": 512,
                "num_attention_heads": 4, "num_hidden_layers": 6, "num_key_value_heads": 2, "vocab_size": 1000,
                "max_position_embeddings": 131072, "max_window_layers": 3, "use_sliding_window": True, "sliding_window": 128,
                "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072,
              "head_dim": 128, "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "vocab_size": 151936,
              "max_position_embeddings": 40960, "max_window_layers": 28, "rms_norm_eps": 1e-06, "rope_theta": 1000000,
              "sliding_window": None, "tie_word_embeddings": True, "use_sliding_window": False, "attention_bias": False},
    "qwen3 without head size": {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072,
              "num_attention_heads": 16, "num_hidden_layers": 2, "num_key_value_heads": 8, "vocab_size": 1000,
              "rope_parameters": {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 4.0, "original_max_position_embeddings": 8192,
                                  "mscale": 0.7, "mscale_all_dim": 1.3, "beta_fast": 16}},
    "gemma 2": {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
                "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 2304,
                "intermediate_size": 9216, "max_position_embeddings": 8192, "num_attention_heads": 8, "num_hidden_layers": 26,
                "num_key_value_heads": 4, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_theta": 10000.0,
                "sliding_window": 4096, "vocab_size": 256000, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0},
    "gemma 2 27b": {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "head_dim": 128, "hidden_size": 4608,
                "intermediate_size": 36864, "num_attention_heads": 32, "num_hidden_layers": 46, "num_key_value_heads": 16,
                "query_pre_attn_scalar": 144, "vocab_size": 256000, "final_logit_softcapping": None},
    "gemma 3 1b": {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "attention_bias": False, "attn_logit_softcapping": None,
                "final_logit_softcapping": None, "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 1152,
                "intermediate_size": 6912, "max_position_embeddings": 32768, "num_attention_heads": 4, "num_hidden_layers": 26,
                "num_key_value_heads": 1, "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-06, "rope_local_base_freq": 10000,
                "rope_scaling": None, "rope_theta": 1000000, "sliding_window": 512, "sliding_window_pattern": 6, "vocab_size": 262144,
                "eos_token_id": [1, 106]},
    "gemma 3 4b": {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "eos_token_id": [1, 106], "image_token_index": 262144,
                "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
                                "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
                "vision_config": {"hidden_size": 1152, "image_size": 896, "model_type": "siglip_vision_model", "patch_size": 14}},
    "gemma 3 new spelling": {"architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "head_dim": 256, "hidden_size": 640,
                "intermediate_size": 2048, "num_attention_heads": 4, "num_hidden_layers": 4, "num_key_value_heads": 1, "vocab_size": 262144,
                "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"], "sliding_window": 512,
                "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 500000.0},
                                    "sliding_attention": {"rope_type": "default", "rope_theta": 5000.0}}},
    "phi 3 4k": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
                 "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
                 "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0,
                 "sliding_window": 2047, "vocab_size": 32064, "bos_token_id": 1, "eos_token_id": 32000, "pad_token_id": 32000},
    "phi 3 128k": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
                 "max_position_embeddings": 131072, "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32,
                 "original_max_position_embeddings": 4096, "rope_theta": 10000.0, "sliding_window": 262144, "vocab_size": 32064,
                 "rope_scaling": {"long_factor": LONG, "short_factor": SHORT, "type": "longrope"}},
    "phi 3 old name": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
                 "max_position_embeddings": 131072, "num_attention_heads": 32, "num_hidden_layers": 2, "vocab_size": 32064,
                 "rope_scaling": {"long_factor": LONG, "short_factor": SHORT, "type": "su",
                                  "original_max_position_embeddings": 4096}},
    "phi 4 mini": {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
                 "max_position_embeddings": 131072, "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
                 "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.75, "tie_word_embeddings": True, "vocab_size": 200064,
                 "rope_scaling": {"long_factor": LONG, "short_factor": SHORT, "type": "longrope"}, "sliding_window": 262144},
}

ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu_pytorch_tanh": "gelu_tanh"}


def window_of(config, layer_type):
    if config.model_type in ("gpt2", "gpt_neox", "llama"):
        return None
    if layer_type == "full_attention":
        return None
    return config.sliding_window


def rope_of(config, layer_type=None):
    params = config.rope_parameters[layer_type] if layer_type else config.rope_parameters
    kind = params["rope_type"]
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    dim = int(head * params.get("partial_rotary_factor", 1.0))
    out = {"theta": params["rope_theta"], "dim": dim, "type": kind}
    if kind != "default":
        frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", layer_type=layer_type)
        out["attentionFactor"] = factor
        out["dim"] = 2 * len(frequencies)
        for key in ("factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor", "beta_fast", "beta_slow"):
            if params.get(key) is not None:
                out[key] = params[key]
    return out


def expected(raw):
    whole = AutoConfig.for_model(raw["model_type"], **{k: v for k, v in json.loads(json.dumps(raw)).items() if k != "model_type"})
    config = whole.get_text_config()
    layers, model = config.num_hidden_layers, config.model_type
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    types = getattr(config, "layer_types", None) or ["sliding_attention"] * layers
    inner = config.n_inner or 4 * config.n_embd if model == "gpt2" else config.intermediate_size
    activation = getattr(config, {"gpt2": "activation_function"}.get(model, "hidden_activation" if "gemma" in model else "hidden_act"))
    scalar = getattr(config, "query_pre_attn_scalar", None) or head
    out = {
        "nLayers": layers, "dModel": config.hidden_size, "nHeads": config.num_attention_heads,
        "nKvHeads": getattr(config, "num_key_value_heads", None) or config.num_attention_heads, "dHead": head, "dMlp": inner,
        "dVocab": config.vocab_size, "nCtx": config.max_position_embeddings,
        "normEps": next(getattr(config, k) for k in ("layer_norm_epsilon", "layer_norm_eps", "rms_norm_eps") if hasattr(config, k)),
        "windows": [window_of(config, t) for t in types], "queryScale": 1 / math.sqrt(scalar),
        "activation": ACTIVATIONS.get(activation, activation), "tieEmbeddings": bool(whole.tie_word_embeddings),
        "finalSoftcap": getattr(config, "final_logit_softcapping", None),
    }
    if model == "gemma3_text":
        out["rope"], out["localTheta"] = rope_of(config, "full_attention"), config.rope_parameters["sliding_attention"]["rope_theta"]
    elif model != "gpt2":
        out["rope"] = rope_of(config)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="test/fixtures/configs.json")
    cases = [{"name": name, "config": raw, "expected": expected(raw)} for name, raw in CONFIGS.items()]
    with open(parser.parse_args().out, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(len(cases), "configurations")


if __name__ == "__main__":
    main()

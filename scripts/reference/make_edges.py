"""Edge attribution, exact edge patching, path patching and ACDC of tiny models, in plain PyTorch.

Usage: python scripts/reference/make_edges.py [--out FILE]

The four families of transformer are written out here in float64, reading weights of test/fixtures/families/NAME through
`transformers` alone; the script fails when logits differ from `transformers`. Every head's queries, keys and
values, every MLP and the unembedding read a stream of their own, so that a term can be added to one of them (its
gradient gives EAP) or replaced in one of them (exact patching, ACDC, path patching). No other tool for circuits is used.

Conventions: scores are metric units, positive when the edge as on the clean prompt raises the logit difference.
EAP-IG over inputs averages gradients at k / m of the way from corrupted to clean embeddings, k = 0 .. m - 1; over
activations at the same points of what one layer's heads, one MLP, or the embeddings write.
"""

import argparse
import json
import math
import pathlib

import torch
import transformers

MODELS = ["gpt2", "llama3", "gpt-neox", "gemma2"]
CLEAN = [3, 7, 9, 11, 4, 8]
CORRUPTED = [3, 7, 21, 11, 30, 8]
TARGET, DISTRACTOR = 5, 17
STEPS = 3


class Tiny:
    """One small transformer as plain tensors, weights as [in, out]."""

    def __init__(self, folder):
        self.hf = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float64, attn_implementation="eager").eval()
        c = self.hf.config
        state = self.hf.state_dict()
        self.kind = c.model_type
        self.layers = c.num_hidden_layers
        self.heads = c.num_attention_heads
        self.width = c.hidden_size
        self.d_head = getattr(c, "head_dim", None) or self.width // self.heads
        kv = getattr(c, "num_key_value_heads", None) or self.heads
        self.parallel = self.kind == "gpt_neox"
        self.post = self.kind == "gemma2"
        self.rms = self.kind in ("llama", "gemma2")
        self.offset = 1.0 if self.kind == "gemma2" else 0.0
        self.eps = c.layer_norm_epsilon if self.kind == "gpt2" else (
            c.rms_norm_eps if self.rms else c.layer_norm_eps)
        self.scale = (c.query_pre_attn_scalar if self.post else self.d_head) ** -0.5
        self.attn_cap = getattr(c, "attn_logit_softcapping", None)
        self.final_cap = getattr(c, "final_logit_softcapping", None)
        types = getattr(c, "layer_types", None) or []
        self.window = [c.sliding_window if i < len(types) and types[i] == "sliding_attention"
                       else None for i in range(self.layers)]
        zero = lambda n: torch.zeros(n, dtype=torch.float64)

        def per_head(w, heads):
            """[in, heads * d] to [heads, in, d], repeated for grouped queries."""
            parts = w.reshape(w.shape[0], heads, self.d_head).permute(1, 0, 2)
            return parts.repeat_interleave(self.heads // heads, 0)

        def per_head_bias(b, heads):
            return b.reshape(heads, self.d_head).repeat_interleave(self.heads // heads, 0)

        self.blocks = []
        for l in range(self.layers):
            b = {}
            if self.kind == "gpt2":
                at = f"transformer.h.{l}."
                w, bias = state[at + "attn.c_attn.weight"], state[at + "attn.c_attn.bias"]
                for i, name in enumerate("qkv"):
                    part = slice(i * self.width, (i + 1) * self.width)
                    b[name] = per_head(w[:, part], self.heads)
                    b[name + "b"] = per_head_bias(bias[part], self.heads)
                b["o"], b["ob"] = state[at + "attn.c_proj.weight"], state[at + "attn.c_proj.bias"]
                b["ln1"] = (state[at + "ln_1.weight"], state[at + "ln_1.bias"])
                b["ln2"] = (state[at + "ln_2.weight"], state[at + "ln_2.bias"])
                b["in"], b["inb"] = state[at + "mlp.c_fc.weight"], state[at + "mlp.c_fc.bias"]
                b["out"], b["outb"] = state[at + "mlp.c_proj.weight"], state[at + "mlp.c_proj.bias"]
            elif self.kind == "gpt_neox":
                at = f"gpt_neox.layers.{l}."
                w = state[at + "attention.query_key_value.weight"]
                bias = state[at + "attention.query_key_value.bias"]
                w = w.reshape(self.heads, 3, self.d_head, self.width)
                bias = bias.reshape(self.heads, 3, self.d_head)
                for i, name in enumerate("qkv"):
                    b[name] = w[:, i].permute(0, 2, 1)
                    b[name + "b"] = bias[:, i]
                b["o"] = state[at + "attention.dense.weight"].T
                b["ob"] = state[at + "attention.dense.bias"]
                b["ln1"] = (state[at + "input_layernorm.weight"], state[at + "input_layernorm.bias"])
                b["ln2"] = (state[at + "post_attention_layernorm.weight"],
                            state[at + "post_attention_layernorm.bias"])
                b["in"] = state[at + "mlp.dense_h_to_4h.weight"].T
                b["inb"] = state[at + "mlp.dense_h_to_4h.bias"]
                b["out"] = state[at + "mlp.dense_4h_to_h.weight"].T
                b["outb"] = state[at + "mlp.dense_4h_to_h.bias"]
            else:
                at = f"model.layers.{l}."
                for name in "qkv":
                    w = state[at + f"self_attn.{name}_proj.weight"].T
                    n = self.heads if name == "q" else kv
                    b[name] = per_head(w, n)
                    b[name + "b"] = torch.zeros(self.heads, self.d_head, dtype=torch.float64)
                b["o"], b["ob"] = state[at + "self_attn.o_proj.weight"].T, zero(self.width)
                norms = {"ln1": "input_layernorm", "ln2": "post_attention_layernorm"}
                if self.post:
                    norms = {"ln1": "input_layernorm", "ln1_post": "post_attention_layernorm",
                             "ln2": "pre_feedforward_layernorm",
                             "ln2_post": "post_feedforward_layernorm"}
                for name, there in norms.items():
                    b[name] = (state[at + there + ".weight"], None)
                b["gate"] = state[at + "mlp.gate_proj.weight"].T
                b["in"] = state[at + "mlp.up_proj.weight"].T
                b["out"] = state[at + "mlp.down_proj.weight"].T
                b["outb"] = zero(self.width)
            b["o"] = b["o"].reshape(self.heads, self.d_head, self.width)
            self.blocks.append(b)
        pick = {"gpt2": ("transformer.wte.weight", "transformer.ln_f", "lm_head.weight"),
                "gpt_neox": ("gpt_neox.embed_in.weight", "gpt_neox.final_layer_norm",
                             "lm_head.weight")}
        embed, final, unembed = pick.get(
            self.kind, ("model.embed_tokens.weight", "model.norm", "lm_head.weight"))
        self.embed = state[embed]
        self.unembed = state[unembed] if unembed in state else state[embed]
        self.final = (state[final + ".weight"], state.get(final + ".bias"))
        self.positions = state.get("transformer.wpe.weight")
        rope = getattr(c, "rope_parameters", None)
        self.rotary = int(self.d_head * rope.get("partial_rotary_factor", 1)) if rope else 0
        self.theta = rope["rope_theta"] if rope else None

    def norm(self, x, weights, name, run):
        """Norm with `run.scales` when they are held; remembers its own scale."""
        weight, bias = weights
        if not self.rms:
            x = x - x.mean(-1, keepdim=True)
        scale = (x.pow(2).mean(-1, keepdim=True) + self.eps).sqrt()
        if run.held is not None:
            scale = run.held[name]
        run.scales.setdefault(name, scale)
        y = x / scale * (weight + self.offset)
        return y if bias is None else y + bias

    def rotate(self, x):
        if not self.rotary:
            return x
        n = self.rotary
        inverse = self.theta ** (-torch.arange(0, n, 2, dtype=torch.float64) / n)
        angle = torch.arange(x.shape[0], dtype=torch.float64)[:, None] * inverse
        cos, sin = angle.cos().repeat(1, 2), angle.sin().repeat(1, 2)
        turn = x[:, :n]
        half = torch.cat([-turn[:, n // 2:], turn[:, : n // 2]], -1)
        return torch.cat([turn * cos + half * sin, x[:, n:]], -1)

    def start(self, tokens):
        x = self.embed[tokens]
        if self.kind == "gemma2":
            x = x * torch.tensor(self.width ** 0.5, dtype=torch.float64)
        return x if self.positions is None else x + self.positions[: len(tokens)]

    def head(self, l, h, reads, run):
        """What a head adds to the stream before any norm behind attention, no output bias."""
        b = self.blocks[l]
        vectors = {}
        for name in "qkv":
            x = self.norm(reads[name], b["ln1"], f"pre.{l}", run)
            vectors[name] = x @ b[name][h] + b[name + "b"][h]
        q, k = self.rotate(vectors["q"]), self.rotate(vectors["k"])
        scores = q @ k.T * self.scale
        if self.attn_cap:
            scores = self.attn_cap * torch.tanh(scores / self.attn_cap)
        n = len(scores)
        distance = torch.arange(n)[:, None] - torch.arange(n)[None]
        banned = distance < 0
        if self.window[l]:
            banned |= distance >= self.window[l]
        pattern = scores.masked_fill(banned, float("-inf")).softmax(-1)
        return pattern @ vectors["v"] @ b["o"][h]

    def mlp(self, l, x, run):
        b = self.blocks[l]
        x = self.norm(x, b["ln2"], f"mid.{l}", run)
        up = x @ b["in"] + b.get("inb", 0)
        if "gate" in b:
            gate = x @ b["gate"]
            act = torch.nn.functional.silu(gate) if self.kind == "llama" else (
                torch.nn.functional.gelu(gate, approximate="tanh"))
            up = act * up
        else:
            up = torch.nn.functional.gelu(
                up, approximate="tanh" if self.kind == "gpt2" else "none")
        out = up @ b["out"] + b["outb"]
        return self.norm(out, b["ln2_post"], f"mlp.{l}", run) if self.post else out

    def logits(self, x, run):
        x = self.norm(x, self.final, "end", run)
        out = x[-1] @ self.unembed.T
        return self.final_cap * torch.tanh(out / self.final_cap) if self.final_cap else out


class Run:
    """One run: what each node writes, and what each receiver reads.

    `reads(name, stream)` may change what a receiver reads; `writes(name, value)` what a node writes.
    """

    def __init__(self, model, tokens, reads=None, writes=None, held=None):
        self.held, self.scales, self.nodes = held, {}, {}
        self.streams = {}
        m = model
        read = reads or (lambda name, stream, nodes: stream)
        write = writes or (lambda name, value: value)

        def put(name, value):
            self.nodes[name] = write(name, value)
            return self.nodes[name]

        stream = put("input", m.start(tokens))
        for l in range(m.layers):
            before = stream
            heads = []
            for h in range(m.heads):
                wanted = {}
                for part in "qkv":
                    name = f"a{l}.h{h}<{part}>"
                    self.streams[name] = before
                    wanted[part] = read(name, before, self.nodes)
                heads.append(m.head(l, h, wanted, self))
            bias = m.blocks[l]["ob"]
            if m.post:
                whole = sum(heads) + bias
                m.norm(whole, m.blocks[l]["ln1_post"], f"attn.{l}", self)
                scale = self.scales[f"attn.{l}"]
                gain = (m.blocks[l]["ln1_post"][0] + m.offset) / scale
                heads = [x * gain for x in heads]
                bias = bias * gain
            after = stream + bias
            for h, x in enumerate(heads):
                after = after + put(f"a{l}.h{h}", x)
            entering = before if m.parallel else after
            self.streams[f"m{l}"] = entering
            stream = after + put(f"m{l}", m.mlp(l, read(f"m{l}", entering, self.nodes), self))
        self.streams["logits"] = stream
        self.out = m.logits(read("logits", stream, self.nodes), self)
        self.metric = self.out[TARGET] - self.out[DISTRACTOR]


def edges_of(m):
    """[(sender, receiver)] in order of computation."""
    before, out = ["input"], []
    for l in range(m.layers):
        heads = [f"a{l}.h{h}" for h in range(m.heads)]
        out += [(s, f"{head}<{part}>") for part in "qkv" for head in heads for s in before]
        out += [(s, f"m{l}") for s in (before if m.parallel else before + heads)]
        before = before + heads + [f"m{l}"]
    return out + [(s, "logits") for s in before]


def gradients(m, writes=None):
    """The metric's gradient at every receiver alone."""
    extra = {}

    def reads(name, stream, _nodes):
        extra[name] = torch.zeros_like(stream, requires_grad=True)
        return stream + extra[name]

    run = Run(m, CLEAN, reads=reads, writes=writes)
    # What is read before the nodes that `writes` replaces does not reach the metric.
    values = torch.autograd.grad(run.metric, list(extra.values()), allow_unused=True)
    return {name: torch.zeros_like(extra[name]) if g is None else g
            for name, g in zip(extra, values)}


def attribution(m, clean, other, method):
    edges = edges_of(m)
    change = {name: clean.nodes[name] - other.nodes[name] for name in clean.nodes}

    def averaged(group):
        total = {}
        for k in range(STEPS):
            def writes(name, value):
                if name not in group:
                    return value
                return other.nodes[name] + k / STEPS * change[name]
            for name, g in gradients(m, writes).items():
                total[name] = total.get(name, 0) + g / STEPS
        return total

    if method == "eap":
        grads = gradients(m)
        return {(s, r): float((change[s] * grads[r]).sum()) for s, r in edges}
    if method == "eap-ig-inputs":
        grads = averaged({"input"})
        return {(s, r): float((change[s] * grads[r]).sum()) for s, r in edges}
    groups = [["input"]]
    for l in range(m.layers):
        groups += [[f"a{l}.h{h}" for h in range(m.heads)], [f"m{l}"]]
    out = {}
    for group in groups:
        grads = averaged(set(group))
        out |= {(s, r): float((change[s] * grads[r]).sum()) for s, r in edges if s in group}
    return out


def with_cuts(m, other, cuts):
    """The metric with some edges carrying what the other run says."""
    into = {}
    for s, r in cuts:
        into.setdefault(r, []).append(s)

    def reads(name, stream, nodes):
        for s in into.get(name, []):
            stream = stream - nodes[s] + other.nodes[s]
        return stream

    with torch.no_grad():
        return float(Run(m, CLEAN, reads=reads).metric)


def acdc(m, other, threshold):
    """One edge at a time, from the logits back; later senders first within a receiver."""
    cuts = []
    current = with_cuts(m, other, cuts)
    receivers = []
    for _, r in edges_of(m):
        if r not in receivers:
            receivers.append(r)
    for r in reversed(receivers):
        for s in reversed([s for s, to in edges_of(m) if to == r]):
            found = with_cuts(m, other, cuts + [(s, r)])
            if current - found < threshold:
                cuts.append((s, r))
                current = found
    return [edge for edge in edges_of(m) if edge not in set(cuts)]


def path(m, clean, other, sender, receivers, through_mlps, freeze):
    """Path patching: what reaches the receivers changes by what the sender's paths carry."""
    held = clean.scales if freeze else None

    def writes(name, value):
        if name == sender:
            change = other.nodes[name] - clean.nodes[name]
            if name.startswith("m") and through_mlps:
                return value + change
            return other.nodes[name]
        if name.startswith("a") or name == "input" or not through_mlps:
            return clean.nodes[name]
        return value

    with torch.no_grad():
        first = Run(m, CLEAN, writes=writes, held=held)
        changes = {r: first.streams[r] - clean.streams[r] for r in receivers}
        run = Run(m, CLEAN, held=held, reads=lambda name, stream, _nodes:
                  stream + changes[name] if name in changes else stream)
        return float(run.metric)


def paths(m, clean, other):
    last = m.layers - 1
    head = f"a{last}.h1"
    cases = []
    for sender, receivers in [
        ("a0.h1", ["logits"]), ("m0", ["logits"]), ("input", [f"{head}<v>"]),
        ("a0.h0", [f"{head}<q>", f"{head}<k>"]), ("a0.h0", ["m1"]), ("input", ["m0", "logits"]),
        ("m0", [f"{head}<k>", f"m{last}"]), (head, ["logits"]),
    ]:
        for through in (False, True):
            for freeze in (False, True):
                cases.append({
                    "sender": sender, "receivers": receivers, "throughMlps": through,
                    "freezeNorms": freeze,
                    "patched": path(m, clean, other, sender, receivers, through, freeze)})
    return cases


def case(root, name):
    m = Tiny(root / "test/fixtures/families" / name)
    with torch.no_grad():
        clean, other = Run(m, CLEAN), Run(m, CORRUPTED)
        for run, tokens in [(clean, CLEAN), (other, CORRUPTED)]:
            theirs = m.hf(torch.tensor([tokens])).logits[0, -1].double()
            assert torch.allclose(run.out, theirs, atol=1e-5), (name, run.out - theirs)
    named = lambda scores: {f"{s}->{r}": round(v, 8) for (s, r), v in scores.items()}
    full = with_cuts(m, other, [])
    exact = {edge: full - with_cuts(m, other, [edge]) for edge in edges_of(m)}
    sizes = sorted(abs(v) for v in exact.values())
    # Between two sizes, so that rounding does not decide.
    threshold = round((sizes[len(sizes) // 2] + sizes[len(sizes) // 2 + 1]) / 2, 8)
    return {
        "model": name, "clean": float(clean.metric), "corrupted": float(other.metric),
        "attribution": {method: named(attribution(m, clean, other, method))
                        for method in ["eap", "eap-ig-inputs", "eap-ig-activations"]},
        "exact": named(exact),
        "acdc": {"threshold": threshold,
                 "kept": [f"{s}->{r}" for s, r in acdc(m, other, threshold)]},
        "paths": paths(m, clean, other),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--out", default=root / "test/fixtures/microscope/edges.json")
    out = parser.parse_args().out
    torch.set_num_threads(1)
    document = {"clean": CLEAN, "corrupted": CORRUPTED, "target": TARGET,
                "distractor": DISTRACTOR, "steps": STEPS,
                "cases": [case(root, name) for name in MODELS]}
    pathlib.Path(out).write_text(json.dumps(document) + "\n")


if __name__ == "__main__":
    main()

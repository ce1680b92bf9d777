"""Tiny tokenizers of every kind the model families use, with what Python makes of many texts.

Usage: python scripts/reference/make_tokenizers.py [--out test/fixtures/tokenizers]

Each folder has tokenizer.json, tokenizer_config.json (with a chat template where the kind is used for
chats) and reference.json: ids with and without special tokens and decoded text, from `tokenizers`,
and rendered conversations, from `transformers`.
"""

import argparse
import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "The quick brown fox jumps over the lazy dog. The dog sleeps; the fox runs away!",
    "When Mary and John went to the store, John gave a drink to Mary.",
    "Il était une fois une forêt où l'été durait toujours. Garçon, où est la clé ?",
    "語言模型可以預測下一個詞。语言模型可以预测下一个词。模型模型模型",
    "12 + 34 = 46, 100 - 1 = 99; def f(x):\n    return x * 2\n\n\n# done",
    "happy sad hot cold big small up down left right open close " * 3,
] * 4

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "The dog", " The dog", "The  dog   runs", "John gave a drink",
    "\n", "\n\n\n", "a\n b\t\tc", "x = 12345 + 67;", "don't, I'll, we've", "DON'T",
    "Où est l'été ?", "e\u0301te\u0301 \u00e9t\u00e9", "語言模型", "模型 model 模型", "𠮷野家", "🦊🐶", "👩‍👩‍👧 family", "a\u00a0b\u3000c",
    "<s>hello</s>", "<|endoftext|>", "the<|im_start|>dog <|im_end|> x", "▁under▁score", "<0x41>", "tab\there", "mixed 語 and é and 🦊!",
    "ABC", "CBA", "the quick brown fox " * 8, "na\u00efve\u200dly a_b-c", "\u0661\u0662x \u2164", "\ufeffbom", "zero\u200bwidth", "ﬁ ligature Ⅳ ½", "100,000.50 €",
]

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] | trim + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system = false %}{% endif %}"
    "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system %}{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
CHATS = [
    [{"role": "user", "content": "Hello"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Where is the key? "}],
    [{"role": "user", "content": "語言"}, {"role": "assistant", "content": "模型\n"}, {"role": "user", "content": "ok"}],
]


def bpe_trainer(special, alphabet=None, size=420):
    return trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, initial_alphabet=alphabet or []
    )


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    t.train_from_iterator(CORPUS, bpe_trainer(special, pre_tokenizers.ByteLevel.alphabet()))
    config = {"bos_token": "<|endoftext|>", "eos_token": "<|im_end|>", "chat_template": CHATML}
    return t, config


def split_byte_level():
    """As Llama 3 and Qwen: own pattern, NFC, a begin token, whole words found before merging."""
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, bpe_trainer([], pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens(["<|begin|>", "<|im_start|>", "<|im_end|>"])
    t.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", special_tokens=[("<|begin|>", t.token_to_id("<|begin|>"))]
    )
    return t, {"bos_token": "<|begin|>", "eos_token": {"content": "<|im_end|>", "__type": "AddedToken"}}


def bytes_and(words):
    return ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + words


def llama():
    """As Llama 2 and Mistral: a leading U+2581, bytes for what the vocabulary lacks."""
    learned = Tokenizer(models.BPE())
    learned.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learned.train_from_iterator([word for line in CORPUS for word in line.split()], bpe_trainer([], size=200))
    model = json.loads(learned.to_str())["model"]
    vocab = {token: i for i, token in enumerate(bytes_and(sorted(model["vocab"], key=model["vocab"].get)))}
    merges = [tuple(pair) for pair in model["merges"]]
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ["<unk>", "<s>", "</s>"]])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return t, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": LLAMA2}


def gemma():
    """As Gemma: spaces become U+2581 and nothing is put in front."""
    base, _ = llama()
    spec = json.loads(base.to_str())
    spec["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    spec["pre_tokenizer"] = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    spec["decoder"] = {"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]}
    return Tokenizer.from_str(json.dumps(spec)), {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def unigram():
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    trainer = trainers.UnigramTrainer(vocab_size=220, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False)
    t.train_from_iterator(CORPUS, trainer)
    return t, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def word_level():
    t = Tokenizer(models.WordLevel({"A": 0, "B": 1, "C": 2}, unk_token="A"))
    t.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return t, {}


def words():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordLevelTrainer(vocab_size=150, special_tokens=["[UNK]"], show_progress=False)
    t.train_from_iterator([*CORPUS, "e\u0301te\u0301 a_b x\u0661\u0662 \u2164 na\u00efve\u200dly"], trainer)
    return t, {"unk_token": "[UNK]"}


KINDS = {
    "byte-level": byte_level, "split-byte-level": split_byte_level, "llama": llama, "gemma": gemma,
    "unigram": unigram, "word-level": word_level, "words": words,
}


def chats(tokenizer, config):
    if "chat_template" not in config:
        return []
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **config)
    return [
        {"messages": chat, "addGenerationPrompt": flag,
         "text": fast.apply_chat_template(chat, tokenize=False, add_generation_prompt=flag)}
        for chat in CHATS for flag in (False, True)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="test/fixtures/tokenizers")
    out = pathlib.Path(parser.parse_args().out)
    for name, make in KINDS.items():
        tokenizer, config = make()
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = json.loads(tokenizer.to_str())
        (folder / "tokenizer.json").write_text(json.dumps(spec, ensure_ascii=False) + "\n")
        (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")
        cases = []
        for text in TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=True).ids
            cases.append({
                "text": text, "ids": ids, "plain": tokenizer.encode(text, add_special_tokens=False).ids,
                "decoded": tokenizer.decode(ids, skip_special_tokens=False),
                "skipped": tokenizer.decode(ids, skip_special_tokens=True),
            })
        reference = {"vocabSize": tokenizer.get_vocab_size(), "cases": cases, "chats": chats(tokenizer, config)}
        lines = json.dumps(reference, ensure_ascii=True).replace('{"text"', '\n{"text"').replace('{"messages"', '\n{"messages"')
        (folder / "reference.json").write_text(lines + "\n")
        print(name, reference["vocabSize"], "tokens")


if __name__ == "__main__":
    main()

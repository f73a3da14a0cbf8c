#!/usr/bin/env python3
"""CLIP's text tower of the real shape, limbic against Hugging Face transformers, on random weights.

    pip install torch transformers ftfy regex clip-anytorch --no-deps    (and what they ask for)
    tests/text/compare_clip.py build/examples/examples/text_prototypes

Writes a randomly initialised ViT-B/16 (then ViT-B/32) checkpoint with transformers, vision tower and all, beside the
original's vocabulary (from clip-anytorch); embeds 100 sentences with both programs and prints the largest
differences. Fails above 1e-5. Needs 1 GB of disk and half a minute.
"""
import argparse
import importlib.util
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel

from sentences import SENTENCES, write_lines


def original_tokenizer():
    """The original's tokenizer, without the rest of its package (which wants torchvision)."""
    folder = pathlib.Path(importlib.util.find_spec("clip").submodule_search_locations[0])
    spec = importlib.util.spec_from_file_location("simple_tokenizer", folder / "simple_tokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vocabulary = folder / "bpe_simple_vocab_16e6.txt.gz"
    return module.SimpleTokenizer(str(vocabulary)), vocabulary


def ids_of(tokenizer, text, context=77):
    ids = [49406] + tokenizer.encode(text) + [49407]
    return ids if len(ids) <= context else ids[: context - 1] + [49407]


def compare(program, patch, half, tokenizer, vocabulary):
    torch.manual_seed(patch)
    config = CLIPConfig(vision_config={"patch_size": patch})
    model = CLIPModel(config).eval()
    # Fresh norms and biases are ones and zeros: change them, or they would not be tested.
    with torch.no_grad():
        for p in model.text_model.parameters():
            if p.dim() == 1:
                p.add_(0.1 * torch.randn_like(p))
    if half:
        model = model.half().float()  # values that half precision has
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (model.half() if half else model).save_pretrained(folder)
        model = model.float()
        shutil.copy(vocabulary, folder)
        write_lines(folder / "lines.txt")
        subprocess.run([program, "--text", folder, "--lines", folder / "lines.txt", "--out", folder / "rows"], check=True)
        ours = load_file(folder / "rows")
    theirs = [ids_of(tokenizer, s) for s in SENTENCES]
    assert ours["ids"].tolist() == [i for row in theirs for i in row], "ids differ"
    padded = torch.zeros(len(theirs), 77, dtype=torch.long)
    for row, ids in zip(padded, theirs):
        row[: len(ids)] = torch.tensor(ids)
    with torch.no_grad():
        pooled = model.text_model(padded).pooler_output
        y = torch.nn.functional.normalize(model.text_projection(pooled), dim=-1)
    worst = (y - ours["rows"]).abs().max().item()
    print(f"ViT-B/{patch}{', stored in half precision' if half else ''}: ids equal, largest difference {worst:.2e}")
    return worst <= 1e-5


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="text_prototypes")
    program = parser.parse_args().program
    tokenizer, vocabulary = original_tokenizer()
    cases = [(16, False), (32, False), (16, True)]
    sys.exit(0 if all([compare(program, *case, tokenizer, vocabulary) for case in cases]) else 1)

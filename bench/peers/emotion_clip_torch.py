"""The training step and the prediction of emotion_clip_bench.cpp in PyTorch: SST-LegoViT written with torch.nn, on
windows of (4 frames, 12 maps, 64, 64), logits as the mean over 16 templates of cosine / 0.1, AdamW.

Milliseconds by the clock, best and median of the repetitions, and of processor time of all threads, the best; MB is
the largest resident size of the process:

  emotion_clip_torch.py [--threads 1 2] [--batch 16 64] [--repetitions 5] [--only train|predict] [--window 1]
"""
import argparse
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class DropPath(nn.Module):
    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)


class Attention(nn.Module):
    """x + MHSA(LN x)"""

    def __init__(self, d, heads, drop):
        super().__init__()
        self.norm, self.drop = nn.LayerNorm(d), DropPath(drop)
        self.attn = nn.MultiheadAttention(d, heads, batch_first=True)

    def forward(self, x):
        n = self.norm(x)
        return x + self.drop(self.attn(n, n, n, need_weights=False)[0])


class CrossAttention(nn.Module):
    def __init__(self, d, heads, drop):
        super().__init__()
        self.query, self.key, self.value = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn, self.drop = nn.MultiheadAttention(d, heads, batch_first=True), DropPath(drop)

    def forward(self, x, memory):
        q = self.query(x)
        return q + self.drop(self.attn(q, self.key(memory), self.value(memory), need_weights=False)[0])


class FeedForward(nn.Module):
    def __init__(self, d, drop):
        super().__init__()
        self.norm, self.drop = nn.LayerNorm(d), DropPath(drop)
        self.layers = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Dropout(drop), nn.Linear(4 * d, d), nn.Dropout(drop))

    def forward(self, x):
        return x + self.drop(self.layers(self.norm(x)))


class Convolutions(nn.Module):
    def __init__(self, d, w, drop):
        super().__init__()
        self.norm, self.drop = nn.LayerNorm(d), DropPath(drop)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(d, w, k, padding="same"), nn.BatchNorm2d(w), nn.Dropout(drop), nn.ReLU(),
                          nn.Conv2d(w, d, 1), nn.BatchNorm2d(d), nn.Dropout(drop), nn.ReLU()) for k in (1, 3, 5))

    def forward(self, x):
        n, length, d = x.shape
        image = self.norm(x).transpose(1, 2).reshape(n, d, 4, 4)
        y = sum(branch(image) for branch in self.branches) / 3
        return x + self.drop(y.flatten(2).transpose(1, 2))


class Layer(nn.Module):
    def __init__(self, d, heads, drop):
        super().__init__()
        self.attention, self.feed = Attention(d, heads, drop), FeedForward(d, drop)

    def forward(self, x):
        return self.feed(self.attention(x))


class CrossLayer(nn.Module):
    def __init__(self, d, heads, drop):
        super().__init__()
        self.attention, self.cross, self.feed = Attention(d, heads, drop), CrossAttention(d, heads, drop), FeedForward(d, drop)

    def forward(self, x, memory):
        return self.feed(self.cross(self.attention(x), memory))


class LegoViT(nn.Module):
    def __init__(self, d=128, heads=4, w=256, layers=(2, 2), embed=512, drop=0.1):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, d // 8, 2, 2), nn.BatchNorm2d(d // 8), nn.ReLU(),
                                  nn.Conv2d(d // 8, d // 2, 2, 2), nn.BatchNorm2d(d // 2), nn.ReLU(),
                                  nn.Conv2d(d // 2, 2 * d, 4, 4), nn.BatchNorm2d(2 * d), nn.ReLU(), nn.Conv2d(2 * d, d, 1))
        self.position = nn.Parameter(torch.randn(1, 16, d) * 0.02)
        self.spatial = nn.ModuleList(
            nn.Sequential(Attention(d, heads, drop), Convolutions(d, w, drop)) for _ in range(layers[0]))
        self.spectral = nn.ModuleList(
            nn.ModuleList([Layer(d, heads, drop), Layer(d, heads, drop), CrossLayer(d, heads, drop)]) for _ in range(layers[1]))
        self.projection = nn.Parameter(torch.randn(d, embed) * d ** -0.5)

    def forward(self, x):
        b, t, c, h, w = x.shape
        y = self.stem(x.reshape(b * t * c, 1, h, w)).flatten(2).transpose(1, 2) + self.position
        for layer in self.spatial:
            y = layer(y)
        y = y.mean(1).reshape(b * t, c, -1)
        de, psd = y[:, :c // 2], y[:, c // 2:]
        out = de
        for first, second, joint in self.spectral:
            de, psd = first(de), second(psd)
            out = joint(de + psd + out, de)
        return out.mean(1).reshape(b, t, -1).mean(1) @ self.projection


def logits(embedding, text, classes, temperature=0.1):
    cosines = functional.normalize(embedding) @ functional.normalize(text).T
    return cosines.reshape(-1, text.shape[0] // classes, classes).mean(1) / temperature


def timed(run, repetitions):
    for _ in range(2):
        run()
    wall, cpu = [], []
    for _ in range(repetitions):
        start, used = time.perf_counter(), time.process_time()
        run()
        cpu.append(time.process_time() - used)
        wall.append(time.perf_counter() - start)
    return f"best {min(wall) * 1e3:8.1f} ms  median {statistics.median(wall) * 1e3:8.1f}  cpu {min(cpu) * 1e3:8.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--window", type=int, nargs="+", default=[1])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", choices=["train", "predict"])
    args = parser.parse_args()
    torch.manual_seed(1)
    print("PyTorch", torch.__version__)
    net = LegoViT()
    print("parameters", sum(p.numel() for p in net.parameters()))
    text = torch.randn(48, 512)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=0.003)

    def memory():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    for threads in args.threads:
        torch.set_num_threads(threads)
        for windows in args.window if args.only != "train" else []:
            net.eval()
            x = torch.randn(windows, 4, 12, 64, 64)

            def predict():
                with torch.inference_mode():
                    logits(net(x), text, 3)

            print(f"predict threads {threads} windows {windows}: {timed(predict, 4 * args.repetitions)}  MB {memory():.0f}")
        for batch in args.batch if args.only != "predict" else []:
            net.train()
            x, label = torch.randn(batch, 4, 12, 64, 64), torch.randint(3, (batch,))

            def step():
                loss = functional.cross_entropy(logits(net(x), text, 3), label)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

            print(f"train threads {threads} batch {batch}: {timed(step, args.repetitions)}  MB {memory():.0f}")


if __name__ == "__main__":
    main()

"""Times PyTorch's convolutions, forward and backward, at the shapes of bench/conv_bench.cpp.

Usage: conv_torch.py [THREADS]. Prints one line a shape: conv_torch NAME threads=1 forward_ms=... both_ms=...
(the best of many repetitions).
"""
import sys
import time

import torch
import torch.nn.functional as F

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
torch.set_num_threads(threads)
BATCH = 384

# name, channels, size, filters, kernel, stride, padding, whether x needs a gradient
CASES = (
    ("patch_2x2_1_16", 1, 64, 16, 2, 2, 0, False),
    ("patch_2x2_16_64", 16, 32, 64, 2, 2, 0, True),
    ("patch_4x4_64_256", 64, 16, 256, 4, 4, 0, True),
    ("point_256_128", 256, 4, 128, 1, 1, 0, True),
    ("point_128_256", 128, 4, 256, 1, 1, 0, True),
    ("same_3x3_128_256", 128, 4, 256, 3, 1, 1, True),
    ("same_5x5_128_256", 128, 4, 256, 5, 1, 2, True),
)


def best_ms(f, seconds=2.0):
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - begin)
    return best * 1e3


for name, channels, size, filters, kernel, stride, padding, wants_x in CASES:
    x = torch.randn(BATCH, channels, size, size, requires_grad=wants_x)
    w = torch.randn(filters, channels, kernel, kernel, requires_grad=True)
    b = torch.randn(filters, requires_grad=True)
    dy = torch.randn_like(F.conv2d(x, w, b, stride, padding))
    inputs = (x, w, b) if wants_x else (w, b)

    def both():
        torch.autograd.grad(F.conv2d(x, w, b, stride, padding), inputs, dy)

    def forward():
        with torch.no_grad():
            F.conv2d(x, w, b, stride, padding)

    print(f"conv_torch {name} threads={threads} torch={torch.__version__}"
          f" forward_ms={best_ms(forward):.2f} both_ms={best_ms(both):.2f}", flush=True)

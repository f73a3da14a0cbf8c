"""Times PyTorch's scaled_dot_product_attention, forward and backward, on one thread.

Prints one line a shape: attention_torch BH=64 Lq=62 Lk=33 E=32 forward_us=... both_us=...
(the best of many repetitions), the shapes of bench/attention_bench.cpp.
"""
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)


def best_us(f, seconds=2.0):
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - begin)
    return best * 1e6


for size in (32, 64):
    for keys in (62, 33):
        q, k, v = (torch.randn(8, 8, n, size, requires_grad=True) for n in (62, keys, keys))
        cotangent = torch.randn(8, 8, 62, size)

        def both():
            torch.autograd.grad(F.scaled_dot_product_attention(q, k, v), (q, k, v), cotangent)

        def forward():
            with torch.no_grad():
                F.scaled_dot_product_attention(q, k, v)

        print(f"attention_torch BH=64 Lq=62 Lk={keys} E={size} torch={torch.__version__}"
              f" forward_us={best_us(forward):.1f} both_us={best_us(both):.1f}", flush=True)

"""PyTorch's attention, MMD and CORAL on the GPU, at the shapes of bench/cuda_bench.cpp, in float.

Times are taken by CUDA events around one call each, after ten that are not counted; the median of a hundred. Products
of floats are products of floats (no tf32), as in limbic's kernels. bytes and flops are those that the result needs.
Says so and leaves where torch has no CUDA device.
"""
import statistics
import sys

import torch
import torch.nn.functional as F

from loss_torch import biased, coral, both

WARM = 10


def median_us(f, repetitions=100):
    for _ in range(WARM):
        f()
    times = []
    for _ in range(repetitions):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        f()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) * 1e3)
    return statistics.median(times)


def show(name, us, moved, operations):
    print(f"{name} torch={torch.__version__} us={us:.1f} GB/s={moved / us / 1e3:.1f} GFLOP/s={operations / us / 1e3:.1f}", flush=True)


def attention(b, h, l, e):
    q, k, v = (torch.randn(b, h, l, e, device="cuda", requires_grad=True) for _ in range(3))
    dy = torch.randn(b, h, l, e, device="cuda")

    def forward():
        with torch.no_grad():
            F.scaled_dot_product_attention(q, k, v)

    y = F.scaled_dot_product_attention(q, k, v)
    shape, n = f"{b}/{h}/{l}/{e}", q.numel()
    show(f"attention/{shape}", median_us(forward), 16 * n, 4 * b * h * l * l * e)
    show(f"attention_gradients/{shape}", median_us(lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)), 32 * n,
         10 * b * h * l * l * e)


def losses(n, d):
    s, t = (torch.randn(n, d, device="cuda", requires_grad=True) for _ in range(2))
    show(f"mmd_with_gradients/{n}/{d}", median_us(both(biased, s, t)), 16 * n * d, 16 * n * n * d)
    show(f"coral_with_gradients/{n}/{d}", median_us(both(coral, s, t)), 16 * n * d, 12 * n * d * d)


if __name__ == "__main__":
    if not torch.cuda.is_available():
        print(f"torch {torch.__version__} has no CUDA device: left out")
        sys.exit()
    print(torch.cuda.get_device_name())
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.manual_seed(1)
    for size in ((64, 2, 62, 64), (768, 4, 16, 32), (48, 8, 77, 64), (4, 8, 1024, 64)):
        attention(*size)
    for size in ((64, 128), (1024, 256), (4096, 256)):
        losses(*size)

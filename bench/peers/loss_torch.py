"""The losses of loss_bench.cpp in PyTorch, one thread, forward and backward: microseconds of processor time, the
best of many.

loop        per-sample loops, as reference implementations of MMD have them: the sum over neighbours of the linear
            estimator term by term, and the biased one row by row
vectorised  whole matrices: distances by a matrix product; for the linear estimator rolled differences, and the
            bandwidth from norms, so that no (N, N) matrix is made
"""
import time

import torch

torch.set_num_threads(1)
MUL, NUM, EPS = 2.0, 5, 1e-5


def bandwidth(z):
    """Mean of D + eps over pairs of different rows, from norms."""
    with torch.no_grad():
        n = z.shape[0]
        c = z - z.mean(0)
        return (2 * n * c.square().sum() + n * n * EPS) / (n * n - n)


def kernel(d, b):
    return sum(torch.exp(-(d + EPS) / (b * MUL ** (i - NUM // 2))) for i in range(NUM))


def distances(z):
    norms = z.square().sum(1)
    return (norms[:, None] + norms[None, :] - 2 * z @ z.T).clamp_min(0)


def biased(s, t):
    n, z = len(s), torch.cat([s, t])
    k = kernel(distances(z), bandwidth(z))
    return k[:n, :n].mean() + k[n:, n:].mean() - 2 * k[:n, n:].mean()


def linear(s, t):
    z = torch.cat([s, t])
    b = bandwidth(z)
    s2, t2 = s.roll(-1, 0), t.roll(-1, 0)
    d = torch.stack([(s - s2).square().sum(1), (t - t2).square().sum(1), (s - t2).square().sum(1), (s2 - t).square().sum(1)])
    k = kernel(d, b)
    return (k[0] + k[1] - k[2] - k[3]).mean()


def biased_loop(s, t):
    n, m, z = len(s), len(t), torch.cat([s, t])
    b = bandwidth(z)
    total = 0
    for i in range(n):
        total = total + kernel((s - s[i]).square().sum(1), b).sum() / (n * n)
        total = total - 2 * kernel((t - s[i]).square().sum(1), b).sum() / (n * m)
    for j in range(m):
        total = total + kernel((t - t[j]).square().sum(1), b).sum() / (m * m)
    return total


def linear_loop(s, t):
    n, z = len(s), torch.cat([s, t])
    k = kernel(distances(z), bandwidth(z))
    total = 0
    for i in range(n):
        j = (i + 1) % n
        total = total + k[i, j] + k[n + i, n + j] - k[i, n + j] - k[j, n + i]
    return total / n


def coral(s, t):
    d = s.shape[1]
    return (torch.cov(s.T) - torch.cov(t.T)).square().sum() / (4 * d * d)


def best_us(f, seconds):
    """Processor time, so that other work on the machine counts less."""
    begin = time.process_time()
    f()
    calls = 20 if time.process_time() - begin < 1e-3 else 1
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.process_time()
        for _ in range(calls):
            f()
        best = min(best, (time.process_time() - begin) / calls)
    return best * 1e6


def both(loss, s, t):
    return lambda: torch.autograd.grad(loss(s, t), (s, t))


if __name__ == "__main__":
    for n, d in ((32, 64), (32, 256), (4096, 256)):
        torch.manual_seed(1)
        s, t = torch.randn(n, d, requires_grad=True), (torch.randn(n, d) + 0.5).requires_grad_()
        if n == 32:  # the loops compute the same
            for a, b in ((biased, biased_loop), (linear, linear_loop)):
                assert abs(a(s, t).item() - b(s, t).item()) < 1e-4
        seconds = 2 if n == 32 else 12
        names = [("mmd_biased", "vectorised", biased), ("mmd_linear", "vectorised", linear), ("coral", "vectorised", coral)]
        if n == 32:
            names += [("mmd_biased", "loop", biased_loop), ("mmd_linear", "loop", linear_loop)]
        for name, way, loss in names:
            print(f"{name}/n:{n}/d:{d} {way} torch={torch.__version__} both_us={best_us(both(loss, s, t), seconds):.1f}", flush=True)

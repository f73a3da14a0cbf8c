"""The training steps of mlp_bench.cpp in PyTorch, one thread: microseconds of processor time a step, the
median of seven runs."""
import statistics
import time

import torch

torch.set_num_threads(1)


def step_time(batch, optimizer_class, steps=1500):
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    optimizer = optimizer_class(net.parameters())
    x, label = torch.randn(batch, 16), torch.randint(3, (batch,))

    def run(count):
        start = time.process_time()
        for _ in range(count):
            loss = torch.nn.functional.cross_entropy(net(x), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return (time.process_time() - start) / count

    run(200)
    return statistics.median(run(steps) for _ in range(7))


def forward_time(batch, steps=3000):
    net = torch.nn.Sequential(torch.nn.Linear(16, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    x = torch.randn(batch, 16)
    with torch.inference_mode():
        def run(count):
            start = time.process_time()
            for _ in range(count):
                net(x)
            return (time.process_time() - start) / count

        run(200)
        return statistics.median(run(steps) for _ in range(7))


for name, cls in (("Sgd", torch.optim.SGD), ("Adam", torch.optim.Adam)):
    for batch in (1, 32):
        print(f"step<{name}>/{batch}/16/16  {step_time(batch, cls) * 1e6:.1f} us")
for batch in (1, 32):
    print(f"forward_only/{batch}/16/16  {forward_time(batch) * 1e6:.1f} us")

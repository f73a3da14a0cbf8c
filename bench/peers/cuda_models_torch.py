"""The training steps of cuda_models_bench.cpp in PyTorch on the GPU: the networks and steps of uf_ama_torch.py (its
vectorised form; the loops too) and emotion_clip_torch.py, in float without tf32, launched op by op; SST-LegoViT's also
replayed as a CUDA graph. UF-AMA's cannot be recorded: its screening asks the device for numbers.

Microseconds by CUDA events around a step, after ten that are not counted; the median of fifty. Says so and leaves
where torch has no CUDA device.
"""
import sys

import torch
from torch.nn import functional

import emotion_clip_torch as clip
import uf_ama_torch as uf
from cuda_torch import median_us


def show(name, us):
    print(f"{name} torch={torch.__version__} us={us:.1f}", flush=True)


def uf_ama(layers, n):
    eye, classes = (33, 3) if layers == 1 else (31, 4)
    for name, step in (("vectorised", uf.step_vectorised), ("loops", uf.step_loops)):
        if name == "loops" and n > 32:
            continue
        net = uf.Network(eye, classes, layers)
        adam = torch.optim.Adam([p for k, p in net.named_parameters() if "classifier" not in k], lr=5e-4, fused=True)
        label = torch.randint(classes, (n,))
        batch = (torch.randn(n, 62, 5), torch.randn(n, eye), functional.one_hot(label, classes).float(),
                 torch.randn(n, 62, 5), torch.randn(n, eye))

        def run():
            loss = step(net, batch)
            adam.zero_grad()
            loss.backward()
            adam.step()

        show(f"uf_ama_step/{layers}/{n}/{name}", median_us(run, 50))


def lego_vit(n):
    net, text = clip.LegoViT(), torch.randn(48, 512)
    adam = torch.optim.AdamW(net.parameters(), lr=1e-4, betas=(0.9, 0.98), weight_decay=0.003, fused=True, capturable=True)
    x, label = torch.randn(n, 4, 12, 64, 64), torch.randint(3, (n,))

    def run():
        loss = functional.cross_entropy(clip.logits(net(x), text, 3), label)
        adam.zero_grad()
        loss.backward()
        adam.step()

    show(f"lego_vit_step/{n}", median_us(run, 50))
    graph, side = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    with torch.cuda.graph(graph):
        run()
    show(f"lego_vit_step/{n}/graph", median_us(graph.replay, 50))


if __name__ == "__main__":
    if not torch.cuda.is_available():
        print(f"torch {torch.__version__} has no CUDA device: left out")
        sys.exit()
    print(torch.cuda.get_device_name())
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_default_device("cuda")
    torch.manual_seed(1)
    for layers, n in ((1, 32), (3, 32), (3, 512)):
        uf_ama(layers, n)
    for n in (16, 64):
        lego_vit(n)

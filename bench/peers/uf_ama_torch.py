"""The training step and the prediction of uf_ama_bench.cpp in PyTorch, written twice for comparison:

  loops       the straightforward way: source and target each through the network, screening and the linear-time MMD
              as loops over samples, the fusion network run again on the samples that screening chose
  vectorised  both batches at once, screening and MMD with tensor operations, fused features gathered

Milliseconds by the clock, best and median of the repetitions, and of processor time of all threads, the best:

  uf_ama_torch.py [--threads 1 2] [--layers 1 3] [--repetitions 30] [--only loops|vectorised|predict]
"""
import argparse
import resource
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class Encoder(nn.Module):
    def __init__(self, length, features, width, layers):
        super().__init__()
        self.dim_up = nn.Linear(features, width)
        layer = nn.TransformerEncoderLayer(width, 2, 2 * width, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.dim_down = nn.Linear(length * width, width)

    def forward(self, x):
        tokens = self.encoder(self.dim_up(x))
        return tokens, self.dim_down(tokens.flatten(1))


class Fusion(nn.Module):
    def __init__(self, channels, eye, width, fused):
        super().__init__()
        self.eeg_up, self.eye_up = nn.Linear(width, fused), nn.Linear(width, fused)
        self.eeg_eye = nn.MultiheadAttention(fused, 2, batch_first=True)
        self.eye_eeg = nn.MultiheadAttention(fused, 2, batch_first=True)
        self.eeg_down, self.eye_down = nn.Linear(channels * fused, fused), nn.Linear(eye * fused, fused)

    def forward(self, eeg, eye):
        eeg, eye = self.eeg_up(eeg), self.eye_up(eye)
        a = eeg + self.eeg_eye(eeg, eye, eye, need_weights=False)[0]
        b = eye + self.eye_eeg(eye, eeg, eeg, need_weights=False)[0]
        return torch.cat([self.eeg_down(a.flatten(1)), self.eye_down(b.flatten(1))], 1)


def classifier(inputs, hidden, classes):
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, classes))


class Network(nn.Module):
    def __init__(self, eye, classes, layers, channels=62, bands=5, width=64, fused=128):
        super().__init__()
        self.eeg, self.eye = Encoder(channels, bands, width, layers), Encoder(eye, 1, width, layers)
        self.fusion = Fusion(channels, eye, width, fused)
        self.eeg_classifier = classifier(width, width // 2, classes)
        self.eye_classifier = classifier(width, width // 2, classes)
        self.fusion_classifier = classifier(2 * fused, width, classes)

    def forward(self, eeg, eye):
        eeg_tokens, eeg_feature = self.eeg(eeg)
        eye_tokens, eye_feature = self.eye(eye.unsqueeze(2))
        fused = self.fusion(eeg_tokens, eye_tokens)
        features = (eeg_feature, eye_feature, fused)
        logits = (self.eeg_classifier(eeg_feature), self.eye_classifier(eye_feature), self.fusion_classifier(fused))
        return features, logits, (eeg_tokens, eye_tokens)


def levels(losses):
    return losses[0] / 4 + losses[1] / 4 + losses[2] / 2


def structure(logits, label_cosines):
    p = functional.normalize(logits.softmax(1))
    s = p @ p.T
    return -(label_cosines * (s + 1e-3).log() + (1 - label_cosines) * (1 - s + 1e-3).log()).mean()


def kernels(z):
    d = ((z.unsqueeze(0) - z.unsqueeze(1)) ** 2).sum(2) + 1e-5
    n = z.size(0)
    b = d.detach().sum() / (n * n - n) / 4
    return sum(torch.exp(-d / (b * 2**i)) for i in range(5))


def mmd_loops(s, t):
    n = s.size(0)
    k = kernels(torch.cat([s, t]))
    loss = 0
    for i in range(n):
        j = (i + 1) % n
        loss = loss + k[i, j] + k[n + i, n + j] - k[i, n + j] - k[j, n + i]
    return loss / n


def mmd_vectorised(s, t):
    # Only the distances that count; the bandwidth from the norms.
    z = torch.cat([s, t])
    n = z.size(0)
    with torch.no_grad():
        b = (2 * n * ((z - z.mean(0)) ** 2).sum() + n * n * 1e-5) / (n * n - n) / 4
    sn, tn = s.roll(-1, 0), t.roll(-1, 0)
    d = torch.stack([s - sn, t - tn, s - tn, sn - t]).square().sum(2) + 1e-5
    k = torch.exp(-d.unsqueeze(0) / (b * torch.tensor([1.0, 2, 4, 8, 16]).view(5, 1, 1))).sum(0)
    return (k[0] + k[1] - k[2] - k[3]).mean()


def fused_weight(clf):
    return 0.5 if clf <= 0.1 else 0.2 if clf < 0.2 else 0.1


def step_loops(net, batch):
    eeg_s, eye_s, one_hot, eeg_t, eye_t = batch
    feature_s, logits_s, _ = net(eeg_s, eye_s)
    feature_t, logits_t, tokens_t = net(eeg_t, eye_t)
    clf = levels([functional.cross_entropy(x, one_hot) for x in logits_s])
    unit = functional.normalize(one_hot)
    cls = levels([structure(x, unit @ unit.T) for x in logits_s])
    mmd = levels([mmd_loops(s, t) for s, t in zip(feature_s, feature_t)])

    n = eeg_t.size(0)
    confidence, label = [], []
    for x in logits_t[:2]:
        for row in x.softmax(1):
            confidence.append(row.max().item())
            label.append(row.argmax().item())
    order = sorted(range(2 * n), key=lambda i: -confidence[i])
    selected = order[:n]
    chosen, groups = set(selected), ([], [], [])
    for i in dict.fromkeys(i % n for i in selected):
        eeg, eye = i in chosen, i + n in chosen
        if eeg and eye:
            if label[i] == label[i + n]:
                groups[0].append(i)
        else:
            groups[1 if eeg else 2].append(i)

    def again(samples):
        tokens = [torch.stack([x[i] for i in samples]) for x in tokens_t]
        return net.fusion_classifier(net.fusion(*tokens))

    target = torch.zeros(())
    if groups[0]:
        target = functional.cross_entropy(again(groups[0]), torch.tensor([label[i] for i in groups[0]]))
    distill = torch.zeros(())
    if confidence[selected[-1]] > 0.9:
        for group, offset, student, x in ((groups[1], 0, net.eye_classifier, feature_t[1]),
                                          (groups[2], n, net.eeg_classifier, feature_t[0])):
            if len(group) < 3:
                continue
            fused = again(group).argmax(1).tolist()
            kept = [i for i, c in zip(group, fused) if c == label[i + offset]]
            if kept:
                rows = torch.stack([x[i] for i in kept])
                distill = distill + functional.cross_entropy(student(rows), torch.tensor([label[i + offset] for i in kept])) / 2
    return clf + cls + mmd + fused_weight(clf.item()) * target + 1e-5 * distill


def step_vectorised(net, batch):
    eeg_s, eye_s, one_hot, eeg_t, eye_t = batch
    n = eeg_s.size(0)
    features, logits, _ = net(torch.cat([eeg_s, eeg_t]), torch.cat([eye_s, eye_t]))
    source = [x[:n] for x in logits]
    clf = levels([functional.cross_entropy(x, one_hot) for x in source])
    unit = functional.normalize(one_hot)
    cosines = unit @ unit.T
    cls = levels([structure(x, cosines) for x in source])
    mmd = levels([mmd_vectorised(x[:n], x[n:]) for x in features])

    with torch.no_grad():
        confidence, label = torch.stack([x[n:].softmax(1) for x in logits[:2]]).max(2)
        middle, selected = confidence.flatten().topk(n)
        chosen = torch.zeros(2 * n, dtype=torch.bool)
        chosen[selected] = True
        eeg, eye = chosen[:n], chosen[n:]
        agree = (eeg & eye & (label[0] == label[1])).nonzero().squeeze(1)
        fused = logits[2][n:].argmax(1)
        teach = [(only & (label[i] == fused)).nonzero().squeeze(1) if int(only.sum()) >= 3 else None
                 for i, only in enumerate((eeg & ~eye, eye & ~eeg))]
    target = torch.zeros(())
    if agree.numel():
        target = functional.cross_entropy(logits[2][n:][agree], label[0][agree])
    distill = torch.zeros(())
    if middle[-1].item() > 0.9:
        for i, kept in enumerate(teach):
            if kept is not None and kept.numel():
                distill = distill + functional.cross_entropy(logits[1 - i][n:][kept], label[i][kept]) / 2
    return clf + cls + mmd + fused_weight(clf.item()) * target + 1e-5 * distill


def timed(run, repetitions):
    for _ in range(3):
        run()
    times, processor = [], []
    for _ in range(repetitions):
        start, used = time.perf_counter(), time.process_time()
        run()
        processor.append((time.process_time() - used) * 1e3)
        times.append((time.perf_counter() - start) * 1e3)
    return min(times), statistics.median(times), min(processor)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--only", choices=["loops", "vectorised", "predict"])
    options = parser.parse_args()

    def show(name, best, median, processor):
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{name:44s} best {best:9.3f} ms  median {median:9.3f} ms  cpu {processor:9.3f} ms  rss_MB {rss:.0f}", flush=True)

    for layers in options.layers:
        eye, classes = (33, 3) if layers == 1 else (31, 4)
        for threads in options.threads:
            torch.set_num_threads(threads)
            for name, step in (("loops", step_loops), ("vectorised", step_vectorised)):
                if options.only not in (None, name):
                    continue
                torch.manual_seed(1)
                net = Network(eye, classes, layers)
                trained = [p for k, p in net.named_parameters() if "classifier" not in k]
                adam = torch.optim.Adam(trained, lr=5e-4)
                label = torch.randint(classes, (32,))
                batch = (torch.randn(32, 62, 5), torch.randn(32, eye), functional.one_hot(label, classes).float(),
                         torch.randn(32, 62, 5), torch.randn(32, eye))

                def run():
                    loss = step(net, batch)
                    adam.zero_grad()
                    loss.backward()
                    adam.step()

                show(f"train/layers:{layers}/threads:{threads}/{name}", *timed(run, options.repetitions))
            if options.only not in (None, "predict"):
                continue
            net = Network(eye, classes, layers).eval()
            for windows in (1, 256):
                eeg, eyes = torch.randn(windows, 62, 5), torch.randn(windows, eye)
                with torch.inference_mode():
                    best = timed(lambda: [x.softmax(1) for x in net(eeg, eyes)[1]], options.repetitions * 3)
                show(f"predict/layers:{layers}/threads:{threads}/windows:{windows}", *best)


if __name__ == "__main__":
    main()

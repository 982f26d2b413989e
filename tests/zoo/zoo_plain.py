"""Own plain models: each shows a way of computing that the architectures of transformers lack."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from zoo_inputs import VOCABULARY, Inputs, ids, normal
from zoo_model import ZooModel

PLAIN: list[ZooModel] = []


def plain(inputs: Callable[[int, int], Inputs], *, lengths: bool = True, **kwargs: Any) -> Any:
    """Register a module class, which is built without arguments."""

    def register(cls: type[nn.Module]) -> type[nn.Module]:
        PLAIN.append(ZooModel(cls.__name__, "plain", cls, inputs, lengths, **kwargs))
        return cls

    return register


def x(*sizes: int | str) -> Callable[[int, int], Inputs]:
    """One tensor; "b" and "l" stand for the batch and the length."""

    def make(batch: int, length: int) -> Inputs:
        known = {"b": batch, "l": length}
        return {"x": normal(*(known[s] if isinstance(s, str) else s for s in sizes))}

    return make


@plain(x("b", 6, "l"))
class Tcn(nn.Module):
    """Temporal convolutions: causal by padding on one side, dilated, with weight norm."""

    def __init__(self) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.convs = nn.ModuleList(
            norm(nn.Conv1d(6 if i == 0 else 12, 12, 3, dilation=2**i)) for i in range(3)
        )
        self.skip = nn.Conv1d(6, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for i, conv in enumerate(self.convs):
            y = F.relu(conv(F.pad(y, (2 * 2**i, 0))))
        return y + self.skip(x)


@plain(x("b", 8, "l"))
class WaveNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(nn.Conv1d(8, 16, 2, dilation=2**i) for i in range(3))
        self.mix = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(3))
        self.head = nn.Conv1d(8, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = torch.zeros_like(x)
        for i, (dilated, mix) in enumerate(zip(self.dilated, self.mix)):
            a, b = dilated(F.pad(x, (2**i, 0))).chunk(2, dim=1)
            y = mix(torch.tanh(a) * torch.sigmoid(b))
            skips, x = skips + y, x + y
        return F.log_softmax(self.head(F.relu(skips)), dim=1)


def dlrm_inputs(batch: int, length: int) -> Inputs:
    offsets = torch.arange(0, batch * 3, 3)
    return {"dense": normal(batch, 7), "sparse": ids(1, batch * 3)[0], "offsets": offsets}


@plain(dlrm_inputs, lengths=False)
class Dlrm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bags = nn.ModuleList(
            nn.EmbeddingBag(VOCABULARY, 8, mode=m) for m in ("sum", "mean", "max")
        )
        self.bottom = nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, 8))
        self.top = nn.Sequential(nn.Linear(8 + 6, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, dense: Tensor, sparse: Tensor, offsets: Tensor) -> Tensor:
        y = self.bottom(dense)
        rows = torch.stack([y, *(bag(sparse, offsets) for bag in self.bags)], 1)
        products = rows @ rows.transpose(1, 2)
        i, j = torch.tril_indices(4, 4, -1)
        return torch.sigmoid(self.top(torch.cat([y, products[:, i, j]], 1)))


@plain(x("b", "l", 10))
class Lstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(10, 12, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        y, (h, c) = self.rnn(x)
        return self.head(y) + h.mean() + c.sum()


@plain(x("l", "b", 10))
class Gru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(10, 12), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


@plain(x("b", 8, 10), lengths=False)
class Rnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(10, 12, nonlinearity="relu", batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.rnn(x)[1]


@plain(x("b", 30), lengths=False)
class Vae(nn.Module):
    """The noise is an argument of reparametrization made from the input, so that runs agree."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(30, 24), nn.ELU(), nn.Linear(24, 12))
        self.decoder = nn.Sequential(nn.Linear(6, 24), nn.Softplus(), nn.Linear(24, 30))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(x).chunk(2, -1)
        y = self.decoder(mean + torch.exp(0.5 * log_variance) * torch.cos(37 * x[:, :6]))
        divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp(), 1)
        bits = F.binary_cross_entropy_with_logits(y, torch.sigmoid(x), reduction="none").sum(1)
        return bits, divergence


@plain(x("b", "l", 6))
class Nerf(nn.Module):
    """Rays: positional encoding, density and colour, composed along samples by cumprod."""

    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(3 * 8, 32), nn.ReLU(), nn.Linear(32, 4))

    def forward(self, x: Tensor) -> Tensor:
        origin, direction = F.normalize(x, dim=-1).split(3, dim=-1)
        depth = torch.linspace(0.1, 2.0, 9)
        points = origin[..., None, :] + depth[:, None] * direction[..., None, :]
        waves = points[..., None] * (2.0 ** torch.arange(4)) * math.pi
        encoded = torch.cat([waves.sin(), waves.cos()], -1).flatten(-2)
        rgb, sigma = self.mlp(encoded).split([3, 1], -1)
        alpha = 1 - torch.exp(-F.relu(sigma[..., 0]) * 0.2)
        clear = torch.cumprod(
            torch.cat([torch.ones_like(alpha[..., :1]), 1 - alpha + 1e-6], -1), -1
        )
        return ((alpha * clear[..., :-1])[..., None] * torch.sigmoid(rgb)).sum(-2)


def graph(batch: int, length: int) -> Inputs:
    return {"x": normal(length, 7), "edges": ids(2, 5 * length) % length}


@plain(graph)
class GraphConvolution(nn.Module):
    """Messages added at their targets, divided by degrees."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(7, 16), nn.Linear(16, 3)

    def step(self, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        count = torch.zeros(x.shape[0]).scatter_add(0, target, torch.ones(target.shape[0]))
        total = torch.zeros_like(x).index_add(0, target, x[source])
        return total / count.clamp(min=1)[:, None]

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x = F.relu(self.step(self.first(x), edges))
        return F.log_softmax(self.second(self.step(x, edges)), -1)


@plain(graph)
class GraphAttention(nn.Module):
    """Softmax over the edges that end in a node: scatter_reduce by maximum and sum."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(7, 12)
        self.source, self.target = nn.Parameter(normal(3, 4)), nn.Parameter(normal(4, 3).T)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        source, target = edges
        y = self.project(x).view(-1, 3, 4)
        score = (y * self.source).sum(-1)[source] + (y * self.target).sum(-1)[target]
        score = F.leaky_relu(score, 0.2)
        index = target[:, None].expand_as(score)
        zero = torch.zeros(x.shape[0], 3)
        peak = zero.scatter_reduce(0, index, score, "amax", include_self=False)
        weight = torch.exp(score - peak[target])
        weight = weight / (zero.scatter_add(0, index, weight)[target] + 1e-9)
        return torch.zeros_like(y).index_add(0, target, weight[..., None] * y[source]).flatten(1)


@plain(x("b", 16, 12), lengths=False)
class MlpMixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(12), nn.LayerNorm(12)
        self.tokens = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))
        self.channels = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return (x + self.channels(self.norm2(x))).mean(1)


@plain(lambda b, n: {"source": ids(b, n), "target": ids(b, n // 2 + 1, seed=2)})
class Transformer(nn.Module):
    """torch.nn.Transformer, with a causal mask."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 32)
        self.core = nn.Transformer(32, 4, 1, 1, 48, dropout=0.0, batch_first=True, norm_first=True)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        y = self.core(
            self.embedding(source), self.embedding(target), tgt_mask=mask, tgt_is_causal=True
        )
        return y @ self.embedding.weight.T


@plain(x("b", "l", 2))
class Siren(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 24), nn.Linear(24, 24), nn.Linear(24, 3)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = torch.sin(5 * layer(x))
        return self.layers[-1](x)


@plain(x("b", 6), lengths=False)
class Flow(nn.Module):
    """Affine couplings, a permutation and an invertible linear map by its logarithm of |det|."""

    def __init__(self) -> None:
        super().__init__()
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 6)) for _ in range(2)
        )
        self.mix = nn.Parameter(torch.eye(6) + 0.1 * torch.randn(6, 6))
        self.base = torch.distributions.Normal(0.0, 1.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logdet = torch.linalg.slogdet(self.mix)[1].expand(x.shape[0])
        x = x @ self.mix
        for net in self.nets:
            a, b = x.chunk(2, -1)
            scale, shift = net(a).chunk(2, -1)
            scale = torch.tanh(scale)
            x = torch.cat([b * torch.exp(scale) + shift, a], -1).flip(-1)
            logdet = logdet + scale.sum(-1)
        return x, self.base.log_prob(x).sum(-1) + logdet


@plain(x("b", 4), lengths=False)
class NeuralOde(nn.Module):
    """Four Runge-Kutta steps."""

    def __init__(self) -> None:
        super().__init__()
        self.field = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 4))

    def slope(self, t: float, y: Tensor) -> Tensor:
        return self.field(torch.cat([y, torch.full_like(y[:, :1], t)], -1))

    def forward(self, x: Tensor) -> Tensor:
        h = 0.25
        for i in range(4):
            a = self.slope(i * h, x)
            b = self.slope(i * h + h / 2, x + h / 2 * a)
            c = self.slope(i * h + h / 2, x + h / 2 * b)
            x = x + h / 6 * (a + 2 * b + 2 * c + self.slope(i * h + h, x + h * c))
        return x


@plain(x("b", 5), lengths=False)
class MixtureDensity(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(5, 16), nn.Linear(16, 9)

    def forward(self, x: Tensor) -> Tensor:
        logits, mean, log_scale = self.head(torch.tanh(self.body(x))).chunk(3, -1)
        parts = torch.distributions.Normal(mean, F.softplus(log_scale) + 1e-3, validate_args=False)
        return -torch.logsumexp(F.log_softmax(logits, -1) + parts.log_prob(x[:, :1]), -1)


@plain(lambda b, n: {"a": normal(b, 9), "b": normal(9, b).T, "c": 2 * normal(b, 9) + 1})
class Siamese(nn.Module):
    """Triplet and contrastive losses, cosine similarities."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 16), nn.PReLU(), nn.Linear(16, 8))

    def forward(self, a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        a, b, c = self.net(a), self.net(b), self.net(c)
        near = F.pairwise_distance(a, b)
        logits = F.normalize(a) @ F.normalize(b).T / 0.1
        labels = torch.arange(a.shape[0])
        return (
            F.triplet_margin_loss(a, b, c), F.cosine_similarity(a, c), near,
            F.cross_entropy(logits, labels, label_smoothing=0.1), torch.cdist(a, c),
        )  # fmt: skip


@plain(lambda b, n: {"x": normal(b, n, 12), "keep": ids(b, n) > 60})
class AttentionPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Parameter(normal(1, 2, 12))
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)

    def forward(self, x: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        keep = keep | (torch.arange(x.shape[1]) == 0)
        query = self.query.expand(x.shape[0], -1, -1)
        return self.attention(query, x, x, key_padding_mask=~keep)


@plain(x("b", 14), lengths=False)
class Highway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Bilinear(14, 14, 14) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(14, 14) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for layer, gate in zip(self.layers, self.gates):
            x = torch.lerp(x, F.mish(layer(x, x)), torch.sigmoid(gate(x)))
        return F.glu(F.rms_norm(x, (14,)), -1)


@plain(x("b", "l", 8))
class Capsules(nn.Module):
    """Routing by agreement, three rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(4, 8, 6))

    def forward(self, x: Tensor) -> Tensor:
        votes = torch.einsum("bld,kdo->bklo", x, self.weight)
        logits = torch.zeros_like(votes[..., 0])
        for _ in range(3):
            total = torch.einsum("bkl,bklo->bko", logits.softmax(1), votes)
            square = total.square().sum(-1, keepdim=True)
            out = total * square / (1 + square) / (square + 1e-8).sqrt()
            logits = logits + torch.einsum("bko,bklo->bkl", out, votes)
        return out


@plain(lambda b, n: {"tokens": ids(b, n), "lengths": ids(b, 1)[:, 0] % n + 1})
class TextCnn(nn.Module):
    """Convolutions over embedded tokens, masked by lengths, pooled by the k greatest."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 10, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(10, 6, k, padding="same") for k in (2, 3, 5))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        keep = torch.arange(tokens.shape[1]) < lengths[:, None]
        y = self.embedding(tokens).masked_fill(~keep[..., None], 0.0).transpose(1, 2)
        return torch.cat([F.celu(c(y)).topk(2, dim=-1).values.flatten(1) for c in self.convs], 1)


@plain(lambda b, n: {"logits": normal(n, b, 12).log_softmax(-1), "labels": ids(b, 4) % 11 + 1})
class SpeechLoss(nn.Module):
    """Connectionist temporal classification."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        steps, batch, _ = logits.shape
        return F.ctc_loss(logits, labels, torch.full((batch,), steps), torch.full((batch,), 4))


@plain(lambda b, n: {"boxes": normal(n, 4).abs(), "scores": normal(4 * n)[:n]})
class Detection(nn.Module):
    """Pairwise intersections over unions, sorted by scores, greedy suppression by a mask."""

    def forward(self, boxes: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:] + 0.1
        scores, order = scores.sort(descending=True, stable=True)
        low, high = low[order], high[order]
        inner = (torch.minimum(high[:, None], high) - torch.maximum(low[:, None], low)).clamp(min=0)
        area = (high - low).prod(-1)
        overlap = inner.prod(-1) / (area[:, None] + area - inner.prod(-1))
        worst = overlap.tril(-1).max(-1).values
        return scores * torch.exp(-2 * worst.square()), overlap.cummax(0).values


@plain(x("b", "l", 16))
class RotaryComplex(nn.Module):
    """Attention with rotary embeddings as complex products, as in the first LLaMA."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(16, 48)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, 2, 8).unbind(2)
        angles = torch.outer(torch.arange(length).float(), 10.0 ** -torch.arange(4).float())
        turn = torch.polar(torch.ones_like(angles), angles)[:, None]
        q, k = (
            torch.view_as_real(
                torch.view_as_complex(t.reshape(*t.shape[:-1], 4, 2)) * turn
            ).flatten(3)
            for t in (q, k)
        )
        y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)), is_causal=True)
        return y.transpose(1, 2).flatten(2)


@plain(x("b", "l", 12))
class VectorQuantizer(nn.Module):
    """The nearest code, straight-through gradients, and the commitment loss."""

    def __init__(self) -> None:
        super().__init__()
        self.project, self.codes = nn.Linear(12, 6), nn.Embedding(17, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.project(x)
        nearest = torch.cdist(y.flatten(0, 1), self.codes.weight).argmin(-1).view(x.shape[:-1])
        code = self.codes(nearest)
        loss = F.mse_loss(code, y.detach()) + 0.25 * F.mse_loss(y, code.detach())
        return y + (code - y).detach(), loss


@plain(lambda b, n: {"user": ids(b, 1)[:, 0], "items": ids(b, n, seed=3)})
class Recommender(nn.Module):
    """Factorization with biases and a ranking loss."""

    def __init__(self) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(VOCABULARY, 8), nn.Embedding(VOCABULARY, 8)
        self.bias = nn.Parameter(torch.zeros(VOCABULARY))

    def forward(self, user: Tensor, items: Tensor) -> Tensor:
        score = torch.einsum("bd,bnd->bn", self.users(user), self.items(items)) + self.bias[items]
        return -F.logsigmoid(score[:, :1] - score[:, 1:]).mean(1)


@plain(x("b", 4), lengths=False)
class Actor(nn.Module):
    """A policy, its entropy, and generalized advantages by a reversed scan."""

    def __init__(self) -> None:
        super().__init__()
        self.policy, self.value = nn.Linear(4, 5), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        policy = torch.distributions.Categorical(logits=self.policy(x), validate_args=False)
        value = self.value(x)[:, 0]
        advantage = torch.cumsum((x[:, 0] - value).flip(0), 0).flip(0)
        ratio = torch.exp(policy.log_prob(x.argmax(-1)) - 1.5)
        clipped = torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
        return clipped, policy.entropy()


@plain(x("b", 12), lengths=False)
class KolmogorovArnold(nn.Module):
    """Splines on every edge: bucketize, gather, interpolate."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("knots", torch.linspace(-2, 2, 9))
        self.values = nn.Parameter(torch.randn(12, 9))

    def forward(self, x: Tensor) -> Tensor:
        x = x.clamp(-1.99, 1.99)
        right = torch.bucketize(x, self.knots).clamp(1, 8)
        left = right - 1
        table = self.values.expand(x.shape[0], -1, -1)
        a, b = (table.gather(2, i[..., None])[..., 0] for i in (left, right))
        weight = (x - self.knots[left]) / (self.knots[right] - self.knots[left])
        return torch.lerp(a, b, weight)

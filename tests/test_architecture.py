"""Who may import whom, and rules that hold for every file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("fact_core/**/*.py"), *ROOT.glob("app/**/*.py"), ROOT / "launch.py"])

#: What lies loose in fact_core, with its one folder of choices: stdlib, numpy, and what finds folders.
VOCABULARY = [
    "errors",
    "events",
    "types",
    "options",
    "config",
    "phase_config",
    "file_config",
    "files",
    "staging",
    "folders",
    "paths",
    "processor",
    "generators",
    "imports",
    "choices",
]
#: The door lies loose too: it is above everything.
DOOR = "cli"

TORCH = ["torch", "torchvision", "timm", "peft", "transformers", "onnx", "onnxruntime", "onnxscript", "umap", "numba"]
PAGE = ["gradio", "plotly", "fastapi", "starlette", "uvicorn"]
SQL = ["sqlite3", "sqlite_utils"]
LEARNING = ["sklearn", "scipy", "pandas", "PIL"]

#: layer -> (what it may import beside itself and the vocabulary, libraries that it must not import).
#: A layer is a folder of fact_core, or one of the page. The lower ones come first.
LAYERS: dict[str, tuple[str, list[str]]] = {
    "vocabulary": ("", [*TORCH, *PAGE, *SQL, *LEARNING]),
    "images": ("", [*TORCH, *PAGE, *SQL]),
    "pretrained": ("", [*TORCH, *PAGE, *SQL]),
    "storage": ("images", [*TORCH, *PAGE]),
    "analysis": ("", [*TORCH, *PAGE, *SQL]),
    # What may be accepted is asked of the check images where the answer is stored.
    "labeling": ("analysis storage images", [*TORCH, *PAGE]),
    # Answers of merged classes add up where they are written, too.
    "exchange": ("labeling analysis storage images", [*TORCH, *PAGE, *SQL]),
    "compute": ("images", [*PAGE, *SQL]),
    "backbones": ("compute pretrained images", [*PAGE, *SQL]),
    "lightweight": ("compute", [*PAGE, *SQL]),
    "features": ("backbones compute analysis images", [*PAGE, *SQL]),
    "classifier": ("features lightweight backbones compute analysis images", [*PAGE, *SQL]),
    "select": ("lightweight analysis compute", [*PAGE, *SQL]),
    "finetune": ("classifier features lightweight backbones compute analysis images", [*PAGE, *SQL]),
    # Beside the classifier: masks of pixels. Only the bench asks for it.
    "segment": ("finetune classifier lightweight backbones compute images", [*PAGE, *SQL]),
    "work": (
        "select finetune classifier features lightweight backbones compute analysis exchange labeling storage "
        "pretrained images",
        [*PAGE, *SQL],
    ),
    "headless": ("work backbones compute analysis exchange labeling storage pretrained images", [*PAGE, *SQL]),
    "bench": (
        "headless work segment select finetune classifier features lightweight backbones compute analysis exchange "
        "labeling storage pretrained images",
        [*PAGE, *SQL],
    ),
    "cli": ("bench headless work backbones storage pretrained images", [*TORCH, *PAGE, *SQL]),
    "app.shell": ("analysis exchange labeling storage pretrained images", [*TORCH, *SQL]),
    "app.routes": ("app.shell analysis exchange labeling storage pretrained images", [*TORCH, *SQL]),
    "app.pages": ("app.shell app.routes analysis exchange labeling storage pretrained images", [*TORCH, *SQL]),
    "app.main": ("app.pages app.shell app.routes labeling storage images", [*TORCH, *SQL]),
    # It drives the page from outside and is part of the command line.
    "app.bench": ("cli bench headless work analysis exchange labeling storage images", [*TORCH, *PAGE, *SQL]),
}


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _module(path: Path) -> str:
    """fact_core/select/activeft.py -> fact_core.select.activeft"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _layer(module: str) -> str | None:
    """The layer of a dotted name of ours; None for other packages, and for the two packages' own names."""
    top, _, rest = module.partition(".")
    first = rest.partition(".")[0]
    if top == "fact_core" and first and first != "__version__":
        return "vocabulary" if first in VOCABULARY else first
    return f"app.{first}" if top == "app" and first else None


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(_tree(path)))


@cache
def _imports(path: Path) -> tuple[tuple[int, str], ...]:
    """(line, dotted name) of every import, inside functions too; "from a import b" gives a.b."""
    return tuple(_each_import(path))


def _each_import(path: Path) -> Iterator[tuple[int, str]]:
    package = _module(path).split(".") if path.name == "__init__.py" else _module(path).split(".")[:-1]
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def test_a_folder_is_a_layer_and_only_the_vocabulary_and_the_door_lie_loose() -> None:
    """A new file in fact_core belongs into a folder, a new folder into LAYERS."""
    loose = {path.stem for path in (ROOT / "fact_core").glob("*.py")} - {"__init__"}
    assert loose | {"choices"} == {*VOCABULARY, DOOR}
    folders = {path.parent.name for path in (ROOT / "fact_core").glob("*/__init__.py")} - {"choices"}
    assert folders | {"vocabulary", DOOR} == {layer for layer in LAYERS if not layer.startswith("app.")}
    assert {path.stem for path in (ROOT / "app").glob("*.py")} == {"__init__", "main"}


def test_tests_lie_in_the_folders_of_what_they_test() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and any(path.glob("test_*.py"))}
    assert folders <= {"page", "launch", *LAYERS}


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_imports_only_from_layers_below(path: Path) -> None:
    layer = _layer(_module(path))
    if layer is None:
        return
    below, banned = LAYERS[layer]
    wrong = []
    for line, name in _imports(path):
        target = _layer(name)
        if target and target not in (layer, "vocabulary", *below.split()) and not _is_sentences(layer, target, name):
            wrong.append(f"{_id(path)}:{line} imports {name}: {layer} must not import {target}")
        if name.partition(".")[0] in banned:
            wrong.append(f"{_id(path)}:{line} imports {name}: not in {layer}")
    assert not wrong, "\n".join(wrong)


def _is_sentences(layer: str, target: str, name: str) -> bool:
    """A page's sentences are plain dicts: the shell joins them, and the list of routes names the pages' own."""
    return target == "app.pages" and (
        (layer == "app.shell" and name.rpartition(".")[2].endswith("text"))
        or (layer == "app.routes" and name.rpartition(".")[2].endswith("routes"))
    )


def test_the_layers_stand_in_order() -> None:
    """What a layer may import stands above it in LAYERS, so that no circle can be written down."""
    for place, (layer, (below, _)) in enumerate(LAYERS.items()):
        later = set(list(LAYERS)[place:])
        assert not later & set(below.split()), layer


def test_storage_and_torch_meet_in_the_worker_only() -> None:
    """No file imports both, and no layer with torch may import what stores."""
    for path in SOURCES:
        names = {name.partition(".")[0] for _, name in _imports(path)}
        assert not ({"torch"} <= names and set(SQL) & names), _id(path)
    for layer, (below, banned) in LAYERS.items():
        if layer not in ("work", "bench") and "torch" not in banned:
            assert not {"storage", "labeling", "exchange"} & set(below.split()) or layer == "headless", layer


def test_timm_is_imported_by_backbones_and_finetune_only() -> None:
    """And by the yardsticks that do the same work by timm alone."""
    yardsticks = ("fact_core.bench.gpu.plain", "fact_core.bench.speed.plain")
    allowed = ("fact_core.backbones", "fact_core.finetune", *yardsticks)
    for path in SOURCES:
        if any(name.partition(".")[0] == "timm" for _, name in _imports(path)):
            assert _module(path).startswith(allowed), _id(path)


def test_launch_needs_only_the_standard_library() -> None:
    import sys

    for _, name in _imports(ROOT / "launch.py"):
        assert name.partition(".")[0] in sys.stdlib_module_names, name


def test_pages_do_not_import_each_other() -> None:
    for path in ROOT.glob("app/pages/*/*.py"):
        own = f"app.pages.{path.parent.name}."
        others = [name for _, name in _imports(path) if name.startswith("app.pages.") and not name.startswith(own)]
        assert not others, f"{_id(path)}: {others}"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_no_pickle_no_shell_no_eval(path: Path) -> None:
    """Hostile input 9: nothing that runs code out of a file, and no shell between us and a command."""
    banned_modules = {"cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
    for line, name in _imports(path):
        assert name.partition(".")[0] not in banned_modules, f"{_id(path)}:{line} imports {name}"
        assert not name.startswith("pickle."), f"{_id(path)}:{line} imports {name}"
    for node in _nodes(path):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle":
            # torch's own reader raises this one; naming it reads nothing
            assert node.attr == "UnpicklingError", f"{_id(path)}:{node.lineno} uses pickle.{node.attr}"
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        where = f"{_id(path)}:{node.lineno} {name}"
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert name not in ("eval", "exec", "os.system", "os.popen"), where
        assert given.get("shell", "False") == "False", where
        assert given.get("allow_pickle", "False") == "False", where
        if name == "torch.load":
            assert given.get("weights_only") == "True", where


@pytest.mark.parametrize("path", [each for each in SOURCES if each.name != "launch.py"], ids=_id)
def test_no_module_level_mutable_state(path: Path) -> None:
    """A module's own names are constants: no `global`, no empty container waiting to be filled."""
    assert not any(isinstance(node, ast.Global) for node in _nodes(path)), f"{_id(path)} uses global"
    for node in _tree(path).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        empty = isinstance(value, ast.Dict | ast.List) and not ast.unparse(value).strip("[]{}")
        assert not empty, f"{_id(path)}:{node.lineno} is an empty container at module level"


def test_sizes() -> None:
    """Files aim at 250 lines and functions at 40. Far beyond that is an error; the rest is reported."""
    long_files, long_functions = [], []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if (lines := text.count("\n")) > 250:
            long_files.append((lines, _id(path)))
        for node in _nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > 40:
                    long_functions.append((length, f"{_id(path)}:{node.name}"))
    report = "\n".join(f"{lines:4d} {name}" for lines, name in sorted(long_files + long_functions, reverse=True))
    print(report)
    assert not [each for each in long_files if each[0] > 320], report
    assert not [each for each in long_functions if each[0] > 60], report


# ---- the page's scripts

SCRIPTS = sorted(ROOT.glob("assets/*/*.js"))
#: folder of scripts -> the other folders that it may import; a page knows no other page
MAY_IMPORT = (
    {"shell": (), "map": ("shell",), "images": ("shell",), "review": ("shell", "map", "images")}
    | dict.fromkeys(("project", "select", "label", "train"), ("shell", "map", "images"))
    | {"results": ("shell", "map", "images", "review")}
)


def _imports_of(script: Path) -> list[Path]:
    """The files that a script imports. Each is named by a relative path; tests may import Node's own modules."""
    named = re.findall(r'^(?:import|export)\b[^"]*?from "(.+?)";|^import "(.+?)";', script.read_text("utf-8"), re.M)
    paths = [path or alone for path, alone in named if not (path or alone).startswith("node:")]
    assert all(path.startswith(("./", "../")) for path in paths), f"{_id(script)}: {paths}"
    return [(script.parent / path).resolve() for path in paths]


@pytest.mark.parametrize("script", SCRIPTS, ids=_id)
def test_a_script_imports_what_is_there_and_no_other_page(script: Path) -> None:
    folder, begins = script.parent.name, _id(script) == "assets/shell/main.js"
    for path in _imports_of(script):
        assert path in SCRIPTS, f"{_id(script)} imports {path}"
        if not begins:
            assert path.parent.name in (folder, *MAY_IMPORT[folder]), f"{_id(script)} imports {_id(path)}"
        assert script.name.endswith(".test.js") or path.name != "stand_ins.js", f"{_id(script)} is no test"


def test_no_script_imports_itself_by_way_of_others() -> None:
    """So that none depends on the order in which modules are evaluated."""
    imports = {script: _imports_of(script) for script in SCRIPTS}
    done: set[Path] = set()

    def visit(script: Path, way: tuple[Path, ...]) -> None:
        assert script not in way, " -> ".join(map(_id, (*way, script)))
        if script not in done:
            for each in imports[script]:
                visit(each, (*way, script))
            done.add(script)

    for script in SCRIPTS:
        visit(script, ())


@pytest.mark.parametrize("script", SCRIPTS, ids=_id)
def test_a_script_leaves_one_name_on_the_window(script: Path) -> None:
    text = script.read_text("utf-8")
    found = set(re.findall(r"\b(?:window|globalThis|self)\.(\w+)\s*(?:\?\?|\|\|)?=(?![=>])", text))
    if _id(script) == "assets/shell/main.js":
        assert found == {"FactStudio"}
    elif _id(script) == "assets/shell/key.js":
        assert found == {"fetch"}  # Gradio's requests, too, carry the page's key
    else:
        assert not found or script.name == "stand_ins.js", f"{_id(script)} sets {found}"


def test_sizes_of_scripts() -> None:
    """Lines end at 120, functions at 60 lines, files at 400; they aim at 40 and 250. Formatted, a function ends where
    its first line begins."""
    for script in SCRIPTS:
        lines = script.read_text("utf-8").splitlines()
        assert len(lines) <= 400, _id(script)
        for number, line in enumerate(lines):
            assert len(line) <= 120, f"{_id(script)}:{number + 1} is {len(line)} long"
            if re.match(r"\s*(export )?(async )?(function\b|get |(static )?\w+\(.*\) \{$)|.*=> [({]$", line):
                margin = line[: len(line) - len(line.lstrip())]
                ends = (n for n in range(number + 1, len(lines)) if re.match(margin + r"[)}\]]", lines[n]))
                length = next(ends, number) - number + 1
                assert length <= 60, f"{_id(script)}:{number + 1} is {length} lines long"

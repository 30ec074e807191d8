"""Who may import whom, and rules that hold for every file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*ROOT.glob("fact_core/**/*.py"), *ROOT.glob("app/**/*.py"), ROOT / "launch.py"])

#: layer -> modules of it; a package stands for everything in it
LAYERS: dict[str, tuple[str, ...]] = {
    "0": ("errors", "types", "choices", "config", "options", "events", "steps", "processor"),
    "1": ("images", "db", "store", "weights", "files", "walk"),
    "2": (
        "project",
        "scan",
        "history",
        "batches",
        "classes",
        "labels",
        "label_files",
        "label_import",
        "notes",
        "undo",
        "selections",
        "runs",
        "exchange",
        "thumbs",
        "demo",
        "synthetic",
    ),
    "2n": ("evaluate", "suggest", "groups", "neighbors", "coverage"),
    "3": (
        *("device", "data", "backbones", "features", "select", "finetune", "lightweight", "classifier", "predict"),
        *("export", "export_files", "model_card", "onnx_inference", "project_map"),
    ),
    "4": (
        "worker",
        "kinds",
        "kinds_pool",
        "kinds_select",
        "kinds_evidence",
        "question",
        "kinds_model",
        "cli",
        "way",
        "follow",
        "console",
        "doctor",
        "bench",
    ),
}
#: layer -> what it may import of fact_core: layers, or single modules
ALLOWED: dict[str, tuple[str, ...]] = {
    "0": ("0",),
    "1": ("0", "1"),
    "2": ("0", "1", "2"),
    "2n": ("0", "2n"),
    "3": ("0", "2n", "3", "files", "images", "store", "weights"),
    "4": ("0", "1", "2", "2n", "3", "4"),
    "5": ("0", "2", "2n", "images", "store", "weights"),
    "5b": ("0", "2", "4"),
}
HEAVY = ("torch", "torchvision", "timm", "peft", "transformers", "onnx", "onnxruntime", "onnxscript", "umap", "numba")
#: layer -> libraries that must not be imported there
BANNED: dict[str, tuple[str, ...]] = {
    "0": (*HEAVY, "sqlite3", "sqlite_utils", "gradio", "plotly", "sklearn", "PIL", "fastapi"),
    "1": (*HEAVY, "gradio", "plotly", "fastapi"),
    "2": (*HEAVY, "gradio", "plotly", "fastapi"),
    "2n": (*HEAVY, "sqlite3", "sqlite_utils", "gradio", "plotly", "fastapi"),
    "3": ("sqlite3", "sqlite_utils", "gradio", "plotly", "fastapi"),
    "4": ("sqlite3", "sqlite_utils", "gradio", "plotly", "fastapi"),
    "5": (*HEAVY, "sqlite3", "sqlite_utils"),
    "5b": (*HEAVY, "sqlite3", "sqlite_utils", "gradio", "plotly", "fastapi"),
}
# weights.py sits low so that the page can say what is ready; it converts nothing itself.


def _id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _module(path: Path) -> str:
    """fact_core/select/activeft.py -> fact_core.select.activeft"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _layer(module: str) -> str | None:
    """The layer of a dotted module; None for fact_core itself. KeyError when nobody has given it one.

    5 is the page, 5b its benches, which drive the page from outside and are part of the command line.
    """
    top, _, rest = module.partition(".")
    if rest.partition(".")[0] == "bench" and top == "app":
        return "5b"
    if top in ("app", "launch"):
        return "5" if top == "app" else "6"
    name = rest.partition(".")[0]
    if not name:
        return None
    return {each: layer for layer, modules in LAYERS.items() for each in modules}[name]


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, inside functions too; "from a import b" gives a.b."""
    package = _module(path).split(".") if path.name == "__init__.py" else _module(path).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def _target_layer(name: str) -> tuple[str, str] | None:
    """(layer, module name) of an imported dotted name when it is one of ours below fact_core."""
    parts = name.split(".")
    if parts[0] != "fact_core" or len(parts) < 2 or parts[1] == "__version__":
        return None
    layer = _layer(".".join(parts[:2]))
    return (layer, parts[1]) if layer else None


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_imports_only_from_layers_below(path: Path) -> None:
    layer = _layer(_module(path))
    if layer in (None, "6"):
        return
    wrong = []
    for line, name in _imports(path):
        target = _target_layer(name)
        if target and not {target[0], target[1]} & set(ALLOWED[layer]):
            wrong.append(f"{_id(path)}:{line} imports {name} (layer {layer} must not import layer {target[0]})")
        if name.partition(".")[0] in BANNED[layer]:
            wrong.append(f"{_id(path)}:{line} imports {name} (not in layer {layer})")
        if name.partition(".")[0] == "app" and layer != "5" and not (layer == "5b" and name.startswith("app.bench.")):
            wrong.append(f"{_id(path)}:{line} imports {name}: only the page may import the page")
        if name.startswith("app.bench") and layer != "5b":
            wrong.append(f"{_id(path)}:{line} imports {name}: the page does not know its benches")
    assert not wrong, "\n".join(wrong)


def test_storage_and_torch_meet_in_the_worker_only() -> None:
    """sqlite3 is imported by layers 1 and 2, torch by layers 3 and 4: no file imports both."""
    for path in SOURCES:
        names = {name.partition(".")[0] for _, name in _imports(path)}
        assert not {"torch", "sqlite3"} <= names, _id(path)


def test_timm_is_imported_by_backbones_and_finetune_only() -> None:
    allowed = ("fact_core.backbones", "fact_core.finetune")
    for path in SOURCES:
        if any(name.partition(".")[0] == "timm" for _, name in _imports(path)):
            assert _module(path).startswith(allowed), _id(path)


def test_launch_needs_only_the_standard_library() -> None:
    import sys

    for _, name in _imports(ROOT / "launch.py"):
        assert name.partition(".")[0] in sys.stdlib_module_names, name


def test_pages_do_not_import_each_other() -> None:
    for path in ROOT.glob("app/pages/*.py"):
        others = [name for _, name in _imports(path) if name.startswith("app.pages.")]
        assert not others or path.name == "__init__.py", f"{_id(path)}: {others}"


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_no_pickle_no_shell_no_eval(path: Path) -> None:
    """Nothing that runs code out of a file, and no shell between us and a command."""
    banned_modules = {"cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle"}
    for line, name in _imports(path):
        assert name.partition(".")[0] not in banned_modules, f"{_id(path)}:{line} imports {name}"
        assert not name.startswith("pickle."), f"{_id(path)}:{line} imports {name}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Global) for node in ast.walk(tree)), f"{_id(path)} uses global"
    for node in tree.body:
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
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > 40:
                    long_functions.append((length, f"{_id(path)}:{node.name}"))
    report = "\n".join(f"{lines:4d} {name}" for lines, name in sorted(long_files + long_functions, reverse=True))
    print(report)
    assert not [each for each in long_files if each[0] > 400], report
    assert not [each for each in long_functions if each[0] > 80], report

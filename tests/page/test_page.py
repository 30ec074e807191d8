"""The page as a whole: it is built, served behind the guard, and its forms fit the options."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from starlette.testclient import TestClient

from app import main
from app.pages.train import page
from app.routes import assets
from app.routes.assets import FOLDER as ASSETS
from app.routes.state import duration, steps
from app.shell.computer import describe, seconds_per_image
from app.shell.decision_text import decision_words
from app.shell.forms import TITLES, form, piece
from app.shell.guard import Guard
from app.shell.keys import HEADER, make_keys
from app.shell.server import Server
from app.shell.text import sentences
from app.shell.value_text import value_words
from fact_core import cli
from fact_core.choices import BACKBONES, DEFAULT_BACKBONE
from fact_core.config import SelectConfig, TrainConfig, from_flat, options
from fact_core.pretrained.weights import WeightsStatus
from fact_core.processor import cores
from fact_core.storage import project as projects
from tests.storage_help import paint

PORT = 7999
# Gradio leaves the event loop open in which it built a page.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module", autouse=True)
def _collect() -> Iterator[None]:
    """What Gradio left open dies here, not in the middle of somebody else's test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture(scope="module")
def client() -> TestClient:
    """The whole application, as our page sees it."""
    keys = make_keys(PORT)
    app = Guard(main.make_app(Server()), host="127.0.0.1", port=PORT, keys=keys)
    headers = {"cookie": f"{keys.cookie_name}={keys.cookie}", HEADER: keys.page}
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}", headers=headers)


def test_the_page_is_served_with_our_styles_and_scripts(client: TestClient) -> None:
    page = client.get("/").text
    asked = set(re.findall(r"/x/assets/[^\"\\]+", page))
    base = f"/x/assets/{assets.version()}"
    assert {f"{base}/{name}" for name in assets.files() if name.endswith(".js")} < asked
    assert f"{base}/shell/main.css" in asked
    for address in asked:
        assert client.get(address).status_code == 200, address


def test_the_page_has_five_tabs(client: TestClient) -> None:
    tabs = [each["props"] for each in client.get("/config").json()["components"] if each["type"] == "tabitem"]
    assert [tab["id"] for tab in tabs] == ["project", "select", "label", "train", "results"]
    assert [tab["elem_id"] for tab in tabs] == [f"page-{tab['id']}" for tab in tabs]


def test_gradio_tells_nobody_about_us(client: TestClient) -> None:
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/gradio_api/component_server", "/gradio_api/run/predict"])
def test_what_writes_in_gradio_is_closed(client: TestClient, path: str) -> None:
    assert client.post(path, json={}).status_code == 404


def test_every_sentence_has_its_places_filled() -> None:
    for key, text in sentences().items():
        assert text.count("{") == text.count("}") == len(re.findall(r"\{\w+\}", text)), key


def test_a_piece_takes_plain_names_only() -> None:
    with pytest.raises(ValueError, match="plain name"):
        piece('x"><script>')


@pytest.mark.parametrize("config", [SelectConfig, TrainConfig])
def test_a_form_gives_back_the_options_it_was_made_of(config: type) -> None:
    names = tuple(name for name, _ in options(config))
    with gr.Blocks():
        made = form(config, names)
    values = made.read([component.value for component in made.components])
    assert from_flat(config, values) == config()
    assert all(component.label and component.interactive for component in made.components)


def test_what_the_form_leaves_out_stays_in_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    told = capsys.readouterr().out
    left_out = {name: each.metadata["paper"] for name, each in options(TrainConfig) if each.metadata["paper"]}
    assert "ff.warm_epochs" in left_out and "rotate" in left_out["lm.frofa"]
    for name, which in left_out.items():
        assert f"--{name.replace('.', '-').replace('_', '-')} " in told
        assert all(each in told for each in (() if which is True else which))


def test_a_project_that_is_not_there_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--port", "0", "--no-browser", "--project", str(tmp_path / "none")]) == 2
    assert "There is no such folder" in capsys.readouterr().err


def test_a_project_that_is_open_elsewhere_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paint(tmp_path / "images" / "0.png")
    project = projects.create(tmp_path / "p", tmp_path / "images")
    with projects.lock(project):
        assert main.main(["--port", "0", "--no-browser", "--project", str(tmp_path / "p")]) == 2
    assert "Another process has this project open" in capsys.readouterr().err


def test_the_computer_is_described(tmp_path: Path) -> None:
    here = describe(tmp_path / "not" / "there" / "yet", "")
    assert here["cores"] == cores() >= 1
    assert here["disk_free"] > 0
    small, large = (BACKBONES[name] for name in ("tf_efficientnet_lite0", "vit_small_patch16_224.dino"))
    assert seconds_per_image(small, 2, False) < seconds_per_image(large, 2, False)
    assert seconds_per_image(small, 8, False) < seconds_per_image(small, 2, False)
    assert seconds_per_image(large, 2, True) < seconds_per_image(small, 2, False)


@pytest.mark.parametrize(("seconds", "told"), [(None, ""), (4.4, "4 s"), (59, "59 s"), (420, "7 min")])
def test_durations_are_short(seconds: float | None, told: str) -> None:
    assert duration(seconds) == told


def test_the_last_step_tells_the_accuracy() -> None:
    base = {
        "counts": {"pool": 1200},
        "selection": {"picks": 50, "checks": 40},
        "labels": {"picks": 50, "checks": 40, "picks_done": 48, "checks_done": 40, "skipped": 2},
        "runs": [{"kind": "train", "status": "done", "seconds": 420.0, "accuracy": 0.775}],
    }
    told = steps(base, sentences())
    assert [step.fact for step in told] == ["1,200 images", "50 chosen + 40 check", "88 of 90", "7 min", "77.5 %"]
    assert [step.state for step in told] == ["done", "done", "done", "done", "begun"]
    base["selection"] = {"picks": 1050, "checks": 0}
    assert steps(base, sentences())[1].fact == "1,050 chosen"


def test_the_train_form_knows_which_backbones_a_recipe_cannot_train() -> None:
    known = page.fits()
    assert known["fact"]["never"] == []
    assert DEFAULT_BACKBONE in known["fact-prompt"]["never"]
    assert "vit_small_patch16_224.dino" not in known["fact-prefix"]["never"]
    for recipe in ("ln", "bitfit"):
        assert DEFAULT_BACKBONE in known[recipe]["never"] and "convnext_tiny.fb_in1k" not in known[recipe]["never"]


def test_the_list_of_backbones_says_what_is_missing() -> None:
    text = sentences()
    name = "vit_small_patch16_224.dino"
    title = BACKBONES[name].title
    assert page.backbone_title(name, WeightsStatus(True, "hub", "", 0), text) == title
    assert page.backbone_title(name, WeightsStatus(False, "", "", 87), text) == f"{title} (needs a download)"
    assert page.backbone_title(name, WeightsStatus(False, "", "", 0), text) == f"{title} (needs its file)"


def test_options_of_adapters_are_hidden_where_the_recipe_has_none() -> None:
    style = (ASSETS / "train" / "page.css").read_text("utf-8")
    own = [
        name for name, _ in options(TrainConfig) if name.startswith(("ff.lora_", "ff.prompt_", "ff.prefix_", "ff.few_"))
    ]
    assert len(own) == 11
    assert all(re.search(rf"#opt-{name.replace('.', '-')}\b", style) for name in own)


def test_every_value_of_a_training_option_has_a_title() -> None:
    for name, each in options(TrainConfig):
        if "." in name and each.metadata["choices"] is not None and name.rpartition(".")[2] not in TITLES:
            for value in each.metadata["choices"]:
                assert value_words(name, value).endswith(f" ({value})"), f"app/shell/value_text.py: {name}, {value}"


def test_decisions_are_told_in_words() -> None:
    assert decision_words("ff.interpolation", "0.5")[1] == "50 %, the rest is pretrained"
    assert decision_words("st.images", "120")[1] == "120 of the pool"
    assert decision_words("st.images", "2364")[1] == "2,364 of the pool"
    assert decision_words("new.one", "x") == ("new.one", "x")

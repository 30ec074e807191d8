"""What a selection keeps, leaves out and adds to, on a real project with real features."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from fact_core.config import CompareConfig, FeaturesConfig, SelectConfig
from fact_core.errors import ConfigError, InputError
from fact_core.events import Log
from fact_core.exchange import import_labels
from fact_core.exchange.import_labels import Source
from fact_core.generators import finish
from fact_core.labeling import by_hand, classes, labels_now, operations, other_class, selections
from fact_core.labeling.history import Op
from fact_core.storage import items, project, run_queue
from fact_core.storage.project import Project
from fact_core.types import FloatArray, Selection
from fact_core.work import compare, features, model_answers, pool_features, select
from fact_core.work.kind import kind_of, options_of
from fact_core.work.scan import scan
from fact_core.work.strategy_request import strategy_request
from tests.work.test_worker import make_images
from tests.work_help import choose, copied, queued


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """24 images with features, nothing chosen yet."""
    folder = tmp_path_factory.mktemp("ready")
    made = project.create(folder / "project", make_images(folder / "images"))
    finish(scan(made))
    finish(features.run(made, queued(made, "features"), FeaturesConfig(device="cpu")))
    return made


@pytest.fixture
def made(ready: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return copied(ready, tmp_path)


def _lacks(made: Project, run: run_queue.Run) -> object:
    return kind_of(run).needs(made, run, options_of(run))


def answer(made: Project, images: list[int], name: str = "red", kind: str = "label") -> None:
    number = classes.ensure_classes(made, [name])[name]
    last = len(labels_now.history(made))
    operations.apply(
        made,
        "test",
        [Op(last + n, kind, item, number if kind == "label" else None) for n, item in enumerate(images, 1)],  # type: ignore[arg-type]
    )


@pytest.mark.slow
def test_a_new_selection_leaves_out_what_has_an_answer_or_was_refused(made: Project) -> None:
    first = choose(made, check=3)
    ids = first.selection.ids.tolist()
    answer(made, [ids[0], ids[7]])  # a pick and a check image
    answer(made, [ids[1]], kind="skip")
    selections.reject(made, first.id, ids[2])
    second = choose(made, budget="20")
    assert set(second.selection.ids.tolist()) == set(range(1, 25)) - {ids[0], ids[7], ids[1], ids[2]}
    with pytest.raises(ConfigError, match="21 and 0 check images of 20"):
        choose(made, budget="21")


def test_a_class_for_what_fits_no_other_gets_a_share_of_the_next_round(made: Project) -> None:
    """One in five picks is then the farthest from all that is labeled or chosen; without labels there is none."""
    other_class.add(made, "None of these")
    first = choose(made, budget="5")
    assert "unlike" not in first.selection.config["info"]
    ids = first.selection.ids.tolist()
    answer(made, ids[:3], "red")
    answer(made, ids[3:], "None of these")
    plain, found = said(made, other=False), said(made, other=True)
    assert found.config["info"]["unlike"] == 2 and "unlike" not in plain.config["info"]
    picks = np.array(found.roles) == "pick"
    assert len(set(found.ids[picks].tolist())) == 10 and found.ids[picks][:8].tolist() == plain.ids[picks][:8].tolist()
    asked = strategy_request(made, SelectConfig(strategy="random", budget="2", device="cpu", near=0.0))
    rows = {int(item): row for row, item in enumerate(asked.pool.ids[asked.seen].tolist())}
    held = [rows[int(item)] for item in (*ids, *found.ids[picks][:8].tolist())]
    far = 1 - asked.x @ asked.x[held].T / np.outer(norms(asked.x), norms(asked.x[held]))
    assert rows[int(found.ids[picks][8])] == int(far.min(axis=1).argmax()), "the farthest one comes first"


def norms(x: FloatArray) -> FloatArray:
    return np.sqrt((x**2).sum(axis=1))


def said(made: Project, other: bool) -> Selection:
    number = next(row.id for row in classes.classes(made) if row.name == "None of these")
    other_class.mark(made, number, other)
    return choose(made, budget="10", strategy="maxherding").selection


def test_labels_of_check_images_are_not_even_seen(made: Project) -> None:
    """A strategy that learns from labels would else be steered by the images that judge the result."""
    ids = choose(made, check=8).selection.ids.tolist()
    answer(made, ids[:3], "red")
    answer(made, ids[3:6], "green")
    config = SelectConfig(strategy="random", budget="4", device="cpu", near=0.0)
    answer(made, ids[6:10], "red")
    answer(made, ids[10:14], "green")
    asked = strategy_request(made, config)
    shown = asked.pool.ids[asked.seen]
    assert not set(shown.tolist()) & set(ids[6:14]) and set(ids[:6]) <= set(shown.tolist())
    assert sorted(asked.pool.ids[asked.seen[asked.taken]].tolist()) == sorted(ids[:6])
    assert asked.y is not None and sorted(asked.y.tolist()) == [0, 0, 0, 1, 1, 1]


def test_a_selection_is_added_to(made: Project) -> None:
    first = choose(made, check=2)
    ids = first.selection.ids.tolist()
    answer(made, ids[:2])
    more = choose(made, budget="5", check=1, extend=True)
    roles = more.selection.roles
    assert more.selection.ids.tolist()[:6] == ids[:6] and roles == ("pick",) * 11 + ("audit",) * 3
    assert more.selection.ids.tolist()[11:13] == ids[6:8]  # the check images stay check images
    assert len(set(more.selection.ids.tolist())) == 14
    assert not set(more.selection.next_best.tolist()) & set(more.selection.ids.tolist())
    assert [entry.role for entry in selections.queue(made)] == list(roles)


def test_there_must_be_something_to_add_to(made: Project) -> None:
    with pytest.raises(InputError, match="no selection to add to"):
        choose(made, extend=True)


def test_starting_over_chooses_as_if_nothing_were_labeled(made: Project) -> None:
    first = choose(made).selection.ids
    answer(made, first.tolist())
    again = choose(made, restart=True).selection.ids
    assert np.array_equal(first, again)


def test_near_duplicates_are_said_and_kept_with_the_selection(made: Project) -> None:
    config = SelectConfig(budget="3", device="cpu", near=1.0, iterations=20)
    step, said = select.run(made, queued(made, "select"), config), []
    try:
        while True:
            event = next(step)
            said += [event.text] if isinstance(event, Log) else []
    except StopIteration:
        pass
    found = selections.latest(made)
    assert found is not None and 0.5 < found.config["info"]["near"] < 1
    assert len(set(found.selection.ids.tolist())) == 3  # all are alike: the budget is met all the same
    assert (found.config["info"]["near_duplicates"] > 0) == any("near-duplicates" in text for text in said)


def test_a_selection_says_how_well_it_stands_for_the_pool(made: Project) -> None:
    found = choose(made).config["evidence"]
    assert (found["pool"], found["sample"], found["known"]) == (24, 24, 0) and 0 < found["radius"] < 1
    assert set(found["chosen"]) == set(found["random"]) == {"mean", "worst", "covered", "objective"}
    assert found["random"]["mean"]["low"] <= found["random"]["mean"]["mean"] <= found["random"]["mean"]["high"]
    assert found["random"]["covered"]["low"] <= 0.5 <= found["random"]["covered"]["high"]
    there = {int(each.id) for each in items.get_many(made, [gap["item"] for gap in found["gaps"]])}
    assert len(there) == len(found["gaps"]) == found["gap_count"] and 0 <= found["gap_share"] < 1


def test_another_strategy_is_compared_as_of_then(made: Project) -> None:
    """The same budget and the same labels as the selection had, whatever has been labeled since."""
    first = choose(made, strategy="random", check=2)
    compared = lambda name: finish(  # noqa: E731
        compare.run(made, queued(made, "compare"), CompareConfig(strategy=name))
    )
    same = compared("random")
    for name, value in first.config["evidence"]["chosen"].items():
        assert same[name] == pytest.approx(value)
    answer(made, first.selection.ids[:4].tolist())
    assert compared("random")["mean"] == pytest.approx(same["mean"])
    other = compared("kcenter")
    assert other["selection"] == first.id and other["strategy"] == "kcenter" and other["mean"] != same["mean"]


def test_the_choice_is_judged_anew_after_rejecting_and_adding(made: Project) -> None:
    first = choose(made, strategy="random", budget="5", check=2)
    judged = lambda: finish(compare.run(made, queued(made, "compare"), CompareConfig(now=True)))  # noqa: E731
    same = judged()
    assert same["mark"] == first.mark and same["evidence"]["chosen"] == pytest.approx(
        first.config["evidence"]["chosen"]
    )
    out = int(first.selection.ids[1])
    selections.reject(made, first.id, out)
    free = sorted(set(items.pool(made).ids.tolist()) - set(first.selection.ids.tolist()) - {out})
    for run in run_queue.list_runs(made):
        run_queue.finish(made, run.id, "done", result={})
    by_hand.add(made, free[:1])
    now = selections.latest(made)
    assert now is not None and now.rejected == (out,) and len(now.picks) == 6 and now.mark != first.mark
    answer(made, now.picks[:2].tolist())  # what was said of them since changes nothing
    anew = judged()
    assert (anew["selection"], anew["mark"]) == (first.id, now.mark)
    assert anew["evidence"]["chosen"]["mean"] != pytest.approx(first.config["evidence"]["chosen"]["mean"])
    pool, x, _ = pool_features.pool_features(made, now.config["backbone"], "cpu", "project")
    seen = pool.ids != out
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    near = (unit[seen] @ unit[pool.rows(now.picks)].T).max(axis=1)
    assert anew["evidence"]["chosen"]["mean"] == pytest.approx((1 - near).mean(), abs=1e-5)


def test_what_was_added_is_compared_with_what_others_would_have_added(made: Project) -> None:
    """The images that were chosen before stay chosen, whatever became of the added ones since."""
    choose(made, strategy="random", budget="5", check=2)
    both = choose(made, strategy="random", budget="4", check=3, extend=True, seed=1)
    assert both.config["evidence"]["known"] == 5
    compared = lambda: finish(compare.run(made, queued(made, "compare"), CompareConfig(strategy="random")))  # noqa: E731
    for name, value in both.config["evidence"]["chosen"].items():
        assert compared()[name] == pytest.approx(value)
    answer(made, both.selection.ids[[6, 9, 12]].tolist())  # an added pick, an old check image, an added one
    answer(made, both.selection.ids[[7]].tolist(), kind="skip")
    for name, value in both.config["evidence"]["chosen"].items():
        assert compared()[name] == pytest.approx(value)


def test_a_strategy_that_learns_says_who_chose_in_its_place(made: Project) -> None:
    choose(made)
    found = finish(compare.run(made, queued(made, "compare"), CompareConfig(strategy="margin")))
    assert found["instead"] == "activeft"


def test_a_comparison_asks_for_the_features_of_the_selection(made: Project) -> None:
    run = queued(made, "compare")
    assert _lacks(made, run) == []  # it says itself that there is no selection
    choose(made)
    assert _lacks(made, run) == []
    shutil.rmtree(made.cache / "features")
    assert _lacks(made, run) == [("features", {"backbone": SelectConfig().backbone, "device": "cpu"})]


def test_without_a_selection_there_is_nothing_to_compare(made: Project) -> None:
    with pytest.raises(InputError, match="no selection to compare"):
        finish(compare.run(made, queued(made, "compare"), CompareConfig()))


def test_a_project_from_the_command_line_gets_its_map_with_the_first_selection(made: Project) -> None:
    """``launch.py run`` draws no map; the page, which chooses anew, then wants one, once."""
    run = run_queue.get(made, run_queue.queue(made, "select", {"backbone": "tf_efficientnet_lite0"}))
    assert kind_of(run).then(made, run) == [("map", {"backbone": "tf_efficientnet_lite0"})]
    run_queue.queue(made, "map", {})
    assert kind_of(run).then(made, run) == []


def test_check_images_alone_are_added_and_the_choice_stays_as_it_was(made: Project) -> None:
    first = choose(made, check=2)
    more = choose(made, budget="0", check=3, extend=True)
    assert more.selection.ids.tolist()[:8] == first.selection.ids.tolist()
    assert more.selection.roles == ("pick",) * 6 + ("audit",) * 5 and len(set(more.selection.ids.tolist())) == 11
    assert more.config == {**first.config, "check": 5} and more.selection.strategy == first.selection.strategy
    assert not set(more.selection.next_best.tolist()) & set(more.selection.ids.tolist())
    with pytest.raises(ConfigError, match="at least 1 image"):
        choose(made, budget="0", check=3)


def test_label_next_goes_by_the_answers_of_the_trained_model(made: Project) -> None:
    """A class was renamed since, one image has no answer; what is chosen is what the model is unsure of."""
    ids = choose(made, budget="4").selection.ids.tolist()
    answer(made, ids[:2], "red")
    answer(made, ids[2:4], "green")
    run = run_queue.queue(made, "train", {})
    assert run_queue.claim(made, "test") is not None
    numbers = [each.id for each in classes.classes(made)]
    result = {"classes": ["old", "green"], "class_ids": numbers, "temperature": {"value": 2.0}}
    run_queue.finish(made, run, "done", result=result)
    wanted = run_queue.get(made, run_queue.queue(made, "select", {"strategy": "next", "budget": "2", "device": "cpu"}))
    assert _lacks(made, wanted) == [("predict", {"run": run, "device": "cpu"})]
    unsure = [item for item in range(1, 25) if item not in ids][:2]
    p = np.array([[0.5, 0.5] if item in unsure else [0.999, 0.001] for item in range(1, 24)], dtype=np.float32)
    made.predictions_file(run).parent.mkdir(parents=True)
    np.savez(made.predictions_file(run), ids=np.arange(1, 24), probabilities=p)
    assert _lacks(made, wanted) == []
    asked = model_answers.told(made, config := options_of(wanted), strategy_request(made, config))
    assert asked.answers is not None and asked.answers.shape == (24, 2) and np.isnan(asked.answers[23]).all()
    assert 0.9 < asked.answers[ids[0] - 1, 0] < 0.98  # at the temperature of the training
    chosen = choose(made, budget="2", strategy="next", extend=True)
    assert set(chosen.selection.ids.tolist()) == {*ids, *unsure}
    doubt = chosen.config["evidence"]["doubt"]
    assert doubt["by"] == "model" and doubt["picks"] == pytest.approx(0.5) and doubt["rest"] > 0.9
    plain = strategy_request(made, same := SelectConfig(strategy="margin", budget="2", device="cpu"))
    assert model_answers.told(made, same, plain).answers is None


def test_check_images_stay_out_where_somebody_starts_over(made: Project) -> None:
    first = choose(made, check=8)
    answer(made, first.selection.ids.tolist())
    checks = set(first.selection.ids[6:].tolist())
    again = choose(made, budget="16", restart=True)
    assert not checks & set(again.selection.ids.tolist()) and labels_now.snapshot(made, "audit").ids.tolist() == sorted(
        checks
    )
    with pytest.raises(ConfigError, match="larger than what is left"):
        choose(made, budget="17", restart=True)


@pytest.mark.parametrize("restart", [False, True])
def test_a_check_image_that_was_given_no_class_is_no_pick_either(made: Project, restart: bool) -> None:
    """As a pick it would count as wrong no more: whoever chooses anew would be rid of the hard ones."""
    first = choose(made, check=8)
    checks = first.selection.ids[6:].tolist()
    answer(made, first.selection.ids[:6].tolist())
    operations.apply(made, "desk.hard", [Op(1, "skip", checks[0]), Op(2, "flag", checks[1])])
    again = choose(made, budget="22" if restart else "16", restart=restart)  # all that are left
    assert not {checks[0], checks[1]} & set(again.selection.ids.tolist())


def test_what_an_import_keeps_apart_while_images_are_chosen_is_not_picked(made: Project) -> None:
    """The choice began when nobody had said anything of them."""
    begun = select.run(made, queued(made, "select"), SelectConfig(budget="20", check=0, device="cpu", iterations=20))
    next(begun)
    names = dict(zip(items.pool(made).ids.tolist(), items.pool(made).paths, strict=True))
    rows = "".join(f"{path},red,{'test' if item % 2 else 'train'}\n" for item, path in names.items())
    found = import_labels.read(made, Source("file", f"file,label,split\n{rows}"))
    assert import_labels.commit(made, found, "desk.import-1", "theirs", "split").checks == 12
    finish(begun)
    assert labels_now.snapshot(made, "audit").ids.tolist() == [item for item in names if item % 2]
    latest = selections.latest(made)
    assert latest is not None and all(item % 2 == 0 for item in latest.selection.ids.tolist())

"""The learning curve's bench: its rows are those of the measured trainings, and the page says what they say."""

from __future__ import annotations

from app.pages.results.runs_text import TEXT
from fact_core.bench import tables
from fact_core.bench.learning_curve import CHOSEN_ON, measured, table


def test_the_rows_are_what_the_measured_trainings_give() -> None:
    rows = list(measured())
    assert rows == tables.rows("learning-curve")
    assert set(CHOSEN_ON) < {row["data"] for row in rows}
    for row in rows:
        assert row["held"] + row["above"] <= row["pairs"]
    text = table(rows)
    assert text.count("(chosen on it)") == 2 * len(CHOSEN_ON) and text.count("\n") == len(rows) + 1


def test_the_page_says_what_was_measured() -> None:
    about = TEXT["results.curve_about"]
    rows = {(row["data"], row["check"]): row for row in tables.rows("learning-curve")}
    unseen, many = rows["cifar10", 100], rows["caltech51", 100]
    assert f"it held in {unseen['held']} of {unseen['pairs']} pairs" in about
    assert f"{unseen['off']} points off, saying that nothing changes {unseen['as_now_off']}" in about
    assert f"it held in {many['held']} of {many['pairs']}, else more came" in about
    assert many["above"] == many["pairs"] - many["held"]
    for name in ("cifar10", "cifar10-lt"):
        assert rows[name, 100]["held"] >= 0.8 * rows[name, 100]["pairs"]

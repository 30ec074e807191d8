"""What errors say: whole sentences, numbers as people write them."""

from __future__ import annotations

import pytest

from fact_core.choices import check_fit
from fact_core.config import parse_budget, train_config
from fact_core.errors import ConfigError, FactError
from fact_core.options import plain_number


def test_a_bare_value_is_told_as_what_was_found() -> None:
    assert str(FactError("There is a class of this name already", "rose")) == (
        "There is a class of this name already. Found: rose."
    )
    assert str(FactError("There is no such folder", "/x", "Check the path.")) == (
        "There is no such folder. Asked for: /x. Check the path."
    )
    assert str(FactError("Too small", "You gave 3.", "Give more")) == "Too small. You gave 3. Give more."
    assert str(FactError("Too small", do="Give more.")) == "Too small. Give more."


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"ff.crop_min": 3.0}, "Smallest crop must be between 0.05 and 1. You gave 3."),
        ({"ff.steps": None}, "Steps must be a whole number. You gave nothing."),
        ({"ff.steps": -5}, "Steps must be between 1 and 1,000,000. You gave -5."),
        ({"lm.lr": 1e-9}, "Attention learning rate must be between 0.000001 and 1. You gave 0.000000001."),
        ({"ff.steps": "many"}, "Steps must be a whole number. You gave 'many'."),
    ],
)
def test_a_wrong_option_is_told_in_sentences(values: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        train_config("standard", **values)
    assert str(caught.value) == told


def test_a_backbone_that_does_not_fit_is_named_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"needs a plain vision transformer\. You chose EfficientNet-Lite0\. Choose"):
        check_fit("fact-prompt", "tf_efficientnet_lite0")


def test_a_budget_is_told_in_sentences() -> None:
    with pytest.raises(ConfigError, match=r"larger than the pool\. You gave 1,200 of 400 images\. Choose"):
        parse_budget("1200", 400)
    with pytest.raises(ConfigError, match=r"at least 1 image\. You gave 0\. The pool"):
        parse_budget("0", 400)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (-5, "-5"),
        (0.05, "0.05"),
        (1e6, "1,000,000"),
        (1e-5, "0.00001"),
        (1234.5, "1,234.5"),
        (1e300, "1e+300"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_are_plain(value: float, told: str) -> None:
    assert plain_number(value) == told

"""Cross-validation where no check images are labeled."""

from __future__ import annotations

import numpy as np

from fact_core.finetune.estimate import cross_validated, left_out


def clumps(spread: float, each: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Three clumps on the axes of a space of four dimensions."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), each)
    return (np.eye(4)[y] + spread * rng.normal(size=(len(y), 4))).astype(np.float32), y


def test_well_parted_classes_are_all_named_right() -> None:
    x, y = clumps(0.05)
    p = cross_validated(x, y, 3, c=10.0, seed=0)
    assert p is not None
    assert p.shape == (18, 3)
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert (p.argmax(axis=1) == y).all()


def test_an_image_is_named_without_its_own_label() -> None:
    """Features that say nothing: a probe that had seen the labels would name most of them right."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 200)).astype(np.float32), np.repeat(np.arange(3), 20)
    p = cross_validated(x, y, 3, c=10.0, seed=0)
    assert p is not None
    assert (p.argmax(axis=1) == y).mean() < 0.6


def test_a_class_with_one_label_cannot_be_cross_validated() -> None:
    x, y = clumps(0.05)
    assert cross_validated(x[:13], y[:13], 3, c=10.0, seed=0) is None


def test_a_class_with_one_label_is_learned_from_and_the_others_are_left_out() -> None:
    x, y = clumps(0.05)
    found = left_out(x[:13], y[:13], 3, c=10.0, seed=0)
    assert found is not None
    rows, p = found
    assert rows.tolist() == list(range(12)) and (p.argmax(axis=1) == y[:12]).all()
    assert (p[:, 2] > 0.01).all()  # the class of the single image was there to be named
    copies = np.r_[:13, 12]  # the single image twice is a single image still
    again = left_out(x[copies], y[copies], 3, c=10.0, seed=0)
    assert again is not None and again[0].tolist() == list(range(12))
    assert left_out(x[[0, 6, 12]], y[[0, 6, 12]], 3, c=10.0, seed=0) is None


def test_where_each_class_has_another_label_all_are_left_out() -> None:
    x, y = clumps(0.4)
    found, whole = left_out(x, y, 3, c=3.0, seed=1), cross_validated(x, y, 3, c=3.0, seed=1)
    assert found is not None and whole is not None
    assert found[0].tolist() == list(range(18)) and (found[1] == whole).all()


def test_the_same_seed_gives_the_same_answers() -> None:
    x, y = clumps(0.4)
    one, other = (cross_validated(x, y, 3, c=1.0, seed=3) for _ in range(2))
    assert one is not None and other is not None
    assert (one == other).all()


def test_copies_of_an_image_do_not_answer_for_each_other() -> None:
    """Noise, each row twice: a probe that had seen the copy would name it right."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 200)).astype(np.float32), np.repeat(np.arange(3), 10)
    twice = np.arange(30).repeat(2)
    p = cross_validated(x[twice], y[twice], 3, c=10.0, seed=0)
    assert p is not None and (p.argmax(axis=1) == y[twice]).mean() < 0.6


def test_rare_classes_weigh_as_the_probe_was_told() -> None:
    x, y = clumps(0.8)
    x, y = np.concatenate([x, x[:6] + 0.1, x[:6] - 0.1]), np.concatenate([y, y[:6], y[:6]])
    even, plain = (cross_validated(x, y, 3, c=10.0, balanced=each, seed=0) for each in (True, False))
    assert even is not None and plain is not None
    assert plain[:, 0].mean() > even[:, 0].mean() + 0.02  # the frequent class is likelier

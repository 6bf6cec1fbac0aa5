"""When a run is said to overfit, and when not."""

import pytest

from howlkit.training.overfitting import OverfittingWatch
from howlkit.training.progress import Metrics, Progress


def watched(validations, losses, watch=None):
    """Return the validations after which overfitting is noticed; two reports before each."""
    watch = watch or OverfittingWatch()
    return [n for n, p in enumerate(reports(validations, losses)) if watch.notices(p)]


def reports(validations, losses):
    made = []
    for n, (validation, loss) in enumerate(zip(validations, losses, strict=True)):
        for off, validated in ((0.3, False), (-0.3, True)):
            known = validation if validated else None
            step = 20 * n + 10 * (1 + validated)
            made.append(Progress(step, 0, 0.5, 1.0, loss + off, 1.0, 0.01, known, known, validated))
    return made


FALLING = [6.0, 5.0, 4.5, 4.0, 3.5, 3.0, 2.5]


@pytest.mark.parametrize(
    ("validations", "noticed"),
    [
        ([6, 5, 4.8, 5.0, 5.2, 5.4, 5.6], 5),  # the best is the third, three come after it
        ([6, 5, 5.5, 5.4, 4.9, 4.8, 4.7], None),  # it rose, and then fell below
        ([6, 5, 4.8, 4.81, 4.82, 4.81, 4.83], None),  # level
        ([6, 5.5, 5, 4.5, 4.4, 4.3, 4.2], None),
    ],
)
def test_validation_must_have_risen_and_stayed_up(validations, noticed):
    expected = [] if noticed is None else [2 * noticed + 1]
    assert watched(validations, FALLING) == expected


def test_training_must_have_fallen():
    rising = [6, 5, 4.8, 5.0, 5.2, 5.4, 5.6]
    assert watched(rising, [5.0] * 7) == []
    assert watched(rising, FALLING[::-1]) == []


def test_it_says_when_it_was_best():
    watch = OverfittingWatch()
    watched([6, 5, 4.8, 5.0, 5.2, 5.4], FALLING[:6], watch)
    assert str(watch) == (
        "validation was best at step 60 (4.800) and has risen to 5.400, while the training loss "
        "fell from 4.500 to 3.000"
    )


def test_a_run_that_goes_on_knows_what_was_before(tmp_path):
    metrics = Metrics(tmp_path / "metrics.jsonl")
    for progress in reports([6, 5, 4.8, 5.0, 5.2], FALLING[:5]):
        metrics.add(progress)
    with metrics.path.open("a") as stream:
        stream.write('{"step": 3')
    watch = OverfittingWatch()
    watch.catch_up(metrics.read())
    assert watched([5.4], [3.0], watch) == [1]
    assert watched([5.6], [2.0], watch) == []

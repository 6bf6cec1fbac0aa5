"""Told, with few trees and splits: what it finds in such clear music it finds with them too."""

import pytest

from howlkit.evaluation.told import classifier, two_sample


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Tell by a fifth of the trees, and split less often."""
    monkeypatch.setattr(classifier, "TREES", 20)
    monkeypatch.setattr(two_sample, "REPEATS", 2)
    monkeypatch.setattr(two_sample, "SPLITS", 4)

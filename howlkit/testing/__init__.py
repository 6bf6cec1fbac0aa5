"""Checks for your own components: what `howlkit plugins check` runs, to be called from your tests.

    from howlkit.testing import check_encoder

    def test_contract():
        check_encoder(Intervals())

A check that fails raises CheckFailed, an AssertionError whose message has the law, the input, what
came and where to look. `encoder_checks` and its like return the checks one by one, each with a
name, to be called.
"""

from howlkit.testing.encoders import check_encoder, encoder_checks
from howlkit.testing.report import Check, CheckFailed

__all__ = ["Check", "CheckFailed", "check_encoder", "encoder_checks"]

"""Tests, one file per source file: `test_<package>_<file>.py`; `clock.py` and `fakes.py` are what they share."""

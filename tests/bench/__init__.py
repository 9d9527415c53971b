"""Ratios against a named baseline that is measured in the same run. `python -m tests.bench` prints them as a table.

A bench fails when what it measured did not do its work; by the clock it never fails.
"""

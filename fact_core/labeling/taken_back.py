"""What goes with labels that were taken back or given again, within one transaction."""

from __future__ import annotations

from collections.abc import Collection

from sqlite_utils import Database

from fact_core.labeling import bulk, kept_apart


def follow(con: Database, items: Collection[int], steps: Collection[str]) -> None:
    """After undos and redos on these images: the steps below them that wait are taken back; groups and check images
    follow their labels.

    steps: the clients whose rows were undone or done again.
    """
    turned = set(steps) | (bulk.settle(con, items) if items else set())
    bulk.follow_groups(con, turned)
    kept_apart.follow(con, turned)

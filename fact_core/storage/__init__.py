"""The project: one SQLite file, and the files beside it. No torch."""

from fact_core.imports import without

with without("pandas"):  # sqlite-utils looks for it only to know the types of its dates
    import sqlite_utils  # noqa: F401

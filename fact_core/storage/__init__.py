"""The project: one SQLite file, and the files beside it. No torch."""

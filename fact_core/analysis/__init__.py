"""Figures from arrays: how good, how alike, how well covered. numpy and scikit-learn only."""

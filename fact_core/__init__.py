"""FACT Studio without a face: selection, labels, finetuning, export.

The layers and who may import whom are held by ``tests/test_architecture.py``.
"""

__version__ = "0.1.0"

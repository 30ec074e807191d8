"""FACT Studio without a face: selection, labels, finetuning, export.

The layers and who may import whom are held by ``tests/test_architecture.py``.
"""

import os

# Nothing leaves this computer. ONNX Runtime's own builds send what they were used for to their maker, from the moment
# on in which they are loaded; its functions that turn this off come too late (Privacy.md of onnxruntime).
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"

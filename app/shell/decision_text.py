"""What the program chose by itself, in words: internal name -> title.

``decision_words`` is for Python; ``decision`` in assets/shell/text.js reads the same sentences.
"""

from __future__ import annotations

TEXT = {
    "decision.lm.mode": "Reading of the light model",
    "decision.lm.mode.map_lr": "attention pooling, then logistic regression",
    "decision.lm.mode.lr": "logistic regression alone",
    "decision.lm.mode.joint_lbfgs": "attention pooling and linear layer together",
    "decision.lm.mode.both": "mean of logistic regression with and without attention pooling",
    "decision.lm.C": "Regularisation (C) of the light model",
    "decision.lm.C_map": "Regularisation (C) behind attention pooling",
    "decision.ff.interpolation": "Finetuned weights kept",
    "decision.ff.interpolation.0": "none, the pretrained network stays",
    "decision.ff.interpolation.1": "all",
    "decision.ff.interpolation.*": "{percent} %, the rest is pretrained",
    "decision.ff.temperature": "Temperature of phase 2's confidences",
    "decision.lm.temperature": "Temperature of the light model's confidences",
    "decision.ff.keep": "Weights kept",
    "decision.ff.keep.best_test": "best on the check images",
    "decision.lp.words": "Names of the classes in the probe",
    "decision.lp.words.0": "they do not count",
    "decision.lp.words.*": "they count {percent} %",
    "decision.st.images": "Images that the model named itself",
    "decision.st.images.*": "{value} of the pool",
    "decision.lm.images": "Images that the model named itself",
    "decision.lm.images.*": "{value} of the pool",
    "decision.st.strangers": "Images of no class",
    "decision.st.strangers.*": "{value} of the pool",
    "decision.lm.strangers": "Images of no class",
    "decision.lm.strangers.*": "{value} of the pool",
    "decision.st.pixels": "Side of the pictures it answers",
    "decision.st.pixels.*": "{value} pixels",
    "decision.st.proved": "Names that proved right",
    "decision.st.proved.*": "{value}",
    "decision.lm.proved": "Names that proved right",
    "decision.lm.proved.*": "{value}",
}


def decision_words(name: str, value: str) -> tuple[str, str]:
    """(title, value) of a Decision in words; as they are where none are known."""
    said = TEXT.get(f"decision.{name}.{value}", TEXT.get(f"decision.{name}.*", "{value}"))
    try:
        percent = f"{100 * float(value):.0f}"
    except ValueError:
        percent = value
    shown = f"{int(value):,}" if value.isdecimal() else value
    return TEXT.get(f"decision.{name}", name), said.replace("{percent}", percent).replace("{value}", shown)

"""The values of options in words, as forms show them. What a choice is called stands in ``fact_core.choices``."""

from __future__ import annotations

#: option -> its values in words; the raw name stands behind, as the command line takes it
VALUES = {
    "lp.mode": {"lr": "Logistic regression", "sgd": "SGD, as in the paper"},
    "lp.words": {"choose": "As much as helps", "none": "Nothing"},
    "ff.optimiser": {"adamw": "AdamW", "sgd": "SGD"},
    "ff.gate": {
        "off": "All of phase 2's weights",
        "half": "Half of phase 2's weights",
        "choose": "By cross-validation",
    },
    "ff.keep": {"last": "The last ones", "best_test": "Best on check images"},
    "st.names": {"neighbours": "The network and the images' neighbours", "network": "The network alone"},
    "lm.mode": {
        "auto": "By itself",
        "map_lr": "Attention + regression",
        "lr": "Logistic regression",
        "both": "Mean of both",
        "joint_lbfgs": "Jointly by L-BFGS",
    },
    "lm.choose": {"none": "Nothing", "C": "C alone", "C+mode": "C and reading"},
    "lm.form": {
        "default": "For an image",
        "channel": "For each channel",
        "channel-squared": "With range",
    },
    "device": {"auto": "Automatic", "cpu": "CPU", "cuda": "GPU (CUDA)", "all": "All GPUs"},
}


def value_words(option: str, value: str) -> str:
    """A value of an option: its title with the raw name behind; the name alone where it has none."""
    title = VALUES.get(option, {}).get(value)
    return f"{title} ({value})" if title else value

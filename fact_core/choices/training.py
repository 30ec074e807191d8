"""What can be trained and how: recipes, their phases, presets, changes of features."""

from __future__ import annotations

from fact_core.choices.choice import Choice, PresetChoice, RecipeChoice

RECIPES: dict[str, RecipeChoice] = {
    "fact": RecipeChoice(
        "FACT", "The paper's: probe, full finetune, then a light model on augmented features.", ("lp", "ff", "lm")
    ),
    "l3fact": RecipeChoice(
        "L3FACT", "The paper's with LoRA in phase 2, which trains few parameters.", ("lp", "lora", "lm")
    ),
    "fact+": RecipeChoice(
        "FACT+", "FACT, which learns from the unlabeled images as well. Takes longer.", ("lp", "ff", "st", "lm")
    ),
    "l3fact+": RecipeChoice(
        "L3FACT+", "L3FACT, which learns from the unlabeled images as well. Takes longer.", ("lp", "lora", "st", "lm")
    ),
    "fact-prompt": RecipeChoice(
        "FACT with prompts",
        "Probe, learned prompts in a frozen network, then a light model. For vision transformers only.",
        ("lp", "prompt", "lm"),
    ),
    "fact-prefix": RecipeChoice(
        "FACT with prefixes",
        "Probe, learned keys and values in a frozen network, then a light model. For vision transformers only.",
        ("lp", "prefix", "lm"),
    ),
    "ln": RecipeChoice(
        "FACT with LayerNorm tuning",
        "Probe, then the scales and shifts of the norms alone, some ten thousand weights, then a light model.",
        ("lp", "ln", "lm"),
    ),
    "bitfit": RecipeChoice(
        "FACT with BitFit",
        "Probe, then what is added in each layer, the biases, alone, then a light model.",
        ("lp", "bitfit", "lm"),
    ),
    "lm": RecipeChoice("Light model only", "The light model on the pretrained network, which stays as it is.", ("lm",)),
    "lm+": RecipeChoice(
        "Light model+",
        "A logistic regression on the pretrained network that learns from the unlabeled images as well.",
        ("lm",),
        {"lm.pool": True},
    ),
    "lp": RecipeChoice("Linear probe", "Logistic regression on the pretrained features.", ("lp",), {"lp.mode": "lr"}),
    "lp-paper": RecipeChoice(
        "Linear probe by SGD",
        "The paper's own probe: 50 epochs of SGD on augmented images. To compare with.",
        ("lp",),
        {"lp.mode": "sgd", "lp.words": "none"},
    ),
    "ff": RecipeChoice(
        "Full finetune only",
        "All weights learn from a head that knows nothing. The yardstick that FACT has to beat.",
        ("ff",),
        random_head=True,
    ),
    "lp-ft": RecipeChoice("LP-FT", "Linear probe, then full finetune.", ("lp", "ff")),
    "lp-lora": RecipeChoice("LP-LoRA", "Linear probe, then LoRA finetune.", ("lp", "lora")),
}

PHASES: dict[str, Choice] = {
    "lp": Choice("Linear probe", "A linear classifier on frozen features.", "fact_core.finetune.probe:run"),
    "ff": Choice("Full finetune", "All weights learn.", "fact_core.finetune.finetune:run"),
    "lora": Choice("LoRA finetune", "Small added matrices learn.", "fact_core.finetune.finetune:run"),
    "prompt": Choice(
        "Prompt tuning", "Added tokens learn, the network stays as it is.", "fact_core.finetune.finetune:run"
    ),
    "prefix": Choice(
        "Prefix tuning", "Added keys and values learn, the network stays as it is.", "fact_core.finetune.finetune:run"
    ),
    "ln": Choice(
        "LayerNorm tuning", "Only the scales and shifts of the norms learn.", "fact_core.finetune.finetune:run"
    ),
    "bitfit": Choice("BitFit", "Only biases learn.", "fact_core.finetune.finetune:run"),
    "st": Choice(
        "Self-training",
        "Phase 2 names images of the pool. Then training begins anew, from these names and your labels.",
        "fact_core.finetune.self_training:run",
    ),
    "lm": Choice(
        "Light model",
        "Attention pooling and logistic regression on augmented features.",
        "fact_core.finetune.light:run",
    ),
}

#: Names of backbones begin so -> options of phase 2 that their makers published for such a network, with rates scaled
#: linearly to a batch of 64. No figure stands behind them here: the weights cannot be had where this is measured. All
#: other transformers keep the defaults, which lie within what masked autoencoders were finetuned with (He et al. 2022,
#: arXiv 2111.06377, the authors' code: 1.25e-4 with decay 0.65 for ViT-B, 2.5e-4 with 0.75 for ViT-L, drop path 0.1).
#: With the one plain transformer whose weights can be had they were the best of five pairs on flowers and on Caltech's
#: 51 kinds (``results/tables-vit-rates.json``, RESULTS "Where rates and self-training were chosen").
PUBLISHED: dict[str, dict[str, float]] = {
    # Dong et al. 2022, arXiv 2212.06138, and the authors' scripts: 6e-4 at 2,048 images for ViT-B, 4e-4 for ViT-L.
    "vit_base_patch16_clip": {"ff.backbone_lr": 2e-5, "ff.layer_decay": 0.6, "ff.drop_path": 0.0},
    "vit_large_patch14_clip": {"ff.backbone_lr": 1.25e-5, "ff.layer_decay": 0.65, "ff.drop_path": 0.0},
    # None was found for SigLIP: another tower of that shape that has learned from captions.
    "vit_base_patch16_siglip": {"ff.backbone_lr": 2e-5, "ff.layer_decay": 0.6, "ff.drop_path": 0.0},
    # Woo et al. 2023, arXiv 2301.00808, and the authors' training commands, of its tiny one: 8e-4 at 256 images.
    "convnext": {"ff.backbone_lr": 2e-4, "ff.layer_decay": 0.9},
}

#: Chosen on flowers of 32 pixels with EfficientNet-Lite0, with and without phase 1; for other networks of such blocks
#: (inverted bottlenecks with batch norms) too. LoRA of its 1 x 1 convolutions breaks at 1e-2. A plain vision
#: transformer did worse so.
BOTTLENECKS = {"ff.backbone_lr": 3e-4, "ff.lora_lr": 3e-3, "ff.layer_decay": 1.0, "ff.start_C": 0.1}

PRESETS: dict[str, PresetChoice] = {
    "quick": PresetChoice(
        "Quick",
        "Minutes on a CPU: fewer steps, and small pictures where the backbone is trained.",
        # Small crops: on fewer pixels things would look smaller than in the pictures that it answers later.
        {
            "ff.steps": 100,
            "ff.batch": 32,
            "ff.pixels": 128,
            "ff.crop_min": 0.15,
            "ff.gate": "half",
            "st.steps": 100,
            "lm.steps": 200,
            "lm.choose": "C",
        },
        PUBLISHED,
    ),
    "standard": PresetChoice(
        "Standard",
        "The recommended settings; a GPU helps.",
        {"ff.gate": "choose", "lm.choose": "C+mode"},
        {**PUBLISHED, **dict.fromkeys(("tf_efficientnet", "efficientnet", "mobilenet"), BOTTLENECKS)},
    ),
    "paper": PresetChoice(
        "Paper",
        "What the paper does, as far as it says: SGD (AdamW for added parts), 50 epochs, no cross-validation.",
        {
            "view": "crop",
            "lp.mode": "sgd",
            "lp.words": "none",
            "ff.optimiser": "sgd",
            "ff.epochs": 50,
            "ff.alone_epochs": 300,
            "ff.warm_epochs": 5,
            "ff.batch": 512,
            "ff.backbone_lr": 0.01,
            "ff.head_lr": 0.01,
            "ff.layer_decay": 1.0,
            "ff.weight_decay": 1e-4,
            "ff.crop_min": 0.08,
            "ff.ema": 0.0,
            "ff.lora_alpha": 8,
            "ff.prompt_length": 200,
            "ff.prompt_dim": 512,
            "lm.mode": "map_lr",
            "lm.with_head": False,
            "lm.strength": 1.0,
            "lm.choose": "none",
        },
        # The paper's base rate for ConvNeXt (FACT, III-B), for probe and finetune.
        {"convnext": {"lp.lr": 0.1, "ff.backbone_lr": 0.1, "ff.head_lr": 0.1}},
        recipe="fact",
    ),
}

#: what the strength means for each stands with the functions
FROFA: dict[str, Choice] = {
    "none": Choice("None", "Features as they are.", "fact_core.lightweight.frofa_ops:none"),
    "brightness": Choice("Brightness", "Up or down; the paper's.", "fact_core.lightweight.frofa_ops:brightness"),
    "contrast": Choice("Contrast", "Nearer to the mean, or further off.", "fact_core.lightweight.frofa_ops:contrast"),
    "posterize": Choice("Posterize", "Of 8 bits 1 to 8 stay.", "fact_core.lightweight.frofa_ops:posterize"),
    "solarize": Choice("Solarize", "Inverts the largest values.", "fact_core.lightweight.frofa_ops:solarize"),
    "sharpness": Choice("Sharpness", "Sharper or smoother.", "fact_core.lightweight.frofa_ops:sharpness"),
    "invert": Choice("Invert", "The strength is its probability.", "fact_core.lightweight.frofa_ops:invert"),
    "equalize": Choice("Equalize", "The strength is its probability.", "fact_core.lightweight.frofa_ops:equalize"),
    "rotate": Choice("Rotate", "Up to 30 degrees. Hurts.", "fact_core.lightweight.frofa_ops:rotate"),
    "shear-x": Choice("Shear rows", "Up to 0.3 a row. Hurts.", "fact_core.lightweight.frofa_ops:shear_x"),
    "shear-y": Choice("Shear columns", "Up to 0.3 a column. Hurts.", "fact_core.lightweight.frofa_ops:shear_y"),
    "translate-x": Choice("Move sideways", "Up to 45 %. Hurts.", "fact_core.lightweight.frofa_ops:translate_x"),
    "translate-y": Choice("Move up or down", "Up to 45 %. Hurts.", "fact_core.lightweight.frofa_ops:translate_y"),
    "autoaugment": Choice(
        "AutoAugment style",
        "One of twelve pairs of operations for each image.",
        "fact_core.lightweight.frofa_policies:autoaugment",
    ),
    "trivialaugment": Choice(
        "TrivialAugment style",
        "One operation, or none, for each image.",
        "fact_core.lightweight.frofa_policies:trivialaugment",
    ),
}

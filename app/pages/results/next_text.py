"""Sentences of "Label these next"."""

TEXT = {
    "next.open": "Label these next",
    "next.choosing": "Choosing",
    "next.go_on": "Label the {n} chosen images",
    "next.go_on_one": "Label the chosen image",
    "next.about": "A new round: images that run {n} is unsure of, unlike each other and unlike those that are labeled. "
    "They join the queue; train again once they are labeled.",
    "next.measured": "What it is worth depends on the images. Measured against as many chosen at once: two rounds of "
    "150 with 51 kinds of photos, 3 points more were right; two of 50 with CIFAR-10 or with five kinds of flowers, as "
    "many.",
    "next.stale": "There are labels that this run has not learned from. Trained again it knows better what to ask.",
    "next.count": "How many",
    "next.time": "{time} to label them.",
    "next.wrong": "A whole number from 1 to {most}.",
    "next.yes": "Choose {n} images",
    "next.yes_one": "Choose 1 image",
    "next.yes_none": "Choose",
}

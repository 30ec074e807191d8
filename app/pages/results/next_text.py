"""Sentences of "Label these next"."""

TEXT = {
    "next.open": "Label these next",
    "next.choosing": "Choosing",
    "next.go_on": "Label the {n} that are left",
    "next.go_on_one": "Label the last one",
    "next.about": "A new round: images that run {n} is unsure of, unlike each other and unlike those that are labeled. "
    "They join the queue; train again once they are labeled.",
    "next.measured": "What it is worth depends on the images, and grows with the rounds. Measured against as many "
    "chosen at once: with 51 kinds of photos two rounds of 150 had 3 points more right, four had 6; with CIFAR-10 or "
    "five kinds of flowers two rounds of 50 had as many, eight had 2 points more.",
    "next.since": "There are labels that this run has not learned from. Trained again it knows better what to ask.",
    "next.count": "How many",
    "next.time": "{time} to label them.",
    "next.wrong": "A whole number from 1 to {most}.",
    "next.yes": "Choose {n} images",
    "next.yes_one": "Choose 1 image",
    "next.yes_none": "Choose",
}

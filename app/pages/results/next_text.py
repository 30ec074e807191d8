"""Sentences of "Label these next"."""

TEXT = {
    "next.open": "Label these next",
    "next.choosing": "Choosing",
    "next.go_on": "Label the {n} chosen images",
    "next.go_on_one": "Label the chosen image",
    "next.about": "A new round: images that run {n} is unsure of, unlike each other and unlike those that are labeled. "
    "They join the queue; train again once they are labeled.",
    "next.stale": "There are labels that this run has not learned from. Trained again it knows better what to ask.",
    "next.count": "How many",
    "next.time": "{time} to label them.",
    "next.wrong": "A whole number from 1 to {most}.",
    "next.yes": "Choose {n} images",
    "next.yes_one": "Choose 1 image",
    "next.yes_none": "Choose",
}

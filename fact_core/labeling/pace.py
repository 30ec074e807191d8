"""How long labeling takes, until the person's own pace is known."""

#: Seconds a label. The program's guess: no study says it for all images.
USUAL_SECONDS = 6

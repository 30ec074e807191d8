"""Sentences of a photo that is tried on Results."""

TEXT = {
    "try.open": "Try a photo",
    "try.title": "Try a photo",
    "try.hint": "Drop photos here, paste one (Ctrl+V), or choose them. They are answered here and not kept.",
    "try.hint_touch": "They are answered by this program and not kept.",
    "try.choose": "Choose photos",
    "try.folder": "A whole folder",
    "try.take": "Take one",
    "try.no_image": "There is no image among these files.",
    "try.too_many": "{n} photos are too many at a time: the first {most} are answered.",
    "try.loading": "The first answer takes longer: the model is loaded.",
    "try.at_work": "{done} of {total} are answered.",
    "try.done": "{n} photos are answered.",
    "try.csv": "Save the table (CSV)",
    "try.failed": "no answer",
    "try.unlike": "It looks like none of the classes: less than nearly all labeled images look like their own. "
    "The answer is likely worth nothing.",
    "try.unlike_short": "unlike all",
}

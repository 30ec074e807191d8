"""Sentences of how a folder is finished: the goal, what can be accepted, what is left."""

TEXT = {
    "finish.title": "Finish the folder",
    "finish.how": "Accept what the model is sure of, with a promise, and look at the rest yourself.",
    "finish.goal": "At least {goal} of what is accepted shall be right",
    "finish.none": "Nothing can be promised without check images: images drawn at random that you label and that are "
    "never trained on.",
    "finish.choose_checks": "Choose {n} check images",
    "finish.earlier": "These answers do not say yet which images are unlike any class. Predict once more.",
    "finish.takes": "{goal} takes at least {takes} check images among the accepted, none of them wrong. "
    "You have {checks}.",
    "finish.best": "The best that yours can carry is {best}.",
    "finish.best_none": "Yours can carry no promise yet.",
    "finish.set": "Set {best}",
    "finish.more": "Label {n} more check images",
    "finish.more_one": "Label 1 more check image",
    "finish.choose_more": "Choose more to label",
    "finish.ask": "Ask the check images",
    "finish.asking": "Asking",
    "finish.costs": "Each question makes the next one stricter, so ask for the goal that you need. This is the first.",
    "finish.costs_again": "Each question makes the next one stricter, so ask for the goal that you need. "
    "{n} were asked so far.",
    "finish.costs_again_one": "Each question makes the next one stricter, so ask for the goal that you need. "
    "1 was asked so far.",
    "finish.can": "{able} of {open} images can be accepted, {left} are for you: {time}.",
    "finish.can_all": "All {able} open images can be accepted.",
    "finish.left": "{left} are for you: {time}.",
    "finish.left_one": "1 is for you: {time}.",
    "finish.rests": "Held with 95 % certainty. Of the {checks} check images as sure as these {wrong} are wrong.",
    "finish.cannot": "{goal} cannot be promised: of the {checks} surest check images {wrong} are wrong. Choose a lower "
    "goal, or label more and train again.",
    "finish.cannot_lowest": "Not even {goal} can be promised: of the {checks} surest check images {wrong} are wrong. "
    "Label more and train again.",
    "finish.accept": "Accept {n} images",
    "finish.accept_one": "Accept 1 image",
    "finish.accepted": "{n} images are accepted.",
    "finish.accepted_one": "1 image is accepted.",
    "finish.stands": "{n} accepted at {goal} by run {run}.",
    "finish.older": "Run {shown} is another one: what run {run} gave stays until you accept anew.",
    "finish.undo": "Undo",
    "finish.redo": "Accept {n} again",
    "finish.undone": "Nothing of it is accepted any more.",
    "finish.review": "Review the rest",
    "finish.meter": "{person} labeled by you, {accepted} accepted, {aside} put aside, {open} open",
    "finish.by_person": "Labeled by you",
    "finish.by_model": "Accepted",
    "finish.aside": "Skipped or cannot tell",
    "finish.open": "Open",
    "finish.strange": "{n} of the open ones look unlike every class. They are never accepted.",
    "finish.strange_one": "1 of the open ones looks unlike every class. It is never accepted.",
    "finish.leaks": "{n} check images do not count: they are nearly the same as training images, or belong together "
    "with them.",
    "finish.leaks_one": "1 check image does not count: it is nearly the same as a training image, or belongs together "
    "with it.",
    "finish.gone": "{n} check images do not count: images as sure as they are were labeled by you, not left open.",
    "finish.gone_one": "1 check image does not count: images as sure as it is were labeled by you, not left open.",
    "finish.done": "The folder is finished. Export has its labels.",
    "finish.time": "{time} at your pace",
    "grid.group_model": "The rest, by the model",
    "grid.rest": "The rest: {name}",
    "grid.rest_strange": "The rest: unlike any class",
}

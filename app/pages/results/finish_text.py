"""Sentences of how a folder is finished: the goal, what can be accepted, what is left."""

from fact_core.labeling.pace import USUAL_SECONDS

TEXT = {
    "finish.title": "Finish the folder",
    "finish.how": "Accept what the model is sure of, with a promise, and look at the rest yourself.",
    "finish.goal": "At least {goal} of what is accepted shall be right",
    "finish.none": "Nothing can be promised without check images: images drawn at random that you label and that are "
    "never trained on.",
    "finish.few": "Too few images are open to take check images from: look at them yourself.",
    "finish.choose_checks": "Choose {n} check images",
    "finish.earlier": "These answers do not say yet which images are unlike any class. Predict once more.",
    "finish.takes": "{goal} takes at least {takes} check images among the accepted, none of them wrong. "
    "You have {checks}.",
    "finish.lacks": "With {more} more, {all} in all, enough of them would be among the accepted.",
    "finish.lacks_none": "In this folder no number of check images could carry it: too few images would be left.",
    "finish.needs": "At the same share of mistakes {n} check images as sure as these would carry it. That is "
    "arithmetic: nobody knows whether the share stays.",
    "finish.needs_none": "More check images alone would not help: a larger share of these is wrong than the goal "
    "allows. Labels that make the model better would.",
    "finish.then": "With {more} more check images and the same share of mistakes {best} could be promised of the same "
    "images.",
    "finish.forecast": "With {more} more labels, chosen by “Label these next”, probably {likely} of the {open} images "
    "then open can be accepted: in eight of ten cases {low} to {high}.",
    "finish.forecast_one": "With {more} more labels, chosen by “Label these next”, probably {likely} of the {open} "
    "images then open can be accepted.",
    "finish.forecast_from_none": "With {more} more labels, chosen by “Label these next”, probably {likely} of the "
    "{open} images then open can be accepted: in eight of ten cases none to {high}.",
    "finish.forecast_some": "With {more} more labels, chosen by “Label these next”, probably none of the {open} images "
    "then open can be accepted: in eight of ten cases at most {high}.",
    "finish.forecast_none": "With {more} more labels, chosen by “Label these next”, probably still none of the {open} "
    "images then open can be accepted.",
    "finish.forecast_how": "How good is this forecast?",
    "finish.forecast_about": "It draws many times what the next model and its answers to the check images may be. A "
    "quick model was asked and then taught. On CIFAR-10, on which the forecast was not tuned, the range held in 93 of "
    "100 cases at a goal of 80 %, and the middle was 12 % of the open images off, no less than saying that nothing "
    "changes. With 51 kinds of photos it held in 138 of 170 at 90 and 95 %; else more came than it said.",
    "finish.own": "A goal of its own for a class",
    "finish.own_help": "The classes asked share the certainty with the others, so each takes more check images.",
    "finish.own_class": "Class",
    "finish.own_goal": "Goal for {name}",
    "finish.own_add": "Set a goal for a class",
    "finish.own_drop": "No goal of its own for {name}",
    "finish.own_has": "{n} check images",
    "finish.own_has_one": "1 check image",
    "finish.own_can": "{name}, {goal}: {able} can be accepted. Mistakes among {checks} check images: {wrong}.",
    "finish.own_cannot": "{name}: {goal} cannot be promised, so none is accepted. Mistakes among the {checks} surest "
    "check images: {wrong}.",
    "finish.best": "The best that yours can carry is {best}.",
    "finish.best_none": "Yours can carry no promise yet.",
    "finish.set": "Set {best}",
    "finish.more": "Label {n} more check images",
    "finish.more_one": "Label 1 more check image",
    "finish.choose_more": "Choose more to label",
    "finish.most": "{best} is the most that {checks} check images can carry, and only where none of the accepted ones "
    "is wrong. A lower goal bears a mistake.",
    "finish.ask": "See what can be accepted",
    "finish.asking": "Looking",
    "finish.costs": "The check images are asked. Each question makes the next one stricter: ask for the goal that you "
    "need.",
    "finish.costs_again": "The check images are asked. Each question makes the next one stricter; {n} so far.",
    "finish.costs_again_one": "The check images are asked. Each question makes the next one stricter; 1 so far.",
    "finish.can": "{able} of {open} images can be accepted, {left} are for you: {time}.",
    "finish.can_all": "All {able} open images can be accepted.",
    "finish.left": "{left} are for you: {time}.",
    "finish.left_one": "1 is for you: {time}.",
    "finish.rests": "Held with 95 % certainty. Mistakes among the {checks} check images as sure as these: {wrong}.",
    "finish.cannot": "{goal} cannot be promised: mistakes among the {checks} surest check images: {wrong}. Choose a "
    "lower goal, or label more and train again.",
    "finish.cannot_lowest": "Not even {goal} can be promised: mistakes among the {checks} surest check images: "
    "{wrong}. "
    "Label more and train again.",
    "finish.before": "Run {number} was asked the same before, and what it let through still holds: {able} images.",
    "finish.before_accept": "Accept those of run {number}",
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
    "finish.review_open": "Review the answers, the surest first",
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
    "finish.unlike": "{n} check images do not count: they look unlike every class, as images do that are never "
    "accepted.",
    "finish.unlike_one": "1 check image does not count: it looks unlike every class, as images do that are never "
    "accepted.",
    "finish.gone": "{n} check images do not count: you have labeled the images of which the model was as sure, so that "
    "they no longer stand for what is open.",
    "finish.gone_one": "1 check image does not count: you have labeled the images of which the model was as sure, so "
    "that it no longer stands for what is open.",
    "finish.imported": "{n} check images do not count here: they came with imported labels. A promise takes "
    "images drawn at random from this folder.",
    "finish.imported_one": "1 check image does not count here: it came with imported labels. A promise takes "
    "images drawn at random from this folder.",
    "finish.refused": "{n} check images count as wrong: you have skipped or rejected them, or could not tell. A "
    "promise may not rest on the easy ones alone. They count anew once they have a class.",
    "finish.refused_one": "1 check image counts as wrong: you have skipped or rejected it, or could not tell. A "
    "promise may not rest on the easy ones alone. It counts anew once it has a class.",
    "finish.left_out": "{n} check images do not count: you have left them out of the pool. A promise holds only if "
    "images like them are left out wherever they lie, not among the check images alone.",
    "finish.left_out_one": "1 check image does not count: you have left it out of the pool. A promise holds only if "
    "images like it are left out wherever they lie, not among the check images alone.",
    "finish.done": "The folder is finished. Sort it into folders, or export its labels.",
    "finish.time": "{time} at your pace",
    "finish.time_usual": f"{{time}} at {USUAL_SECONDS} s each",
    "grid.group_model": "The rest, by the model",
    "grid.rest": "The rest: {name} ({n})",
    "grid.rest_not": "The rest: not as the model says ({n})",
    "grid.rest_strange": "The rest: unlike any class ({n})",
    "grid.rest_end": "The rest: none",
    "grid.still_open": "{n} images are still open. They are check images: label them one by one.",
    "grid.still_open_one": "1 image is still open. It is a check image: label it by itself.",
    "grid.still_open_none": "No image is open any more.",
    "grid.to_open": "Label one by one",
    "grid.to_results": "To the results",
}

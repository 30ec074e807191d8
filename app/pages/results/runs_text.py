"""Sentences of the runs side by side: which is the best, what a person calls them, which one is exported."""

TEXT = {
    "results.runs_title": "Runs side by side",
    "results.runs_single": "This run",
    "results.runs_single_open": "Name, note, delete",
    "results.runs_name": "Run {n}",
    "results.runs_named": "Run {n}, {name}",
    "results.runs_best": "best",
    "results.runs_unknown": "None of them can be measured yet.",
    "results.runs_is_best": "Run {n}, which is shown, is the best so far.",
    "results.runs_best_chance": "Run {other} has {points} points less on the same {images} images. That is within the "
    "noise.",
    "results.runs_even": "Run {n}, which is shown, is right as often as any so far. So is: {others}.",
    "results.runs_other": "Run {n} is the best so far.",
    "results.runs_waits": "Run {shown}, which is shown, is answering the images; then it is held against the others. "
    "Of those run {n} is the best so far.",
    "results.runs_better": "Run {n} is better: {points} points more on the same {images} images, which is more than "
    "chance.",
    "results.runs_perhaps": "Run {n} has {points} points more on the same {images} images. That is within the noise.",
    "results.runs_show": "Show run {n}",
    "results.runs_open": "Compare {n} runs",
    "results.runs_choose": "Show",
    "results.runs_run": "Run",
    "results.runs_recipe": "Recipe",
    "results.runs_backbone": "Backbone",
    "results.runs_labels": "Labels",
    "results.runs_effort": "Effort",
    "results.runs_accuracy": "Accuracy",
    "results.runs_against": "Points to the best",
    "results.runs_time": "Time",
    "results.runs_ended": "Ended",
    "results.runs_between": "{low} to {high}",
    "results.runs_sure": "On the {n} images on which both can be measured. More than chance.",
    "results.runs_chance": "On the {n} images on which both can be measured. It may be chance.",
    "results.runs_differ": "See where they differ",
    "results.runs_same": "They answer every image alike.",
    "results.runs_help": "Each run is measured on images that it was not trained on; two are compared on those that "
    "both were not trained on. Ranges are 95 % intervals. The same check images used for many comparisons flatter the "
    "best a little.",
    "results.runs_edit": "Name and note of run {n}",
    "results.runs_edit_name": "Name",
    "results.runs_edit_note": "Note",
    "results.runs_edit_yes": "Keep",
    "results.runs_delete": "Delete run {n}",
    "results.runs_delete_ask": "Its model, its answers and its log go for good: {size}. Labels, selections and what "
    "was exported stay, and so do the numbers of the other runs. This cannot be undone.",
    "results.runs_delete_yes": "Delete it",
    "results.runs_deleted": "Run {n} is deleted.",
    "results.export_run": "Run",
    "results.export_proposed": "Run {n} (proposed)",
    "results.export_why_unknown": "No run can be measured yet, so the newest is proposed.",
    "results.export_why_best": "The newest run is the best one so far.",
    "results.export_why_newest": "Run {best} has {points} points more on the same {images} images, which may be "
    "chance. So the newest is proposed: it has learned from the newest labels.",
    "results.export_why_newest_equal": "Run {best} is right as often on the same {images} images. So the newest is "
    "proposed: it has learned from the newest labels.",
    "results.export_why_alike": "Run {best} has {points} points more on the same {images} images. That may be chance, "
    "but the newest has learned from the same labels.",
    "results.export_why_no_more": "Run {best} has {points} points more on the same {images} images. That may be "
    "chance, but the newest has learned from no more labels.",
    "results.export_why_better": "Run {best} is better than the newest by {points} points on the same {images} images, "
    "which is more than chance.",
    "results.export_why_waits": "Run {newest}, the newest, is answering the images. Then it is known whether it "
    "is better; until then run {best} is proposed, the best that was measured.",
    "results.export_why_unmeasured": "Run {best} is the best that can be measured; the newest cannot be yet.",
    "results.export_other": "You are looking at run {n}.",
    "results.export_own_choice": "You chose it yourself. Proposed is run {n}.",
    "results.curve": "Labels and accuracy",
    "results.curve_alt": "Accuracy of each measured run over the number of labels that it was trained on.",
    "results.curve_labels": "labels trained on",
    "results.curve_point": "Run {n}: {labels} labels, {accuracy}, {between}",
    "results.curve_help": "One point a run that was measured, with its 95 % interval.",
    "results.curve_ahead": "With {more} more labels than run {n} learned from, a training probably gains {low} to "
    "{high} points of accuracy, {likely} in the middle.",
    "results.curve_how": "How good is this forecast?",
    "results.curve_about": "Errors fall as a power of the number of labels. Which power is not known of your images: "
    "a range is told that should hold in eight of ten cases, by trainings on flowers and on 51 kinds of things. On "
    "CIFAR-10, on which it was not chosen, it held in 231 of 262 pairs of trainings, with 100 check images; the middle "
    "was 2.3 points off, saying that nothing changes 5.1. With 51 kinds it held in 20 of 30, else more came. Which "
    "images are labeled, and another recipe or backbone, change more than it knows.",
}

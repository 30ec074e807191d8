"""Sentences of what a figure of the Results page is worth."""

TEXT = {
    "results.leak": "{n} of these {total} images look nearly the same as a training image, or belong together with "
    "one, and say little about photos that the model has not seen.",
    "results.leak_one": "1 of these {total} images looks nearly the same as a training image, or belongs together with "
    "one, and says little about photos that the model has not seen.",
    "results.leak_clean_one": "Without it: {accuracy} of {n}, between {low} and {high} %.",
    "results.leak_clean": "Without them: {accuracy} of {n}, between {low} and {high} %.",
    "results.trust": "How honest its confidences are",
    "results.macro_f1": "Macro F1",
    "results.groups": "Groups",
    "results.groups_are": "{n}; the intervals count these, not images",
    "results.ece": "Calibration error",
    "results.ece_is": "{ece}, over {bins} bins of confidence",
    "results.temperature": "Temperature",
    "results.temperature_is": "{by}, fitted on training labels that were held out: calibration error {ece}",
    "results.temperature_why": "Confidences here, in the export and in predict.py are as the model answers, so that a "
    "number is the same everywhere. What is accepted rests on their order and on check images, which a temperature "
    "does not change; choosing what to label next does apply it.",
    "results.honest": "Confidences",
    "results.honest_is": "divided by a temperature of {by}, fitted on {n} training labels that were held out in turn: "
    "here, in the export and in predict.py",
    "results.unproved": "not calibrated",
    "results.unproved_few": "as the model answers: too few labels could be held out in turn to tell how sure it may be",
    "results.unproved_tuned": "as the model answers: the finetuned network has learned from all labels, and this "
    "effort holds none out to tell how sure it may be; the effort Standard does, with five labels a class or more",
    "results.unproved_sgd": "as the model answers: a probe by SGD would have to be trained again for each part of the "
    "labels that is held out",
    "results.unproved_joint": "as the model answers: this reading of the light model would have to be trained again "
    "for each part of the labels that is held out",
    "results.unproved_kept": "as the model answers: it was not too sure of training labels that were held out",
    "results.reliability": "As often right as it is sure?",
    "results.reliability_alt": "Confidence against the share of right answers. On the diagonal confidences are honest; "
    "below it the model is too sure.",
    "results.bin": "{n} answers, {sure} sure, {right} right",
    "results.as_is": "as it answers",
    "results.after": "after the temperature",
    "results.axis_sure": "confidence, %",
    "results.axis_right": "right, %",
    "results.axis_share": "answers, surest first, %",
    "results.coverage": "If only sure answers are taken",
    "results.coverage_half": "The surest {share} of the answers ({sure} sure or more) are right in {right}.",
    "results.span": "{low} to {high} %",
}

"""Sentences of the Label page about words: suggestions by the names of the classes, and the search by what is seen."""

TEXT = {
    "label.suggest_words": "Suggestions are on: a guess from the names of your classes, until your labels say more. "
    "Only what you accept counts as a label.",
    # Why names do not come first, behind "Suggestions come when two classes have labels."
    "label.words_few": "With this backbone they come as soon as two classes have names.",
    "label.words_none": "Before that only a backbone that knows words can guess, such as CLIP or SigLIP 2.",
    "label.words_missing": "They would come before, by the names of the classes, if the backbone’s text side were "
    "here: the search by what is seen tells how to get it.",
    "label.words_waits": "The names of your classes are held against the images.",
    "label.words_failed": "Asking the names of the classes has failed.",
    # The search beside the map.
    "label.search_by": "What is searched",
    "label.by_name": "File names",
    "label.by_words": "What is seen",
    "label.map_words": "Say what is to be seen",
    "label.words_search": "The images are held against your words.",
    "label.words_hit": "the image that fits best",
    "label.words_hits": "the {n} that fit best",
    "label.no_words_features": "There are no features yet: choose images first.",
    "label.no_words_none": "{title} knows no words. Choose images anew with a backbone that was trained on pictures "
    "with captions, such as CLIP or SigLIP 2.",
    "label.no_words_missing": "The part of {title} that reads words is not here. {detail}",
    "label.words_get": "Download",
    "label.words_busy": "It is being downloaded.",
}

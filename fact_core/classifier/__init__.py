"""A finetuned classifier: what it is, what it answers, how it leaves the program."""

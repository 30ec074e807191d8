"""What stands around every page: the server, its guard, the theme, forms, sentences."""

"""One folder a page: ``page.py`` has ``build(server)``, ``routes.py`` its routes, ``text.py`` its sentences.

Pages do not import each other.
"""

"""One folder a page: ``page.py`` has ``build(server)``, ``routes.py`` and ``*_routes.py`` its routes,
``text.py`` and ``*_text.py`` its sentences.

Pages do not import each other.
"""

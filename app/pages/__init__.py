"""One module a page, each with ``build(server)``. Pages do not import each other."""

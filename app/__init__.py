"""The page: Gradio for the frame, our own pieces for what a person looks at."""

from app.shell.gradio_import import import_faster

import_faster()  # here, as this runs before any module of the page that imports Gradio

"""Measurements of the page: ``python3 launch.py bench label | map | results | windows | crash``, and the pictures of
README's tour: ``bench tour``. All but ``crash`` drive Chromium.

    pool.py      a project with many items, real JPEGs in its queue and a map
    browser.py   the program in a process of its own, a browser that looks at it
    probe.js     what is measured inside the page
    figures.py   times and histories -> the rows; pure functions
    label.py     from a key to the next image
    map.py       first paint, click, lasso, panning
    results.py   through the images behind a figure
    tour.py      the way to what the tour shows; tour_pages.py photographs the pages, picture.py stores a photograph
    windows.py   eight windows at once; memory over many labels and trainings
    crash.py     what is left after kills, with crash_program.py, crash_round.py, crash_command.py, crash_check.py

playwright (one of the test tools) is imported only when a bench starts.
"""

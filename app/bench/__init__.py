"""Measurements of the page: ``python3 launch.py bench label | map | windows``. They drive Chromium on synthetic pools.

    pool.py      a project with many items, real JPEGs in its queue and a map
    browser.py   the program in a process of its own, a browser that looks at it
    probe.js     what is measured inside the page
    figures.py   times and histories -> the rows; pure functions
    label.py     from a key to the next image
    map.py       first paint, click, lasso, panning
    windows.py   eight windows at once; memory over many labels and trainings

playwright (one of the test tools) is imported only when a bench starts.
"""

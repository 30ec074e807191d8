"""How images that belong together are found. To add a way, write the function and one line here.

A way is ``find(facts) -> Step[list[str]]``: of each image of the pool the name of its group, "" where it stands alone;
see ``fact_core.analysis.groups``. What belongs together never stands on both sides of a measurement.
"""

from __future__ import annotations

from fact_core.choices.choice import GroupingChoice

GROUPINGS: dict[str, GroupingChoice] = {
    "none": GroupingChoice("No groups", "Every image stands for itself.", "fact_core.analysis.groups:alone"),
    "column": GroupingChoice(
        "A column of the label file",
        "What an imported file calls group, patient, subject, series or video.",
        "fact_core.analysis.groups:by_column",
    ),
    "name": GroupingChoice(
        "Name without its last number",
        "vid7-0001.png and vid7-0002.png belong together.",
        "fact_core.analysis.groups:by_name",
    ),
    "start": GroupingChoice(
        "Name up to its first number or date",
        "patient12_day3_007.png belongs to patient12.",
        "fact_core.analysis.groups:by_start",
    ),
    "folder": GroupingChoice(
        "Sub-folder",
        "Images of one folder belong together, such as those of a patient or of a video.",
        "fact_core.analysis.groups:by_folder",
        "Not where folders are classes.",
    ),
    "burst": GroupingChoice(
        "Taken in one go",
        "Photos of one camera, each within 10 seconds of the next.",
        "fact_core.analysis.groups:by_burst",
        by_mates=True,
    ),
    "alike": GroupingChoice(
        "Near-duplicates",
        "Images that look nearly the same to the backbone, and what these look like.",
        "fact_core.analysis.alike:by_likeness",
        "It needs the features of the images.",
        features=True,
        by_mates=True,
    ),
}

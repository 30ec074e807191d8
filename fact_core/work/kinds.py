"""Every kind of run. To add one: its file, one line here, its options in ``config.RUN_CONFIGS``."""

#: kind of run -> its face (``kind.Kind``). Named, not imported: a scan need not wait for torch.
KINDS: dict[str, str] = {
    "scan": "fact_core.work.scan:KIND",
    "features": "fact_core.work.features:KIND",
    "map": "fact_core.work.map:KIND",
    "odd": "fact_core.work.odd:KIND",
    "words": "fact_core.work.words:KIND",
    "select": "fact_core.work.select:KIND",
    "backbones": "fact_core.work.backbones:KIND",
    "compare": "fact_core.work.compare:KIND",
    "train": "fact_core.work.train:KIND",
    "predict": "fact_core.work.predict:KIND",
    "export": "fact_core.work.export:KIND",
    "sort": "fact_core.work.sort:KIND",
}

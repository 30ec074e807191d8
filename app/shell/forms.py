"""Own pieces, and forms made from the fields of a config dataclass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app.shell.value_text import value_words
from fact_core import choices
from fact_core.config import options

#: option name -> the dict its values come from, so that a list shows titles instead of names
TITLES: Mapping[str, Mapping[str, choices.HasTitle]] = {
    "backbone": choices.BACKBONES,
    "strategy": choices.STRATEGIES,
    "recipe": choices.RECIPES,
    "preset": choices.PRESETS,
    "frofa": choices.FROFA,
}


def piece(name: str, *, elem_id: str | None = None, elem_classes: Sequence[str] = ()) -> gr.HTML:
    """An own piece: an empty place that the JavaScript module of that name fills."""
    if not name.replace("-", "").isalnum():
        raise ValueError(f"a piece needs a plain name, not {name!r}")
    return gr.HTML(
        f'<div class="fs fill" data-fs="{name}"></div>',
        js_on_load=f"(window.FactStudio ??= {{ pieces: [] }}).pieces.push([{json.dumps(name)}, element]);",
        apply_default_css=False,
        padding=False,
        container=False,
        elem_id=elem_id,
        elem_classes=["fs-piece", *elem_classes],
    )


@dataclass(frozen=True)
class Form:
    """Components of some options. ``components`` stand in the order of ``names``."""

    names: tuple[str, ...]
    components: tuple[Component, ...]

    def read(self, values: Sequence[Any]) -> dict[str, Any]:
        """The flat values of a handler's arguments, as ``config.from_flat`` takes them."""
        return dict(zip(self.names, values, strict=True))

    def dropdown(self, name: str) -> gr.Dropdown:
        """The component of an option that is chosen from a list."""
        found = self.components[self.names.index(name)]
        assert isinstance(found, gr.Dropdown), name
        return found

    @property
    def inputs(self) -> list[Component]:
        return list(self.components)


def form(config_cls: type[Any], names: Sequence[str], defaults: Mapping[str, Any] | None = None) -> Form:
    """Build the components of the named options (flat names, "ff.steps") where the call stands."""
    fields = dict(options(config_cls))
    given = defaults or {}
    components = [widget(name, fields[name], given.get(name, fields[name].default)) for name in names]
    return Form(tuple(names), tuple(components))


def widget(name: str, each: Field[Any], value: Any) -> Component:
    """One option as a stock component: title, help above the field, its limits.

    What only reproduces the paper is there, but hidden: what a run had of it is in the form that is filled from that
    run, and comes along when the run is started again.
    """
    if value is MISSING:
        value = None
    meta = each.metadata
    common: dict[str, Any] = {
        "label": meta["title"],
        "info": meta["help"],
        "value": value,
        "interactive": True,
        "elem_id": f"opt-{name.replace('.', '-')}",
        "visible": "hidden" if meta["paper"] is True else True,
    }
    if meta["choices"] is not None:
        # A run may have a choice that is left out, or lies beyond: it is shown under its name. Nobody types one.
        open_list = isinstance(meta["paper"], tuple) or meta["beyond"] is not None
        made = gr.Dropdown(_pairs(name, meta), allow_custom_value=open_list, **common)
        made.filterable = False
        return made
    if isinstance(value, bool):
        return gr.Checkbox(**common)
    if isinstance(value, int):
        return gr.Number(minimum=meta["low"], maximum=meta["high"], precision=0, **common)
    if isinstance(value, float):
        return gr.Number(minimum=meta["low"], maximum=meta["high"], **common)
    return gr.Textbox(max_lines=1, **common)


def _pairs(name: str, meta: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(title, value) of the choices of an option that the form shows."""
    titles = TITLES.get(name.rpartition(".")[2], {})
    shown = (each for each in meta["choices"] if meta["paper"] is True or each not in (meta["paper"] or ()))
    return [(titles[each].title if each in titles else value_words(name, each), each) for each in shown]

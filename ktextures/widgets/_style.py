"""Style sheet of the explorer: sizes that follow the window, and hidden labels."""

from ktextures.widgets._links import NAMED

__all__ = ["MAP_HEIGHT", "PANEL_HEIGHT", "STYLE"]

MAP_HEIGHT = "clamp(400px, calc(100vh - 330px), 1400px)"
"""What is left of the window below the bars of a notebook and above the last line."""

PANEL_HEIGHT = "clamp(330px, calc(100vh - 390px), 1340px)"

STYLE = f"""<style>
.{NAMED} > label.widget-label, .{NAMED} > .widget-label:not(.widget-label-basic) {{
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}}
.{NAMED} .widget-label-basic span {{ font-size: 0; }}
.ktextures-map {{
  background: transparent no-repeat center / contain; image-rendering: pixelated;
  display: flex; align-items: flex-end; padding: 0; line-height: 20px;
  color: #fff; text-shadow: 0 0 3px #000, 0 0 3px #000, 0 0 3px #000;
  border: 2px solid transparent;
}}
.ktextures-map:hover, .ktextures-map:focus-visible {{ border-color: #4c8eda; }}
.ktextures-recommended {{ border-color: #d55e00; font-weight: bold; }}
.ktextures-text .widget-html-content {{ line-height: 1.35; }}
.ktextures-row > * {{ margin-left: 1px; margin-right: 1px; }}
.ktextures-row .jupyter-button {{ padding: 0; }}
.ktextures-row .widget-label {{ font-size: 12px; }}
.ktextures-row .widget-colorpicker input:not([type=color]) {{
  font-size: 11px !important; padding: 2px !important;
}}
.ktextures-tabs .widget-tab-contents {{ padding: 8px !important; }}
.ktextures-page > * {{ flex-shrink: 0; }}
.ktextures-page {{ max-height: {PANEL_HEIGHT}; overflow: hidden auto; }}
[data-jp-theme-light="false"] .leaflet-draw-toolbar a {{ background-color: #bbb; }}
</style>"""
"""The drawing tools have black icons, which need light buttons in dark themes too."""

"""How the parts of the explorer are laid out."""

from collections.abc import Mapping, Sequence

import ipywidgets as w

from ktextures.widgets._links import close_tree
from ktextures.widgets._style import STYLE

__all__ = ["Frame"]


class Frame:
    """The map with its bars on the left; status and tabs on the right, or below.

    Parameters
    ----------
    left : sequence of Widget
        From top to bottom.
    right : sequence of Widget
        Above the tabs.
    pages : mapping of str to sequence of Widget
        What each tab holds, by its title.

    Attributes
    ----------
    widget : HBox
    tabs : Tab
    """

    def __init__(
        self,
        left: Sequence[w.Widget],
        right: Sequence[w.Widget],
        pages: Mapping[str, Sequence[w.Widget]],
    ) -> None:
        self._style = w.HTML(STYLE, layout=w.Layout(height="0", margin="0"))
        self._left = w.VBox([*left, self._style], layout=w.Layout(flex="1 1 400px"))
        contents = [w.VBox(list(parts)) for parts in pages.values()]
        for each in contents:
            each.add_class("ktextures-page")
        self.tabs = w.Tab(contents, titles=list(pages))
        self.tabs.add_class("ktextures-tabs")
        column = w.Layout(flex="0 1 430px", min_width="340px")
        self._right = w.VBox([*right, self.tabs], layout=column)
        wrap = w.Layout(flex_flow="row wrap", align_items="flex-start")
        self.widget = w.HBox([self._left, self._right], layout=wrap)

    def replace(self, old: w.Widget, new: w.Widget) -> None:
        """Show a widget in the place of another one on the left."""
        self._left.children = [
            new if each is old else each for each in self._left.children
        ]

    def close(self) -> None:
        """Close the boxes; the widgets in them belong to others."""
        close_tree(self._style)
        for box in (self._left, self._right, *self.tabs.children, self.tabs):
            box.children = ()
            close_tree(box)
        close_tree(self.widget)

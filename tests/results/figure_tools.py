"""What tests of figures look at."""

import itertools

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def visible_boxes(figure):
    """Every text that is drawn, with its extent in pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    found = [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip()
    ]
    hidden = {
        id(text)
        for axes in figure.axes
        if not axes.axison
        for axis in (axes.xaxis, axes.yaxis)
        for text in axis.findobj(Text)
    }
    return [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for text in found
        if id(text) not in hidden
    ]


def check_texts(figure):
    """No text overlaps another or leaves the page."""
    boxes = visible_boxes(figure)
    page = figure.bbox
    for text, box in boxes:
        inside = page.x0 <= box.x0 and box.x1 <= page.x1
        assert inside, text
        assert page.y0 <= box.y0, text
        assert box.y1 <= page.y1, text
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        # Descenders of one line may reach a pixel into the next.
        assert across <= 1 or down <= 1.5, (first, second)

"""The explorer in JupyterLab: what appears on the screen, and how soon."""

import os

import numpy as np
import pytest

from .explorers import colors, kept

pytestmark = [pytest.mark.browser, pytest.mark.slow]


PROGRESS = r"""() => [...document.querySelectorAll(".widget-label")]
  .map(label => label.innerText.match(/step (\d+) of .* loss ([\d.]+)/))
  .filter(found => found)[0]?.slice(1)"""


def progress(desk):
    """Steps and losses on the screen, read until both have changed three times."""
    seen = []
    for _ in range(200):
        if text := desk.page.evaluate(PROGRESS):
            seen.append((int(text[0]), float(text[1])))
        steps, losses = zip(*seen, strict=True) if seen else ((), ())
        if len(set(steps)) > 3 and len(set(losses)) > 3:
            return steps, losses
        desk.page.wait_for_timeout(100)
    raise TimeoutError(f"seen so far: {sorted(set(seen))}")


def test_nothing_hides_the_image_before_training(desk):
    desk.show("scenes['sentinel2']")
    assert len(colors(desk.pixels("image"))) > 100
    assert colors(desk.pixels("classes")) == set()


@pytest.mark.parametrize("name", ["sentinel2", "landsat"])
def test_training_appears_on_the_screen(desk, name):
    desk.show(f"scenes[{name!r}]")
    desk.press("Train")
    desk.record()
    steps, losses = progress(desk)
    assert list(steps) == sorted(steps)
    assert min(losses) < losses[0]
    curve = desk.page.locator("img[alt^='Loss by step']")
    curve.wait_for()
    first = curve.get_attribute("src")
    desk.page.wait_for_function(
        "src => document.querySelector('img[alt^=\"Loss by step\"]').src !== src",
        arg=first,
    )
    images = desk.wait_for_images(4)
    assert len({image.tobytes() for image in images}) >= 4
    assert len(colors(images[-1])) == 3
    desk.press("Stop")
    desk.wait_until("ex.state.status == 'done'")
    assert desk.value("[ex.model.k, ex.result.classes.shape]") == [3, [96, 96]]


def test_overlay_agrees_with_the_result(desk):
    desk.show_trained()
    classes = np.array(desk.value("ex.result.classes.values.tolist()"))
    image = desk.pixels()
    assert image.shape[:2] == classes.shape
    assert len(colors(image)) == 3
    for value in (1, 2, 3):
        assert len(np.unique(image[classes == value], axis=0)) == 1


def test_k_changes_during_training(desk):
    desk.show("scenes['sentinel2']")
    desk.press("Train")
    desk.record()
    desk.wait_until("ex.state.step > 12")
    before = desk.wait_for_colors(3)

    desk.press_key("k", "ArrowRight")
    after = desk.wait_for_colors(4)
    assert colors(before) < colors(after)
    # One class was split; the others kept their places and colors.
    shares = sorted(kept(before, after).values())
    assert shares[1] > 0.6
    assert desk.value("ex.state.status") == "training"
    desk.press("Stop")


def a_second():
    """A second, or proportionally longer on a busy machine."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def test_pause_continue_and_stop_are_prompt(desk):
    desk.show("scenes['sentinel2']")
    desk.press("Train")
    desk.wait_until("ex.state.step > 3")

    desk.press("Pause")
    desk.wait_until("ex.state.status == 'paused'")
    desk.page.wait_for_timeout(1000)
    step = desk.value("ex.state.step")
    desk.page.wait_for_timeout(1000)
    assert desk.value("ex.state.step") == step
    assert desk.value("watch.delay('Pause', 'status', 'paused')") < a_second()
    assert desk.value("watch.run_on('Pause')") < a_second()

    desk.press("Continue")
    desk.wait_until(f"ex.state.step > {step + 3}")
    assert desk.value("watch.delay('Continue', 'step')") < a_second()

    desk.press("Stop")
    desk.wait_until("ex.state.status == 'done'")
    step = desk.value("ex.state.step")
    desk.page.wait_for_timeout(1000)
    assert desk.value("ex.state.step") == step
    assert desk.value("watch.delay('Stop', 'status', 'done')") < a_second()
    assert desk.value("watch.run_on('Stop')") < a_second()
    assert desk.value("ex.model.k") == 3

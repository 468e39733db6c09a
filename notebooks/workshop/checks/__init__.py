"""Checks of the exercises of the workshop.

A notebook calls ``watch(globals())`` once. After an exercise, ``check("1.1")`` says
whether the answer is right; if it is not, it says what is wrong and gives a hint, and
``hint("1.1")`` gives a second one. Both print, and never raise.

What is right is computed here with numpy, from the scenes, maps, and tables of the
notebook, and not with the function that the exercise is about. Whatever gives the right
value is right, in whichever type it comes.
"""

from . import _part_1, _part_2, _part_3, _part_4, _part_5  # noqa: F401  # exercises
from ._exercises import EXERCISES, Exercise, Wrong
from ._verdicts import check, hint, verdict, watch

__all__ = ["EXERCISES", "Exercise", "Wrong", "check", "hint", "verdict", "watch"]

"""Threads that do not compete with those of linear algebra."""

from threadpoolctl import threadpool_info

from ktextures.blocks.in_order import in_threads


def library_threads():
    """Threads of the libraries of linear algebra."""
    return [
        pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
    ]


def test_linear_algebra_starts_no_threads_in_these_threads():
    before = library_threads()
    assert before
    found = list(in_threads(lambda _: library_threads(), range(4), 2))
    assert {count for _, counts in found for count in counts} == {1}
    assert library_threads() == before
    part = in_threads(lambda item: item, range(4), 2)
    next(part)
    part.close()
    assert library_threads() == before

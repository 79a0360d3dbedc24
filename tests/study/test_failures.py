"""One failure out of many: the first that is no mere consequence."""

import errno

import pytest

from hvdgan.errors import ConfigError, DataError, NotFiniteError, RingBrokenError, RingShutError
from hvdgan.study.failures import Ending, classify, describe, locate, merge
from hvdgan.study.messages import Done, Failed, Pruned


def raised(error, place="rank 1 on a"):
    try:
        raise error
    except Exception as caught:
        return describe(caught, place)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFiniteError("loss is nan"), "nan"),
        (ConfigError("no such key"), "config"),
        (MemoryError(), "oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "oom"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), "oom"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "oom"),
        (DataError("file.h5: no ECAL"), "exception"),
        (ZeroDivisionError("division by zero"), "exception"),
    ],
)
def test_kinds(error, kind):
    assert classify(error) == kind


def test_a_failure_tells_what_where_and_how():
    failure = raised(ValueError("broke"), "rank 3 on b").outcome
    assert failure.message.startswith("ValueError: broke (rank 3 on b)\n")
    assert "raise error\nValueError: broke" in failure.message


def test_a_consequence_never_hides_its_cause():
    endings = [
        raised(RingBrokenError("a peer left"), "rank 1 on a"),
        raised(ValueError("the cause"), "rank 2 on a"),
        raised(RingBrokenError("a peer left"), "rank 3 on b"),
    ]
    merged = merge(endings)
    assert merged.message.startswith("ValueError: the cause (rank 2 on a)")
    assert "RingBroken" not in merged.message


def test_the_earliest_cause_wins_and_the_others_are_named():
    late = Ending(Failed("exception", "KeyError: late (rank 1 on a)\ntrace"), "rank 1 on a", time=2.0)
    early = Ending(Failed("nan", "loss is nan (rank 2 on a)\ntrace"), "rank 2 on a", time=1.0)
    merged = merge([late, early])
    assert merged.kind == "nan"
    assert merged.message.splitlines()[-1] == "also failed: KeyError: late (rank 1 on a)"


def test_a_ring_that_broke_without_a_cause_is_still_a_failure():
    merged = merge([raised(RingBrokenError("stalled")), raised(RingBrokenError("stalled"))])
    assert (merged.kind, merged.message.partition("\n")[0]) == ("exception", "RingBrokenError: stalled (rank 1 on a)")


def test_a_ring_that_was_shut_though_nobody_left_had_a_stalled_rank():
    ends = [raised(locate(RingShutError("shut"), 1), f"rank {rank} on a") for rank in (1, 2)]
    stopped = raised(RingBrokenError("fold 1 failed"), "rank 3 on b")
    merged = merge([stopped, *ends][::-1])
    assert merged.kind == "stall"
    assert merged.message.startswith("a rank stalled; the last one to come back was rank 2 on a, fold 1, the first")
    assert "\nRingShutError: shut (rank 1 on a, fold 1)\n" in merged.message
    assert merge([*ends, raised(ValueError("left"))]).kind == "exception"
    assert merge([*ends, Ending(Done((1.0,)), "rank 3 on b", 0.0)]).kind == "exception"


def test_a_failure_names_its_fold_and_counts_from_when_it_arose():
    first = locate(ValueError("first"), 2)
    second = raised(KeyError("second"))
    assert merge([second, raised(first)]).message.startswith("ValueError: first (rank 1 on a, fold 2)\n")


def test_without_a_failure_rank_zero_speaks():
    assert merge([Ending(Done((1.0,)), "a", 2.0), Ending(Pruned(3), "b", 1.0)]) == Done((1.0,))


def test_one_failure_outweighs_any_result():
    merged = merge([Ending(Done((1.0,)), "a", 1.0), raised(ValueError("late")), Ending(Done((1.0,)), "c", 1.0)])
    assert isinstance(merged, Failed)

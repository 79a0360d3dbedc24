"""Devices: one process per GPU, or an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvdgan.errors import UsageError
from hvdgan.parallel.devices import assign_devices


def test_two_groups_on_one_host_get_different_gpus():
    assert assign_devices(["a"] * 4, {"a": 4}) == [0, 1, 2, 3]


def test_ranks_of_hosts_in_turn():
    assert assign_devices(["a", "b", "a", "b"], {"a": 2, "b": 2}) == [0, 0, 1, 1]


def test_no_gpus_anywhere():
    assert assign_devices(["a", "b"], {"a": 0, "b": 0}) == [None, None]
    assert assign_devices([], {}) == []


@pytest.mark.parametrize(
    ("gpus", "message"),
    [
        ({"a": 1, "b": 4}, "host a has 2 training ranks and 1 GPU, .* at most 1 training ranks"),
        ({"a": 2, "b": 0}, "host b has 1 training ranks and no GPUs"),
    ],
)
def test_too_few_gpus(gpus, message):
    with pytest.raises(UsageError, match=message):
        assign_devices(["a", "a", "b"], gpus)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.fixed_dictionaries(dict.fromkeys("abc", st.integers(0, 6))))
def test_nobody_shares_a_gpu(hosts, gpus):
    try:
        devices = assign_devices(hosts, gpus)
    except UsageError:
        assert any(hosts.count(host) > gpus[host] for host in set(hosts))
        return
    if any(gpus[host] for host in set(hosts)):
        assert len(set(zip(hosts, devices, strict=True))) == len(hosts)
        assert all(device < gpus[host] for host, device in zip(hosts, devices, strict=True))
    else:
        assert devices == [None] * len(hosts)

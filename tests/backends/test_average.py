"""The averaged generator: the mean it says it is, in both frameworks, and kept in the state."""

import numpy as np
import pytest

from hvdgan.calo.shower import Conditions

ASKED = Conditions.perpendicular(np.array([50.0, 200.0]))


def weights_of(gan, network):
    return {
        name.partition("/")[2]: array.astype(np.float64)
        for name, array in gan.state().items()
        if name.startswith(f"{network}/") and not name.endswith("updates")
    }


def test_step_s_weighs_as_a_power_of_s(build, train):
    gan, seen = build(precision="float64", averaging=0.25), []
    for step in range(4):
        train(gan, step, step + 1)
        seen.append(weights_of(gan, "generator"))
    shares = np.diff((np.arange(5) / 4) ** 4)
    for name, array in weights_of(gan, "average").items():
        expected = sum(share * one[name] for share, one in zip(shares, seen, strict=True))
        np.testing.assert_allclose(array, expected, rtol=1e-9, atol=1e-12, err_msg=name)


def test_it_is_generated_with_the_average_and_trained_without(build, train):
    plain, averaged = build(), build(averaging=0.5)
    for gan in (plain, averaged):
        train(gan, 0, 2)
    assert all(np.array_equal(array, averaged.state()[name]) for name, array in plain.state().items())
    made = averaged.generate(ASKED, 1)
    assert not np.allclose(made, plain.generate(ASKED, 1), rtol=1e-3)
    state = averaged.state()
    as_weights = {f"generator/{name.partition('/')[2]}": array for name, array in state.items()
                  if name.startswith("average/") and name != "average/updates"}  # fmt: skip
    plain.restore({name: array for name, array in state.items() if not name.startswith("average/")} | as_weights)
    np.testing.assert_allclose(plain.generate(ASKED, 1), made, rtol=1e-4, atol=1e-7)


@pytest.mark.backends("keras")
def test_a_run_goes_on_in_the_other_framework(torch_side, build_in, backend, train):
    torch, keras = (build_in(side, precision="float64", averaging=0.3, model_args={"dropout": 0.0})
                    for side in (torch_side, backend))  # fmt: skip
    train(torch, 0, 2)
    keras.restore(torch.state())
    for gan in (torch, keras):
        train(gan, 2, 3)
    for name, array in torch.state().items():
        np.testing.assert_allclose(keras.state()[name], array, rtol=1e-6, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(keras.generate(ASKED, 1), torch.generate(ASKED, 1), rtol=1e-4, atol=1e-7)

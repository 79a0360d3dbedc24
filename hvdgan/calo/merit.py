"""The figure of merit of 3DGAN: how far generated showers lie from reference showers, in one number.

It follows the validation metric of 3DGAN (`GANutils.metric` of its code): in each of several bins of incident energy,
the relative errors of the mean moments (first and second, along x, y, z), of the mean profiles (cell by cell along
x, y, z) and of the sampling fraction are averaged and added up; the bins are averaged. Lower is better. What differs:

- Generated event i is made at the energy of reference event i, so bins of equal population over all energies take the
  place of narrow slices, and profiles are in units of the incident energy, so that each event counts the same.
- A relative error is |g - r| / max(g, r): the usual one for missing energy, 1 - 1 / k for k times too much. It is
  finite for any images, grows with every deviation, and ends at 1. The merit lies between 0 and 3: a generator without
  any energy has 3.
- Cells that together hold the last 5 % of the reference's mean profile are added up to one cell, because their own
  means are mostly noise.

Like the original it compares means: it does not see whether generated showers vary enough.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hvdgan.calo.observables import AXES, AxisProfiles, moments, sampling_fraction
from hvdgan.errors import DataError, NotFiniteError

MIN_EVENTS = 2000
"""Below so many events the noise of the reference itself hides the differences between good generators."""

BINS = 4
"""Bins of incident energy."""

POOLED = 0.05
"""Share of the energy in the nearly empty cells that are added up to one."""


@dataclass(frozen=True)
class Merit:
    """A figure of merit and what it is made of.

    Args:
        value: The merit, from 0 (equal means) to 3 (no energy); lower is better.
        rows: One row for each energy bin: `energy_low` and `energy_high` in GeV, `events`; the mean sampling fractions
            `generated_fraction` and `reference_fraction`; the errors `moment_x` to `moment_z` and `profile_x` to
            `profile_z`; their means `moment_error` and `profile_error`; `sampling_error`; and `merit`, the sum of these
            last three.
        events: Number of events compared.
        reliable: Whether that is at least `MIN_EVENTS`.
    """

    value: float
    rows: list[dict[str, float]]
    events: int
    reliable: bool


def merit(generated: AxisProfiles, reference: AxisProfiles, energy: NDArray, bins: int = BINS) -> Merit:
    """Compare generated with reference showers of the same incident energies.

    Args:
        generated: Profiles of n generated events.
        reference: Profiles of n reference events, on the same grid.
        energy: Incident energy of both in GeV, shape (n,).
        bins: Bins of equal population in energy; fewer when there are fewer events.

    Raises:
        NotFiniteError: A generated image holds NaN or infinity.
        DataError: Shapes differ, there are no events, or the reference or the energies are not finite.
    """
    if len(generated) != len(reference):
        raise DataError(f"{len(generated)} generated and {len(reference)} reference events; one for each is needed")
    return _compare(generated, energy, reference, energy, bins)


def floor(reference: AxisProfiles, energy: NDArray, seed: int = 0, bins: int = BINS) -> Merit:
    """Compare one half of the reference with the other: what a perfect generator would get.

    Neighbours in energy are parted at random, so that both halves have the same energies. Being made of half the
    events, it lies about sqrt(2) above the floor of a comparison with all of them.

    Args:
        reference: Profiles of n events.
        energy: Incident energy in GeV, shape (n,).
        seed: Seed of the parting.
        bins: Bins of equal population in energy.

    Raises:
        DataError: There are fewer than two events, or they are not finite.
    """
    energy = np.asarray(energy, dtype=np.float64)
    first, second = halve(energy, seed)
    return _compare(reference[first], energy[first], reference[second], energy[second], bins)


def halve(energy: NDArray, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part events at random into two halves of nearly the same energies: of neighbours in energy each gets one.

    Args:
        energy: Incident energy in GeV, shape (n,).
        seed: Seed of the parting.

    Returns:
        The events of both halves, each in the order of energy; the event of the highest energy is left out where n is
        odd.

    >>> one, other = halve(np.array([30.0, 10.0, 20.0, 40.0]), 0)
    >>> sorted({one[0].item(), other[0].item()}), sorted({one[1].item(), other[1].item()})
    ([1, 2], [0, 3])
    """
    pairs = np.argsort(energy, kind="stable")[: len(energy) // 2 * 2].reshape(-1, 2)
    first, second = np.random.default_rng(seed).permuted(pairs, axis=1).T
    return first, second


def _compare(
    generated: AxisProfiles, generated_energy: NDArray, reference: AxisProfiles, energy: NDArray, bins: int
) -> Merit:
    """Check both sides, compare them in each bin and average."""
    energy = np.asarray(energy, dtype=np.float64)
    _check(generated, reference, energy, bins)
    measured, expected = measure_events(generated, generated_energy), measure_events(reference, energy)
    order = np.argsort(energy, kind="stable")
    rows = []
    for events in np.array_split(order, min(bins, len(order))):
        limits = {"energy_low": float(energy[events[0]]), "energy_high": float(energy[events[-1]])}
        rows.append({**limits, "events": len(events), **_compare_bin(measured, expected, events)})
    return Merit(float(np.mean([row["merit"] for row in rows])), rows, len(energy), len(energy) >= MIN_EVENTS)


def measure_events(profiles: AxisProfiles, energy: NDArray) -> dict[str, NDArray[np.float64]]:
    """Return what the merit compares the means of, for each event, in units of the incident energy.

    Args:
        profiles: n events, finite.
        energy: Incident energy in GeV, shape (n,).

    Returns:
        `moment_x` to `moment_z`, (n, 2); `profile_x` to `profile_z`, (n, cells); and `fraction`, (n,).
    """
    with np.errstate(over="ignore"):
        measured = {f"moment_{axis}": moments(getattr(profiles, axis)) for axis in AXES}
        measured |= {f"profile_{axis}": getattr(profiles, axis) / np.reshape(energy, (-1, 1)) for axis in AXES}
        return measured | {"fraction": sampling_fraction(profiles.total, energy)}


def compare_means(got: dict[str, NDArray], wanted: dict[str, NDArray]) -> dict[str, float]:
    """Return the errors of one energy bin and, last, their sum, its merit; see `Merit`.

    Args:
        got: Means over the generated events of the bin, by the names of `measure_events`.
        wanted: Means over its reference events.
    """
    errors = {f"moment_{axis}": _error(got[f"moment_{axis}"], wanted[f"moment_{axis}"]) for axis in AXES}
    for axis in AXES:
        name = f"profile_{axis}"
        errors[name] = _error(*_pool_cells(got[name], wanted[name]))
    parts = {
        "moment_error": float(np.mean([errors[f"moment_{axis}"] for axis in AXES])),
        "profile_error": float(np.mean([errors[f"profile_{axis}"] for axis in AXES])),
        "sampling_error": _error(got["fraction"], wanted["fraction"]),
    }
    fractions = {"generated_fraction": float(got["fraction"]), "reference_fraction": float(wanted["fraction"])}
    return {**fractions, **errors, **parts, "merit": sum(parts.values())}


def _compare_bin(measured: dict[str, NDArray], expected: dict[str, NDArray], events: NDArray) -> dict[str, float]:
    """Return the errors of one energy bin, given both sides' measurements and the bin's events."""
    with np.errstate(over="ignore"):
        got, wanted = ({name: values[events].mean(axis=0) for name, values in s.items()} for s in (measured, expected))
    return compare_means(got, wanted)


def _error(got: NDArray, wanted: NDArray) -> float:
    """Return the mean of |g - r| / max(g, r), which is 0 where both are 0; what is negative counts as 0.

    >>> _error(np.array([1.0, 0.5, 4.0, 0.0, -1.0]), np.array([1.0, 1.0, 1.0, 0.0, 1.0]))
    0.45
    """
    got, wanted = np.maximum(got, 0.0), np.maximum(wanted, 0.0)
    larger = np.maximum(got, wanted)
    agreement = np.divide(np.minimum(got, wanted), larger, out=np.ones(np.shape(larger)), where=larger > 0)
    return float(np.mean(1.0 - agreement))


def _pool_cells(got: NDArray, wanted: NDArray) -> tuple[NDArray, NDArray]:
    """Add up the emptiest cells of the wanted profile, as long as they hold at most `POOLED` of it.

    Args:
        got: Generated mean profile, shape (cells,).
        wanted: Reference mean profile, shape (cells,).

    Returns:
        Both profiles with the other cells, then the sum of the emptiest if there are any.

    >>> _pool_cells(np.array([1.0, 2.0, 3.0]), np.array([0.04, 0.95, 0.01]))
    (array([2., 4.]), array([0.95, 0.05]))
    """
    order = np.argsort(wanted, kind="stable")
    limit = POOLED * wanted.sum() * (1.0 + 1e-9)
    empty = order[: np.searchsorted(np.cumsum(wanted[order]), limit, side="right")]
    kept = np.setdiff1d(np.arange(len(wanted)), empty)
    pool = [empty] if len(empty) else []
    return tuple(np.append(profile[kept], [profile[cells].sum() for cells in pool]) for profile in (got, wanted))


def _check(generated: AxisProfiles, reference: AxisProfiles, energy: NDArray, bins: int) -> None:
    """Check that two sides can be compared."""
    if generated.grid != reference.grid:
        raise DataError(f"generated showers have {generated.grid} cells, the reference has {reference.grid}")
    if bins < 1 or len(reference) == 0 or energy.shape != (len(reference),):
        raise DataError(
            f"{len(reference)} events with energies of shape {energy.shape} cannot be compared in {bins} bins; "
            "one energy for each event, at least one event and one bin are needed"
        )
    if not (_is_finite(reference) and np.isfinite(energy).all() and (energy > 0).all()):
        raise DataError("the reference holds NaN, infinity or an incident energy that is not positive")
    if not _is_finite(generated):
        raise NotFiniteError("a generated shower holds NaN or infinity")


def _is_finite(profiles: AxisProfiles) -> bool:
    """Return whether every slice is finite."""
    return all(bool(np.isfinite(getattr(profiles, axis)).all()) for axis in AXES)

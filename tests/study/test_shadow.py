"""The sampler's own view of a study: what it learns, and what it is spared."""

import subprocess
import sys

import pytest

from hvdgan.study.shadow import TICKETS, Improviser, Shadow, learned


def stored(config, tmp_path):
    from hvdgan.study.store.storage import open_study

    return open_study(config, tmp_path, False)


def states(shadow):
    return [(trial.state.name, trial.values) for trial in shadow._study.get_trials(deepcopy=False)]


def test_a_proposal_is_whole_and_runs_until_it_is_told(make_config):
    shadow = Shadow(make_config().study, [])
    proposal = shadow.propose(7)
    assert proposal.params.keys() == proposal.distributions.keys() == make_config().study.space.keys()
    assert states(shadow) == [("RUNNING", None)]
    shadow.end(7, [0.5])
    assert states(shadow) == [("COMPLETE", [0.5])]


def test_points_from_elsewhere_run_beside_its_own(make_config):
    shadow = Shadow(make_config().study, [])
    own = shadow.propose(next(TICKETS))
    shadow.adopt(100, own.params, own.distributions)
    other = shadow.propose(101)
    shadow.end(100, [2.0])
    shadow.end(other.ticket, None)
    assert [state for state, _ in states(shadow)] == ["RUNNING", "COMPLETE", "FAIL"]


def test_the_past_is_learned_and_pruned_trials_count_with_their_last_value(make_config, tmp_path):
    config = make_config()
    study = stored(config, tmp_path)
    first, second, third = (study.ask(fixed_distributions=whole(config)) for _ in range(3))
    study.tell(first, 1.0)
    second.report(3.0, 1)
    second.report(2.0, 2)
    study.tell(second, state=pruned())
    study.tell(third, state=failed())
    assert states(Shadow(config.study, study.get_trials())) == [
        ("COMPLETE", [1.0]),
        ("COMPLETE", [2.0]),
        ("FAIL", None),
    ]


def whole(config):
    return Shadow(config.study, []).propose(0).distributions


def pruned():
    import optuna

    return optuna.trial.TrialState.PRUNED


def failed():
    import optuna

    return optuna.trial.TrialState.FAIL


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0]])
def test_a_result_of_another_number_of_objectives_teaches_nothing(make_config, values):
    shadow = Shadow(make_config(objective=["merit", "generation_time"]).study, [])
    shadow.end(shadow.propose(1).ticket, values)
    assert states(shadow) == [("FAIL", None)]


def test_only_ended_trials_with_values_teach():
    assert learned("done", [0.5, 2.0], {}) == [0.5, 2.0]
    assert learned("pruned", [], {}) is None
    assert learned("failed", [], {1: 0.1}) is None


def test_improvised_points_are_marked_and_all_different(make_config):
    improviser = Improviser(make_config().study, 0)
    points = [improviser.propose(number) for number in range(8)]
    assert {point.source for point in points} == {"quasi-random"}
    assert len({tuple(point.params.values()) for point in points}) == 8


@pytest.mark.parametrize(("sampler", "loaded"), [("gp", True), ("tpe", False)])
def test_a_rehearsal_loads_what_a_gaussian_process_needs(sampler, loaded):
    study = {"sampler": sampler, "space": {"gan.latent_size": {"type": "int", "low": 50, "high": 400}}}
    program = (
        "import sys\n"
        "from hvdgan.config import parse\n"
        "from hvdgan.study.shadow import rehearse\n"
        f"rehearse(parse({{'data': {{'files': ['none.h5']}}, 'study': {study}}}).study)\n"
        "print({'torch', 'scipy.stats'} <= sys.modules.keys())\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout == f"{loaded}\n"

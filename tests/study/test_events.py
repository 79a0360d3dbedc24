"""Events are plain rows: they survive JSON, and say which trial and group they are about, if any."""

import json

from hvdgan.study import events
from hvdgan.study.messages import Assignment, Report


def test_every_event_is_plain_and_named():
    assignment = Assignment(3, {"training.learning_rate": 0.1}, "folder")
    row = {"number": 3, "state": "done", "value": 0.5}
    told = [
        events.begun(2, 1, 20),
        events.started(assignment, 1, "gp"),
        events.reported(Report(3, 4, {"merit": 0.5}, judged=True), 1),
        events.finished(row, 1, 2, 20),
        events.given_up(2, "silent"),
        events.ended("done"),
    ]
    assert json.loads(json.dumps(told)) == told
    assert [event["event"] for event in told] == ["begun", "started", "reported", "finished", "given_up", "ended"]
    assert [event.get("trial") for event in told] == [None, 3, 3, 3, None, None]
    assert [event.get("group") for event in told] == [None, 1, 1, 1, 2, None]
    assert (told[0]["groups"], told[0]["counted"], told[0]["total"]) == (2, 1, 20)
    assert told[2]["judged"] is True

import json
import resource
import signal

import numpy as np
import pytest

from hvdgan.errors import DataError, DiskFullError
from hvdgan.training.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint

STATE = {"generator/a/kernel": np.arange(6.0).reshape(2, 3), "response": np.array([2.0]), "steps": np.array(3.0)}


def save(folder, step, best=False, keep=2, state=STATE):
    return save_checkpoint(folder, step, state, {"position": {"steps": step}}, best, keep)


def test_what_was_saved_comes_back(tmp_path):
    save(tmp_path, 7)
    saved = load_checkpoint(tmp_path)
    assert saved.manifest["position"] == {"steps": 7}
    assert saved.manifest["step"] == 7
    assert saved.state.keys() == STATE.keys()
    assert all(np.array_equal(saved.state[name], STATE[name]) for name in STATE)


def test_arrays_of_any_memory_order_and_single_numbers_come_back(tmp_path):
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    save(tmp_path, 1, state={"a": array, "b": array[:, ::2], "c": np.array(3.0)})
    saved = load_checkpoint(tmp_path).state
    assert np.array_equal(saved["a"], array)
    assert np.array_equal(saved["b"], array[:, ::2])
    assert saved["c"].shape == ()


def test_best_and_newest_stay_and_old_ones_go(tmp_path):
    for step in range(1, 6):
        save(tmp_path, step, best=step == 2)
    assert sorted(folder.name[-1] for folder in tmp_path.glob("step-*")) == ["2", "4", "5"]
    assert load_checkpoint(tmp_path, "best").manifest["step"] == 2
    assert load_checkpoint(tmp_path, "latest").manifest["step"] == 5


def test_no_checkpoint_is_told(tmp_path):
    assert not has_checkpoint(tmp_path)
    with pytest.raises(DataError, match="no latest checkpoint"):
        load_checkpoint(tmp_path)


def test_damage_is_found(tmp_path):
    folder = save(tmp_path, 1)
    content = bytearray((folder / "state.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "state.safetensors").write_bytes(content)
    with pytest.raises(DataError, match=r"state\.safetensors is damaged"):
        load_checkpoint(tmp_path)


def test_missing_manifest_is_told(tmp_path):
    (save(tmp_path, 1) / "manifest.json").unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_checkpoint(tmp_path)


def test_pointer_cannot_lead_out_of_the_folder(tmp_path):
    save(tmp_path / "run", 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "run" / "latest").write_text("../other")
    assert not has_checkpoint(tmp_path / "run")


def test_full_disk_leaves_the_previous_checkpoint(tmp_path):
    save(tmp_path, 1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
        with pytest.raises(DiskFullError, match=r"state\.safetensors: no file may exceed 50,000 bytes"):
            save(tmp_path, 2, best=True, state={"big": np.zeros(100_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert load_checkpoint(tmp_path).manifest["step"] == 1
    assert not list(tmp_path.rglob("*.tmp"))
    save(tmp_path, 2)
    assert load_checkpoint(tmp_path).manifest["step"] == 2


def test_nothing_on_disk_is_a_pickle(tmp_path):
    folder = save(tmp_path, 1)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "state.safetensors"]
    json.loads((folder / "manifest.json").read_text())

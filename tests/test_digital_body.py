"""The digital runner's body: its anatomy, its clothes, and how it follows its bones."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from digital_runner.body import (
    JOINTS,
    Body,
    Look,
    load_body,
    mesh_folder,
    pose_bones,
    random_look,
    skin,
)

pytestmark = pytest.mark.skipif(mesh_folder() is None, reason="the body mesh is not there")


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body(Look(hair_style="bald"))


def pitch(degrees: float | np.ndarray) -> np.ndarray:
    turn = np.radians(degrees)[..., None] * np.array([1.0, 0.0, 0.0])
    return Rotation.from_rotvec(turn).as_matrix()


def drawn(body: Body) -> np.ndarray:
    return body.vertices[np.unique(body.faces)]


def test_the_runner_has_the_height_asked_for_plus_the_sole(body):
    assert drawn(body)[:, 1].min() == pytest.approx(0, abs=1e-9)
    assert 1.76 < drawn(body)[:, 1].max() < 1.79


def test_weights_add_up_to_one(body):
    assert np.asarray(body.weights.sum(axis=1)) == pytest.approx(1, abs=1e-5)


def test_every_bone_follows_its_parent_in_the_list(body):
    seen = {""}
    for bone, parent in body.parents.items():
        assert parent in seen
        seen.add(bone)


def test_the_joints_lie_where_people_have_them(body):
    at = {name: body.heads[bone] for name, bone in JOINTS.items()}
    for joint, share in (("ankle", 0.05), ("knee", 0.29), ("hip", 0.53), ("shoulder", 0.80)):
        assert at[f"left_{joint}"][1] == pytest.approx(share * 1.75, abs=0.04)
        assert at[f"left_{joint}"] == pytest.approx(at[f"right_{joint}"] * [-1, 1, 1], abs=1e-3)
    assert at["left_hip"][0] > 0


def test_marks_lie_on_the_right_side_and_in_order(body):
    at = {name: body.vertices[points].mean(axis=0) for name, points in body.marks.items()}
    assert at["nose"][2] > at["left_eye"][2] > at["left_ear"][2]
    assert at["left_ear"][0] > at["left_eye"][0] > 0 > at["right_eye"][0] > at["right_ear"][0]
    for side in ("left", "right"):
        assert 0.24 < at[f"{side}_toe"][2] - at[f"{side}_heel"][2] < 0.34
        assert at[f"{side}_toe"][1] < 0.06


def test_the_back_is_a_line_from_sacrum_to_neck(body):
    back = body.vertices[body.back_points]
    assert np.abs(back[:, 0]).max() < 1e-3
    assert (np.diff(back[:, 1]) > 0).all()
    assert back[0, 1] < body.heads["spine04"][1]
    assert back[-1, 1] > body.heads["neck01"][1]
    assert back[:, 2].max() < 0


def test_nothing_moves_without_a_turn(body):
    assert skin(body, pose_bones(body, {})) == pytest.approx(body.vertices, abs=1e-5)


def test_a_turn_of_the_root_turns_everything(body):
    turn, root = pitch(20), body.heads["root"]
    moved = skin(body, pose_bones(body, {"root": turn}))
    assert moved == pytest.approx((body.vertices - root) @ turn.T + root, abs=1e-5)


def test_a_bent_knee_takes_the_foot_along_and_leaves_the_rest(body):
    knee, ankle = body.heads["lowerleg01.L"], body.heads["foot.L"]
    pose = pose_bones(body, {"lowerleg01.L": pitch(90)})
    assert pose["foot.L"][1] == pytest.approx(knee + pitch(90) @ (ankle - knee))
    assert pose["foot.R"][1] == pytest.approx(body.heads["foot.R"])
    moved = skin(body, pose)
    heel = moved[body.marks["left_heel"]].mean(axis=0)
    assert heel[2] < knee[2] - 0.3
    nose = body.marks["nose"]
    assert moved[nose] == pytest.approx(body.vertices[nose], abs=1e-5)


def test_poses_of_many_moments_are_those_of_each(body):
    angles = np.array([0.0, 10.0, 20.0])
    many = pose_bones(body, {"spine05": pitch(angles), "head": pitch(-angles)})
    one = pose_bones(body, {"spine05": pitch(20.0), "head": pitch(-20.0)})
    for bone in ("head", "wrist.L", "foot.R"):
        assert np.broadcast_to(many[bone][1], (3, 3))[2] == pytest.approx(one[bone][1])


@pytest.mark.parametrize("cut", ["tee", "singlet", "long"])
@pytest.mark.parametrize("below", ["shorts", "tights", "split"])
@pytest.mark.parametrize("male", [0.0, 1.0])
def test_no_skin_shows_between_chest_and_hips(cut, below, male):
    skin_tone = (1, 2, 3)
    body = load_body(replace(Look(), male=male, shirt_cut=cut, shorts_cut=below, skin=skin_tone))
    bare = (body.paint == skin_tone).all(axis=1)
    corners = body.vertices[body.faces]
    middle = corners.mean(axis=1)
    hip, elbow = body.heads["upperleg01.L"], body.heads["lowerarm01.L"]
    chest = body.heads["spine01"][1] - 0.06
    here = (middle[:, 1] > hip[1] - 0.05) & (middle[:, 1] < chest)
    here &= np.abs(middle[:, 0]) < 0.7 * elbow[0]
    # Bare faces may be left below the cloth's edge, but cloth must lie over each.
    outward = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-12)
    at, out = middle[here & bare], outward[here & bare]
    _, nearest = cKDTree(middle[~bare]).query(at + 0.008 * out)
    over = ((middle[~bare][nearest] - at) * out).sum(axis=1)
    assert (over > 0.001).all()
    assert np.count_nonzero(here & ~bare) > 400


def test_a_loose_shirt_stands_farther_off_the_back_than_a_tight_one():
    reach = []
    for loose in (0.0, 1.0):
        body = load_body(Look(shirt_loose=loose))
        small = body.heads["spine04"][1] + 0.02
        corners = body.vertices[body.faces[(body.paint == Look().shirt).all(axis=1)]].reshape(-1, 3)
        near = (np.abs(corners[:, 1] - small) < 0.03) & (np.abs(corners[:, 0]) < 0.04)
        reach.append(corners[near, 2].min())
    assert reach[1] < reach[0] - 0.01


def test_random_runners_differ_fit_into_json_and_can_be_built():
    rng = np.random.default_rng(5)
    looks = [random_look(rng) for _ in range(40)]
    for look in looks:
        back = json.loads(json.dumps(asdict(look)))
        assert tuple(back["shirt"]) == look.shirt
    assert len({look.skin for look in looks}) > 30
    heights = [look.height_m for look in looks]
    assert min(heights) >= 1.55
    assert max(heights) <= 1.95
    assert max(heights) - min(heights) > 0.25
    for look in looks[:4]:
        body = load_body(look)
        assert np.isfinite(body.vertices).all()
        assert body.paint.shape == (len(body.faces), 3)

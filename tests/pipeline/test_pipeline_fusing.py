"""Ensembles of stores written as label maps and scores, against dense fusion; and what is refused."""

import json
import shutil

import numpy as np
import pytest

from tests.pipeline.score_stores import FRAMES, SIZES, dense, every_frame, manifest, score_stores, write_store, written
from vspwlib.checks import InputError
from vspwlib.ensemble.rule import choose_rule
from vspwlib.metrics.summary import SplitScore
from vspwlib.pipeline.ensembling import sweep
from vspwlib.pipeline.fusing import write_ensemble
from vspwlib.pipeline.publishing import publish_derived
from vspwlib.pipeline.scoring import score, stored_truth
from vspwlib.predict.label_folder import read_manifest
from vspwlib.predict.labels import StoreLabels, write_png_predictions
from vspwlib.predict.store import ScoreStore
from vspwlib.runs import read_json, scores_file


@pytest.fixture
def made(tmp_path):
    return score_stores(tmp_path)


def write(made, runs="ab", split="val", name="pair", *, again: dict | None = None, **asked):
    """Write an ensemble; ``again`` are settings of the call, ``asked`` is its rule."""
    return write_ensemble(made.workspace, [*runs], split, choose_rule(len(runs), **asked), name, **(again or {}))


def state(folder):
    """Every file under a folder with its content."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("runs", "asked", "shares"),
    [
        ("ab", {"tau": 0.4}, (0.4, 0.6)),
        ("abc", {"weights": [2.0, 1.0, 1.0]}, (0.5, 0.25, 0.25)),
        ("cab", {"mean": True}, (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_soft_ensembles_are_dense_fusion(made, runs, asked, shares):
    found = write(made, runs, **asked)
    assert (found.videos, found.frames, found.kept) == (2, 5, 0)
    store, differing = ScoreStore.open(found.store), 0
    for video, frame in every_frame():
        fused = sum(share * dense(made.stores[run], video, frame) for run, share in zip(runs, shares, strict=True))
        ids = written(found.labels, video, frame)
        np.testing.assert_array_equal(ids, fused.argmax(0))
        on_grid = []
        for run, share in zip(runs, shares, strict=True):
            powers = np.exp(ScoreStore.open(made.stores[run]).scores(video, frame).astype(np.float64))
            on_grid.append(share * powers / powers.sum(0))
        expected = np.maximum(np.log(sum(on_grid)), -60)
        np.testing.assert_allclose(store.scores(video, frame), expected - expected.max(0), atol=0.02)
        differing += (StoreLabels(store).labels(video, frame) != ids).sum()
    assert store.frames("1_aaaaaaaaaaa") == FRAMES["1_aaaaaaaaaaa"]
    assert found.differing == differing / sum(np.prod(SIZES[video]) for video, _ in every_frame())
    assert 0 < found.differing < 0.3  # the store approximates


def test_a_vote_counts_label_maps_and_has_no_store(made):
    """Hard predictions and a PNG folder outside the workspace vote beside stores."""
    rng = np.random.default_rng(3)
    maps = {place: rng.integers(0, 10, SIZES[place[0]], dtype=np.uint8) for place in every_frame()}
    for (video, frame), ids in maps.items():
        write_png_predictions(made.workspace.path.parent / "pngs", video, frame, ids)
    names = ["a", str(made.workspace.path.parent / "pngs"), "b"]
    found = write_ensemble(made.workspace, names, "val", choose_rule(3, vote=True), "votes")
    assert (found.store, found.differing) == (None, None)
    for video, frame in every_frame():
        one, three = (dense(made.stores[run], video, frame).argmax(0) for run in "ab")
        two = maps[video, frame].astype(int)
        expected = np.where(two == three, two, one)  # of three votes, two alike win; else the first named
        np.testing.assert_array_equal(written(found.labels, video, frame), expected)
    heard = write_ensemble(made.workspace, names, "val", choose_rule(3, vote=True, weights=[2, 3, 2]), "heard")
    for video, frame in every_frame():
        one, three = (dense(made.stores[run], video, frame).argmax(0) for run in "ab")
        expected = np.where(one == three, one, maps[video, frame])  # 4 votes against 3, 3 against 2 and 2
        np.testing.assert_array_equal(written(heard.labels, video, frame), expected)
    with pytest.raises(InputError, match=r"expected soft ones of votes, got label maps .*they can only vote"):
        write(made, ["a", "votes"], name="soft", mean=True)
    with pytest.raises(InputError, match=r"expected soft ones of pngs, got label maps .*they can only vote"):
        write(made, names, name="soft", mean=True)
    with pytest.raises(InputError, match="they can only vote"):
        sweep(made.workspace, "a", "votes", "tiny", "val")
    assert write(made, ["votes", "a"], name="again", vote=True).frames == 5


def test_everything_says_what_it_is(made):
    found = write(made, "abc", weights=[2, 1, 1])
    store, recipe = ScoreStore.open(found.store), read_json(found.recipe, "recipe")
    for stated in (store.manifest, read_manifest(found.labels)):
        assert (stated["run"], stated["dataset"], stated["split"]) == ("pair", "tiny", "val")
        assert stated["predict"] == {"ensemble": "weights", "sources": recipe["sources"]}
    checksums = [ScoreStore.open(made.stores[run]).checksum()[:16] for run in "abc"]
    assert [member["digest"] for member in recipe["sources"]] == checksums
    assert [(member["run"], member["weight"]) for member in recipe["sources"]] == [("a", 0.5), ("b", 0.25), ("c", 0.25)]
    assert recipe["command"] == "vspw ensemble write a b c --split val --weights 2,1,1 --name pair"
    for path in (found.labels, found.store):
        assert stored_truth(path) == (made.data, "val")
        exact = score(path, *stored_truth(path))
        assert read_json(scores_file(path), "scores")["provenance"]["run"] == "pair"
        assert exact.frames_scored == 5
    assert scores_file(found.labels) != scores_file(found.store)
    assert found.store in made.workspace.stored_predictions()
    assert sweep(made.workspace, "pair", "a", "tiny", "val").frames_scored == 5


def test_a_stopped_call_goes_on_by_video(made, monkeypatch):
    found = write(made, tau=0.4)
    before = state(made.workspace.path)
    shutil.rmtree(found.labels / "2_bbbbbbbbbbb")
    reports = []
    again = write(made, tau=0.4, again={"progress": lambda done, total: reports.append((done, total))})
    assert (again.videos, again.frames, again.kept) == (1, 2, 1)
    assert reports == [(3, 5), (5, 5)]
    assert state(made.workspace.path).keys() == before.keys()
    for video, frame in every_frame():
        assert before[found.labels / video / f"{frame}.png"] == (found.labels / video / f"{frame}.png").read_bytes()

    def breaks_off(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("vspwlib.pipeline.fusing.fused_scores", breaks_off)
    assert write(made, tau=0.4).kept == 2
    with pytest.raises(KeyboardInterrupt):
        write(made, tau=0.4, again={"overwrite": True})
    monkeypatch.undo()
    assert not list(found.labels.glob("*/*.png"))
    assert write(made, tau=0.4).frames == 5


def test_another_ensemble_of_that_name_needs_a_word(made):
    found = write(made, tau=0.4)
    score(found.labels, made.data, "val")
    before = state(made.workspace.path)
    for asked in ({"tau": 0.5}, {"mean": True}, {"vote": True}):
        with pytest.raises(InputError, match=r'expected "--\S+( 0.5)? of a, b", got "--tau 0.4 of a, b" .*--overwrite'):
            write(made, **asked)
    assert state(made.workspace.path) == before
    shutil.rmtree(made.stores["b"])
    write_store(made.stores["b"], manifest("b", made.data), seed=9)
    with pytest.raises(InputError, match="--overwrite"):
        write(made, tau=0.4)
    assert write(made, vote=True, again={"overwrite": True}).frames == 5
    assert not found.store.exists()
    assert not scores_file(found.labels).exists()


def half_predicted(made):
    shutil.rmtree(made.stores["b"])
    write_store(made.stores["b"], manifest("b", made.data), 1, videos={"1_aaaaaaaaaaa": FRAMES["1_aaaaaaaaaaa"]})


def unfinished_video(made):
    attributes = made.stores["b"] / "2_bbbbbbbbbbb" / "zarr.json"
    content = json.loads(attributes.read_text())
    del content["attributes"]["complete"]
    attributes.write_text(json.dumps(content))


def other_store(made, videos=FRAMES, sizes=SIZES, **changes):
    shutil.rmtree(made.stores["b"])
    write_store(made.stores["b"], manifest("b", made.data, **changes), 1, videos=videos, sizes=sizes)


def one_more_frame(made):
    other_store(made, videos={**FRAMES, "2_bbbbbbbbbbb": ["00000005", "00000006", "00000007"]})


def one_less_frame(made):
    other_store(made, videos={**FRAMES, "2_bbbbbbbbbbb": ["00000006"]})


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (half_predicted, "predictions of b: expected all 5 frames of split val, got none for 2_bbbbbbbbbbb/00000005"),
        (unfinished_video, "vspw predict b --split val"),
        (one_less_frame, "got none for 2_bbbbbbbbbbb/00000005 ("),
        (one_more_frame, "of split val and no others, got also 2_bbbbbbbbbbb/00000007"),
        (lambda made: other_store(made, split="test"), "predictions of b: expected split val, got split test"),
        (lambda made: other_store(made, dataset="other"), "expected data set tiny, as a, got other"),
        (lambda made: other_store(made, class_names=["road"] * 124), "expected the 124 classes of VSPW"),
        (
            lambda made: other_store(made, sizes={**SIZES, "2_bbbbbbbbbbb": (21, 15)}),
            "predictions of b: expected 14x21, as a, got 15x21",
        ),
        (lambda made: shutil.rmtree(made.stores["b"]), "run `vspw predict b --split val`"),
    ],
)
@pytest.mark.parametrize("asked", [{"mean": True}, {"vote": True}], ids=str)
def test_predictions_that_do_not_fit_are_refused_and_nothing_is_written(made, harm, message, asked):
    harm(made)
    before = state(made.workspace.path)
    with pytest.raises(InputError) as refused:
        write(made, **asked)
    assert message in str(refused.value)
    assert state(made.workspace.path) == before
    assert not (made.workspace.path / "predictions" / "pair").exists()


@pytest.mark.parametrize("name", ["a", "", ".hidden", "x/y", "..", " x", "a\nb"])
def test_names_that_are_taken_or_no_names_are_refused(made, name):
    before = state(made.workspace.path)
    with pytest.raises(InputError, match="--name"):
        write(made, name=name, mean=True, again={"overwrite": True})
    assert state(made.workspace.path) == before


def test_damage_in_a_source_is_named_and_finished_videos_stay(made):
    (chunk,) = (made.stores["b"] / "2_bbbbbbbbbbb").rglob("c.1.0.0.0")
    chunk.write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="2_bbbbbbbbbbb"):
        write(made, tau=0.4)
    found = made.workspace.hard_predictions("pair", "tiny", "val")
    assert sorted(path.name for path in found.iterdir()) == ["1_aaaaaaaaaaa", "manifest.json"]


def test_trained_runs_give_the_score_that_the_sweep_promised(finished, tmp_path):
    first, second = (run.name for run in finished.runs)
    promised = sweep(finished.workspace, first, second, "tiny", "val")
    found = write_ensemble(finished.workspace, [first, second], "val", choose_rule(2, tau=0.3), "trained")
    assert score(found.labels, finished.data["vspw"], "val").miou == pytest.approx(promised.at(0.3), abs=1e-4)
    published = publish_derived("trained", finished.workspace, "ensembles", results=tmp_path)
    assert published == tmp_path / "ensembles" / "mini" / "trained.json"
    content = read_json(published, "results")["splits"]["val"]
    assert content["predict"]["sources"][0]["run"] == first
    assert SplitScore.from_json(content).miou == score(found.labels, finished.data["vspw"], "val").miou
    assert str(finished.data["vspw"]) not in published.read_text()
    with pytest.raises(InputError, match="publish: expected a run, or scored label maps of an ensemble, got 'nobody'"):
        publish_derived("nobody", finished.workspace, "ensembles", results=tmp_path)
    with pytest.raises(InputError, match="got 'mini-upernet_swin_tiny-s0', a source or a run"):
        write_ensemble(finished.workspace, ["trained", second], "val", choose_rule(2, mean=True), first)

"""The kernels of the live view in a real browser, against Python: labels, counts, curves and paint, bit for bit."""

import numpy as np
import pytest
from scipy import ndimage

from tests.workbench.live_clip import Clip
from vspwlib.ensemble.envelope import Envelope
from vspwlib.ensemble.fuse import shares
from vspwlib.metrics.iou import ClassCounts, confusion, iou_per_class, miou
from workbench.live.container import frame_pack, unpack

pytestmark = pytest.mark.browser

CLASSES = 124


def counted(labels: np.ndarray, truth: np.ndarray) -> ClassCounts:
    return ClassCounts.of(confusion(labels, truth, CLASSES))


def maps(seed: int, size: tuple[int, int] = (12, 17), classes: int = 6) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth with void, and two predictions that are right on many pixels."""
    rng = np.random.default_rng(seed)
    truth = rng.choice([0, 3, 5, 9, 123, 255], size).astype(np.uint8)
    first, second = (np.where(rng.random(size) < 0.6, truth % 124, rng.integers(0, classes, size)) for _ in range(2))
    return truth, first.astype(np.uint8), second.astype(np.uint8)


def test_a_pack_is_opened_as_it_was_written(run_js) -> None:
    clip = Clip("joint", count=1, size=(9, 14), runs=3)
    data = frame_pack(clip.contents[0], clip.truths[0])
    found = run_js(
        """const { height, width, sections } = await opened(data);
        return { height, width, sections: Object.fromEntries(Object.entries(sections).map(
          ([name, values]) => [name, [values.constructor.name, Array.from(values)]])) };""",
        data=data,
    )
    assert (found["height"], found["width"]) == (9, 14)
    kinds = {"uint8": "Uint8Array", "uint16": "Uint16Array", "uint32": "Uint32Array"}
    for name, values in unpack(data).sections.items():
        assert found["sections"][name] == [kinds[str(values.dtype)], values.ravel().tolist()]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "got 0 bytes"),
        (b"PNG!" + bytes(20), "bytes of something else"),
        (b"VSPK\x02\0\0\0" + bytes(8), "version 2"),
        (frame_pack(np.zeros((2, 3), np.uint8))[:-8], "expected a whole pack"),
    ],
)
def test_broken_packs_are_refused(run_js, data: bytes, message: str) -> None:
    told = run_js("try { await opened(data); return 'taken'; } catch (error) { return error.message; }", data=data)
    assert message in told


def test_labels_at_every_step_are_those_of_the_envelope(run_js) -> None:
    clip = Clip("pair", count=1, size=(9, 14), seed=1)
    found = run_js(
        """const { sections: s } = await opened(data), { labelsAt } = await load("kernels");
        const out = new Uint8Array(s.start.length);
        return Array.from({ length: 1001 }, (_, k) => {
          labelsAt(s.start, s.pixel, s.step, s.label, k, out);
          return Array.from(out);
        });""",
        data=frame_pack(clip.contents[0]),
    )
    for k, labels in enumerate(found):
        assert labels == clip.contents[0].labels(k / 1000).ravel().tolist(), k


def test_labels_under_weights_are_those_of_the_joint_frame(run_js) -> None:
    clip = Clip("joint", count=1, size=(9, 14), runs=4, seed=2)
    data = frame_pack(clip.contents[0])
    sections = unpack(data).sections
    sections_prob = sections["prob"].copy()
    assert len(sections["pixel"]) > 20
    frame = clip.contents[0]
    rounded = type(frame)(frame.agreed, frame.pixel, frame.first, frame.number, sections_prob.astype(np.float32))
    rng = np.random.default_rng(0)
    weights = [[1, 0, 0, 0], [0, 0, 0, 1], [1, 1, 1, 1], [0.5, 0, 0.5, 0], *rng.random((40, 4)).tolist()]
    found = run_js(
        """const { sections: s } = await opened(data), { labelsOfWeights } = await load("kernels");
        const out = new Uint8Array(s.agreed.length);
        return weights.map((w) => {
          labelsOfWeights(s.agreed, s.pixel, s.first, s.number, s.prob, w, out);
          return Array.from(out);
        });""",
        data=data,
        weights=[shares(w, 4) for w in weights],
    )
    for w, labels in zip(weights, found, strict=True):
        assert labels == rounded.labels(w).ravel().tolist(), w


def test_the_first_of_equal_sums_wins(run_js) -> None:
    found = run_js(
        """const { labelsOfWeights } = await load("kernels"), out = new Uint8Array(1);
        const at = (prob) => {
          labelsOfWeights(new Uint8Array(1), new Uint32Array([0]), new Uint32Array([0, 3]), new Uint8Array([4, 6, 7]),
            new Uint16Array(prob), [0.5, 0.5], out);
          return out[0];
        };
        return [at([1, 5, 3, 5, 1, 3]), at([0, 0, 0, 0, 0, 0]), at([1, 2, 9, 1, 2, 0])];"""
    )
    assert found == [4, 4, 7]


@pytest.mark.parametrize("seed", range(4))
def test_counts_and_scores_are_those_of_python(run_js, seed: int) -> None:
    truth, labels, _ = maps(seed)
    hits, truths, predicted, ious, mean, areas = run_js(
        """const k = await load("kernels"), areas = new Int32Array(256);
        const counts = [0, 1, 2].map(() => new Int32Array(256)), plain = (values) => Array.from(values);
        k.countClasses(new Uint8Array(labels), new Uint8Array(truth), new Int32Array(65536), ...counts);
        k.countAreas(new Uint8Array(truth), areas);
        const ious = Array.from({ length: 124 }, (_, c) => k.iouOf(counts[0][c], counts[1][c], counts[2][c]));
        const known = ious.map((v) => (Number.isNaN(v) ? null : v));
        return [...counts.map(plain), known, k.meanIou(...counts), plain(areas)];""",
        labels=labels.ravel().tolist(),
        truth=truth.ravel().tolist(),
    )
    counts = counted(labels, truth)
    assert hits[:CLASSES] == counts.intersection.tolist()
    assert truths[:CLASSES] == counts.truth.tolist()
    assert predicted[:CLASSES] == counts.predicted.tolist()
    assert [np.nan if v is None else v for v in ious] == pytest.approx(iou_per_class(counts), nan_ok=True, abs=0)
    assert mean == pytest.approx(miou(counts), abs=1e-15)
    assert areas == np.bincount(truth.ravel(), minlength=256).tolist()


def test_without_truth_there_is_no_score(run_js) -> None:
    assert run_js("return Number.isNaN((await load('kernels')).meanIou(...[0, 1, 2].map(() => new Int32Array(256))));")


@pytest.mark.parametrize("grid", [1000, 7])
def test_curves_of_a_frame_are_those_of_every_label_map(run_js, grid: int) -> None:
    clip = Clip("pair", count=1, size=(9, 14), seed=4)
    truth = clip.truths[0]
    truth[4] = 200  # a class with true pixels that nobody predicts
    found = run_js(
        """const { sections: s } = await opened(data), c = await load("curves");
        const counts = c.countOverTau(s.start, s.pixel, s.step, s.label, s.truth, grid);
        const ious = Object.fromEntries(counts.classes.map((id) => [id, Array.from(c.iouOverTau(counts, id))]));
        const mean = Array.from(c.meanIouOverTau(counts));
        return { ious, mean, absent: c.iouOverTau(counts, 99), best: c.argmax(mean) };""",
        data=frame_pack(clip.contents[0], truth, grid=grid),
        grid=grid,
    )
    there = set(np.unique(truth)) - {255}
    assert set(map(int, found["ious"])) == there
    assert found["absent"] is None
    wanted = []
    for k in range(grid + 1):
        counts = ClassCounts.of(confusion(clip.contents[0].labels(k / grid), truth, 201))
        wanted.append(miou(counts))
        for number, iou in found["ious"].items():
            assert iou[k] == iou_per_class(counts)[int(number)], (k, number)
    assert found["mean"] == pytest.approx(wanted, abs=1e-14)
    assert len(set(found["mean"])) > 3
    assert found["best"] == int(np.argmax(found["mean"]))


def test_a_frame_of_void_has_no_curve(run_js) -> None:
    found = run_js(
        """const c = await load("curves"), none = new Uint8Array(0);
        return c.meanIouOverTau(c.countOverTau(new Uint8Array(4), new Uint32Array(0), new Uint16Array(0), none,
          new Uint8Array(4).fill(255), 1000));"""
    )
    assert found is None


def test_several_changes_of_a_pixel_within_one_step_are_counted_once(run_js) -> None:
    time, label = np.array([0.3, 0.3001, 0.9]), np.array([1, 2, 3], np.uint8)
    found = Envelope(np.zeros((1, 2), np.uint8), np.zeros(3, np.int32), time, label)
    truth = np.array([[2, 0]], np.uint8)
    mean = run_js(
        """const { sections: s } = await opened(data), c = await load("curves");
        return Array.from(c.meanIouOverTau(c.countOverTau(s.start, s.pixel, s.step, s.label, s.truth, 1000)));""",
        data=frame_pack(found, truth),
    )
    wanted = [miou(confusion(found.labels(k / 1000), truth)) for k in range(1001)]
    assert mean == pytest.approx(wanted, abs=1e-15)


def test_paint_goes_through_the_table(run_js) -> None:
    truth, *_ = maps(0)
    table = np.random.default_rng(0).integers(0, 2**32, 256, dtype=np.uint64)
    found = run_js(
        """const { paint } = await load("kernels"), out = new Uint32Array(labels.length);
        paint(new Uint8Array(labels), Uint32Array.from(table), out);
        return Array.from(out);""",
        labels=truth.ravel().tolist(),
        table=table.tolist(),
    )
    assert found == table[truth.ravel()].tolist()


@pytest.mark.parametrize("seed", range(2))
def test_errors_say_who_is_right(run_js, seed: int) -> None:
    truth, first, second = maps(seed)
    found = run_js(
        """const k = await load("kernels"), bytes = (v) => new Uint8Array(v), out = new Uint32Array(truth.length);
        const table = Uint32Array.of(10, 11, 12, 13, 14, 14, 14, 14);
        k.paintErrors(bytes(truth), bytes(first), bytes(second), table, out);
        const errors = Array.from(out);
        k.paintErrors(bytes(first), bytes(first), bytes(second), Uint32Array.of(0, 0, 20, 21, 0, 0, 0, 0), out);
        return [errors, Array.from(out)];""",
        truth=truth.ravel().tolist(),
        first=first.ravel().tolist(),
        second=second.ravel().tolist(),
    )
    a, b = first == truth, second == truth
    wanted = np.select([truth == 255, a & b, a, b], [14, 13, 12, 11], 10)
    assert found == [wanted.ravel().tolist(), np.where(first == second, 21, 20).ravel().tolist()]
    assert set(np.unique(wanted)) == {10, 11, 12, 13, 14}


@pytest.mark.parametrize("reach", [1, 3])
def test_contours_are_where_labels_differ(run_js, reach: int) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (4, 6)).astype(np.uint8).repeat(3, 0).repeat(3, 1)
    found = run_js(
        """const { paintContours, paintOutline } = await load("kernels"), out = new Uint32Array(labels.length).fill(7);
        paintContours(new Uint8Array(labels), width, height, reach, 9, out);
        const all = Array.from(out);
        out.fill(7);
        paintOutline(new Uint8Array(labels), 1, width, height, reach, 9, out);
        return [all, Array.from(out)];""",
        labels=labels.ravel().tolist(),
        width=labels.shape[1],
        height=labels.shape[0],
        reach=reach,
    )
    wanted = []
    for values in (labels, labels == 1):
        edge = np.zeros(labels.shape, bool)
        edge[:, :-reach] |= values[:, reach:] != values[:, :-reach]
        edge[:-reach] |= values[reach:] != values[:-reach]
        wanted.append(np.where(edge, 9, 7).ravel().tolist())
    assert found == wanted


@pytest.mark.parametrize("stride", [1, 2])
def test_regions_are_the_connected_components(run_js, stride: int) -> None:
    labels = np.random.default_rng(1).choice([0, 1, 255], (7, 9)).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    least = 3
    found = run_js(
        """const { regions } = await load("regions");
        return regions(new Uint8Array(labels), width, height, stride, least);""",
        labels=labels.ravel().tolist(),
        width=labels.shape[1],
        height=labels.shape[0],
        stride=stride,
        least=least,
    )
    coarse = labels[::stride, ::stride]
    wanted = []
    for number in (0, 1):
        marked, count = ndimage.label(coarse == number)
        sizes = [int((marked == one).sum()) for one in range(1, count + 1)]
        wanted += [(number, size) for size in sizes if size >= least]
    assert sorted((r["label"], r["cells"]) for r in found) == sorted(wanted)
    assert [r["cells"] for r in found] == sorted((r["cells"] for r in found), reverse=True)
    for r in found:  # the name stands on its region, as near to the centroid as a cell of it can be
        assert labels[r["y"], r["x"]] == r["label"]
        marked, _ = ndimage.label(coarse == r["label"])
        own = np.argwhere(marked == marked[r["y"] // stride, r["x"] // stride])
        far = ((own - own.mean(axis=0)) ** 2).sum(axis=1)
        place = ((np.array([r["y"], r["x"]]) / stride - own.mean(axis=0)) ** 2).sum()
        assert place == pytest.approx(far.min(), abs=1e-9)

"""Bring your own: video, a VSPW folder, another system's label maps, a model of mmsegmentation; sent or by its path."""

from pathlib import Path
from typing import Any

import streamlit as st

from vspwlib.checks import fail, require
from vspwlib.data.index import list_splits, open_split
from vspwlib.data.label_archive import label_files
from vspwlib.runs import Workspace
from workbench import data, jobs
from workbench.actions import start
from workbench.commands import (
    Command,
    check_command,
    frames_command,
    import_command,
    mmseg_command,
    predict_data_command,
)
from workbench.job_list import show_jobs
from workbench.notices import guard, literal
from workbench.uploads import brought, clips, folder_of, keep_upload, remove, safe_name

VIDEO, FOLDER, LABELS, MODEL = KINDS = ("Video", "VSPW folder", "Label maps", "mmseg model")
HERE = "Path on this machine"
CLASSES = {"VSPW's 124": None, "COCO-Stuff, by the mapping": "cocostuff", "ADE20K, by the mapping": "ade20k"}


def typed(label: str, key: str, placeholder: str) -> Path | None:
    """Ask for a path on the server's machine; None while nothing is typed.

    Raises:
        InputError: nothing is there.
    """
    text = st.text_input(label, key=key, placeholder=placeholder).strip()
    if not text:
        return None
    path = Path(text).expanduser()
    fix = "type the whole path, as it is on the machine that runs the app."
    require(path.exists(), label.lower(), expected="a file or a folder", got="nothing there", where=path, fix=fix)
    return path.resolve()


def sent(label: str, ending: str, key: str) -> Any:
    """Ask for a file from the browser; None while there is none."""
    most = st.get_option("server.maxUploadSize")
    return st.file_uploader(f"{label}, at most {most} MB", type=[ending], key=key)


def offer(place: Workspace, command: Command, text: str) -> None:
    """Draw a command and the button that starts it."""
    st.code(command.line, language="bash", wrap_lines=True)
    if st.button(text, key=f"start_{command.arguments[0]}", type="primary", icon=":material/play_arrow:"):
        start(place, command)


def show_video(place: Workspace) -> None:
    """Take in a film, or name one or a folder of frames, and predict it."""
    left, right = st.columns(2, gap="large")
    with left, st.container(border=True), guard():
        take_film(place)
    named: Path | None = None
    with right, st.container(border=True), guard():
        named = name_video(place)
    known = clips(place) | ({named.name: named} if named is not None else {})
    if known:
        st.markdown("##### Predict a clip")
        with guard():
            predict_clip(place, known, first=None if named is None else named.name)


def take_film(place: Workspace) -> None:
    """Ask for an mp4 from the browser; keep it, and start writing its frames."""
    from vspwlib.pipeline.film import MOST_FRAMES, check_film

    file = sent("An mp4", "mp4", "film")
    if file is None:
        st.caption(f"The first {MOST_FRAMES} frames are taken, at 480 pixels height where they are higher.")
        return
    name, every = ask_for_clip(file.name, "film")
    if st.button("Take it in", key="take_film", type="primary", icon=":material/upload:"):
        kept = keep_upload(place, name, "film.mp4", file, check_film)
        start(place, frames_command(kept, kept.parent, every))


def ask_for_clip(file: str, key: str) -> tuple[str, int]:
    """Ask for the name of a clip, the film's at first, and how many frames of the film it gets."""
    left, right = st.columns([3, 2])
    name = left.text_input("Name of the clip", safe_name(file), key=f"{key}_name_{file}")
    every = right.number_input("Every n-th frame", min_value=1, value=1, key=f"{key}_every")
    return name, int(every)


def name_video(place: Workspace) -> Path | None:
    """Ask for a path; return a folder of frames, and offer to make one of a film."""
    from vspwlib.pipeline.film import check_film

    path = typed(HERE, "video_path", "/data/street.mp4, or a folder of frames")
    if path is None:
        st.caption("A folder of frames or of clips is predicted where it lies; frames of an mp4 are written first.")
        return None
    if path.is_dir():
        videos = open_split(path, list_splits(path)[0]).videos
        st.success(f"{len(videos)} video{'s' * (len(videos) != 1)}, {len(videos[0].frames)} frames in the first.")
        return path
    film = check_film(path)
    st.success(f"{film.width}x{film.height}, {film.rate or 0:g} frames a second.")
    name, every = ask_for_clip(path.name, "path")
    target = folder_of(place, name)
    if target.exists():
        fail("name", expected="a new one", got=f"'{name}', which is there", where=target, fix="choose another name.")
    offer(place, frames_command(path, target, every), "Write its frames")
    return None


def predict_clip(place: Workspace, known: dict[str, Path], first: str | None) -> None:
    """Choose a clip, a split and a run; offer to predict, and lead on to Clips once that is done."""
    runs = data.trained_runs(place)
    if not runs:
        st.info("No run has weights yet: train one on the page Overview, or build the demo.", icon=":material/inbox:")
        return
    columns = st.columns(3)
    names = sorted(known, key=lambda name: name != first)
    root = known[columns[0].selectbox("Clip", names, key="clip")]
    split = columns[1].selectbox("Split", splits_of(root), key="clip_split")
    run = columns[2].selectbox("Run", list(runs), key="clip_run")
    command = predict_data_command(run, root, split)
    offer(place, command, "Predict")
    if place.predictions(run, root.name, split).exists():
        link = {"split": f"{root.name}-{split}", "run": run}
        st.page_link("views/clips.py", label="Open in Clips", icon=":material/movie:", query_params=link)


def show_folder(place: Workspace) -> None:
    """Check a VSPW folder, and make it the workspace's data set."""
    current = place.data_sets.get("vspw")
    st.caption(f"The workspace's video data: {literal(str(current)) if current else 'none yet'}.")
    path = typed(HERE, "tree_path", "/data/VSPW_480p")
    if path is None:
        st.markdown(
            "A VSPW tree, or any folder of clips with `mask/` in VSPW's raw values. Full resolution first needs"
        )
        st.code("vspw data prepare /data/VSPW /data/VSPW_480p", language="bash")
        return
    st.success(f"Splits: {', '.join(list_splits(path))}.")
    command = check_command(path)
    ended = [job.state for job in jobs.jobs(place) if job.arguments == command.arguments][:1]
    if ended != ["done"]:
        st.markdown("Every file is read once before the folder is taken: it takes a while, and says what is wrong.")
        offer(place, command, "Check it")
    elif current is not None and current.resolve() == path:
        st.info("This is the workspace's video data.", icon=":material/check:")
    elif st.button("Use it for training and prediction", key="use_tree", type="primary", icon=":material/check:"):
        place.add_data("vspw", path)
        st.rerun()


def data_of(place: Workspace, key: str) -> tuple[Path, str] | None:
    """Choose which data set, and which split of it, something is about; None where no data set is known."""
    trained = [Path(run.config["data"]["vspw"]) for run in data.trained_runs(place).values()]
    own = [root for root in (place.data_sets.get("vspw"), *trained) if root is not None and root.is_dir()]
    known = {root.resolve().name: root for root in reversed(own)} | clips(place)  # of one name the workspace's own
    if not known:
        st.info("The workspace knows no video yet: bring some first.", icon=":material/inbox:")
        return None
    left, right = st.columns(2)
    root = known[left.selectbox("Data", list(known), key=f"{key}_data")]
    return root, right.selectbox("Split", splits_of(root), key=f"{key}_split")


def splits_of(root: Path) -> list[str]:
    """Return the splits of a data set, those to validate and test on first: VSPW lists all its videos once more."""
    return sorted(list_splits(root), key=lambda split: not split.startswith(("test", "val")))


def show_labels(place: Workspace) -> None:
    """Import label maps, sent as a zip or named by their path."""
    st.markdown(
        "PNGs `<video>/<frame>.png` of class ids, one channel, one for every frame. They are scored, and can vote."
    )
    left, right = st.columns(2, gap="large")
    with left:
        file = sent("A zip of them", "zip", "labels")
    with right:
        path = typed(HERE, "labels_path", "/data/their_pngs, or a zip")
    about = data_of(place, "labels")
    if about is None or (file is None and path is None):
        return
    source = path.name if path is not None else file.name
    columns = st.columns(2, vertical_alignment="bottom")
    name = columns[0].text_input("Name of the system", safe_name(source), key=f"labels_name_{source}")
    raw = columns[1].toggle("Raw values 1..124", key="labels_raw", help="As in VSPW's own masks; else ids 0..123.")
    if path is not None:
        if path.is_file():
            label_files(path)
        offer(place, import_command(path, name, *about, raw=raw), "Import")
    elif st.button("Import", key="take_labels", type="primary", icon=":material/upload:"):
        kept = keep_upload(place, name, f"{name}.zip", file, label_files)
        start(place, import_command(kept, name, *about, raw=raw))


def show_model(place: Workspace) -> None:
    """Predict with a model of mmsegmentation, whose files lie on the server's machine."""
    st.warning(
        "A config of mmsegmentation is a Python program, and is run. So it is never uploaded: name one on this "
        "machine, from people whose programs you would run. Nothing in the checkpoint is executed.",
        icon=":material/warning:",
    )
    left, right = st.columns(2)
    with left:
        config = typed("Config", "mmseg_config", "/models/their.py")
    with right:
        checkpoint = typed("Checkpoint", "mmseg_checkpoint", "/models/iter_80000.pth")
    about = data_of(place, "mmseg")
    if about is None or config is None or checkpoint is None:
        return
    columns = st.columns(2)
    name = columns[0].text_input("Name of the model", safe_name(config.name), key=f"mmseg_name_{config.name}")
    classes = columns[1].selectbox("Its classes", list(CLASSES), key="mmseg_classes")
    offer(place, mmseg_command((config, checkpoint), name, *about, CLASSES[classes]), "Predict")


def show_brought(place: Workspace) -> None:
    """List what was brought, with its size, and a way to delete it."""
    from vspwlib.pipeline.removing import disk_use

    known = brought(place)
    if not known:
        return
    st.markdown("##### In this workspace")
    for name, folder in known.items():
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"{literal(name)} :gray[{disk_use(folder) / 1e6:,.1f} MB]")
            with st.popover("Delete", icon=":material/delete:", key=f"delete_{name}"):
                st.markdown("Its files go. Predictions of it stay, and cannot be looked at without its frames.")
                if st.button("Delete it", key=f"really_delete_{name}", type="primary"):
                    remove(place, name)
                    st.rerun()


def show(place: Workspace) -> None:
    """Draw the chosen form, what was brought, and what is at work."""
    chosen = st.segmented_control(
        "What", KINDS, default=VIDEO, required=True, key="bring", bind="query-params", label_visibility="collapsed"
    )
    forms = {VIDEO: show_video, FOLDER: show_folder, LABELS: show_labels, MODEL: show_model}
    with guard():
        forms[str(chosen)](place)
    with guard():
        show_brought(place)
    show_jobs(place)


show(data.workspace())

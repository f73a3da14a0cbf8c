#!/usr/bin/env python3
"""Converts SEED's multimodal release (EEG and eye features of 12 subjects) for limbic, once.

The release keeps its arrays in Python pickles, which can run code when they are read; so limbic does not read
them. This script does, and lets nothing into memory but numpy arrays, numbers, texts, lists and dictionaries. It
needs Python 3.9, numpy and scipy:

    convert_multimodal.py --eeg SEED_multimodal/eeg --eye SEED_multimodal/eye --out converted
    limbic-seed inspect converted

In:   EEG  {subject}_{session}.npz, in it train_data and test_data: for each band (delta theta alpha beta gamma)
           an array (windows, 62); train_label and test_label: a class a window.
      eye  {subject}_{session} with the ending .npz, .pkl, .pickle or none: train_data_eye and test_data_eye, (windows,
           33); labels are optional there and must be the same.
Out:  {subject}_{session}.mat with eeg (N, 62, 5), eye (N, 33), label (N, 1) in 0 1 2 and trial (N, 1) in 1 .. 15, the
      train rows first. The release does not say where trials begin: they are laid out by the published numbers
      of windows, and the labels must agree with that.
"""

import argparse
import io
import os
import pathlib
import pickle
import re
import sys
import zipfile

try:
    import numpy as np
    from scipy.io import savemat
except ImportError as error:
    sys.exit(f"convert_multimodal.py: {error}; install numpy and scipy (Debian: apt install python3-numpy python3-scipy)")

BANDS = ["delta", "theta", "alpha", "beta", "gamma"]
SECONDS = [235, 233, 206, 238, 185, 195, 237, 216, 265, 237, 235, 233, 235, 238, 206]  # of the 15 clips
LABELS = [2, 1, 0, 0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 2, 0]
TRAIN_TRIALS = 9


class Problem(Exception):
    pass


class ArraysOnly(pickle.Unpickler):
    """Refuses every class and function but those that rebuild numpy arrays."""

    ALLOWED = {
        ("numpy", "ndarray"), ("numpy", "dtype"), ("collections", "OrderedDict"), ("_codecs", "encode"),
        *((module, name) for module in ("numpy.core.multiarray", "numpy._core.multiarray") for name in ("_reconstruct", "scalar")),
        ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise Problem(f"a pickle asks for {module}.{name}, which is no array: not read")
        return super().find_class(module, name)


def unpickle(data):
    return ArraysOnly(io.BytesIO(data), encoding="latin1").load()


def read_npy(stream):
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject:
        return unpickle(stream.read())
    array = np.frombuffer(stream.read(), dtype, count=int(np.prod(shape)))
    return array.reshape(shape, order="F" if fortran else "C")


def unwrapped(value):
    """What is pickled inside a value, or alone in an array."""
    while True:
        if isinstance(value, np.ndarray) and value.shape == () and (value.dtype.hasobject or value.dtype.kind in "SV"):
            value = value.item()
        elif isinstance(value, (bytes, bytearray)):
            value = unpickle(value)
        else:
            return value


def load(path):
    """The dictionary that a file holds."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name.removesuffix(".npy"): unwrapped(read_npy(io.BytesIO(archive.read(name)))) for name in archive.namelist()}
    content = unwrapped(read_npy(io.BytesIO(data)) if data[:6] == b"\x93NUMPY" else unpickle(data))
    if not isinstance(content, dict):
        raise Problem(f"a dictionary is expected; found {type(content).__name__}")
    return {str(key): unwrapped(value) for key, value in content.items()}


def take(content, key):
    if key not in content:
        raise Problem(f"must hold '{key}'; found {', '.join(sorted(content)) or 'nothing'}")
    return content[key]


def rows(value, key, width):
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != width:
        raise Problem(f"'{key}' must have shape (windows, {width}); found {array.shape}")
    return array


def eeg_part(content, key):
    bands = take(content, key)
    if not isinstance(bands, dict):
        raise Problem(f"'{key}' must be a dictionary of bands; found {type(bands).__name__}")
    parts = [rows(take(bands, band), f"{key}[{band}]", 62) for band in BANDS]
    if len({len(part) for part in parts}) != 1:
        raise Problem(f"'{key}': the bands must have the same windows; found {[len(p) for p in parts]}")
    return np.stack(parts, axis=2)


def labels_of(content):
    label = np.concatenate([np.asarray(take(content, key)).reshape(-1) for key in ("train_label", "test_label")]).astype(np.float64)
    found = set(label.tolist())
    if found <= {-1, 0, 1} and -1 in found:
        return label + 1
    if found <= {0, 1, 2} and 2 in found:
        return label
    raise Problem(f"labels must be 0, 1, 2 or -1, 0, 1; found {sorted(found)[:8]}")


def trials_of(train, test, label):
    """The trial of each row, by the published windows of 4 s or of 1 s."""
    for seconds in (4, 1):
        counts = [s // seconds for s in SECONDS]
        if (sum(counts[:TRAIN_TRIALS]), sum(counts[TRAIN_TRIALS:])) == (train, test):
            trial = np.repeat(np.arange(1, 16), counts).astype(np.float64)
            wrong = np.flatnonzero(np.repeat(LABELS, counts) != label)
            if len(wrong):
                raise Problem(f"the label of row {wrong[0] + 1} must be {LABELS[int(trial[wrong[0]]) - 1]}, that of trial {int(trial[wrong[0]])}; found {label[wrong[0]]:g}")
            return trial
    raise Problem(f"499 train and 343 test rows (4 s), or 2010 and 1384 (1 s), are expected; found {train} and {test}")


def convert(eeg_path, eye_path):
    path = eeg_path
    try:
        content = load(path)
        train, test = eeg_part(content, "train_data"), eeg_part(content, "test_data")
        label = labels_of(content)
        if len(label) != len(train) + len(test):
            raise Problem(f"a label a window is needed; found {len(label)} for {len(train) + len(test)}")
        trial = trials_of(len(train), len(test), label)
        path = eye_path
        content = load(path)
        eyes = [rows(take(content, key), key, 33) for key in ("train_data_eye", "test_data_eye")]
        for part, name, other in zip(eyes, ("train", "test"), (train, test)):
            if len(part) != len(other):
                raise Problem(f"EEG and eye features must have the same windows; found {len(other)} and {len(part)} for {name}")
        if "train_label" in content and not np.array_equal(labels_of(content), label):
            raise Problem("its labels are not those of the EEG file")
    except Problem as problem:
        raise Problem(f"{path}: {problem}") from None
    except (OSError, ValueError, TypeError, KeyError, EOFError, IndexError, AttributeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise Problem(f"{path}: cannot be read: {error}") from error
    return {"eeg": np.concatenate([train, test]), "eye": np.concatenate(eyes), "label": label[:, None], "trial": trial[:, None]}


def files(folder):
    if not folder.is_dir():
        raise Problem(f"{folder}: a folder is needed")
    found = {}
    for path in sorted(folder.iterdir()):
        match = re.fullmatch(r"(\d+)_([123])(\.npz|\.pkl|\.pickle|)", path.name)
        if match and path.is_file():
            key = (int(match[1]), int(match[2]))
            if key in found:
                raise Problem(f"one file a subject and session is needed; found {found[key]} and {path}")
            found[key] = path
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--eeg", type=pathlib.Path, required=True, metavar="DIR", help="the folder of {subject}_{session}.npz")
    parser.add_argument("--eye", type=pathlib.Path, required=True, metavar="DIR", help="the folder of the eye features")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR", help="where to write {subject}_{session}.mat")
    options = parser.parse_args()
    try:
        eeg, eye = files(options.eeg), files(options.eye)
        if not eeg:
            raise Problem(f"{options.eeg}: no files {{subject}}_{{session}}.npz")
        lonely = sorted(set(eeg) ^ set(eye))
        if lonely:
            names = ", ".join(f"{s}_{n}" for s, n in lonely)
            raise Problem(f"EEG and eye features must come in pairs; only one of them for {names}")
        options.out.mkdir(parents=True, exist_ok=True)
        for subject, session in sorted(eeg):
            variables = convert(eeg[subject, session], eye[subject, session])
            path = options.out / f"{subject}_{session}.mat"
            temporary = path.with_name(f".{path.stem}.tmp")
            with open(temporary, "wb") as f:
                savemat(f, variables, do_compression=True)
                f.flush()
                os.fsync(f.fileno())
            os.replace(temporary, path)
            bad = {name: int((~np.isfinite(v)).sum()) for name, v in variables.items()}
            bad = ", ".join(f"{n} NaN or infinite numbers in {name}" for name, n in bad.items() if n)
            print(f"{path}: {len(variables['eeg'])} windows" + (f"; {bad}" if bad else ""))
    except (Problem, OSError) as problem:
        sys.exit(f"convert_multimodal.py: {problem}")
    print(f"{len(eeg)} files in {options.out}")


if __name__ == "__main__":
    main()

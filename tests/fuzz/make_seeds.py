"""Writes the first inputs of the fuzz targets, seeds/*/*: python3 make_seeds.py

Needs numpy, safetensors and ml_dtypes from PyPI: the files come from other programs than the library's own,
so that its tests read them too. Run it again only to change the seeds; the tests use what is committed.
"""
import io
import json
import pathlib
import struct
import zipfile

import ml_dtypes
import numpy as np
from safetensors.numpy import save

ROOT = pathlib.Path(__file__).parent / "seeds"


def put(name, data):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# ---- safetensors -------------------------------------------------------------------------------------


def raw(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def hash64(*ranges):
    """The checksum of checkpoints, as checkpoint.hpp describes it."""
    mask, prime = 2**64 - 1, 0x9E3779B97F4A7C15
    lanes = [1, 2, 3, 4]

    def step(lane, word):
        v = (lanes[lane] ^ word) * prime & mask
        lanes[lane] = (v << 29 | v >> 35) & mask

    for data in ranges:
        step(0, len(data))
        for i in range(0, len(data), 8):
            step(i // 8 % 4, int.from_bytes(data[i : i + 8], "little"))
    h = 0x6C696D6269632E31
    for lane in lanes:
        h = (h ^ lane) * prime & mask
        h ^= h >> 32
    return f"{h:016x}"


def checkpoint(tensors, metadata):
    names = {"float32": "F32", "float64": "F64", "int64": "I64", "bool": "BOOL", "uint64": "U64"}
    hashes = ""
    for name, a in sorted(tensors.items()):
        shape = "(" + ", ".join(map(str, a.shape)) + ")"
        hashes += hash64(name.encode(), names[a.dtype.name].encode(), shape.encode(), a.tobytes())
    metadata = dict(metadata, **{"limbic.checkpoint": "1", "limbic.tensors": hashes})
    pairs = [s.encode() for key in sorted(metadata) for s in (key, metadata[key])]
    metadata["limbic.checksum"] = hash64(*pairs)
    return save(tensors, metadata)


# -2 to 3.5 by halves: exact in every type of real numbers.
steps = (np.arange(12) - 4) / 2
everything = {
    "F64": steps.reshape(3, 4),
    "F32": steps.astype("f4").reshape(2, 6),
    "F16": steps.astype("f2"),
    "BF16": steps.astype(ml_dtypes.bfloat16),
    "I64": np.array([[-(2**62)], [2**62]]),
    "I32": np.array([-(2**31), 2**31 - 1], "i4"),
    "I16": np.array([-(2**15), 2**15 - 1], "i2"),
    "I8": np.array([-128, 127], "i1"),
    "U64": np.array([0, 2**63 - 1], "u8"),
    "U32": np.array([0, 2**32 - 1], "u4"),
    "U16": np.array([0, 2**16 - 1], "u2"),
    "U8": np.array([0, 255, 1], "u1"),
    "BOOL": np.array([[True, False, True]]),
    "scalar": np.array(2.5),
    "none": np.zeros((0, 3), "f4"),
}
put("safetensors/everything", save(everything, {"op": "softmax", "text": 'é"\\'}))
put("safetensors/one", save({"w": np.array([1.5, -2.0], "f4")}))
put("safetensors/empty", raw({}))
put("safetensors/unaligned", raw({"a": entry("BOOL", [1], 0, 1), "b": entry("F64", [2], 1, 17)}, b"\1" + steps[:2].tobytes()))
put("safetensors/overlap", raw({"a": entry("U8", [4], 0, 4), "b": entry("U8", [4], 2, 6)}, b"123456"))
put("safetensors/hole", raw({"a": entry("U8", [2], 0, 2), "b": entry("U8", [2], 4, 6)}, b"123456"))
put("safetensors/outside", raw({"a": entry("U8", [9], 0, 9)}, b"123456"))
put("safetensors/huge", raw({"a": entry("F32", [10**9, 10**9], 0, 4)}, b"1234"))
put("safetensors/overflow", raw({"a": entry("F32", [2**62, 2**62, 0], 0, 0)}))
put("safetensors/twice", raw(b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', b"1"))
put("safetensors/dtype", raw({"a": entry("F7", [1], 0, 1)}, b"1"))
put("safetensors/long", raw({}, length=2**63))
state = {
    "model.w": np.array([[1.0, 2.0]], "f4"),
    "model.b": np.array([0.5]),
    "mask": np.array([True, False]),
    "ids": np.array([3, -4]),
    "step": np.array(2**64 - 1, "u8"),
}
put("safetensors/checkpoint", checkpoint(state, {"name": "run 1"}))

# ---- npy ---------------------------------------------------------------------------------------------


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version)
    return out.getvalue()


grid = np.arange(6).reshape(2, 3)
for code in ["<f8", ">f8", "<f4", ">f4", "<f2", "<i8", ">i4", "<i2", "|i1", "|u1", ">u2", "<u4", "<u8", "|b1"]:
    put("npy/" + code.strip("<|>") + ("_big" if code[0] == ">" else ""), npy(grid.astype(code)))
put("npy/fortran", npy(np.asfortranarray(grid.astype("f4"))))
put("npy/scalar", npy(np.array(2.5)))
put("npy/none", npy(np.zeros((0, 4))))
put("npy/line", npy(np.arange(3.0)))
put("npy/version2", npy(grid.astype("f8"), (2, 0)))
put("npy/version3", npy(grid.astype("f8"), (3, 0)))
put("npy/structured", npy(np.zeros(2, [("a", "f4")])))
put("npy/text", npy(np.array(["ab"])))


def dict_file(text, data=b""):
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


put("npy/huge", dict_file(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000), }\n", b"12345678"))
put("npy/twice", dict_file(b"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n", b"12345678"))

# ---- npz ---------------------------------------------------------------------------------------------


def npz(writer, **arrays):
    out = io.BytesIO()
    writer(out, **arrays)
    return out.getvalue()


put("npz/savez", npz(np.savez, x=grid.astype("f8"), mask=grid > 2))
put("npz/savez_compressed", npz(np.savez_compressed, x=np.zeros((20, 30), "f4"), n=np.array(7)))


def archive(entries, method):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in entries:
            z.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


put("npz/bomb", archive([("x.npy", dict_file(b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999,), }\n") + b"\0" * 100000)], zipfile.ZIP_DEFLATED))
put("npz/other_files", archive([("readme.txt", b"hello"), ("a.npy", npy(np.arange(3.0))), ("b.npy", b"short")], zipfile.ZIP_STORED))
put("npz/bzip2", archive([("x.npy", npy(np.arange(3.0)))], zipfile.ZIP_BZIP2))
put("npz/empty", archive([], zipfile.ZIP_STORED))
broken = bytearray(archive([("x.npy", npy(np.arange(3.0)))], zipfile.ZIP_STORED))
broken[broken.index(struct.pack("<d", 2.0))] ^= 1
put("npz/checksum", bytes(broken))

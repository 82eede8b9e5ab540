"""In: bytes of images and of tensors, made by hand. Out: proof of the numbers that they become, and of what is refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from hand_made import make_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from in_batches import features_in_any_batch
from prebake.transforms.images import decode_image, decode_tensor, refused

SCALE = np.float32(1 / 255)
GREY, COLOUR, COLOUR_AND_ALPHA = 0, 2, 6


def png(pixels: np.ndarray, color: int = COLOUR, depth: int = 8) -> bytes:
    """Of [height, width, channels], without compression."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    height, width = pixels.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bmp(pixels: np.ndarray) -> bytes:
    """Of [height, width, bytes of a pixel]: rows from the bottom, each a multiple of 4 bytes long, blue first."""
    height, width, size = pixels.shape
    rows = b"".join(row.tobytes().ljust((width * size + 3) // 4 * 4, b"\0") for row in pixels[::-1])
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8 * size, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + head + rows


def random_pixels(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def decode(files: list[bytes], height: int, width: int, channels: int = 3) -> np.ndarray:
    return decode_image(tf.constant(files, tf.string), height, width, channels, "größe").numpy()


def test_pixels_by_hand():
    red, mixed = [255, 0, 0], [51, 102, 204]
    pixels = np.array([[red, mixed]], np.uint8)
    found = decode([png(pixels), b""], 1, 2)
    # 51 / 255 is 0.2; a missing image is all 0.
    np.testing.assert_allclose(found, [[[[1, 0, 0], [0.2, 0.4, 0.8]]], np.zeros((1, 2, 3))], rtol=2**-23)
    # Luminance: 0.299 * 255 = 76.245; 0.299 * 51 + 0.587 * 102 + 0.114 * 204 = 98.379.
    np.testing.assert_array_equal(decode([png(pixels)], 1, 2, 1)[0, 0, :, 0], np.float32([76, 98]) * SCALE)
    # To a width of 4: pixel centres at 0.25, 0.75, 1.25, 1.75 lie at -0.25, 0.25, 0.75, 1.25 of the old ones.
    found = decode([png(pixels)], 1, 4)[0, 0, :, 0] * 255
    np.testing.assert_allclose(found, [255, 255 * 0.75 + 51 * 0.25, 255 * 0.25 + 51 * 0.75, 51], rtol=1e-6)


def test_kinds_of_files():
    pixels = random_pixels(3, 5, 3)
    expected = pixels * SCALE
    np.testing.assert_array_equal(decode([png(pixels)], 3, 5)[0], expected)
    np.testing.assert_array_equal(decode([bmp(pixels[..., ::-1])], 3, 5)[0], expected)
    # Transparency is left out; of 16 bits the upper 8 count; grey is three equal channels.
    alpha = np.concatenate([pixels, random_pixels(3, 5, 1, 1)], axis=2)
    np.testing.assert_array_equal(decode([png(alpha, COLOUR_AND_ALPHA)], 3, 5)[0], expected)
    deep = (pixels.astype(">u2") << 8 | 17).astype(">u2")
    np.testing.assert_array_equal(decode([png(deep, COLOUR, 16)], 3, 5)[0], expected)
    grey = random_pixels(3, 5, 1)
    np.testing.assert_array_equal(decode([png(grey, GREY)], 3, 5)[0], np.repeat(grey, 3, 2) * SCALE)
    np.testing.assert_array_equal(decode([png(grey, GREY)], 3, 5, 1)[0], grey * SCALE)
    # JPEG is lossy, but not of one colour in quality 100.
    flat = np.full((8, 8, 3), 77, np.uint8)
    jpeg = tf.io.encode_jpeg(flat, quality=100).numpy()
    np.testing.assert_allclose(decode([jpeg], 8, 8)[0], flat * SCALE, atol=1.01 / 255)
    # A GIF of two frames of one pixel each, of the colours 1 (red) and 0 (black) of a table of two: its first frame counts.
    frame = b",\0\0\0\0\1\0\1\0\0\x02\x02"
    gif = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\0\0" + frame + b"\x4c\x01\0" + frame + b"\x44\x01\0;"
    np.testing.assert_array_equal(decode([gif], 1, 1)[0], [[[1, 0, 0]]])


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, pixel centres at halves, edges repeated; in binary64."""

    def along(x: np.ndarray, axis: int, size: int) -> np.ndarray:
        old = x.shape[axis]
        place = (np.arange(size) + 0.5) * old / size - 0.5
        low = np.floor(place).astype(int)
        share = (place - low).reshape([-1 if one == axis else 1 for one in range(3)])
        first, second = (np.take(x, np.clip(low + step, 0, old - 1), axis) for step in (0, 1))
        return first * (1 - share) + second * share

    return along(along(pixels.astype(np.float64), 0, height), 1, width)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(1, 9)] * 2, st.integers(0, 99)), max_size=3),
    *[st.integers(1, 9)] * 2,
    st.sampled_from([1, 3]),
)
def test_images_are_those_of_numpy(sizes, height, width, channels):
    images = [random_pixels(*size, 3, seed) for *size, seed in sizes]
    found = decode([png(image) for image in images], height, width, channels)
    assert found.shape == (len(images), height, width, channels)
    for image, one in zip(images, found, strict=True):
        same_size = image.shape[:2] == (height, width)
        if channels == 1:
            image = ((image.astype(int) @ [299, 587, 114] + 500) // 1000)[..., np.newaxis]
        if same_size:
            np.testing.assert_array_equal(one, image.astype(np.float32) * SCALE)
        else:
            # The weights of a pixel's neighbours are binary32 numbers.
            np.testing.assert_allclose(one, resized(image, height, width) / 255, rtol=0, atol=1e-6)


def message(call) -> str:
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        call()
    return (
        caught.value.message.replace("\\'", "'")
        .replace("\\xc3\\xb6\\xc3\\x9f", "öß")
        .replace("\\303\\266\\303\\237", "öß")
    )


@pytest.mark.parametrize("traced", [False, True])
def test_what_is_no_image(traced):
    def image(files: tf.Tensor) -> tf.Tensor:
        return decode_image(files, 2, 2, 3, "größe")

    run = tf.function(image, autograph=False) if traced else image
    good = png(random_pixels(2, 2, 3))
    wanted = "column 'größe' is not a JPEG, PNG, GIF or BMP image:"
    for wrong in (b"hello", b"\0", b"\x89PNG", b"\xff\xd8", "日本".encode()):
        assert wanted in message(lambda wrong=wrong: run(tf.constant([good, wrong])))
    for wrong in (bmp(random_pixels(2, 2, 4)), bmp(random_pixels(2, 4, 1)), b"BM", b"BM short"):
        wanted = "column 'größe' is a BMP image that has not 24 bits a pixel:"
        assert wanted in message(lambda wrong=wrong: run(tf.constant([good, wrong])))
    # A file that ends too early, and one with a fault inside: TensorFlow's own message.
    assert "PNG" in message(lambda: run(tf.constant([good[:40]])))
    assert "PNG" in message(lambda: run(tf.constant([good[:45] + b"\xff" + good[46:]])))


def packed(*values: float, shape: list[int] | None = None, dtype=tf.float32) -> bytes:
    return tf.io.serialize_tensor(tf.constant(values, dtype, shape=shape or [len(values)])).numpy()


def test_tensors_by_hand():
    files = tf.constant([packed(1, -2.5, 3.4e38, 0), b"", packed(1e-40, -1e-40, -0.0, 7)])
    found = decode_tensor(files, [4], "größe")
    # Numbers below the smallest normal one are 0, and so is -0.
    expected = np.array([[1, -2.5, 3.4e38, 0], [0] * 4, [0, 0, 0, 7]], np.float32)
    assert found.numpy().tobytes() == expected.tobytes()
    square = tf.constant([packed(1, 2, 3, 4, shape=[2, 2]), b""])
    assert decode_tensor(square, [2, 2], "x").numpy().tolist() == [[[1, 2], [3, 4]], [[0, 0], [0, 0]]]
    assert decode_tensor(tf.constant([], tf.string), [2, 2], "x").shape == (0, 2, 2)
    assert decode_tensor(tf.constant(["", ""]), [3], "x").numpy().tolist() == [[0] * 3] * 2


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=6, max_size=6),
        max_size=4,
    )
)
def test_tensors_are_those_of_numpy(rows):
    found = decode_tensor(
        tf.constant([packed(*row, shape=[2, 3]) for row in rows], tf.string), [2, 3], "x"
    ).numpy()
    expected = np.array(rows, np.float32).reshape(-1, 2, 3)
    np.testing.assert_array_equal(found, np.where(np.abs(expected) < np.finfo(np.float32).tiny, 0, expected))


@pytest.mark.parametrize("traced", [False, True])
def test_what_is_no_tensor(traced):
    def tensor(files: tf.Tensor) -> tf.Tensor:
        return decode_tensor(files, [2], "größe")

    run = tf.function(tensor, autograph=False) if traced else tensor
    good = packed(1, 2)
    for wrong in (packed(1, 2, 3), packed(1, 2, shape=[1, 2]), packed(1)):
        wanted = "column 'größe' has a tensor whose shape is not [2]:"
        assert wanted in message(lambda wrong=wrong: run(tf.constant([good, wrong])))
    for wrong in (packed(1, np.nan), packed(np.inf, 1), packed(-np.inf, 1)):
        wanted = "column 'größe' has a tensor with a number that is not finite:"
        assert wanted in message(lambda wrong=wrong: run(tf.constant([good, wrong])))
    for wrong in (packed(1, 2, dtype=tf.int64), packed(1, 2, dtype=tf.float64)):
        assert "Type mismatch between parsed tensor" in message(
            lambda wrong=wrong: run(tf.constant([good, wrong]))
        )
    assert "Cannot parse tensor from proto" in message(lambda: run(tf.constant([good, b"xx"])))


def test_which_files_are_refused(graph):
    features = {feature.name: feature for feature in graph.spec.features}
    good, wide = png(random_pixels(2, 2, 3)), bmp(random_pixels(2, 2, 4))
    files = [good, b"hello", b"", good[:40], good, wide, good[:40]]
    reason = "is not an image that can be read: JPEG, PNG, GIF or BMP with 24 bits a pixel"
    assert refused(files, features["grey"]) == [(place, reason) for place in (1, 3, 5, 6)]
    tensors = [b"", packed(1, 2, shape=[2, 1]), packed(1, 2), packed(1, np.inf, shape=[2, 1]), b"xx"]
    reason = "is not a serialised float32 tensor of shape [2, 1] with finite numbers"
    assert refused(tensors, features["packed"]) == [(place, reason) for place in (2, 3, 4)]


@pytest.fixture(scope="module")
def graph():
    return make_graph(
        "picture: {image: {height: 3, width: 4}}\ngrey: {column: picture, image: {height: 2, width: 2, channels: 1}}\n"
        "packed: {tensor: {shape: [2, 1]}}",
        columns="{picture: file, packed: base64, y: string}",
    )


def test_features_of_bytes(graph):
    shapes = {output.name: list(output.shape) for output in graph.features}
    assert shapes == {"picture": [3, 4, 3], "grey": [2, 2, 1], "packed": [2, 1]}
    pixels = random_pixels(3, 4, 3)
    raw = {
        "picture": tf.constant([png(pixels), b""]),
        "packed": tf.constant([b"", packed(5, 6, shape=[2, 1])]),
    }
    found = graph.apply(raw)
    np.testing.assert_array_equal(found["picture"].numpy(), [pixels * SCALE, np.zeros((3, 4, 3))])
    assert found["packed"].numpy().tolist() == [[[0], [0]], [[5], [6]]]
    for count in (0, 2):
        empty = graph.apply({name: tf.constant([""] * count, tf.string) for name in raw})
        assert {name: list(x.shape) for name, x in empty.items()} == {
            n: [count, *s] for n, s in shapes.items()
        }
        assert not any(x.numpy().any() for x in empty.values())


def test_batches_of_any_size(graph):
    jpeg = tf.io.encode_jpeg(random_pixels(6, 7, 3)).numpy()
    kinds = [
        b"",
        png(random_pixels(3, 4, 3)),
        jpeg,
        bmp(random_pixels(5, 2, 3)),
        png(random_pixels(9, 1, 1), GREY),
    ]
    raw = {
        "picture": tf.constant([kinds[i % 5] for i in range(512)]),
        "packed": tf.constant([packed(i / 3, -i, shape=[2, 1]) if i % 4 else b"" for i in range(512)]),
    }
    assert len(features_in_any_batch(graph, raw)["grey"]) == 512

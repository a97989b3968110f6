"""Published classifiers run from their files: the layers against plain loops, the files where they are at hand."""

import numpy as np
import pytest

from baselines import read_baselines
from baselines.layers import conv, max_pool, relu
from fakeweb.errors import ModelCorrupt, ModelMissing


@pytest.mark.parametrize(
    ("size", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 1, 3), (5, 1, 1)]
)
def test_convolution_is_the_plain_sum(size, stride, dilation):
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(8, 8, 2)).astype("f4"), rng.normal(size=(size, size, 2, 3)).astype("f4")
    bias = rng.normal(size=3).astype("f4")
    got = conv(x, kernel, bias, stride=stride, dilation=dilation)
    reach = dilation * (size - 1) // 2
    padded = np.pad(x, ((reach, reach), (reach, reach), (0, 0)))
    for row in range(got.shape[0]):
        for column in range(got.shape[1]):
            part = padded[row * stride :: dilation, column * stride :: dilation][:size, :size]
            want = np.einsum("ijc,ijcd->d", part, kernel) + bias
            assert got[row, column] == pytest.approx(want, abs=1e-4)


def test_pooling_and_leaky_relu():
    x = np.arange(16, dtype="f4").reshape(4, 4, 1)
    assert max_pool(x, 2)[:, :, 0].tolist() == [[5, 7], [13, 15]]
    assert relu(np.array([-2.0, 3.0], "f4"), 0.1).tolist() == pytest.approx([-0.2, 3.0])


def test_files_that_are_none_are_errors(tmp_path):
    with pytest.raises(ModelMissing, match="no published classifier"):
        read_baselines(tmp_path)
    (tmp_path / "classnseg_full_encoder_46.pt").write_bytes(b"no tensors")
    with pytest.raises(ModelCorrupt):
        read_baselines(tmp_path)


def test_a_pickle_that_wants_more_than_tensors_is_refused(tmp_path):
    import os
    import pickle

    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    (tmp_path / "classnseg_full_encoder_46.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelCorrupt, match="it wants"):
        read_baselines(tmp_path)


def test_the_published_files_judge(data, portrait, portrait_box):
    pytest.importorskip("h5py", reason="needs the extra 'evaluate'")
    from fakeweb.faces import align
    from fakeweb.types import Face

    if not (data / "peers").is_dir():
        pytest.skip("no published weights beside the data")
    found = read_baselines(data / "peers")
    scores = {
        p.reference: p.score([align(portrait, Face(portrait_box), 256, margin=1.3)])[0].p_fake for p in found
    }
    assert len(scores) == 5
    # what they say of a genuine portrait, as PyTorch computes it from the same weights
    assert all(scores[n] < 0.05 for n in scores if n.startswith("Meso"))

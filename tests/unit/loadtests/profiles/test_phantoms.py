"""Pictures."""

import numpy as np
import pytest

from loadtests.profiles.phantoms import ellipse, enlarge, grain, grid, quantised, texture


def test_an_enlarged_picture_keeps_its_corners_and_lies_between_its_neighbours() -> None:
    small = np.array([[0, 10], [20, 30]], dtype=np.float32)

    large = enlarge(small, 3, 5)

    assert large.shape == (3, 5)
    assert large.dtype == np.float32
    np.testing.assert_allclose(large[0], [0, 2.5, 5, 7.5, 10])
    np.testing.assert_allclose(large[:, 0], [0, 10, 20])
    assert enlarge(np.stack([small] * 3, axis=-1), 4, 4).shape == (4, 4, 3)


def test_an_ellipse_is_full_in_its_middle_and_empty_outside() -> None:
    drawn = ellipse(grid(101, 201), (0, 0), (0.5, 0.25), edge=0.1)

    assert drawn[50, 100] == 1
    assert drawn[0, 0] == drawn[50, 0] == drawn[0, 100] == 0
    assert drawn.mean() == pytest.approx(np.pi * 0.5 * 0.25 / 4, rel=0.15)


def test_the_spectrum_of_a_texture_falls_by_its_exponent() -> None:
    made = texture(np.random.default_rng(1), 512, 512, 3.0, coarse=1)[:512, :512]

    power = np.abs(np.fft.rfft2(made)) ** 2
    low, high = power[8, 8:12].mean() + power[8:12, 8].mean(), power[64, 64:96].mean() + power[64:96, 64].mean()

    assert made.std() == pytest.approx(1, abs=0.05)
    assert np.log(low / high) / np.log(8) == pytest.approx(3.0, abs=0.8)


@pytest.mark.parametrize("blur", [0.0, 0.5])
def test_grain_has_a_deviation_of_about_one_and_blur_makes_neighbours_alike(blur: float) -> None:
    made = grain(np.random.default_rng(1), 200, 300, blur)

    assert made.shape == (200, 300)
    assert made.std() == pytest.approx(1, abs=0.05)
    alike = np.corrcoef(made[:, 1:].ravel(), made[:, :-1].ravel())[0, 1]
    assert alike == pytest.approx(blur / (1 + blur**2), abs=0.03)


def test_quantised_pictures_keep_to_their_bits() -> None:
    made = quantised(np.array([[-5, 0.4], [0.6, 9999]], dtype=np.float32), 12)

    assert made.dtype == "<u2"
    np.testing.assert_array_equal(made, [[0, 0], [1, 4095]])

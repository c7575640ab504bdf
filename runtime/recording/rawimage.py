"""What raw pixels are called: by ROS and Foxglove, and by FFmpeg."""

from __future__ import annotations

PIXELS = {  # theirs -> FFmpeg's
    "rgb8": "rgb24",
    "bgr8": "bgr24",
    "rgba8": "rgba",
    "bgra8": "bgra",
    "mono8": "gray",
    "mono16": "gray16le",
    "8UC1": "gray",
    "8UC3": "bgr24",
    "8UC4": "bgra",
    "16UC1": "gray16le",
    "uyvy": "uyvy422",
    "yuv422": "uyvy422",
    "yuyv": "yuyv422",
    "yuv422_yuy2": "yuyv422",
    "bayer_rggb8": "bayer_rggb8",
    "bayer_bggr8": "bayer_bggr8",
    "bayer_gbrg8": "bayer_gbrg8",
    "bayer_grbg8": "bayer_grbg8",
}

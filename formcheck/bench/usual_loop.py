"""The usual loop: OpenCV decodes, MediaPipe finds the points, nothing more; also a script.

    python usual_loop.py VIDEO BUNDLE

It knows nothing of formcheck, so that its process is what anybody's would be.
"""

import sys

import cv2


def run_usual_loop(video: str, bundle: str) -> list[list[tuple[float, float, float]]]:
    """Return x, y and visibility of the points of each frame; no masks."""
    import mediapipe as mp
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=bundle),
        running_mode=vision.RunningMode.VIDEO,
    )
    capture = cv2.VideoCapture(video)
    found = []
    previous_ms = -1
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        while True:
            there, bgr = capture.read()
            if not there:
                break
            # MediaPipe wants times that rise
            previous_ms = max(round(capture.get(cv2.CAP_PROP_POS_MSEC)), previous_ms + 1)
            rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb)
            people = landmarker.detect_for_video(image, previous_ms).pose_landmarks or [[]]
            found.append([(point.x, point.y, point.visibility) for point in people[0]])
    capture.release()
    return found


if __name__ == "__main__":
    run_usual_loop(*sys.argv[1:])

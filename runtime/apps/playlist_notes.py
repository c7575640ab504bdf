"""What a user should know of a recording that is played: what is left out, and where its clocks are odd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median_low

from perception.recording import Recording
from runtime.apps.yard_faults import faults_of
from runtime.recording.bags import undescribed
from runtime.recording.timeline import PAUSE_NS

NS_PER_S = 1_000_000_000
NAMED_MAX = 8  # topics that one line names


def notes_on(path: Path, recording: Recording) -> Iterator[str]:
    """Yield a line for each thing of a recording that is not played as it stands there."""
    if recording.undecoded:
        known = sorted(recording.undecoded, key=lambda channel: channel.topic)
        named = [f"{one.topic} ({one.schema or one.encoding or 'no type'})" for one in known[:NAMED_MAX]]
        more = f" and {len(known) - NAMED_MAX} more" if len(known) > NAMED_MAX else ""
        yield f"{path}: not played, because nothing here reads them: {', '.join(named)}{more}"
    if recording.damaged:
        lost = ", ".join(recording.damaged[:NAMED_MAX])
        yield f"{path}: not played, because what was looked at of them is damaged: {lost}"
    if recording.jumps:
        times = f" {recording.jumps} times" if recording.jumps > 1 else ""
        yield f"{path}: its recorder's clock was set back{times}; time goes on in the order of the file"
    if cuts := recording.timeline.cuts:
        lasted_s = sum(end_ns - begin_ns for begin_ns, end_ns in cuts) / NS_PER_S
        lasted = f"{lasted_s / 3600:.1f} hours" if lasted_s >= 3600 else f"{lasted_s / 60:.0f} minutes"
        pauses = f" in {len(cuts)} pauses" if cuts[1:] else ""
        yield f"{path}: nothing was recorded for {lasted}{pauses}; they are left out"
    yield from _strays(path, recording)
    yield from faults_of(path, recording)
    if count := len(undescribed(path)):
        yield f"{path}: its {count} files were joined as parts of one recording, because there is no metadata.yaml"


def _strays(path: Path, recording: Recording) -> Iterator[str]:
    """Tell of streams that begin long before or after most others: a clock may be wrong."""
    if len(recording.tracks) < 3:
        return  # nobody knows which one strays
    usual_ns = median_low(track.begins_ns for track in recording.tracks)
    for track in recording.tracks:
        apart_s = abs(track.begins_ns - usual_ns) / NS_PER_S
        if apart_s * NS_PER_S > PAUSE_NS:
            when = "before" if track.begins_ns < usual_ns else "after"
            apart = f"{apart_s / 3600:.1f} hours" if apart_s >= 3600 else f"{apart_s / 60:.0f} minutes"
            yield f"{path}: {track.topic} begins {apart} {when} most others: a clock may be wrong"

"""Reads an interval log with PyPI's hdrhistogram, a port of the Java original, and prints what it finds as JSON."""

import json
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

PERCENTILES = [0, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100]


def new():
    return HdrHistogram(1, 3_600_000_000, 3)


reader = HistogramLogReader(sys.argv[1], new())
series, lines = {}, []
while True:
    interval = reader.get_next_interval_histogram()
    if interval is None:
        break
    lines.append([interval.get_start_time_stamp(), interval.get_end_time_stamp()])
    series.setdefault(interval.get_tag(), new()).add(interval)

json.dump(
    {
        "start_time": reader.get_start_time_sec(),
        "lines": lines,
        "series": {
            tag: {
                "count": merged.get_total_count(),
                "max": merged.get_max_value(),
                "percentiles": [merged.get_value_at_percentile(percentile) for percentile in PERCENTILES],
            }
            for tag, merged in series.items()
        },
    },
    sys.stdout,
)

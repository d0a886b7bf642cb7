"""Words: Chinese text is normalised, segmented, counted, and phrased."""

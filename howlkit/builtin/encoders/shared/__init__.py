"""What several encoders use: grids of positions, bars, slices, notes, durations, programs."""

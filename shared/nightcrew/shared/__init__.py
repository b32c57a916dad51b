"""What every nightcrew service speaks: instruments, frames, FITS files, calibration rules, outcomes."""

"""What is measured of mined data and of trained models; nothing here changes a run."""

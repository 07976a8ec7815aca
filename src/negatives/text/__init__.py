"""What texts are made of, before anything is searched or learned: scripts and languages."""

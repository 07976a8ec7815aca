"""Small statistics that several rooms need."""

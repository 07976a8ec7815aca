"""Every shipped recipe, carried out."""

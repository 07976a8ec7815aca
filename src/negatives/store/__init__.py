"""Files that survive a crash: atomic writing, the manifest, the lock, vector shards."""

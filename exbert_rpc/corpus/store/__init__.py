"""What lies on disk: the folders and files of a corpus, written atomically and validated."""

"""What each base class promises, asked of every kind there is, a third party's too."""

"""Questions about IR; nothing here changes it."""

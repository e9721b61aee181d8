"""The judges themselves run in an environment of their own, not here."""

collect_ignore_glob = ["*_judge.py", "spot_player.py", "spot_watcher.py", "freqtrade_bot/*"]

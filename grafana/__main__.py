"""``python -m grafana`` writes every board to ``grafana/dashboards/``."""

from __future__ import annotations

from grafana import daemon, embedding, overview, retraining, tokens

BOARDS = (overview.BOARD, embedding.BOARD, tokens.BOARD, retraining.BOARD, daemon.BOARD)

if __name__ == "__main__":
    for board in BOARDS:
        board.path.write_text(board.rendered())
        print(board.path)

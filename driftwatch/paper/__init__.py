"""Room: paper. The looks of pages: their frame, style and charts of lines."""

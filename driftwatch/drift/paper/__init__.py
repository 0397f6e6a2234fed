"""What the pages about windows are made of: sentences, charts and tables, as HTML and SVG that load nothing."""

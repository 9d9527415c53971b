"""A scroll view whose bar is always where the content is."""

from __future__ import annotations

from textual.scroll_view import ScrollView


class Scrolling(ScrollView):
    """Textual 8.2 tells the bar of no scrolling that took place while the bar was not shown yet: its thumb would stay at the top."""

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put the thumb where the content is as soon as there is a bar."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

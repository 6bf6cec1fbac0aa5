"""Pages that play: one file each, which fetches nothing.

    document: a whole page, with its policy, its style and its script
    script_bundle: the modules of script/ as one script
    piece_data: what the piano-roll of a page needs to know of a piece
    page_sound: what plays it: recorded instruments, or a sound file
    piece_section: the element in which a piece is seen and heard
    play_page: the page of one piece

script/ and style/ hold the modules and the style sheets. They know nothing of a page but the
elements that they are given, so that other pages can use them.
"""

from howlkit.music.page.document import Document, shown
from howlkit.music.page.page_sound import PageSound, Playing
from howlkit.music.page.piece_section import piece_section
from howlkit.music.page.play_page import play_page

__all__ = ["Document", "PageSound", "Playing", "piece_section", "play_page", "shown"]

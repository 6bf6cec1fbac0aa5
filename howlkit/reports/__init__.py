"""Reports on music and on runs, each a page that plays, and listening tests.

music_to_show: from what users name, files, folders or a run, to pieces
comparison: statistics and likelihoods of pieces beside the music of a run
settings, curves: what a run was told, and how its training went
report: all of that together; report_page: as a page, with statistics_table
listening: blind tests: pairs, their page, and what listeners answered
"""

"""Blind listening tests, in which people say which of two pieces is better, that of A or of B.

pairs: which pieces are heard side by side, in which order
key: what the page does not say: which side is which
listening_page: the test as a page, and its key
answers: the files that listeners send back; results: what they say together
"""

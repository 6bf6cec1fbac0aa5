"""Making a piece again from the record that it carries (sampling/records.py), and comparing.

replay: from a record to the piece. differences: what is otherwise here than where it was made.
"""

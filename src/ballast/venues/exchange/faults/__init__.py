"""
Faults on demand: what a venue does to its clients on bad days, at will.

``kinds`` says what there is, ``schedule`` decides which request or message is hit (a function of script, seed and
count alone), ``injection`` does it. Promises that the kernel's truth stays the truth: a fault changes what clients are
told and when, or asks of the kernel what a venue could do. Refuses a fault that a face cannot show.
"""

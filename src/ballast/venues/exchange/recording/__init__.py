"""
Sessions as files: what clients asked and were told, with times, and the way back.

``capture`` writes and reads a session, ``public_log`` reads messages that others recorded, ``replay`` plays either to a
client. Promises that what is played is what was recorded, byte for byte. Refuses a file that is neither.
"""

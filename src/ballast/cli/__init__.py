"""
The command line: what a person types, and the only place that chooses concrete adapters.

Knows every other package. Promises one clear line and exit code 2 on bad input. Refuses to hold any rule of
trading: a command reads its arguments, calls the package that knows, and shows the answer.
"""

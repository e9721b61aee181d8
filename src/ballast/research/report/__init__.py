"""
A run as one HTML file.

Knows what a reader wants to see and how to draw it. Promises a file that opens offline, asks nothing of
the network and loses no extreme and no trade. Refuses to compute a figure that the metrics define.
"""

from ballast.research.report.page import report_html, write_report

__all__ = ["report_html", "write_report"]

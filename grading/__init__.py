"""Assignments: what students get, and how what they hand in is graded, safely."""

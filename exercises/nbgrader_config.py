# What nbgrader's own programs, formgrader above all, have to know of this course.
from grading.course import Course

c = get_config()  # noqa: F821  (nbgrader gives it)
c.merge(Course().config())
c.HTMLExporter.sanitize_html = (
    True  # what a submission displays must not run in a grader's browser
)

"""All output formats, each in the file of its name, which is imported when the format is first asked for."""

import pkgutil

from archcalc.report.report import REPORTS

REPORTS.expect({found.name: f"{__name__}.{found.name}" for found in pkgutil.iter_modules(__path__)})

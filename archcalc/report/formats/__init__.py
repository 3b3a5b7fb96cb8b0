"""All output formats, each in the file of its name, which is imported when the format is first asked for."""

from archcalc.core.catalogue import modules_in
from archcalc.report.report import REPORTS

REPORTS.expect({found: f"{__name__}.{found}" for found in modules_in(__path__)})

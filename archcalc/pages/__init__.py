"""Pages and pictures: a network as something to look at.

In: reports, as the JSON that docs/json.md describes, so that anybody can make another page from it.
Out: one HTML file that needs no network (`archcalc report -o net.html`).
To touch: page_source/ for what a page shows; packing.py for what it contains.
"""

from archcalc.report.report import REPORTS

REPORTS.expect({"html": f"{__name__}.page"})

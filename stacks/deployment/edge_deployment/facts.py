"""t"""
from catalogue.model import Facts, Availability
from catalogue.sources import docs
from datetime import date
FACTS=Facts(title="x",tasks=("3.1",),c02=False,question="serving platform",summary="",choose_when=(),rather_than={},comparison={},limits=(),billing=(),availability=Availability(source=docs("a",date(2026,11,22))))

from datetime import date
from catalogue.model import *
S=Source("https://docs.aws.amazon.com/",date(2026,11,22))
FACTS=Facts(title="realtime_endpoint",tasks=("3.1",),c02=True,question="inference option",summary="",choose_when=(),rather_than={},comparison={},limits=(),billing=(),availability=Availability(source=S))

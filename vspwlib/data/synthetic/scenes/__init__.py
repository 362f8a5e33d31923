"""Scene templates: each draws a new take of its sort from random numbers and a style."""

from collections.abc import Callable

import numpy as np

from vspwlib.data.synthetic.scenes.beach import beach
from vspwlib.data.synthetic.scenes.closeup import closeup
from vspwlib.data.synthetic.scenes.country import country
from vspwlib.data.synthetic.scenes.field import field
from vspwlib.data.synthetic.scenes.kitchen import kitchen
from vspwlib.data.synthetic.scenes.living import living
from vspwlib.data.synthetic.scenes.office import office
from vspwlib.data.synthetic.scenes.park import park
from vspwlib.data.synthetic.scenes.railway import railway
from vspwlib.data.synthetic.scenes.street import street
from vspwlib.data.synthetic.take import Style, Take

Template = Callable[[np.random.Generator, Style], Take]

TEMPLATES: dict[str, Template] = {
    "street": street,
    "country": country,
    "beach": beach,
    "living": living,
    "kitchen": kitchen,
    "office": office,
    "field": field,
    "closeup": closeup,
    "park": park,
    "railway": railway,
}

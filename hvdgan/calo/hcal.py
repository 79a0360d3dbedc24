"""The hadron calorimeter of CLIC behind the electromagnetic one: steel and scintillator.

CLIC_o2_v04: 60 layers of 19 mm of steel and two sheets of 0.5 mm around 3 mm of scintillator, in cells of 30 mm. Air,
circuit boards and the gap before it are left out. It shares the class `Geometry` with the silicon calorimeter; the
scintillator takes the place of the silicon.
"""

from hvdgan.calo.geometry import Geometry
from hvdgan.calo.medium import Material

STEEL = Material(z=26.0, a=55.85, density=7.87, x0_mm=17.6, mip_mev_per_mm=1.142)
SCINTILLATOR = Material(z=5.6, a=11.2, density=1.06, x0_mm=413.0, mip_mev_per_mm=0.205)
AIR = Material(z=7.3, a=14.7, density=0.0012, x0_mm=304000.0, mip_mev_per_mm=0.00022)

CELL_MM = 30.0
SAMPLING_TERM = 0.2
"""Electromagnetic sampling resolution of layers one radiation length thick, in GeV^0.5: 21 % / sqrt(E) (assumed)."""

CLIC_HCAL = Geometry(
    thickness_mm=((20.0, 3.0, 0.0),) * 60,
    materials=(STEEL, SCINTILLATOR, AIR),
    window_mm=(5 * CELL_MM, 5 * CELL_MM),
    cells=(5, 5),
    depths=60,
    impact_mm=CELL_MM,
    sampling_term=SAMPLING_TERM,
)
"""The fixed window of the LCD data set: 5 x 5 x 60 cells."""

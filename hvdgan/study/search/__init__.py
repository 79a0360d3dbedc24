"""Where new points come from: the space, its conditions, given points, and the samplers."""

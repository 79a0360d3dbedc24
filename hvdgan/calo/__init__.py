"""Physics: showers, geometry, simulation, observables and the figure of merit; numpy and scipy only."""

package chaos

// nothingIsLeft (I11, I12, I14).
func (e *evidence) nothingIsLeft() {
	if e.state.Garbage > 0 {
		e.breaks("I11", "%d pieces of garbage after the garbage was collected", e.state.Garbage)
	}
	for code, n := range e.state.Exits {
		if code != 0 {
			e.breaks("I12", "%d workers ended by themselves, or when they were asked, with exit code %d", n, code)
		}
	}
	for _, line := range e.state.Panics {
		e.breaks("I12", "a panic: %s", line)
	}
	for _, what := range e.state.Remains {
		e.breaks("I12", "left behind: %s", what)
	}
	for _, place := range e.state.Leaks {
		e.breaks("I14", "a secret is in %s", place)
	}
}

// locksAreOrdered (L): writers take their locks in one order and so never deadlock.
func (e *evidence) locksAreOrdered() {
	if e.state.Deadlocks > 0 {
		e.breaks("L", "the database reports %d deadlocks", e.state.Deadlocks)
	}
}

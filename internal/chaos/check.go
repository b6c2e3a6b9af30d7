package chaos

// Check compares the history of a run with the state that it left, and returns what
// must not be:
//
//	I1  every accepted job has ended, once and for good, and none is dead that could be done
//	I2  the token of each write that was done is in exactly one revision, any other in none
//	I3  the revisions of a resource ascend, none twice; a conditional write follows what it expected
//	I4  from the current revision a chain of parents reaches the first; the count is that of the numbers given
//	I5  reads go forward only and show every write that was known to be done
//	I6  every meta has its revision, every payload is what its hash says
//	I7  rev_* are those of the current revision
//	I8  scan, search and count agree; indexed values are those of the payload
//	I9  a dump that is loaded gives the same dump
//	I10 dead letters and dead rows are the same; a job that cannot be done has one row, which
//	    says so, and one letter when it is dead
//	I11 after garbage collection there is no garbage, and all else is still there
//	I12 workers end with exit code 0, never panic and leave nothing behind
//	I13 jobs are not tried more often than they were delivered
//	I14 no secret is in any log, metric or message
//	L   the database reports no deadlock
//	A   a load that refuses duplicates is seen whole or not at all
func Check(events []Event, state *State) []Violation {
	e := gather(events, state)
	for _, look := range []func(*evidence){
		(*evidence).jobsEnd, (*evidence).endsStay, (*evidence).effectsAreOnce, (*evidence).loadsAreWhole,
		(*evidence).historiesAreLinear, (*evidence).expectationsHold, (*evidence).valuesKeepTheirOrder, (*evidence).readsGoForward,
		(*evidence).metasAreRight, (*evidence).countsAgree, (*evidence).dumpsAgree,
		(*evidence).lettersAreRows, (*evidence).fatesAreMet, (*evidence).nothingIsLeft, (*evidence).triesWereDelivered, (*evidence).locksAreOrdered,
	} {
		look(e)
	}
	return e.violations
}

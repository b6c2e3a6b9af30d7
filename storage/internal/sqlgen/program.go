package sqlgen

import "slices"

// Program says in sentences what the program does for the plan, and why.
func (p Plan) Program() []string {
	notes := slices.Clone(p.Notes)
	if !p.Exact {
		notes = append(notes, "the statement may give too many metas: each is checked by the program")
	}
	if p.Order == OrderMemory {
		notes = append(notes, "all metas that match are held in memory and sorted, of a page twice as many as it reaches to")
	}
	if !p.Paged {
		notes = append(notes, "limit and offset are applied by the program, which stops reading when it has enough")
	}
	return notes
}

// Program says the same of a count.
func (p CountPlan) Program() []string {
	notes := slices.Clone(p.Notes)
	if !p.Exact {
		notes = append(notes, "the first statement counts what is sure to match; when there is more, the second gives what is checked by the program")
	}
	return notes
}

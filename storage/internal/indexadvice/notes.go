package indexadvice

import (
	"slices"

	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// Notes says in sentences what the program does for a plan, and why.
func Notes(p sqlgen.Plan) []string {
	notes := slices.Clone(p.Notes)
	if !p.Exact {
		notes = append(notes, "the statement may give too many metas: each is checked by the program")
	}
	if p.Order == sqlgen.OrderMemory {
		notes = append(notes, "all metas that match are held in memory and sorted, of a page twice as many as it reaches to")
	}
	if !p.Paged {
		notes = append(notes, "limit and offset are applied by the program, which stops reading when it has enough")
	}
	return notes
}

// CountNotes says the same of a count.
func CountNotes(p sqlgen.CountPlan) []string {
	notes := slices.Clone(p.Notes)
	if !p.Exact {
		notes = append(notes, "the first statement counts what is sure to match; when there is more, the second gives what is checked by the program")
	}
	return notes
}

package manager

import "github.com/specstar-worker/worker/resource"

// Problem is one finding of a check or of [Catalog.Verify].
type Problem struct {
	Code Code `json:"code"`
	// Offset is the first byte of the bad frame in an archive; 0 in a store.
	Offset     int64       `json:"offset"`
	Model      string      `json:"model,omitempty"`
	ResourceID resource.ID `json:"resource_id,omitempty"`
	Message    string      `json:"message"`
}

// Findings is the result of a verification.
type Findings struct {
	// OK is false when there are problems; notes do not matter.
	OK bool `json:"ok"`
	// Problems are the first problems found, at most [MaxProblems], Count all of them.
	Problems []Problem `json:"problems"`
	Count    int64     `json:"count"`
	// Notes are remarkable but valid: the stale hash that a migration by the
	// original leaves, a referenced blob that is nowhere. At most [MaxProblems].
	Notes []Problem `json:"notes,omitempty"`
}

// MaxProblems is how many problems and notes a result lists.
const MaxProblems = 100

// problem records a problem.
func (f *Findings) problem(p Problem) {
	f.OK = false
	f.Count++
	if len(f.Problems) < MaxProblems {
		f.Problems = append(f.Problems, p)
	}
}

// note records a remark.
func (f *Findings) note(p Problem) {
	if len(f.Notes) < MaxProblems {
		f.Notes = append(f.Notes, p)
	}
}

// add adds what was found later.
func (f *Findings) add(later Findings) {
	for _, p := range later.Problems {
		f.problem(p)
	}
	f.Count += later.Count - int64(len(later.Problems)) // those that are not listed
	for _, n := range later.Notes {
		f.note(n)
	}
}

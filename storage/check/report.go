package check

import (
	"slices"
	"time"
)

// State is how a check ended.
type State string

// The states of a result.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Result is how one check ended.
type Result struct {
	// Name is that of the check.
	Name  string
	State State
	// Message says what was seen and what was promised, or why the check was
	// skipped; empty for one that passed.
	Message string
	// Where is the line of this package that saw it: "unit.go:51".
	Where string
	// Took is how long the check ran.
	Took time.Duration
}

// Report is what was found.
type Report struct {
	// Results are in the order of [All].
	Results []Result
}

// OK reports whether no check failed.
func (r Report) OK() bool {
	return !slices.ContainsFunc(r.Results, func(res Result) bool { return res.State == Failed })
}

// Outcome is what was found of one guarantee.
type Outcome struct {
	Guarantee
	// Passed counts the checks that passed; Failed and Skipped are the others.
	Passed  int
	Failed  []Result
	Skipped []Result
}

// Outcomes returns what was found of each guarantee, by number: also of those
// that no check was run for.
func (r Report) Outcomes() []Outcome {
	var all []Outcome
	for _, g := range Guarantees() {
		o := Outcome{Guarantee: g}
		for _, res := range r.Results {
			if (Check{Name: res.Name}).Guarantee() != g.Number {
				continue
			}
			switch res.State {
			case Passed:
				o.Passed++
			case Failed:
				o.Failed = append(o.Failed, res)
			case Skipped:
				o.Skipped = append(o.Skipped, res)
			}
		}
		all = append(all, o)
	}
	return all
}

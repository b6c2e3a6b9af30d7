package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/storage/check"
)

// checkReport is what check found.
type checkReport struct {
	OK         bool             `json:"ok"`
	Store      string           `json:"store"`
	Passed     int              `json:"passed"`
	Failed     int              `json:"failed"`
	Skipped    int              `json:"skipped"`
	Seconds    float64          `json:"seconds"`
	Guarantees []checkGuarantee `json:"guarantees"`
}

// checkGuarantee is what check found of one guarantee.
type checkGuarantee struct {
	Guarantee string        `json:"guarantee"`
	Title     string        `json:"title"`
	Passed    int           `json:"passed"`
	Failed    []checkResult `json:"failed"`
	Skipped   []checkResult `json:"skipped"`
}

// checkResult is a check that did not pass.
type checkResult struct {
	Check   string `json:"check"`
	Message string `json:"message"`
	// Where is the line of package check that saw it.
	Where string `json:"where,omitempty"`
}

func newCheckReport(store string, report check.Report, took time.Duration) checkReport {
	r := checkReport{OK: report.OK(), Store: store, Seconds: took.Round(time.Millisecond).Seconds()}
	for _, o := range report.Outcomes() {
		if o.Passed+len(o.Failed)+len(o.Skipped) == 0 {
			continue // not selected
		}
		r.Passed += o.Passed
		r.Failed += len(o.Failed)
		r.Skipped += len(o.Skipped)
		r.Guarantees = append(r.Guarantees, checkGuarantee{
			Guarantee: fmt.Sprintf("G%d", o.Number), Title: o.Title, Passed: o.Passed,
			Failed: checkResults(o.Failed), Skipped: checkResults(o.Skipped),
		})
	}
	return r
}

// checkResults never returns nil, which JSON shows as null.
func checkResults(results []check.Result) []checkResult {
	all := make([]checkResult, len(results))
	for i, r := range results {
		all[i] = checkResult{Check: r.Name, Message: r.Message, Where: r.Where}
	}
	return all
}

func (a *app) printReport(report check.Report, took time.Duration) error {
	r := newCheckReport(a.global.storeName(), report, took)
	show := a.printCheckTable
	if a.format == render.JSON {
		show = func(r checkReport) error { return render.Document(a.stdout, render.JSON, r) }
	}
	if err := show(r); err != nil {
		return err
	}
	if !r.OK {
		return exit(exitProblems)
	}
	return nil
}

// printCheckTable prints a line for each guarantee, then what did not pass.
func (a *app) printCheckTable(r checkReport) error {
	list := render.NewList(a.stdout, a.format, "", "GUARANTEE", "PASSED", "FAILED", "SKIPPED")
	for _, g := range r.Guarantees {
		if err := list.Add(render.Row{ID: g.Guarantee, Value: g, Cells: []string{
			g.Guarantee, g.Title, strconv.Itoa(g.Passed), count(g.Failed), count(g.Skipped),
		}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil || a.format != render.Table {
		return err
	}
	for _, g := range r.Guarantees {
		for _, c := range g.Skipped {
			a.note("skipped: %s: %s", c.Check, c.Message)
		}
		for _, c := range g.Failed {
			if _, err := fmt.Fprintf(a.stdout, "BROKEN %s: %s (%s)\n", c.Check, render.Printable(c.Message), c.Where); err != nil {
				return err
			}
		}
	}
	end := "ok"
	if !r.OK {
		end = fmt.Sprintf("%d checks failed", r.Failed)
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s; %d passed, %d skipped, in %.1f s\n", r.Store, end, r.Passed, r.Skipped, r.Seconds)
	return err
}

// count renders how many there are, and nothing for none.
func count(results []checkResult) string {
	if len(results) == 0 {
		return ""
	}
	return strconv.Itoa(len(results))
}

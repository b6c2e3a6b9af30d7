package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	SaveMany   comparison     `json:"save_many"`
	Operations []operationRow `json:"operations,omitempty"`
}

func (r report) write(w io.Writer) error {
	if err := r.SaveMany.write(w); err != nil || len(r.Operations) == 0 {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\noperation\tone call µs\tin bulk µs\tallocations\tbytes\t\n")
	for _, o := range r.Operations {
		bulk := "–"
		if o.Bulk > 0 {
			bulk = fmt.Sprintf("%.1f", o.Bulk/1e3)
		}
		fmt.Fprintf(t, "%s\t%.1f\t%s\t%.0f\t%.0f\t\n", o.Operation, o.Each/1e3, bulk, o.Allocs, o.Bytes)
	}
	return t.Flush()
}

func (c comparison) write(w io.Writer) error {
	verdict := "reached"
	if c.Ratio < floor {
		verdict = "not reached"
	}
	rounds := make([]string, len(c.Ratios))
	for i, v := range c.Ratios {
		rounds[i] = fmt.Sprintf("%.2f", v)
	}
	_, err := fmt.Fprintf(w, `%d new resources in units of %d, on %s
  SaveMany            %7.0f resources/s, %.1f µs of CPU each
  bare %d-row INSERTs %7.0f resources/s, %.1f µs
  ratio %.2f (rounds %s; at least %.1f: %s)
`, c.Resources, batch, c.Medium, c.Ours, c.OursCPU, rowsPerInsert, c.Bare, c.BareCPU, c.Ratio, strings.Join(rounds, " "), floor, verdict)
	return err
}

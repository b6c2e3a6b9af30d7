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
	_, err := fmt.Fprintf(w, `%d new resources in units of %d, on %s
  bare %d-row INSERTs         %7.0f resources/s, %.1f µs of CPU each
  units of decoded records    %7.0f resources/s, %.1f µs; ratio %s
  SaveMany, from JSON         %7.0f resources/s, %.1f µs; ratio %s
`, c.Resources, batch, c.Medium, rowsPerInsert, c.Bare, c.BareCPU,
		c.Records, c.RecordsCPU, verdict(c.RecordsRatio, c.RecordsRatios), c.Ours, c.OursCPU, verdict(c.Ratio, c.Ratios))
	return err
}

// verdict writes a ratio with those of the rounds, and whether it is the floor's.
func verdict(ratio float64, rounds []float64) string {
	texts := make([]string, len(rounds))
	for i, v := range rounds {
		texts[i] = fmt.Sprintf("%.2f", v)
	}
	reached := "reached"
	if ratio < floor {
		reached = "not reached"
	}
	return fmt.Sprintf("%.2f (rounds %s; at least %.1f: %s)", ratio, strings.Join(texts, " "), floor, reached)
}

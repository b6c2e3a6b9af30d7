package main

import (
	"fmt"
	"io"
	"strings"
)

// report is everything that was measured.
type report struct {
	SaveMany   comparison     `json:"save_many"`
	Operations []operationRow `json:"operations"`
}

func (r report) write(w io.Writer) error {
	c := r.SaveMany
	verdict := "reached"
	if c.Ratio < floor {
		verdict = "not reached"
	}
	rounds := make([]string, len(c.Ratios))
	for i, v := range c.Ratios {
		rounds[i] = fmt.Sprintf("%.2f", v)
	}
	_, err := fmt.Fprintf(w, "%d new resources in units of %d, on %s\n  SaveMany            %7.0f resources/s\n  bare %d-row INSERTs %7.0f resources/s\n  ratio %.2f (rounds %s; at least %.1f: %s)\n",
		c.Resources, batch, c.Medium, c.Ours, rowsPerInsert, c.Bare, c.Ratio, strings.Join(rounds, " "), floor, verdict)
	return err
}

package main

import (
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strings"
)

// report is what the program prints.
type report struct {
	Metas    int                `json:"metas"`
	Seconds  map[string]float64 `json:"seconds"` // of each step before
	Searches []searchRow        `json:"searches"`
	Lists    *listRow           `json:"lists,omitempty"`
}

// write writes Markdown tables.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; %d metas, made in", runtime.Version(), runtime.NumCPU(), r.Metas)
	for _, step := range slices.Sorted(maps.Keys(r.Seconds)) {
		fmt.Fprintf(&b, " %s %.1f s", step, r.Seconds[step])
	}
	b.WriteString(".\n\n| search | rows | ms | by hand ms | ratio | rounds | goal |\n|---|---:|---:|---:|---:|---|---|\n")
	for _, x := range r.Searches {
		fmt.Fprintf(&b, "| %s | %d | %.3f | %.3f | **%.2f×** | %.2f–%.2f | %s |\n",
			x.Search, x.Rows, x.Ours, x.Hand, x.Ratio, slices.Min(x.Ratios), slices.Max(x.Ratios), verdict(x.Ratio <= x.Most, x.Most, "≤"))
	}
	if r.Lists != nil {
		r.Lists.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict says whether a goal was reached, a dash when there is none.
func verdict(reached bool, goal float64, sign string) string {
	switch {
	case goal == 0:
		return "–"
	case reached:
		return fmt.Sprintf("%s %g× reached", sign, goal)
	}
	return fmt.Sprintf("%s %g× not reached", sign, goal)
}

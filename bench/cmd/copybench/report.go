package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
)

// report is what the program prints.
type report struct {
	Limit    []limitRow    `json:"limit,omitempty"`
	Original []originalRow `json:"original,omitempty"`
}

// write writes Markdown tables.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; CPU is µs for each resource, client and all processes of the server.\n\n", runtime.Version(), runtime.NumCPU())
	if len(r.Limit) > 0 {
		b.WriteString("| path | resources/s | ÷ COPY | rounds | CPU client + server | floor |\n|---|---:|---:|---|---|---|\n")
		for _, x := range r.Limit {
			fmt.Fprintf(&b, "| %s | %.0f | **%.2f** | %s | %.1f + %.1f | %s |\n", x.Path, x.PerSecond, x.Ratio, spread(x.Ratios), x.ClientCPU, x.ServerCPU, verdict(x.Ratio, x.Floor))
		}
		b.WriteString("\n")
	}
	if len(r.Original) > 0 {
		b.WriteString("| command | ours: s | resources/s | original, as shipped | ratio | connections kept | ratio | floor |\n|---|---:|---:|---:|---:|---:|---:|---|\n")
		for _, x := range r.Original {
			fmt.Fprintf(&b, "| %s | %.2f | %.0f | %.0f | **%.1f×** | %.0f | **%.1f×** | %s |\n", x.Command, x.Seconds, x.Ours, x.Shipped, x.ShippedRatio, x.Kept, x.KeptRatio, x.verdict())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict says whether a ratio reaches its floor.
func verdict(ratio, floor float64) string {
	switch {
	case floor == 0:
		return "–"
	case ratio >= floor:
		return fmt.Sprintf("%.2f reached", floor)
	}
	return fmt.Sprintf("%.2f not reached", floor)
}

// spread gives the lowest and the highest value.
func spread(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f–%.2f", slices.Min(v), slices.Max(v))
}

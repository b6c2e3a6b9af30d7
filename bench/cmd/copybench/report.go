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
	StartUp  *startUpRow   `json:"start_up,omitempty"`
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
		r.writeSteps(&b)
	}
	if r.StartUp != nil {
		fmt.Fprintf(&b, "| command | ms | rounds | floor |\n|---|---:|---|---|\n| start-up: load of one resource | **%.0f** | %.0f–%.0f | %s |\n\n",
			r.StartUp.Seconds*1000, slices.Min(r.StartUp.Rounds)*1000, slices.Max(r.StartUp.Rounds)*1000, r.StartUp.verdict())
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

// clientFloor is how much CPU of the client a resource may take, in µs.
const clientFloor = 12

// writeSteps writes the client's CPU by step.
func (r report) writeSteps(b *strings.Builder) {
	if !slices.ContainsFunc(r.Limit, func(x limitRow) bool { return x.Steps != nil }) {
		return
	}
	fmt.Fprintf(b, "| client CPU, µs a resource | all | %s | floor |\n|---|---:|%s---|\n", strings.Join(stepNames, " | "), strings.Repeat("---:|", len(stepNames)))
	for _, x := range r.Limit {
		if x.Steps == nil {
			continue
		}
		fmt.Fprintf(b, "| %s | **%.1f** |", x.Path, x.ClientCPU)
		for _, name := range stepNames {
			fmt.Fprintf(b, " %.1f |", x.Steps[name])
		}
		reached := "reached"
		if x.ClientCPU > clientFloor {
			reached = "not reached"
		}
		fmt.Fprintf(b, " ≤ %d %s |\n", clientFloor, reached)
	}
	b.WriteString("\n")
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

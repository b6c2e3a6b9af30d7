package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
)

// write writes a Markdown table.
func write(w io.Writer, rows []row, o options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; %d revisions of %d objects, %d requests at a time; CPU is µs for each revision, server included.\n\n", runtime.Version(), runtime.NumCPU(), o.revisions, objectsEach, o.parallel)
	b.WriteString("| server's latency | bare: revisions/s | CPU | through storage/s3 | CPU | ratio | rounds | goal |\n|---|---:|---:|---:|---:|---:|---|---|\n")
	for _, x := range rows {
		reached := "reached"
		if x.Ratio < floor {
			reached = "not reached"
		}
		fmt.Fprintf(&b, "| %s | %.0f | %.0f | %.0f | %.0f | **%.2f×** | %.2f–%.2f | %.1f× %s |\n",
			x.Latency, x.Bare, x.BareCPU, x.Ours, x.OursCPU, x.Ratio, slices.Min(x.Ratios), slices.Max(x.Ratios), floor, reached)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

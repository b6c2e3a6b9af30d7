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
	Rows []row `json:"dumps"`
}

// row is one store dumped by one build.
type row struct {
	Store     string  `json:"store"`
	Resources int     `json:"resources"`
	Build     string  `json:"build"`
	Seconds   float64 `json:"seconds"` // median of the rounds'
	PerSecond float64 `json:"resources_per_second"`
	// ClientCPU and ServerCPU are µs for each resource, start-up included.
	ClientCPU float64 `json:"client_cpu_us"`
	ServerCPU float64 `json:"server_cpu_us"`
	// Ratio is the time to that of all processors, median of the rounds'.
	Ratio  float64   `json:"ratio"`
	Ratios []float64 `json:"ratios"`
}

// write writes a Markdown table.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; whole processes; CPU is µs for each resource, start-up\nincluded, the ratio that of the time to ours.\n\n", runtime.Version(), runtime.NumCPU())
	b.WriteString("| store | resources | build | ms | resources/s | CPU client + server | ratio | rounds |\n|---|---:|---|---:|---:|---|---:|---|\n")
	for _, x := range r.Rows {
		fmt.Fprintf(&b, "| %s | %d | %s | %.0f | %.0f | %.1f + %.1f | **%.2f×** | %.2f–%.2f |\n", x.Store, x.Resources, x.Build, x.Seconds*1000, x.PerSecond,
			x.ClientCPU, x.ServerCPU, x.Ratio, slices.Min(x.Ratios), slices.Max(x.Ratios))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

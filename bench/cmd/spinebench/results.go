package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// timing is what one run of one operation took; CPU counts all cores.
type timing struct{ wall, cpu time.Duration }

// results are the timings of all rounds, by operation.
type results struct {
	inputs       map[input]archiveFile
	medium       string
	gcPercent    int
	ours, theirs map[string][]timing
}

func newResults(b *bench, gcPercent int) *results {
	return &results{
		inputs: b.inputs, medium: b.scratch.Medium(), gcPercent: gcPercent,
		ours: map[string][]timing{}, theirs: map[string][]timing{},
	}
}

// row is the outcome of one operation.
type row struct {
	Operation string    `json:"operation"`
	Ours      side      `json:"ours"`
	Original  side      `json:"original"`
	Ratio     float64   `json:"ratio"`  // median of the rounds' ratios of wall time
	Ratios    []float64 `json:"ratios"` // by round
	Floor     float64   `json:"floor,omitzero"`
	Aim       float64   `json:"aim,omitzero"`
	Reached   bool      `json:"reached"`
}

// side is one side's medians.
type side struct {
	ResourcesPerSecond float64 `json:"resources_per_second"`
	MBPerSecond        float64 `json:"mb_per_second"` // 10^6 bytes of archive
	CPUMicros          float64 `json:"cpu_us_per_resource"`
}

func (r *results) rows() []row {
	var rows []row
	for _, op := range operations {
		o, t := r.ours[op.name], r.theirs[op.name]
		w := row{Operation: op.name, Ours: sideOf(o, r.inputs[op.input]), Original: sideOf(t, r.inputs[op.input]), Floor: op.floor, Aim: op.aim}
		for i := range min(len(o), len(t)) {
			w.Ratios = append(w.Ratios, float64(t[i].wall)/float64(o[i].wall))
		}
		w.Ratio = command.Median(w.Ratios)
		w.Reached = len(w.Ratios) > 0 && w.Ratio >= op.floor
		rows = append(rows, w)
	}
	return rows
}

func sideOf(ts []timing, in archiveFile) side {
	if len(ts) == 0 {
		return side{}
	}
	var wall, cpu []float64
	for _, t := range ts {
		wall = append(wall, t.wall.Seconds())
		cpu = append(cpu, t.cpu.Seconds())
	}
	n, s := float64(in.resources), command.Median(wall)
	return side{n / s, float64(in.bytes) / 1e6 / s, command.Median(cpu) * 1e6 / n}
}

// writeJSON writes everything as one document.
func (r *results) writeJSON(w io.Writer) error {
	return command.WriteJSON(w, map[string]any{
		"resources": r.inputs[items].resources, "archive_bytes": r.inputs[items].bytes, "medium": r.medium,
		"api_resources": r.inputs[goAPI].resources, "api_archive_bytes": r.inputs[goAPI].bytes,
		"go": runtime.Version(), "cpus": runtime.NumCPU(), "gogc": r.gcPercent, "rows": r.rows(),
	})
}

// writeTable writes a Markdown table.
func (r *results) writeTable(w io.Writer) error {
	var b strings.Builder
	fat, lean := r.inputs[items], r.inputs[goAPI]
	fmt.Fprintf(&b, "%d resources with one revision each, archive of %.1f MB; \"read api\": the Go API data set, %d resources, %.1f MB.\n",
		fat.resources, float64(fat.bytes)/1e6, lean.resources, float64(lean.bytes)/1e6)
	fmt.Fprintf(&b, "On %s; %s, GOGC %d, %d CPUs.\n\n", r.medium, runtime.Version(), r.gcPercent, runtime.NumCPU())
	b.WriteString("| path | ours: resources/s | MB/s | CPU µs | original: resources/s | MB/s | CPU µs | ratio | rounds | floor | aim |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---|---|---|\n")
	for _, x := range r.rows() {
		fmt.Fprintf(&b, "| %s | %.0f | %.1f | %.1f | %.0f | %.1f | %.1f | **%.1f×** | %s | %s | %s |\n", x.Operation,
			x.Ours.ResourcesPerSecond, x.Ours.MBPerSecond, x.Ours.CPUMicros,
			x.Original.ResourcesPerSecond, x.Original.MBPerSecond, x.Original.CPUMicros,
			x.Ratio, spread(x.Ratios), verdict(x.Ratio, x.Floor), verdict(x.Ratio, x.Aim))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict says whether a ratio reaches a goal.
func verdict(ratio, goal float64) string {
	switch {
	case goal == 0:
		return "–"
	case ratio >= goal:
		return fmt.Sprintf("%.0f× reached", goal)
	}
	return fmt.Sprintf("%.0f× not reached", goal)
}

// spread gives the lowest and the highest value.
func spread(v []float64) string {
	if len(v) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f–%.1f", slices.Min(v), slices.Max(v))
}

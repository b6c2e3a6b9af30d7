package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// Names of the sides.
const (
	sideCopy         = "raw COPY, no queue"
	sideRiver        = "River, an upsert a job"
	sideRiverLean    = "River, lean jobs, one round trip"
	sideSingle       = "jobs of one save"
	sideBulk         = "bulk jobs"
	sideSingleSynced = "jobs of one save, sync always"
	sideBulkSynced   = "bulk jobs, sync always"
)

// Floors of the ratios.
const (
	floorSingle = 8.0  // × River
	floorBulk   = 14.0 // × River
	floorCopy   = 0.5  // × COPY
	floorSynced = 0.7  // × the same without
)

// row is the outcome of one side.
type row struct {
	Side      string    `json:"side"`
	PerSecond float64   `json:"resources_per_second"`
	River     float64   `json:"ratio_to_river"` // median of the rounds'
	Copy      float64   `json:"ratio_to_copy"`
	Rivers    []float64 `json:"ratios_to_river"`
	ClientCPU float64   `json:"client_cpu_us"` // of a resource, the broker's included
	ServerCPU float64   `json:"server_cpu_us"` // of PostgreSQL
}

// pacedRow is how long paced jobs took, medians of the rounds', in milliseconds.
type pacedRow struct {
	Side string  `json:"side"`
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
}

// report is what the command prints.
type report struct {
	Rows   []row      `json:"rows"`
	Paced  []pacedRow `json:"paced,omitempty"`
	Synced float64    `json:"bulk_synced_to_bulk"` // median of the rounds'
	rate   int
	bulk   int
}

func (b *bench) report(p *paces) report {
	r := report{rate: b.rate, bulk: b.bulk}
	by := map[string][]float64{}
	for _, s := range b.sides {
		by[s.name] = s.wall
	}
	for _, s := range b.sides {
		rivers := ratios(by[sideRiver], s.wall)
		r.Rows = append(r.Rows, row{
			Side: s.name, PerSecond: 1 / command.Median(s.wall), River: command.Median(rivers), Rivers: rivers,
			Copy:      command.Median(ratios(by[sideCopy], s.wall)),
			ClientCPU: command.Median(s.client) * 1e6, ServerCPU: command.Median(s.server) * 1e6,
		})
	}
	r.Synced = command.Median(ratios(by[sideBulk], by[sideBulkSynced]))
	for _, name := range pacedSides {
		if len(p.p50[name]) > 0 {
			r.Paced = append(r.Paced, pacedRow{name, command.Median(p.p50[name]) * 1e3, command.Median(p.p99[name]) * 1e3})
		}
	}
	return r
}

// ratios returns the first numbers divided by the second, zeros when one of them was not
// measured.
func ratios(a, b []float64) []float64 {
	r := make([]float64, max(len(a), len(b)))
	if len(a) != len(b) {
		return r
	}
	for i := range b {
		r[i] = a[i] / b[i]
	}
	return r
}

// write writes Markdown tables.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; bulk jobs hold %d operations; CPU is µs for each resource, of the side's process (broker, publisher and worker) and of PostgreSQL.\n\n",
		runtime.Version(), runtime.NumCPU(), r.bulk)
	b.WriteString("| side | resources/s | ÷ River | rounds | ÷ COPY | CPU | floor |\n|---|---:|---:|---|---:|---|---|\n")
	for _, x := range r.Rows {
		fmt.Fprintf(&b, "| %s | %.0f | **%.1f** | %.1f–%.1f | **%.2f** | %.0f + %.0f | %s |\n",
			x.Side, x.PerSecond, x.River, slices.Min(x.Rivers), slices.Max(x.Rivers), x.Copy, x.ClientCPU, x.ServerCPU, r.verdict(x))
	}
	if len(r.Paced) > 0 {
		fmt.Fprintf(&b, "\n| paced at %d jobs/s | p50 ms | p99 ms | floor |\n|---|---:|---:|---|\n", r.rate)
		for _, x := range r.Paced {
			fmt.Fprintf(&b, "| %s | %.1f | %.1f | %s |\n", x.Side, x.P50, x.P99, r.pacedVerdict(x))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r report) verdict(x row) string {
	switch x.Side {
	case sideSingle:
		return reached(x.River, floorSingle, "River")
	case sideBulk:
		return reached(x.River, floorBulk, "River") + ", " + reached(x.Copy, floorCopy, "COPY")
	case sideBulkSynced:
		return reached(x.River, floorBulk, "River") + ", " + reached(r.Synced, floorSynced, "without")
	}
	return "–"
}

func (r report) pacedVerdict(x pacedRow) string {
	river := r.Paced[0]
	switch {
	case x.Side == river.Side:
		return "–"
	case x.P50 < river.P50 && x.P99 < river.P99:
		return "below River's"
	}
	return "not below River's"
}

// reached says whether a ratio is as large as its floor.
func reached(ratio, floor float64, of string) string {
	verdict := "not reached"
	if ratio >= floor {
		verdict = "reached"
	}
	return fmt.Sprintf("%g× %s %s (%.2f)", floor, of, verdict, ratio)
}

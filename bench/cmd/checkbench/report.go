package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// sumName is what the others are compared with.
const sumName = "sha256sum"

// report is what the program prints.
type report struct {
	Bytes  int64   `json:"bytes"`
	Offset int64   `json:"offset"` // of the damage
	Floor  float64 `json:"floor"`
	Ways   []way   `json:"ways"`
}

// way is one program on the archive.
type way struct {
	Name string `json:"name"`
	// Rounds are seconds.
	Rounds []float64 `json:"rounds"`
}

// add adds a round of a way.
func (r *report) add(name string, seconds float64) {
	i := slices.IndexFunc(r.Ways, func(w way) bool { return w.Name == name })
	if i < 0 {
		i, r.Ways = len(r.Ways), append(r.Ways, way{Name: name})
	}
	r.Ways[i].Rounds = append(r.Ways[i].Rounds, seconds)
}

// ratios are those of a way to sha256sum, round by round.
func (r *report) ratios(w way) []float64 {
	all := make([]float64, len(w.Rounds))
	for i, s := range w.Rounds {
		all[i] = s / r.Ways[0].Rounds[i]
	}
	return all
}

// write writes a Markdown table.
func (r report) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs; an archive of %.2f GB, damaged at byte %d; ratios to %s, median of the rounds'.\n\n",
		runtime.Version(), runtime.NumCPU(), float64(r.Bytes)/1e9, r.Offset, sumName)
	b.WriteString("| | s | ratio | rounds | floor |\n|---|---:|---:|---|---|\n")
	for _, x := range r.Ways {
		ratios := r.ratios(x)
		fmt.Fprintf(&b, "| %s | %.2f | **%.2f** | %.2f–%.2f | %s |\n", x.Name, command.Median(x.Rounds), command.Median(ratios),
			slices.Min(ratios), slices.Max(ratios), r.verdict(x.Name, command.Median(ratios)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// verdict says whether a ratio is as low as it must be.
func (r report) verdict(name string, ratio float64) string {
	switch {
	case !strings.HasPrefix(name, "worker"):
		return "–"
	case ratio <= r.Floor:
		return fmt.Sprintf("≤ %.1f reached", r.Floor)
	}
	return fmt.Sprintf("≤ %.1f not reached", r.Floor)
}

package scale

import (
	"fmt"
	"slices"
)

const (
	// grows is what throughput must at least grow by when workers double to say that
	// they help.
	grows = 1.5
	// busy is the share of the processors from which on they are said to be used up.
	busy = 0.85
	// alone is the share of the time that one worker may plan and end a load.
	alone = 0.2
)

// compare fills in the growth and the verdict.
func (r *Report) compare() {
	for i := range r.Runs {
		if j := slices.IndexFunc(r.Runs, func(o Run) bool { return 2*o.Workers == r.Runs[i].Workers }); j >= 0 {
			half, whole := r.Runs[j], &r.Runs[i]
			whole.Growth = whole.PerSecond / half.PerSecond
			whole.ChunkGrowth = half.chunking() / whole.chunking()
		}
	}
	r.Verdict = r.verdict()
}

// chunking is how many seconds passed from the beginning of the first chunk to the end of
// the last one.
func (r Run) chunking() float64 { return r.Seconds * (1 - r.Planning - r.Finishing) }

// verdict says from which number of workers on more of them do not help.
func (r *Report) verdict() string {
	i := slices.IndexFunc(r.Runs, func(o Run) bool { return o.Growth != 0 && o.Growth < grows })
	if i < 0 {
		return "more workers helped as far as was measured"
	}
	at := r.Runs[i]
	why := fmt.Sprintf("%.1f of %d processors are busy", at.Load, r.Processors)
	switch {
	case at.Load >= busy*float64(r.Processors):
		why += ", most of that time " + at.CPU.most() + ": the machine is used up"
	case at.Busy < at.Workers:
		why += fmt.Sprintf(", and only %d workers found chunks to do: the archive is small", at.Busy)
	case at.Planning+at.Finishing > alone:
		why += fmt.Sprintf(", and %.0f %% of the time one worker alone plans or ends the load", 100*(at.Planning+at.Finishing))
	case at.Machine >= busy*float64(r.Processors):
		why += fmt.Sprintf(" with it and %.1f with other programs: the machine is used up", at.Machine-at.Load)
	default:
		why += fmt.Sprintf(": workers wait, for %.0f commits and %.0f MB of WAL a second", at.Commits, at.WALRate)
	}
	return fmt.Sprintf("it saturates at %d workers (%.2f× of half as many): %s", at.Workers, at.Growth, why)
}

// most names the part with the most time.
func (c CPU) most() string {
	name, time := "in the workers", c.Workers
	for _, o := range []struct {
		name string
		time float64
	}{{"in PostgreSQL", c.Postgres}, {"in the queue", c.Queue}, {"in the measurement itself", c.Harness}} {
		if o.time > time {
			name, time = o.name, o.time
		}
	}
	return name
}

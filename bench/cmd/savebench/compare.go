package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
	"github.com/specstar-worker/worker/bench/internal/cputime"
	"github.com/specstar-worker/worker/manager"
)

// comparison is the outcome of SaveMany against bare inserts.
type comparison struct {
	Resources int     `json:"resources"`
	Medium    string  `json:"medium"`
	Ours      float64 `json:"save_many_per_second"`
	Bare      float64 `json:"bare_inserts_per_second"`
	OursCPU   float64 `json:"save_many_cpu_us"` // per resource, all threads
	BareCPU   float64 `json:"bare_inserts_cpu_us"`
	// Records are units of work from decoded records: without the rules of saves and
	// the JSON of payloads.
	Records       float64   `json:"records_per_second"`
	RecordsCPU    float64   `json:"records_cpu_us"`
	RecordsRatio  float64   `json:"records_ratio"`
	RecordsRatios []float64 `json:"records_ratios"`
	Ratio         float64   `json:"ratio"`  // median of the rounds'
	Ratios        []float64 `json:"ratios"` // by round
}

// floor is the ratio that must be reached.
const floor = 0.8

// compare measures both sides in rounds; the side that begins alternates.
func compare(ctx context.Context, o options) (comparison, error) {
	c := comparison{Resources: o.resources}
	tables, err := expectedRows(ctx, o.resources)
	if err != nil {
		return c, err
	}
	decoded, err := expectedRecords(ctx, o.resources)
	if err != nil {
		return c, err
	}
	stop, err := command.Profile(o.CPUProfile)
	if err != nil {
		return c, err
	}
	var ours, bare, units timings
	for i := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, o.rounds)
		sides := []func() error{
			func() error {
				return timeOurs(ctx, &ours, o.resources, tables, &c.Medium)
			},
			func() error { return timeRecords(ctx, &units, decoded, tables) },
			func() error { return timeBare(ctx, &bare, tables) },
		}
		if i%2 == 1 {
			slices.Reverse(sides)
		}
		for _, side := range sides {
			if err := side(); err != nil {
				return c, errors.Join(err, stop())
			}
		}
		c.Ratios = append(c.Ratios, bare.wall[i]/ours.wall[i])
		c.RecordsRatios = append(c.RecordsRatios, bare.wall[i]/units.wall[i])
	}
	n := float64(o.resources)
	c.Ours, c.Bare, c.Ratio = n/command.Median(ours.wall), n/command.Median(bare.wall), command.Median(c.Ratios)
	c.OursCPU, c.BareCPU = command.Median(ours.cpu)*1e6/n, command.Median(bare.cpu)*1e6/n
	c.Records, c.RecordsCPU, c.RecordsRatio = n/command.Median(units.wall), command.Median(units.cpu)*1e6/n, command.Median(c.RecordsRatios)
	return c, stop()
}

// timings are the seconds that a side took in each round.
type timings struct{ wall, cpu []float64 }

// take measures one call.
func (t *timings) take(ctx context.Context, side string, call func(context.Context) error) (err error) {
	runtime.GC()
	cpu, begin := cputime.Now(), time.Now()
	pprof.Do(ctx, pprof.Labels("side", side), func(ctx context.Context) { err = call(ctx) })
	t.wall = append(t.wall, time.Since(begin).Seconds())
	t.cpu = append(t.cpu, (cputime.Now() - cpu).Seconds())
	return err
}

// expectedRows saves once and returns what was written.
func expectedRows(ctx context.Context, n int) (_ []table, err error) {
	s, err := newStore(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := saveMany(ctx, s.manager, makeOperations(n, 1)); err != nil {
		return nil, err
	}
	return readTables(ctx, s.file())
}

func saveMany(ctx context.Context, m *manager.Manager, ops []manager.Operation) error {
	out, err := m.SaveMany(ctx, ops)
	if err != nil {
		return err
	}
	for _, o := range out {
		if o.Effect != manager.EffectCreated {
			return fmt.Errorf("%s was %s: %s", o.ResourceID, o.Effect, o.Message)
		}
	}
	return nil
}

// timeOurs saves into a fresh store and checks that as many rows are there.
func timeOurs(ctx context.Context, t *timings, n int, want []table, medium *string) (err error) {
	s, err := newStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	*medium = s.scratch.Medium()
	ops := makeOperations(n, 1)
	if err := t.take(ctx, "ours", func(ctx context.Context) error { return saveMany(ctx, s.manager, ops) }); err != nil {
		return err
	}
	return sameCounts(ctx, s.file(), want)
}

// timeRecords writes decoded records into a fresh store.
func timeRecords(ctx context.Context, t *timings, r records, want []table) (err error) {
	s, err := newStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := t.take(ctx, "records", func(ctx context.Context) error { return saveRecords(ctx, s.factory, r) }); err != nil {
		return err
	}
	return sameCounts(ctx, s.file(), want)
}

// timeBare writes the same rows into the empty tables of a fresh store.
func timeBare(ctx context.Context, t *timings, tables []table) (err error) {
	s, err := newStore(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	db, err := openBare(s.file())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return err
	}
	if err := t.take(ctx, "bare", func(ctx context.Context) error { return insertBare(ctx, db, tables) }); err != nil {
		return err
	}
	return sameCounts(ctx, s.file(), tables)
}

// sameCounts reports whether a file holds as many rows as were to be written.
func sameCounts(ctx context.Context, file string, want []table) error {
	got, err := readTables(ctx, file)
	if err != nil {
		return err
	}
	for i, t := range got {
		if len(t.rows) != len(want[i].rows) || len(t.rows) == 0 {
			return fmt.Errorf("%s has %d rows; want %d", t.name, len(t.rows), len(want[i].rows))
		}
	}
	return nil
}

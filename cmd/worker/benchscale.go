package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/scale"
	"github.com/specstar-worker/worker/storage/preset"
)

// benchFlags are the options of worker bench scale.
type benchFlags struct {
	resources int
	chunk     int
	slots     int
	workers   []int
	delay     time.Duration
	idle      time.Duration
	most      time.Duration
}

func (f *benchFlags) check() error {
	switch {
	case f.chunk < 1:
		return usage("--chunk %d: it must be at least 1", f.chunk)
	case f.slots < 1 || f.slots > maxSlots:
		return usage("--slots %d: it must be 1 to %d", f.slots, maxSlots)
	case f.resources < 1:
		return usage("--resources %d: it must be at least 1", f.resources)
	case len(f.workers) == 0:
		return usage("--workers: names no number")
	case f.idle < 0:
		return usage("--idle %s: it cannot be negative", f.idle)
	case f.delay < 0:
		return usage("--delay %s: it cannot be negative", f.delay)
	case f.most <= 0:
		return usage("--max-time %s: it must be more than 0", f.most)
	}
	for _, n := range f.workers {
		if n < 1 || n > 64 {
			return usage("--workers %d: it must be 1 to 64", n)
		}
	}
	return nil
}

func (a *app) benchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this program on servers of this machine",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usage("measure what? use scale") },
	}
	cmd.AddCommand(a.benchScaleCommand(), benchQueueCommand())
	return cmd
}

func (a *app) benchScaleCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "scale",
		Short: "Measure a load by 1, 2, 4 and 8 workers",
		Long: `scale loads a generated archive into an empty schema of the PostgreSQL that --store
names, by so many worker processes each time, with --on-duplicate overwrite. It tells
throughput, processor time by part, what went over the wire, and where more workers
stop to help. The queue is that of --nats, or one that is started for it. Both must be
on this machine; what was made is removed, and only processes are ended that it started.

--delay makes the end of each transaction take longer, as with a database that is
further away or waits for a replica: then growth shows whether workers wait for one
another. Growth is that of a run over the one with half as many workers; that of
chunks leaves out what one worker does alone, the plan and the end of the load. For
whether all grows as workers double, a worker must wait for the database nearly all of
its time, and all of them together must leave some of the processors free: see the
last example.`,
		Example: `  worker bench scale --store postgres:///app
  worker bench scale --store postgres:///app --resources 1000000 --max-time 1h
  worker bench scale --store postgres:///app --delay 20ms -o json
  worker bench scale --store postgres:///app --delay 20ms --resources 12800 --chunk 8 --slots 1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.benchScale(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.resources, "resources", 100_000, "`N` resources in the archive")
	flags.IntVar(&f.chunk, "chunk", 1000, "a chunk has at most `N` resources, as worker run has it")
	flags.IntVar(&f.slots, "slots", consumer.DefaultSlots, "a worker does `N` chunks at a time, as worker run has it")
	flags.IntSliceVar(&f.workers, "workers", []int{1, 2, 4, 8}, "`NUMBERS` of worker processes")
	flags.DurationVar(&f.delay, "delay", 0, "`DURATION` by which the end of each transaction is delayed")
	flags.DurationVar(&f.idle, "idle", 5*time.Second, "`DURATION` for which idle workers are watched before each load; 0 for not at all")
	flags.DurationVar(&f.most, "max-time", 10*time.Minute, "`DURATION` that all of it may take")
	return cmd
}

// benchQueueCommand runs the queue of a measurement as a process of its own.
func benchQueueCommand() *cobra.Command {
	return &cobra.Command{
		Use: "queue DIR", Hidden: true, Short: "Run the queue of a measurement",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return scale.ServeQueue(cmd.Context(), args[0], os.Stderr)
		},
	}
}

func (a *app) benchScale(ctx context.Context, f *benchFlags) error {
	place, err := a.global.place()
	if err != nil {
		return err
	}
	if place.Kind != preset.InPostgres {
		return usage("--store %s: only a store in PostgreSQL is shared by workers; name one that may be written to: --store postgres://…", a.global.storeName())
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, f.most)
	defer stop()
	r, err := scale.Measure(ctx, scale.Config{
		Program: program, Store: place.DSN, NATS: a.global.nats,
		Resources: f.resources, Chunk: f.chunk, Slots: f.slots, Workers: f.workers, Delay: f.delay, Idle: f.idle, Note: a.note,
	})
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("it takes longer than --max-time %s: %w", f.most, err)
		}
		return err
	}
	return a.printScale(r)
}

func (a *app) printScale(r scale.Report) error {
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(a.stdout, a.format, r)
	}
	if _, err := fmt.Fprintf(a.stdout, "%d resources, an archive of %.0f MB, %d processors, %g ms more for each transaction\n",
		r.Resources, float64(r.Archive)/1e6, r.Processors, r.Delay); err != nil {
		return err
	}
	list := render.NewList(a.stdout, a.format, "WORKERS", "SECONDS", "RESOURCES/S", "GROWTH", "OF CHUNKS", "BUSY CPUS", "MACHINE",
		"CPU µs: WORKERS", "POSTGRES", "QUEUE", "HARNESS", "PLAN %", "END %", "CHUNKS", "EACH", "STATEMENTS", "NOT IDLE", "ROUND TRIPS", "NOT IDLE", "TRANSACTIONS", "MESSAGES", "WAL B", "WAL MB/s")
	for _, o := range r.Runs {
		growth, chunks := "-", "-"
		if o.Growth != 0 {
			growth, chunks = fmt.Sprintf("%.2f", o.Growth), fmt.Sprintf("%.2f", o.ChunkGrowth)
		}
		decimals := func(x float64) string { return fmt.Sprintf("%.1f", x) }
		hundredths := func(x float64) string { return fmt.Sprintf("%.2f", x) }
		if err := list.Add(render.Row{ID: fmt.Sprint(o.Workers), Cells: []string{
			fmt.Sprint(o.Workers), decimals(o.Seconds), fmt.Sprintf("%.0f", o.PerSecond), growth, chunks, decimals(o.Load), decimals(o.Machine),
			decimals(o.CPU.Workers), decimals(o.CPU.Postgres), decimals(o.CPU.Queue), decimals(o.CPU.Harness),
			fmt.Sprintf("%.0f", 100*o.Planning), fmt.Sprintf("%.0f", 100*o.Finishing),
			fmt.Sprint(o.Chunks), fmt.Sprintf("%d-%d", o.Fewest, o.Most),
			hundredths(o.Statements), hundredths(o.Working.Statements), hundredths(o.RoundTrips), hundredths(o.Working.RoundTrips), hundredths(o.Transactions), decimals(o.Messages), fmt.Sprintf("%.0f", o.WAL), decimals(o.WALRate),
		}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	last := r.Runs[len(r.Runs)-1]
	if i := last.Idle; i.Statements > 0 {
		if _, err := fmt.Fprintf(a.stdout, "An idle worker of %d: %.2f statements in %.2f transactions a second, %.1f ms of processor time here and %.1f ms in the queue.\n",
			last.Workers, i.Statements, i.Transactions, i.Worker, i.Queue); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(a.stdout, "Statements, round trips, transactions and messages are those of a chunk, without what idle workers ask in the same time under NOT IDLE; processor time and WAL those of a resource.\n%s\n", r.Verdict)
	return err
}

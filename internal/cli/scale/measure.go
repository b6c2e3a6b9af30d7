package scale

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

const (
	// look is how often the ledger is asked for the end of the load.
	look = 50 * time.Millisecond
	// settle is how long workers may take to start.
	settle = time.Minute
	// calm is how long workers have for what they do at their start alone.
	calm = 2 * time.Second
)

// Config says what is measured.
type Config struct {
	// Program is the worker.
	Program string
	// Store is the PostgreSQL, NATS the queue; empty starts one. Both are on this machine.
	Store, NATS string
	// Resources is how many resources the archive has.
	Resources int
	// Chunk is how many resources a chunk of the load has.
	Chunk int
	// Slots is how many chunks a worker does at a time.
	Slots int
	// Workers are the numbers of workers, in the order in which they are measured.
	Workers []int
	// Delay is how much longer the end of each transaction takes.
	Delay time.Duration
	// Idle is for how long idle workers are watched before each load; 0 for not at all.
	Idle time.Duration
	// Note is told what is being done.
	Note func(format string, args ...any)
}

// Run is the outcome for one number of workers.
type Run struct {
	Workers int     `json:"workers"`
	Seconds float64 `json:"seconds"`
	// Planning is the share of the time before the first chunk began, Finishing that
	// behind the last one.
	Planning  float64 `json:"planning"`
	Finishing float64 `json:"finishing"`
	// PerSecond is how many resources were loaded in a second, Growth that of the run
	// with half as many workers into it; 0 when there is none.
	PerSecond float64 `json:"resources_per_second"`
	Growth    float64 `json:"growth,omitzero"`
	// ChunkGrowth is the growth of the time in which chunks are done: it leaves out what
	// one worker does alone.
	ChunkGrowth float64 `json:"chunk_growth,omitzero"`
	// Chunks is how many there were, Busy how many workers did some, Fewest and Most how
	// many one of these did.
	Chunks int `json:"chunks"`
	Busy   int `json:"busy_workers"`
	Fewest int `json:"fewest_chunks"`
	Most   int `json:"most_chunks"`
	// CPU is the processor time of each part in microseconds a resource; that of the
	// queue is unknown where it was given.
	CPU CPU `json:"cpu_us_per_resource"`
	// Load is how many of the machine's processors were busy with all of it on average,
	// Machine how many were with anything, other programs included.
	Load    float64 `json:"processors_busy"`
	Machine float64 `json:"machine_busy"`
	// Idle is what one worker did in a second before there was a load.
	Idle Idle `json:"idle_worker_per_second"`
	// What went over the wire to PostgreSQL, and what that wrote, for each chunk and
	// resource.
	Statements   float64 `json:"statements_per_chunk"`
	RoundTrips   float64 `json:"round_trips_per_chunk"`
	Transactions float64 `json:"transactions_per_chunk"`
	// Working is what of it is left without what idle workers do in the same time.
	Working Wire    `json:"working_per_chunk"`
	WAL     float64 `json:"wal_bytes_per_resource"`
	// WALRate is in MB/s, Commits and Messages a second.
	WALRate  float64 `json:"wal_megabytes_per_second"`
	Commits  float64 `json:"transactions_per_second"`
	Messages float64 `json:"queue_messages_per_chunk"`
}

// Wire is what went over the wire to PostgreSQL.
type Wire struct {
	Statements   float64 `json:"statements"`
	RoundTrips   float64 `json:"round_trips"`
	Transactions float64 `json:"transactions"`
}

// CPU is the processor time of the parts.
type CPU struct {
	Workers  float64 `json:"workers"`
	Postgres float64 `json:"postgres"`
	Queue    float64 `json:"queue"`
	Harness  float64 `json:"harness"`
}

// Idle is what a worker does in a second that has nothing to do.
type Idle struct {
	Wire
	// CPU is processor time in milliseconds, of the worker and of the queue for it.
	Worker float64 `json:"worker_cpu_ms"`
	Queue  float64 `json:"queue_cpu_ms"`
}

// Report is the outcome of all runs.
type Report struct {
	Resources  int     `json:"resources"`
	Archive    int64   `json:"archive_bytes"`
	Processors int     `json:"processors"`
	Delay      float64 `json:"delay_ms"`
	Runs       []Run   `json:"runs"`
	// Verdict says what the number of workers stops to help against, and why.
	Verdict string `json:"verdict"`
}

// bench is what the runs have in common.
type bench struct {
	Config
	dir, file string
	id        string // of schemas and namespaces
	db        *database
	queue     *queue
	proxy     *proxy
}

// Measure does all runs, and removes what they made.
func Measure(ctx context.Context, c Config) (r Report, err error) {
	b := &bench{Config: c, id: "scale" + strings.ToLower(rand.Text()[:8])}
	defer func() { err = errors.Join(err, b.close(context.WithoutCancel(ctx))) }()
	if err := b.open(ctx); err != nil {
		return r, err
	}
	info, err := os.Stat(b.file)
	if err != nil {
		return r, err
	}
	r = Report{Resources: c.Resources, Archive: info.Size(), Processors: runtime.NumCPU(), Delay: float64(c.Delay) / float64(time.Millisecond)}
	for _, n := range c.Workers {
		c.Note("%d workers", n)
		run, err := b.run(ctx, n)
		if err != nil {
			return r, fmt.Errorf("with %d workers: %w", n, err)
		}
		r.Runs = append(r.Runs, run)
	}
	r.compare()
	return r, nil
}

// open makes the archive and reaches the servers.
func (b *bench) open(ctx context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "bench-scale-*"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if b.db, err = openDatabase(ctx, b.Store); err != nil {
		return err
	}
	starting, stop := context.WithTimeout(ctx, settle)
	defer stop()
	if b.queue, err = openQueue(starting, b.Program, b.NATS, filepath.Join(b.dir, "queue")); err != nil {
		return err
	}
	if b.proxy, err = startProxy(b.db.network, b.db.address, b.Delay); err != nil {
		return err
	}
	b.Note("making an archive of %d resources", b.Resources)
	b.file = filepath.Join(b.dir, "items.acbak")
	return writeArchive(b.file, b.Resources)
}

// close ends what open began.
func (b *bench) close(ctx context.Context) (err error) {
	if b.proxy != nil {
		err = errors.Join(err, b.proxy.Close())
	}
	if b.queue != nil {
		err = errors.Join(err, b.queue.close())
	}
	if b.db != nil {
		err = errors.Join(err, b.db.close(ctx))
	}
	if b.dir != "" {
		err = errors.Join(err, os.RemoveAll(b.dir))
	}
	return err
}

// run measures one number of workers in a schema and a namespace of its own.
func (b *bench) run(ctx context.Context, n int) (r Run, err error) {
	name := fmt.Sprint(b.id, "x", n)
	if err := b.db.makeSchema(ctx, name); err != nil {
		return r, err
	}
	dir := filepath.Join(b.dir, name)
	cleaning := context.WithoutCancel(ctx)
	defer func() {
		err = errors.Join(err, b.db.dropSchema(cleaning, name), b.queue.drop(cleaning, name), os.RemoveAll(dir))
	}()
	f, err := b.store(ctx, name)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	dsn, err := b.db.through(b.proxy, name)
	if err != nil {
		return r, err
	}
	starting, stop := context.WithTimeout(ctx, settle)
	defer stop()
	workers, err := startFleet(starting, n, b.Program, dir, []string{"--chunk", strconv.Itoa(b.Chunk), "--slots", strconv.Itoa(max(b.Slots, 1))}, []string{"--store", dsn, "--nats", b.queue.url, "--namespace", name, "--sources", b.dir})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, workers.stop()) }()
	return b.load(ctx, name, dir, f.Ledger(), workers)
}

// store makes the tables of a run: making them is not what is measured.
func (b *bench) store(ctx context.Context, schema string) (*postgres.Factory, error) {
	dsn, err := b.db.schema(schema)
	if err != nil {
		return nil, err
	}
	f, err := postgres.Open(ctx, postgres.Config{DSN: dsn})
	if err != nil {
		return nil, err
	}
	if err := f.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: "json", IndexedPaths: []string{"level", "name", "team"}}); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// marks are the counters at one moment.
type marks struct {
	at       time.Time
	used     used
	machine  time.Duration
	wire     traffic
	written  written
	messages uint64
}

func (b *bench) marks(ctx context.Context, namespace string, w watched) (m marks, err error) {
	m.at, m.used, m.machine, m.wire = time.Now(), w.used(), machine(), b.proxy.traffic()
	if m.written, err = b.db.written(ctx); err != nil {
		return m, err
	}
	m.messages, err = b.queue.messages(ctx, namespace)
	return m, err
}

// load has the archive loaded and tells what it took.
func (b *bench) load(ctx context.Context, name, dir string, ledger storage.Ledger, workers *fleet) (r Run, err error) {
	b.db.checkpoint(ctx)
	w := watched{workers: workers.pids(), postgres: b.db.first, queue: b.queue.pid()}
	idle, err := b.idle(ctx, name, w)
	if err != nil {
		return r, err
	}
	before, err := b.marks(ctx, name, w)
	if err != nil {
		return r, err
	}
	id, err := workers.submit(ctx, b.file, dir)
	if err != nil {
		return r, err
	}
	job, err := await(ctx, ledger, id)
	if err != nil {
		return r, err
	}
	after, err := b.marks(ctx, name, w)
	if err != nil {
		return r, err
	}
	chunks, err := ledger.Chunks(ctx, job.ID)
	if err != nil {
		return r, err
	}
	r = Run{Workers: len(workers.workers), Idle: idle, Seconds: job.Finished.Sub(job.Created).Seconds(), Chunks: len(chunks)}
	if err := r.share(job, chunks); err != nil {
		return r, err
	}
	r.count(b.Resources, before, after)
	return r, nil
}

// idle tells what workers do while there is nothing to do.
func (b *bench) idle(ctx context.Context, name string, w watched) (i Idle, err error) {
	if b.Idle <= 0 {
		return i, nil
	}
	if err := pause(ctx, calm); err != nil {
		return i, err
	}
	before, err := b.marks(ctx, name, w)
	if err != nil {
		return i, err
	}
	if err := pause(ctx, b.Idle); err != nil {
		return i, err
	}
	after, err := b.marks(ctx, name, w)
	each := after.at.Sub(before.at).Seconds() * float64(len(w.workers))
	cpu := after.used.minus(before.used)
	return Idle{
		Wire:   after.wire.minus(before.wire, each),
		Worker: cpu.Workers.Seconds() * 1e3 / each,
		Queue:  cpu.Queue.Seconds() * 1e3 / each,
	}, err
}

// pause waits for a while.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// await waits for the end of a job.
func await(ctx context.Context, ledger storage.Ledger, id string) (storage.Job, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		job, err := ledger.Find(ctx, id)
		switch {
		case err != nil:
			return job, err
		case job.State == storage.JobDone:
			return job, nil
		case job.State.Final():
			return job, fmt.Errorf("the load is %s: %s: %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return job, fmt.Errorf("the load is %s, %d of %d: %w", job.State, job.Done, job.Total, ctx.Err())
		}
	}
}

// share tells how the chunks were shared out among the workers, and when.
func (r *Run) share(job storage.Job, chunks []storage.Chunk) error {
	first, last := job.Finished, job.Created
	did := map[string]int{}
	for _, ch := range chunks {
		o, err := manager.ReadChunkOutcome(ch)
		if err != nil {
			return err
		}
		if o.Began.Before(first) {
			first = o.Began
		}
		if end := o.Began.Add(time.Duration(o.Millis) * time.Millisecond); end.After(last) {
			last = end
		}
		did[o.Worker]++
	}
	r.Busy = len(did)
	for _, n := range did {
		if r.Fewest == 0 || n < r.Fewest {
			r.Fewest = n
		}
		r.Most = max(r.Most, n)
	}
	if len(chunks) > 0 {
		r.Planning, r.Finishing = first.Sub(job.Created).Seconds()/r.Seconds, job.Finished.Sub(last).Seconds()/r.Seconds
	}
	return nil
}

// count puts the differences of the counters into relation.
func (r *Run) count(resources int, before, after marks) {
	n, chunks := float64(resources), float64(max(r.Chunks, 1))
	cpu := after.used.minus(before.used)
	us := func(d time.Duration) float64 { return float64(d.Microseconds()) / n }
	r.PerSecond = n / r.Seconds
	r.CPU = CPU{us(cpu.Workers), us(cpu.Postgres), us(cpu.Queue), us(cpu.Harness)}
	r.Load = cpu.sum().Seconds() / r.Seconds
	r.Machine = (after.machine - before.machine).Seconds() / after.at.Sub(before.at).Seconds()
	all := after.wire.minus(before.wire, chunks)
	r.Statements, r.RoundTrips, r.Transactions = all.Statements, all.RoundTrips, all.Transactions
	idle := after.at.Sub(before.at).Seconds() * float64(r.Workers) / chunks
	r.Working = Wire{all.Statements - idle*r.Idle.Statements, all.RoundTrips - idle*r.Idle.RoundTrips, all.Transactions - idle*r.Idle.Transactions}
	wal := float64(after.written.wal - before.written.wal)
	r.WAL, r.WALRate = wal/n, wal/1e6/r.Seconds
	r.Commits = float64(after.wire.Transactions-before.wire.Transactions) / r.Seconds
	r.Messages = float64(after.messages-before.messages) / chunks
}

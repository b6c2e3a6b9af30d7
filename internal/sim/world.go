package sim

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// model is where saves go, resources how many they are about.
const (
	model     = "thing"
	resources = 4
)

// world is a queue, a store and those that work on them.
type world struct {
	Schedule
	ctx      context.Context
	begin    time.Time
	broker   *fakebroker.Broker
	operator *fakebroker.Conn
	factory  *memory.Factory
	queue    consumer.QueueConfig
	jobs     map[string]Job
	rows     map[string]uuid.UUID // keys of jobs
	workers  []*worker
	lossy    atomic.Bool
	all      atomic.Int64 // what is lost for sure: fakebroker.Loss + 1

	mu     sync.Mutex
	down   What // what is the matter with the store
	lives  map[string]*life
	failed map[string]int // failures of flaky jobs
	bodies map[string]int // times that a long job was begun
	// passedOn is how often a job was handed back that had been put off because of the store.
	passedOn map[string]int
	ended    map[string]storage.Job
	found    []string // violations
	log      []entry
	wg       sync.WaitGroup // what lives as long as a process
	events   sync.WaitGroup
}

// entry is something that happened.
type entry struct {
	at   time.Duration
	text string
	args []any
}

func (e entry) String() string {
	return fmt.Sprintf("%8.3fs  %s", e.at.Seconds(), fmt.Sprintf(e.text, e.args...))
}

func newWorld(ctx context.Context, s Schedule) *world {
	w := &world{
		Schedule: s, ctx: ctx, begin: time.Now(), factory: memory.New(), jobs: make(map[string]Job),
		lives: make(map[string]*life), failed: make(map[string]int), bodies: make(map[string]int), passedOn: make(map[string]int),
		ended: make(map[string]storage.Job), rows: make(map[string]uuid.UUID),
	}
	for _, j := range s.Jobs {
		w.add(j)
	}
	w.broker = fakebroker.New(fakebroker.Options{Lose: w.loses, Saw: w.saw})
	w.operator = w.broker.Connect("operator", 0)
	w.queue = consumer.QueueConfig{Namespace: "sim", Store: w.factory.ID(), ID: uuid.New(), Create: true}
	return w
}

func (w *world) add(j Job) {
	w.jobs[j.ID], w.rows[j.ID] = j, jobs.ID(w.factory.ID(), j.ID)
}

// prepare makes the streams, the durable consumers and the resources.
func (w *world) prepare() error {
	if err := consumer.EnsureStreams(w.ctx, w.operator.JetStream(), w.queue); err != nil {
		return err
	}
	for _, name := range w.durables() {
		if err := w.create(name); err != nil {
			return err
		}
	}
	m, err := manager.NewCatalog(w.factory, nil, manager.Options{}).Declare(w.ctx, storage.ModelInfo{Name: model})
	if err != nil {
		return err
	}
	for i := range resources {
		job := manager.SaveJob{
			Row:        storage.Job{ID: uuid.New(), State: storage.JobQueued, Kind: string(jobs.KindSave)},
			Operations: []manager.Operation{operation(manager.OpCreate, fmt.Sprintf("r%d", i), "first")},
		}
		if _, err := m.SaveJobs(w.ctx, []manager.SaveJob{job}); err != nil {
			return err
		}
	}
	for i := range w.Workers {
		w.workers = append(w.workers, &worker{world: w, name: fmt.Sprintf("w%d", i)})
	}
	return nil
}

// durables returns the names of the durable consumers.
func (w *world) durables() (names []string) {
	for _, lane := range w.Lanes {
		for _, kind := range w.Kinds {
			names = append(names, string(lane)+"-"+string(kind))
		}
	}
	return names
}

// create makes a durable consumer, as an operator would.
func (w *world) create(name string) error {
	s, err := w.operator.JetStream().Stream(w.ctx, w.queue.StreamName())
	if err != nil {
		return err
	}
	lane, kind, _ := strings.Cut(name, "-")
	_, err = s.CreateConsumer(w.ctx, jetstream.ConsumerConfig{
		Durable: name, FilterSubject: jobs.Subject(w.queue.Namespace, jobs.Lane(lane), jobs.Kind(kind)),
		DeliverPolicy: jetstream.DeliverAllPolicy, AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: w.AckWait, MaxDeliver: -1, MaxAckPending: w.Pending,
	})
	return err
}

// since is the time of the schedule.
func (w *world) since() time.Duration { return time.Since(w.begin) }

func (w *world) note(text string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, entry{w.since(), text, args})
}

// violated notes that something is not as it must be.
func (w *world) violated(format string, args ...any) {
	w.note("VIOLATION: "+format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, fmt.Sprintf(format, args...))
}

// loses decides what is lost, the same for each run of a seed.
func (w *world) loses(what fakebroker.Loss, id uint64) bool {
	if w.all.Load() == int64(what)+1 {
		return true
	}
	return w.lossy.Load() && mix(w.Seed^mix(uint64(what)<<56^id))%1000 < w.Lossy[what]
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

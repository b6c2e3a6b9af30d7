package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Defaults of [Config].
const (
	DefaultMaxAttempts = 8
	DefaultLease       = time.Minute
	DefaultRetryMin    = time.Second
	DefaultRetryMax    = 5 * time.Minute
	// DefaultSaveTimeout is ample: a batch of saves takes well under a second.
	DefaultSaveTimeout = 2 * time.Minute
	// DefaultChunkTimeout leaves room for a resource with gigabytes of revisions.
	DefaultChunkTimeout = 10 * time.Minute
	// DefaultWakeAfter: the worker of the last chunk may have died, or messages got lost.
	DefaultWakeAfter = 30 * time.Second
	// DefaultStallTimeout leaves room for the transaction that publishes a large load.
	DefaultStallTimeout = 30 * time.Minute
	// soloAttempt is the attempt from which a save runs alone: it may be what
	// kills the process.
	soloAttempt = 3
	// deathFactor is how many times more often than it may fail the worker of a
	// long job may die.
	deathFactor = 10
)

// Config is what an [Executor] works with.
type Config struct {
	// Store is the id of the store, from which ledger keys are derived.
	Store  uuid.UUID
	Ledger storage.Ledger
	// Queue is the id of the queue that deliveries come from; it is recorded in
	// rows and leases.
	Queue uuid.UUID
	// Version is this program's, for whoever looks at what it gave up.
	Version string

	Saver      Saver
	Loader     Loader
	Backfiller Backfiller
	Migrator   Migrator
	Dumper     Dumper
	Verifier   Verifier
	// Chunker divides long jobs among workers, by messages of Publisher. Without either
	// one worker does each job as a whole.
	Chunker   Chunker
	Publisher Publisher
	// Contents has the messages that went by claim check; nil when there is no place
	// for them: such jobs are dead then.
	Contents Contents
	// Submitter takes the jobs that rules want because of others; nil: no rule acts. It
	// should write all of them to the ledger first.
	Submitter Submitter
	// Rules are those of the user, which [CheckRules] has found right, beside the built-in
	// ones.
	Rules []Rule
	// RulesUser is on whose behalf the built-in rules act where no job has led to it.
	RulesUser string
	// RuleActed, when not nil, is told of each job that a rule has submitted, and of one
	// that it did not submit: [ErrDebounced], or a reason that stays.
	RuleActed func(rule string, e *Event, job string, err error)

	// MaxAttempts is after how many failed attempts a job is dead.
	MaxAttempts int
	// Lease is how long the claim of a long job holds without a sign of life.
	Lease time.Duration
	// RetryMin and RetryMax bound the delay between attempts, which doubles each
	// time, with jitter.
	RetryMin, RetryMax time.Duration
	// SaveTimeout is how long one unit of work of saves may take.
	SaveTimeout time.Duration
	// ChunkTimeout is how long a chunk of a divided job may take.
	ChunkTimeout time.Duration
	// WakeAfter is after which time a job that waits for its chunks is looked at although
	// none of them woke it.
	WakeAfter time.Duration
	// StallTimeout is how long a long job may go on without a sign of progress.
	StallTimeout time.Duration
}

// Executor carries out deliveries. It is safe for concurrent use.
type Executor struct {
	Config
	order    order
	batches  batches
	slots    slots
	debts    *debts
	hung     hung
	plans    plans
	underway underway
	engine   *engine
	decode   func(contentType string, message []byte) (Envelope, error) // DecodeAs
}

// NewExecutor returns an executor; zero settings mean the defaults.
func NewExecutor(c Config) *Executor {
	if c.MaxAttempts <= 0 {
		c.MaxAttempts = DefaultMaxAttempts
	}
	if c.Lease <= 0 {
		c.Lease = DefaultLease
	}
	if c.RetryMin <= 0 {
		c.RetryMin = DefaultRetryMin
	}
	if c.RetryMax < c.RetryMin {
		c.RetryMax = max(DefaultRetryMax, c.RetryMin)
	}
	if c.SaveTimeout <= 0 {
		c.SaveTimeout = DefaultSaveTimeout
	}
	if c.ChunkTimeout <= 0 {
		c.ChunkTimeout = DefaultChunkTimeout
	}
	if c.WakeAfter <= 0 {
		c.WakeAfter = DefaultWakeAfter
	}
	if c.StallTimeout <= 0 {
		c.StallTimeout = DefaultStallTimeout
	}
	c.Ledger = patient{Ledger: c.Ledger, most: min(ledgerPatience, c.Lease/2)}
	return &Executor{Config: c, debts: newDebts(), engine: newEngine(c), decode: DecodeAs}
}

// Execute opens deliveries, carries them out, and returns a verdict for each, in their
// order. Saves of one model are applied together, those of a resource in the order
// given; long jobs run one after another. Cancelling ctx gives unfinished jobs back uncounted.
func (x *Executor) Execute(ctx context.Context, deliveries []Delivery) []Verdict {
	b := x.Open(deliveries)
	defer b.Close()
	return b.Run(ctx)
}

// run gives tasks their verdicts.
func (x *Executor) run(ctx context.Context, tasks []*task) {
	var saves saveGroups
	for _, t := range tasks {
		switch {
		case t.err != nil:
			x.reject(ctx, t)
		case t.env.timed() && t.env.expired(time.Now()) && x.expire(ctx, t):
		case t.env.timed() && t.env.waits(time.Now()):
			x.postpone(ctx, t)
		case t.env.Kind() == KindSave:
			saves.add(t)
			continue
		case t.env.Kind() == KindChunk:
			x.runChunk(ctx, t)
			continue
		default:
			x.runLong(ctx, t)
		}
		x.announce(ctx, t)
	}
	for _, group := range saves.groups {
		x.runSaves(ctx, group)
	}
}

// Probe reports whether the store takes writes again after a pause, and gives back
// what it was owed meanwhile. While an attempt hangs that cannot be ended, it does not.
func (x *Executor) Probe(ctx context.Context) error {
	if err := x.hung.trouble(); err != nil {
		return err
	}
	if err := x.Ledger.Probe(ctx); err != nil {
		return fmt.Errorf("probe the store: %w", err)
	}
	return x.pay(ctx)
}

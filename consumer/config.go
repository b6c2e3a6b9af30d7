package consumer

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// ErrNoQueue: the consumer was made without a JetStream connection, so there is
// nothing to consume.
var ErrNoQueue = errors.New("no queue is configured")

// errPaused stands for the unknown cause of an outage.
var errPaused = errors.New("the store is unavailable")

// Executor carries out deliveries; *[jobs.Executor] is one.
type Executor interface {
	// Open reads deliveries that are carried out then. Batches of one lane and kind are
	// opened in the order of their messages, and some run at the same time.
	Open(deliveries []jobs.Delivery) jobs.Batch
	// Park has jobs that are to be tried again wait in the ledger, and returns the
	// verdicts with which their messages are to be answered.
	Park(ctx context.Context, deliveries []jobs.Delivery, verdicts []jobs.Verdict) []jobs.Verdict
	// Probe reports whether the store takes writes, nil when it does.
	Probe(ctx context.Context) error
}

// Defaults of [Config].
const (
	DefaultAckWait   = time.Minute
	DefaultBatch     = 1000
	DefaultBatchSize = 4 << 20
	DefaultSlots     = 2
	DefaultBeside    = 250
)

// Config is what a [Consumer] works with.
type Config struct {
	// JetStream is the connection to the queue. Instead of it, Line may be given, which
	// is made anew when it is closed. Without either there is no queue.
	JetStream jetstream.JetStream
	Line      *Line
	// Link is the connection that messages come over and are acknowledged over; nil
	// means that of JetStream.
	Link     Link
	Queue    QueueConfig
	Executor Executor
	// Observer is told how long the queue took; nil for nobody.
	Observer Observer
	// Logger takes one line for each job; nil drops them.
	Logger *zap.Logger

	// Exclusive says that no other process consumes from this queue: its durable
	// consumers are made anew, each when the first message of its lane and kind is
	// there, so that messages which a former owner held are handed out again at
	// once, and removed at the end. Those that are
	// there at start tell that the former owner was killed: then each message counts
	// as delivered before.
	Exclusive bool
	// Lanes and Kinds are what is consumed, nil for all of them. The others are left to
	// other processes.
	Lanes []jobs.Lane
	Kinds []jobs.Kind
	// AckWait is how long the server waits for a sign of life of a message before
	// it hands it out again.
	AckWait time.Duration
	// Batch is how many saves are written together at most, BatchSize how many
	// bytes of messages.
	Batch, BatchSize int
	// Beside is how many saves must wait for a batch of them to be run beside another
	// one of their lane. Fewer are joined by those that come: what commits together
	// costs less. Large ones are not waited for.
	Beside int
	// Slots is how many long jobs of a lane and kind run at the same time.
	Slots int
	// Budget bounds what all lanes and kinds do together; nil means one of its own
	// with the defaults of [NewBudget]. Consumers of a process may share one.
	Budget *Budget

	api *api // of the line
}

// reach sets up the API of the line.
func (c *Config) reach() (err error) {
	if c.Line != nil {
		c.api, err = newAPI(c.Line)
	}
	return err
}

// js is JetStream over the connection as it is now, nil where there is no queue.
func (c Config) js() jetstream.JetStream {
	if c.api == nil {
		return c.JetStream
	}
	return c.api.get()
}

// QueueConfig names a queue and says how it is made.
type QueueConfig struct {
	// Namespace is the owner's part of stream names and subjects: letters, digits,
	// "-" and "_".
	Namespace string
	// Store is the id of the store whose jobs these are. Streams are bound to it.
	Store uuid.UUID
	// ID identifies the queue in ledger rows; the nil UUID derives it from store
	// and namespace.
	ID uuid.UUID
	// Create makes streams and consumers that are not there.
	Create bool
	// Replicas of the streams; 0 means 1.
	Replicas int
	// MaxBytes bounds the stream of jobs; 0 means 2 GiB. A full queue refuses new
	// jobs. The stream of dead letters gets a quarter of it, that of events an eighth.
	MaxBytes int64
}

func (c Config) withDefaults() Config {
	if c.AckWait <= 0 {
		c.AckWait = DefaultAckWait
	}
	if c.Batch <= 0 {
		c.Batch = DefaultBatch
	}
	if c.BatchSize <= 0 {
		c.BatchSize = DefaultBatchSize
	}
	// One message of the largest size must always fit.
	c.BatchSize = max(c.BatchSize, 2*jobs.MaxMessageBytes)
	if c.Beside <= 0 {
		c.Beside = DefaultBeside
	}
	if c.Slots <= 0 {
		c.Slots = DefaultSlots
	}
	if c.Budget == nil {
		c.Budget = NewBudget(0, 0)
	}
	// A loop must be able to have what it asks for.
	c.BatchSize = min(c.BatchSize, minBudgetBytes)
	switch {
	case c.Link != nil:
	case c.Line != nil:
		c.Link = lineLink{c.Line}
	case c.JetStream != nil:
		c.Link = lineLink{NewLine(c.JetStream.Conn(), nil)}
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	c.Queue = c.Queue.withDefaults()
	return c
}

func (q QueueConfig) withDefaults() QueueConfig {
	if q.ID == uuid.Nil {
		q.ID = uuid.NewSHA1(q.Store, []byte("queue "+q.Namespace))
	}
	if q.Replicas <= 0 {
		q.Replicas = 1
	}
	if q.MaxBytes <= 0 {
		q.MaxBytes = 2 << 30
	}
	return q
}

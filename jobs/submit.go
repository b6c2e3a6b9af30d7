package jobs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Submitter takes jobs.
type Submitter interface {
	// Submit takes the jobs, any number, and returns a receipt for each, in their
	// order. The error is the first of the receipts' errors: the other jobs may
	// have been taken. A job submitted again, with the same id and content, is
	// taken once.
	Submit(ctx context.Context, jobs ...Envelope) ([]Receipt, error)
}

// Receipt says that a job was taken: it survives the loss of this process.
type Receipt struct {
	// ID is the ledger's key, Text the id as submitted.
	ID   uuid.UUID
	Text string
	// Duplicate: the queue or the ledger had the job already.
	Duplicate bool
	// Err is why the job was not taken.
	Err error
}

// Message is a job on its way to a queue.
type Message struct {
	Subject string
	// ID is the message's Nats-Msg-Id; Job is the job's id where it differs.
	ID, Job string
	Body    []byte
	// Submitted is when the queue first had the job, of a message that is not the first;
	// zero otherwise. Deliveries of it have that as their time, see [Delivery].
	Submitted time.Time
	// Origin is where the job's message was first, when it is published again.
	Origin storage.Origin
}

// Ack is a queue's answer to a message: it is stored, now or before, unless Err.
type Ack struct {
	// Sequence is the message's number in the queue's stream, that of the first one
	// for a duplicate; 0 when the queue did not tell.
	Sequence  uint64
	Duplicate bool
	Err       error
}

// Place is where a queue was told that a job's message is.
type Place struct {
	// Job is the job's id as submitted.
	Job string
	// Epoch and Sequence are those of [storage.Job].
	Epoch    int64
	Sequence uint64
}

// Publisher is the sending side of a queue.
type Publisher interface {
	// Queue identifies the queue.
	Queue() uuid.UUID
	// Namespace is the part of the queue's subjects that is its owner's.
	Namespace() string
	// MaxMessage is how long the body of a message may be, in bytes.
	MaxMessage() int
	// Publish stores messages and returns an answer for each. One that is not stored
	// since the queue is full has a *[BusyError].
	Publish(ctx context.Context, messages []Message) []Ack
	// Epoch tells the queue's stream, as it was made, from those before it.
	Epoch(ctx context.Context) (int64, error)
	// Holds reports for each place whether the job's message is there, also one that
	// is being worked on.
	Holds(ctx context.Context, places []Place) ([]bool, error)
	// Waiting returns how many messages of a subject the queue has, those that are being
	// worked on among them.
	Waiting(ctx context.Context, subject string) (uint64, error)
}

// QueueSubmitter submits jobs to a queue. Of a save without options the queue's
// acknowledgement is the receipt, unless it is [QueueSubmitter.InLedger]; any other job
// is written to the ledger first, so that the loss of the queue's disk does not lose it.
// One that waits is only written there: a [Reconciler] publishes it when its time has
// come.
type QueueSubmitter struct {
	store     uuid.UUID
	ledger    storage.Ledger
	publisher Publisher
	backlog   *backlog
	// durable: saves have their row first, too.
	durable  bool
	contents Contents
	// retryAfter is that of every BusyError, 0 for what each says.
	retryAfter time.Duration
}

// NewSubmitter returns a submitter for the store with the given id and ledger.
func NewSubmitter(store uuid.UUID, l storage.Ledger, p Publisher) *QueueSubmitter {
	return &QueueSubmitter{store: store, ledger: l, publisher: p, backlog: &backlog{most: DefaultMaxUnfinished}}
}

// WithLimit returns a submitter that takes no job which has its row first while n or
// more jobs have not ended: their receipts have a *[BusyError].
func (s *QueueSubmitter) WithLimit(n int64) *QueueSubmitter {
	limited := *s
	limited.backlog = &backlog{most: n}
	return &limited
}

// WithRetryAfter returns a submitter whose [BusyError] say when to try again by d, 0 for 2 s
// when the queue is full and 5 s when the ledger is.
func (s *QueueSubmitter) WithRetryAfter(d time.Duration) *QueueSubmitter {
	other := *s
	other.retryAfter = d
	return &other
}

// InLedger returns a submitter that writes saves to the ledger first, as it does other
// jobs: the loss of the queue's disk does not lose them.
func (s *QueueSubmitter) InLedger() *QueueSubmitter {
	durable := *s
	durable.durable = true
	return &durable
}

// WithContents returns a submitter that takes messages of up to [MaxContentBytes]: c keeps
// those that are longer than [ContentBytes].
func (s *QueueSubmitter) WithContents(c Contents) *QueueSubmitter {
	roomy := *s
	roomy.contents = c
	return &roomy
}

// Submit implements [Submitter].
func (s *QueueSubmitter) Submit(ctx context.Context, jobs ...Envelope) ([]Receipt, error) {
	receipts, err := s.submit(ctx, jobs)
	if s.retryAfter > 0 {
		for _, r := range receipts {
			if busy, is := errors.AsType[*BusyError](r.Err); is {
				busy.RetryAfter = s.retryAfter
			}
		}
	}
	return receipts, err
}

func (s *QueueSubmitter) submit(ctx context.Context, jobs []Envelope) ([]Receipt, error) {
	receipts := make([]Receipt, len(jobs))
	messages := make([]Message, 0, len(jobs))
	places := make([]int, 0, len(jobs))
	var rows []storage.Job
	now := time.Now()
	waiting := make(map[uuid.UUID]bool)
	for i, e := range jobs {
		e, m, err := messageOf(s.publisher.Namespace(), e, func(e Envelope) ([]byte, error) { return s.body(ctx, e) })
		receipts[i] = Receipt{ID: ID(s.store, e.ID), Text: e.ID}
		if most := s.publisher.MaxMessage(); err == nil && len(m.Body) > most {
			err = &TooLargeError{Job: e.ID, Bytes: len(m.Body), Most: most}
		}
		if err != nil {
			receipts[i].Err = err
			continue
		}
		messages, places = append(messages, m), append(places, i)
		if e.Kind() != KindSave || s.durable || e.recorded() {
			rows = append(rows, rowOf(s.store, e, m))
		}
		if e.waits(now) {
			waiting[receipts[i].ID] = true
		}
	}
	known := make(map[uuid.UUID]bool)
	var epoch int64
	if len(rows) > 0 {
		if err := s.backlog.admit(ctx, s.ledger, len(rows)); err != nil {
			return fail(receipts, err)
		}
		refused, err := s.record(ctx, rows, known)
		if err != nil {
			return fail(receipts, fmt.Errorf("record jobs: %w", err))
		}
		messages, places = withhold(messages, places, receipts, func(r *Receipt) bool {
			r.Err, r.Duplicate = refused[r.ID], known[r.ID]
			return r.Err != nil || waiting[r.ID]
		})
		rows = slices.DeleteFunc(rows, func(j storage.Job) bool { return refused[j.ID] != nil || waiting[j.ID] })
		// Without it the reconciler finds out where the messages are.
		epoch, _ = s.publisher.Epoch(ctx)
	}
	taken := make(map[uuid.UUID]uint64)
	for i, a := range s.publisher.Publish(ctx, messages) {
		r := &receipts[places[i]]
		if r.Duplicate, r.Err = a.Duplicate || known[r.ID], a.Err; a.Err == nil {
			taken[r.ID] = a.Sequence
		}
	}
	s.published(ctx, rows, epoch, taken)
	return receipts, firstError(receipts)
}

// messageOf returns a job, which has an id then, and its message, which encode makes.
func messageOf(namespace string, e Envelope, encode func(Envelope) ([]byte, error)) (Envelope, Message, error) {
	if e.ID == "" {
		e.ID = NewID()
	}
	if e.Args == nil {
		return e, Message{}, fmt.Errorf("job %s: no arguments", e.ID)
	}
	body, err := encode(e)
	if err != nil {
		return e, Message{}, err
	}
	lane := cmp.Or(e.Lane, LaneNormal)
	return e, Message{Subject: Subject(namespace, lane, e.Kind()), ID: e.ID, Body: body}, nil
}

// body returns the message of a job. What goes by claim check is kept first: a message
// that refers to nothing would be dead.
func (s *QueueSubmitter) body(ctx context.Context, e Envelope) ([]byte, error) {
	if s.contents == nil {
		return e.Encode()
	}
	body, content, err := e.Pack()
	if err == nil && content != nil {
		err = s.contents.Put(ctx, content)
	}
	return body, err
}

// rowOf returns the row of a job that has not begun.
func rowOf(store uuid.UUID, e Envelope, m Message) storage.Job {
	hash := sha256.Sum256(m.Body)
	now := time.Now()
	var notBefore time.Time
	if e.waits(now) {
		notBefore = e.NotBefore
	}
	return storage.Job{
		ID: ID(store, e.ID), Text: e.ID, NotBefore: notBefore, Unique: e.Unique, Kind: string(e.Kind()), Model: e.Model,
		Lane: string(cmp.Or(e.Lane, LaneNormal)), User: e.User, Parent: e.Parent,
		State: storage.JobQueued, Envelope: m.Body, EnvelopeHash: hash[:], Subject: m.Subject,
		Created: now.UTC(),
	}
}

// published records where the messages are of the rows that have one: by job, the
// numbers of those that were taken. When that fails the reconciler publishes them once
// more, which does no harm.
func (s *QueueSubmitter) published(ctx context.Context, rows []storage.Job, epoch int64, taken map[uuid.UUID]uint64) {
	var places []storage.Place
	for _, row := range rows {
		if sequence, ok := taken[row.ID]; ok {
			places = append(places, placeOf(row.ID, epoch, sequence))
		}
	}
	if len(places) > 0 {
		_ = s.ledger.Published(ctx, s.publisher.Queue(), places)
	}
}

// placeOf is a place, none when only half of it is known.
func placeOf(job uuid.UUID, epoch int64, sequence uint64) storage.Place {
	if epoch == 0 || sequence == 0 {
		epoch, sequence = 0, 0
	}
	return storage.Place{Job: job, Epoch: epoch, Sequence: sequence}
}

func fail(receipts []Receipt, err error) ([]Receipt, error) {
	for i := range receipts {
		if receipts[i].Err == nil {
			receipts[i].Err = err
		}
	}
	return receipts, err
}

func firstError(receipts []Receipt) error {
	for _, r := range receipts {
		if r.Err != nil {
			return fmt.Errorf("submit job %s: %w", r.Text, r.Err)
		}
	}
	return nil
}

// record writes rows to the ledger and notes which it knew. Those with a unique key are
// written one by one, and those returned that were refused for it.
func (s *QueueSubmitter) record(ctx context.Context, rows []storage.Job, known map[uuid.UUID]bool) (map[uuid.UUID]error, error) {
	var plain []storage.Job
	refused := make(map[uuid.UUID]error)
	insert := func(some ...storage.Job) error {
		inserted, err := s.ledger.Insert(ctx, some)
		for i, is := range inserted {
			known[some[i].ID] = !is
		}
		return err
	}
	for _, row := range rows {
		if row.Unique == "" {
			plain = append(plain, row)
			continue
		}
		err := insert(row)
		if _, exists := errors.AsType[*storage.JobExistsError](err); exists {
			refused[row.ID] = err
		} else if err != nil {
			return nil, err
		}
	}
	if len(plain) == 0 {
		return refused, nil
	}
	return refused, insert(plain...)
}

// withhold returns the messages that are to be published, and whose they are.
func withhold(messages []Message, places []int, receipts []Receipt, not func(*Receipt) bool) ([]Message, []int) {
	var rest []Message
	var of []int
	for i, m := range messages {
		if !not(&receipts[places[i]]) {
			rest, of = append(rest, m), append(of, places[i])
		}
	}
	return rest, of
}

func isDiffers(err error) bool {
	_, ok := errors.AsType[*storage.JobDiffersError](err)
	return ok
}

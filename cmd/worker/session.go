package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/internal/owner"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// ownerWait is how long a command waits for an owner that is just starting.
const ownerWait = 10 * time.Second

// errOwnerGone: the process that ran the queue went away. The command tries
// again and may become the owner itself.
var errOwnerGone = errors.New("the owner of the queue went away")

// sessionOptions say what a command wants of a session.
type sessionOptions struct {
	// command is shown to processes that find the directory owned.
	command string
	// consume: do the jobs here unless another process does.
	consume bool
	// recall is the kind of jobs of which the session notes those that have not ended, before
	// any is done here.
	recall jobs.Kind
	// exclusive: refuse when another process owns the directory.
	exclusive bool
	// bindOnly: make no streams and consumers.
	bindOnly bool
	// inLedger: saves have their row before they are published.
	inLedger bool
	// takes is which jobs are consumed.
	takes consumes
	// sources are those that the command itself names: it may read them.
	sources []string
	// kept says how long rows of ended jobs and the audit trail stay; nil: nothing is
	// removed.
	kept *retention
	// sweep says when rows without rev_* fields are looked for; of a worker that runs.
	sweep sweepFlags
	// grace is how long jobs may take to finish when the session ends; 0 means
	// defaultGrace.
	grace time.Duration
	// limits are those of jobs; zero values mean the
	// executor's default.
	limits runLimits
}

// session is a store with a queue: its own, or that of another process.
type session struct {
	app     *app
	options sessionOptions
	store   *store
	// recalled are the jobs that had not ended before any was done here, see recall.
	recalled []storage.Job
	// data is the data directory whose queue is used, uploads where archives are put.
	data, uploads string
	// dataLock and storeLock are held by an owner; storeLock only where the
	// store's directory is not the data directory.
	dataLock, storeLock *owner.Lock
	// server is the queue that is run here, queueID its id, and newQueue whether there
	// was none before.
	server   *natsd.Server
	queueID  uuid.UUID
	newQueue bool
	// conn is for sending and asking, pulls for the worker; dial makes either.
	conn, pulls *consumer.Line
	dial        func(...nats.Option) (*nats.Conn, error)
	// lost is closed when the queue of another process went away.
	lost      chan struct{}
	queue     consumer.QueueConfig
	publisher *consumer.Publisher
	letters   *consumer.Letters
	events    *consumer.Events
	// objects are the archives beside the queue, sources all that loads read here.
	objects *consumer.Objects
	// downloads are the archives beside the queue that dumps have made.
	downloads consumer.Downloads
	sources   *opened
	// submitter takes the jobs of a command's user, unguarded those of the program.
	submitter, unguarded jobs.Submitter
	// catalog is the store as jobs from the queue may use it.
	catalog *manager.Catalog
	worker  *worker
}

// withSession opens the store and the queue for do, and does so again, calling
// do again, when the process that owns the queue goes away. do must be safe to
// repeat.
func (a *app) withSession(ctx context.Context, o sessionOptions, do func(context.Context, *session) error) (err error) {
	data, remove, err := a.dataDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if o.grace == 0 {
		o.grace = defaultGrace
	}
	s := &session{app: a, options: o, data: data}
	defer func() { err = errors.Join(err, s.closeStore()) }()
	for {
		if err := s.enterQueue(ctx); err != nil {
			return err
		}
		err := s.attempt(ctx, do)
		gone := s.gone(err)
		if err = errors.Join(err, s.close(ctx)); !gone {
			return err
		}
		a.note("the worker that owned the queue went away; continuing without it")
	}
}

// attempt calls do with a context that also ends, with errOwnerGone, when the
// queue of another process goes away: what is on its way there is never answered.
func (s *session) attempt(ctx context.Context, do func(context.Context, *session) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer cancel(nil)
	watching.Go(func() {
		select {
		case <-s.lost:
			cancel(errOwnerGone)
		case <-ctx.Done():
		}
	})
	err := do(ctx, s)
	// The connection may be closed a moment before ctx ends.
	if errors.Is(err, context.Canceled) && context.Cause(ctx) == errOwnerGone || s.lost != nil && errors.Is(err, nats.ErrConnectionClosed) {
		err = fmt.Errorf("%w: %w", errOwnerGone, err)
	}
	return err
}

// enterQueue opens the session. An owner that is just ending may still be found
// though its queue is gone: then it is looked for again.
func (s *session) enterQueue(ctx context.Context) error {
	deadline := time.Now().Add(ownerWait)
	for {
		err := s.open(ctx)
		if err == nil {
			return nil
		}
		gone := s.gone(err)
		if err = errors.Join(err, s.close(ctx)); !gone || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-time.After(followEvery):
		}
	}
}

// gone reports whether err comes from the loss of another process' queue. It is
// to be asked before the session is closed.
func (s *session) gone(err error) bool {
	if errors.Is(err, errOwnerGone) {
		return true
	}
	if s.lost == nil || !isOutage(err) {
		return false
	}
	return s.conn != nil && s.conn.Conn().IsClosed() || s.pulls != nil && s.pulls.Conn().IsClosed()
}

// open finds out who owns the store and the queue, and takes the part that
// nobody has. What was opened when it fails is closed by close.
func (s *session) open(ctx context.Context) error {
	card, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if err := s.openParts(ctx, card); err != nil {
		return err
	}
	if err := s.app.contradiction(card, s.store.ID()); err != nil {
		return err
	}
	if err := s.connect(ctx, card); err != nil {
		return err
	}
	if card.Store == s.store.ID() {
		return nil
	}
	if s.options.consume {
		if err := s.recallJobs(ctx); err != nil {
			return err
		}
		if s.worker, err = s.startWorker(ctx); err != nil {
			return err
		}
	}
	return s.publish()
}

// recallJobs notes the jobs that a command may have to continue: its own worker may have
// done them when it comes to submit.
func (s *session) recallJobs(ctx context.Context) error {
	if s.recalled = nil; s.options.recall == "" {
		return nil
	}
	filter := storage.JobFilter{States: []storage.JobState{storage.JobQueued, storage.JobRunning}, Kind: string(s.options.recall), Bare: true}
	for row, err := range s.store.Ledger().List(ctx, filter) {
		if err != nil {
			return fmt.Errorf("look for unfinished jobs: %w", err)
		}
		s.recalled = append(s.recalled, row)
	}
	return nil
}

// openParts opens the store, unless it is open from an earlier turn. When the queue is for
// us to run, it starts meanwhile: at once when it was there before, else when the store is
// known to be one that can be used. An error of the store comes first.
func (s *session) openParts(ctx context.Context, card owner.Card) error {
	var queue error
	var starting sync.WaitGroup
	start := sync.OnceFunc(func() {
		if card.URL == "" && s.app.global.nats == "" {
			starting.Go(func() { queue = s.startServer() })
		}
	})
	if s.hasQueue() {
		start()
	}
	err := s.openStore(ctx, start)
	starting.Wait()
	if err != nil {
		return err
	}
	return queue
}

// openStore opens the store and calls start, see openWriterMeanwhile.
func (s *session) openStore(ctx context.Context, start func()) (err error) {
	if s.store != nil {
		start()
		return nil
	}
	if s.store, err = s.app.openWriterMeanwhile(ctx, start); err == nil {
		s.app.current = s.store
	}
	return err
}

// enter takes the locks that are free and returns the card of whoever runs the
// queue, or the zero card when that is for us to do.
func (s *session) enter(ctx context.Context) (owner.Card, error) {
	place, err := s.app.global.place()
	if err != nil {
		return owner.Card{}, err
	}
	if place.Dir != "" && !sameDir(place.Dir, s.data) {
		lock, card, err := s.enterDir(ctx, place.Dir)
		if err != nil || lock == nil {
			return card, err
		}
		s.storeLock = lock
	}
	if s.app.global.nats != "" && (place.Dir == "" || s.storeLock != nil) {
		return owner.Card{}, nil
	}
	lock, card, err := s.enterDir(ctx, s.data)
	s.dataLock = lock
	return card, err
}

// enterDir takes the lock of a directory or returns its owner's card. A worker
// that runs does not share: it waits for a command that will end by itself, and
// is refused by another worker that runs.
func (s *session) enterDir(ctx context.Context, dir string) (*owner.Lock, owner.Card, error) {
	if !s.options.exclusive {
		return owner.Enter(ctx, dir, s.options.command, ownerWait)
	}
	deadline := time.Now().Add(ownerWait)
	for {
		lock, err := owner.Acquire(dir, s.options.command)
		held, ok := errors.AsType[*owner.HeldError](err)
		if !ok {
			return lock, owner.Card{}, err
		}
		if held.Command == s.options.command || time.Now().After(deadline) {
			return nil, owner.Card{}, &failure{
				Exit: exitError, Code: codeOwned,
				Message: held.Error() + "; one worker at a time: end that process, or use another --store or --data",
			}
		}
		select {
		case <-ctx.Done():
			return nil, owner.Card{}, errInterrupted
		case <-time.After(followEvery):
		}
	}
}

// close ends the work here in order: consumer, connection, server, ownership.
// The store stays open for another turn.
func (s *session) close(ctx context.Context) error {
	var errs []error
	if s.worker != nil {
		errs = append(errs, s.worker.stop(ctx))
	}
	if s.sources != nil {
		errs = append(errs, s.sources.Close())
	}
	for _, l := range []*owner.Lock{s.storeLock, s.dataLock} {
		if l != nil {
			// Others must not come any more while the queue ends.
			errs = append(errs, l.Retract())
		}
	}
	for _, c := range []*consumer.Line{s.pulls, s.conn} {
		if c != nil {
			c.Close()
		}
	}
	if s.server != nil {
		s.server.Shutdown()
	}
	for _, l := range []*owner.Lock{s.storeLock, s.dataLock} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	s.worker, s.sources, s.pulls, s.conn, s.server, s.storeLock, s.dataLock = nil, nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

func (s *session) closeStore() error {
	if s.store == nil {
		return nil
	}
	s.app.current = nil
	return s.store.Close()
}

func sameDir(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

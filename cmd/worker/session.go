package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/progress"
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
	// exclusive: refuse when another process owns the directory.
	exclusive bool
	// observe, when not nil, is told of the progress of the loads done here.
	observe func(job uuid.UUID, p storage.Progress)
}

// session is a store with a queue: its own, or that of another process.
type session struct {
	app     *app
	options sessionOptions
	store   *store
	// data is the data directory whose queue is used, uploads where archives are put.
	data, uploads string
	// dataLock and storeLock are held by an owner; storeLock only where the
	// store's directory is not the data directory.
	dataLock, storeLock *owner.Lock
	server              *natsd.Server
	conn                *nats.Conn
	// lost is closed when the queue of another process went away.
	lost      chan struct{}
	queue     consumer.QueueConfig
	publisher *consumer.Publisher
	submitter jobs.Submitter
	worker    *worker
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
	s := &session{app: a, options: o, data: data}
	defer func() { err = errors.Join(err, s.closeStore()) }()
	for {
		if err := s.enterQueue(ctx); err != nil {
			return err
		}
		err := do(ctx, s)
		gone := s.gone(err)
		if err = errors.Join(err, s.close(ctx)); !gone {
			return err
		}
		a.note("the worker that owned the queue went away; continuing without it")
	}
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
	return s.lost != nil && isOutage(err) && s.conn != nil && s.conn.IsClosed()
}

// defaultData returns where local state is kept when --data does not say; not
// for stores in memory, which get a temporary directory.
func (g *global) defaultData() (string, bool) {
	if g.data != "" {
		return filepath.Clean(g.data), true
	}
	url, err := parseStore(g.store)
	return url.dir, err == nil && !url.memory
}

// dataDir returns the data directory and what removes it when it is temporary.
func (a *app) dataDir() (string, func() error, error) {
	if dir, ok := a.global.defaultData(); ok {
		return dir, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "specstar-*")
	if err != nil {
		return "", nil, fmt.Errorf("make temporary data directory: %w", err)
	}
	return dir, func() error {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove temporary data directory: %w", err)
		}
		return nil
	}, nil
}

// open finds out who owns the store and the queue, and takes the part that
// nobody has. What was opened when it fails is closed by close.
func (s *session) open(ctx context.Context) error {
	card, err := s.enter(ctx)
	if err != nil {
		return err
	}
	if s.store == nil {
		if s.store, err = s.app.openWriter(ctx); err != nil {
			return err
		}
		s.app.current = s.store
	}
	if err := s.app.contradiction(card, s.store.ID()); err != nil {
		return err
	}
	if err := s.connect(ctx, card); err != nil {
		return err
	}
	if card.Store == s.store.ID() || !s.options.consume {
		return nil
	}
	if s.worker, err = s.startWorker(ctx); err != nil {
		return err
	}
	return s.publish()
}

// enter takes the locks that are free and returns the card of whoever runs the
// queue, or the zero card when that is for us to do.
func (s *session) enter(ctx context.Context) (owner.Card, error) {
	url, err := parseStore(s.app.global.store)
	if err != nil {
		return owner.Card{}, err
	}
	if !url.memory && !sameDir(url.dir, s.data) {
		lock, card, err := s.enterDir(ctx, url.dir)
		if err != nil || lock == nil {
			return card, err
		}
		s.storeLock = lock
	}
	if s.app.global.nats != "" && (url.memory || s.storeLock != nil) {
		return owner.Card{}, nil
	}
	lock, card, err := s.enterDir(ctx, s.data)
	s.dataLock = lock
	return card, err
}

func (s *session) enterDir(ctx context.Context, dir string) (*owner.Lock, owner.Card, error) {
	if s.options.exclusive {
		lock, err := owner.Acquire(dir, s.options.command)
		if held, ok := errors.AsType[*owner.HeldError](err); ok {
			return nil, owner.Card{}, &failure{Exit: exitError, Code: codeOwned,
				Message: held.Error() + "; one worker at a time: end that process, or use another --store or --data"}
		}
		return lock, owner.Card{}, err
	}
	return owner.Enter(ctx, dir, s.options.command, ownerWait)
}

// connect reaches the queue: a given server, another process', or one started here.
func (s *session) connect(ctx context.Context, card owner.Card) (err error) {
	s.lost, s.uploads = nil, filepath.Join(owner.Dir(s.data), "uploads")
	var id uuid.UUID
	switch {
	case card.URL != "":
		id = card.Queue
		if card.Store == s.store.ID() {
			s.uploads = card.Uploads
		}
		s.lost = make(chan struct{})
		s.conn, err = connectTo(card.URL, s.lost, nats.Token(card.Token))
	case s.app.global.nats != "":
		s.conn, err = nats.Connect(s.app.global.nats, nats.Name("specstar-worker"), nats.MaxReconnects(-1))
		if err != nil {
			err = &failure{Exit: exitUnavailable, Code: codeUnavailable, Message: "connect to " + maskURL(s.app.global.nats) + ": " + err.Error()}
		}
	default:
		id, err = s.startServer()
	}
	if err != nil {
		return err
	}
	s.queue = consumer.QueueConfig{Namespace: s.namespace(), Store: s.store.ID(), ID: id, Create: true}
	return s.bind(ctx)
}

// startServer starts the queue of the data directory and returns its id.
func (s *session) startServer() (uuid.UUID, error) {
	id, err := s.dataLock.QueueID()
	if err != nil {
		return id, err
	}
	s.server, err = natsd.Start(filepath.Join(owner.Dir(s.data), "nats"), natsd.Options{Listen: true})
	if err != nil {
		return id, err
	}
	s.conn, err = s.server.Connect()
	return id, err
}

// connectTo connects to the queue of another process. lost is closed when the
// connection ends: on the loopback it ends with the process.
func connectTo(url string, lost chan struct{}, opts ...nats.Option) (*nats.Conn, error) {
	opts = append(opts, nats.Name("specstar-worker"), nats.NoReconnect(), nats.Timeout(2*time.Second),
		nats.ClosedHandler(func(*nats.Conn) { close(lost) }))
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		// The process may have died after its card was read.
		return nil, fmt.Errorf("%w: %w", errOwnerGone, err)
	}
	return nc, nil
}

// bind makes sure of the streams and sets up the sending side.
func (s *session) bind(ctx context.Context) error {
	var err error
	if s.publisher, err = consumer.NewPublisher(s.conn, s.queue); err != nil {
		return err
	}
	if err := ensureStreams(ctx, s.conn, s.queue); err != nil {
		return fmt.Errorf("set up the queue: %w", err)
	}
	s.submitter = jobs.NewSubmitter(s.store.ID(), s.store.Ledger(), s.publisher)
	return nil
}

// namespace returns the namespace of the streams.
func (s *session) namespace() string {
	switch {
	case s.app.global.namespace != "":
		return s.app.global.namespace
	case s.app.global.nats != "":
		return "default"
	}
	return strings.ReplaceAll(s.store.ID().String(), "-", "")
}

// publish tells other processes how to reach the queue that this one consumes.
func (s *session) publish() error {
	values, err := s.app.shared()
	if err != nil {
		return err
	}
	uploads, err := filepath.Abs(s.uploads)
	if err != nil {
		return fmt.Errorf("find directory of uploads: %w", err)
	}
	card := owner.Card{
		URL: s.conn.ConnectedUrl(), PID: os.Getpid(), Store: s.store.ID(), Queue: s.publisher.Queue(),
		Uploads: uploads, Settings: values,
	}
	if s.server != nil {
		card.URL, card.Token = s.server.URL(), s.server.Token()
	} else {
		card.Token = s.conn.Opts.Token
	}
	for _, l := range []*owner.Lock{s.dataLock, s.storeLock} {
		if l == nil {
			continue
		}
		if err := l.Publish(card); err != nil {
			return err
		}
	}
	return nil
}

// close ends the work here in order: consumer, connection, server, ownership.
// The store stays open for another turn.
func (s *session) close(ctx context.Context) error {
	var errs []error
	if s.worker != nil {
		errs = append(errs, s.worker.stop(ctx))
	}
	for _, l := range []*owner.Lock{s.storeLock, s.dataLock} {
		if l != nil {
			// Others must not come any more while the queue ends.
			errs = append(errs, l.Retract())
		}
	}
	if s.conn != nil {
		s.conn.Close()
	}
	if s.server != nil {
		s.server.Shutdown()
	}
	for _, l := range []*owner.Lock{s.storeLock, s.dataLock} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	s.worker, s.conn, s.server, s.storeLock, s.dataLock = nil, nil, nil, nil, nil
	return errors.Join(errs...)
}

func (s *session) closeStore() error {
	if s.store == nil {
		return nil
	}
	s.app.current = nil
	return s.store.Close()
}

// followWork follows one job with a progress display.
func (s *session) followWork(ctx context.Context, id uuid.UUID, name, unit string, board *progress.Board) (storage.Job, error) {
	task := board.Start(name, unit, 0)
	s.watch(id, task)
	row, err := s.follow(ctx, id, func(j storage.Job) {
		if !j.State.Final() && s.worker == nil {
			task.Update(j.Done, j.Total)
		}
	})
	if err != nil {
		task.End("stopped waiting")
		return row, err
	}
	if n := handled(row); n > 0 {
		task.Update(n, n)
	}
	task.End(string(row.State))
	return row, nil
}

// handled returns how many units a job that is done has dealt with, from its
// outcome: the last progress in the ledger may be older.
func handled(row storage.Job) (n int64) {
	if row.State != storage.JobDone {
		return 0
	}
	switch jobs.Kind(row.Kind) {
	case jobs.KindLoad:
		var stats map[string]manager.LoadStats
		if json.Unmarshal(row.Outcome, &stats) == nil {
			for _, s := range stats {
				n += s.Total
			}
		}
	case jobs.KindBackfill:
		var r backfillResult
		if json.Unmarshal(row.Outcome, &r) == nil {
			for _, s := range r.Models {
				n += s.Updated + s.Missing + s.Unchanged
			}
		}
	}
	return n
}

func sameDir(a, b string) bool {
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	return errX == nil && errY == nil && x == y
}

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/internal/owner"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// connect reaches the queue: a given server, another process', or the one started here.
func (s *session) connect(ctx context.Context, card owner.Card) (err error) {
	s.lost, s.uploads = nil, filepath.Join(owner.Dir(s.data), "uploads")
	var id uuid.UUID
	var nc *nats.Conn
	switch {
	case card.URL != "":
		id = card.Queue
		if card.Store == s.store.ID() {
			s.uploads = card.Uploads
		}
		s.lost = make(chan struct{})
		nc, err = connectTo(card.URL, s.lost, nats.Token(card.Token))
		s.dial = func(o ...nats.Option) (*nats.Conn, error) {
			return connectTo(card.URL, nil, append(o, nats.Token(card.Token))...)
		}
	case s.app.global.nats != "":
		s.dial = func(o ...nats.Option) (*nats.Conn, error) { return nats.Connect(s.app.global.nats, o...) }
		if nc, err = s.dial(consumer.PublishOptions()...); err != nil {
			err = &failure{Exit: exitUnavailable, Code: codeUnavailable, Message: "connect to " + maskURL(s.app.global.nats) + ": " + err.Error()}
		}
	default:
		id, s.dial = s.queueID, s.server.Connect
		nc, err = s.dial(consumer.PublishOptions()...)
	}
	if err != nil {
		return err
	}
	s.conn = s.hold(nc, consumer.PublishOptions)
	s.queue = consumer.QueueConfig{Namespace: s.namespace(), Store: s.store.ID(), ID: id, Create: !s.options.bindOnly}
	return s.bind(ctx)
}

// startServer starts the queue of the data directory.
func (s *session) startServer() (err error) {
	if s.queueID, s.newQueue, err = s.dataLock.QueueID(); err != nil {
		return err
	}
	s.server, err = natsd.Start(s.queueDir(), natsd.Options{Listen: true})
	return err
}

// queueDir is where the queue of the data directory is.
func (s *session) queueDir() string { return filepath.Join(owner.Dir(s.data), "nats") }

// hasQueue reports whether the data directory has a queue.
func (s *session) hasQueue() bool {
	_, err := os.Stat(s.queueDir())
	return err == nil
}

// hold has a connection made anew when the library closes it, which it does with one
// whose server sends an error that it does not know. One to the queue of another
// process is closed when that ends, and stays so.
func (s *session) hold(nc *nats.Conn, options func() []nats.Option) *consumer.Line {
	if s.lost != nil {
		return consumer.NewLine(nc, nil)
	}
	dial, log := s.dial, s.app.log
	return consumer.NewLine(nc, func(why error) (*nats.Conn, error) {
		log.Warn("the connection to the queue was closed, another is made", zap.Error(why))
		return dial(append(options(), nats.RetryOnFailedConnect(true))...)
	})
}

// connectTo connects to the queue of another process. lost, unless nil, is closed when
// the connection ends: on the loopback it ends with the process.
func connectTo(url string, lost chan struct{}, opts ...nats.Option) (*nats.Conn, error) {
	opts = append(opts, nats.Name("specstar-worker"), nats.NoReconnect(), nats.RetryOnFailedConnect(false), nats.Timeout(2*time.Second))
	if lost != nil {
		opts = append(opts, nats.ClosedHandler(func(*nats.Conn) { close(lost) }))
	}
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
	if s.publisher, err = consumer.NewLinePublisher(s.conn, s.queue); err != nil {
		return err
	}
	if err := s.ensure(ctx); err != nil {
		return err
	}
	if s.letters, err = consumer.NewLineLetters(s.conn, s.queue); err != nil {
		return err
	}
	if s.events, err = consumer.NewLineEvents(s.conn, s.queue); err != nil {
		return err
	}
	if s.objects, err = consumer.NewObjects(s.conn, s.queue, consumer.Uploads); err != nil {
		return err
	}
	if s.downloads, err = consumer.NewDownloads(s.conn, s.queue); err != nil {
		return err
	}
	if s.sources, err = s.app.sourcesOf(s.uploads, s.objects, s.options.sources...); err != nil {
		return err
	}
	queue := jobs.NewSubmitter(s.store.ID(), s.store.Ledger(), s.publisher).WithContents(jobs.BlobContents{Blobs: s.store.blobs})
	queue = s.app.global.limits.of(queue)
	s.unguarded = queue.InLedger() // who waits for a job finds those that it has caused
	if s.options.inLedger {
		queue = queue.InLedger()
	}
	s.submitter = queue
	r := &s.app.global.rights
	s.catalog = r.served(manager.NewCatalog(s.store.Factory, s.store.blobs, manager.Options{Worker: workerName()}))
	if r.on() {
		s.submitter = &jobs.Guard{Submitter: queue, Catalog: s.catalog}
	}
	return nil
}

// ensure makes sure of the streams, and meanwhile of the jobs of those that had the queue
// before.
func (s *session) ensure(ctx context.Context) error {
	var taken error
	var taking sync.WaitGroup
	if s.options.consume && s.exclusive() {
		taking.Go(func() { taken = s.takeOver(ctx) })
	}
	err := ensureStreams(ctx, s.conn.Conn(), s.queue)
	taking.Wait()
	if err != nil {
		return fmt.Errorf("set up the queue: %w", s.app.provisionHint(err))
	}
	return taken
}

// takeOver makes jobs that were being done when their workers ended be done again.
func (s *session) takeOver(ctx context.Context) error {
	_, err := s.store.Ledger().Takeover(ctx, s.publisher.Queue())
	if err == nil {
		err = jobs.WakeSuspended(ctx, s.store.Ledger())
	}
	if err != nil {
		return fmt.Errorf("take over unfinished jobs: %w", err)
	}
	return nil
}

// exclusive reports whether nobody else consumes the queue: whoever runs it or holds the
// store's own lock does alone.
func (s *session) exclusive() bool { return s.server != nil || s.storeLock != nil }

// defaultNamespace is that of the streams on a server that was given.
const defaultNamespace = "default"

// namespace returns the namespace of the streams.
func (s *session) namespace() string {
	switch {
	case s.app.global.namespace != "":
		return s.app.global.namespace
	case s.app.global.nats != "":
		return defaultNamespace
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
		URL: s.conn.Conn().ConnectedUrl(), PID: os.Getpid(), Store: s.store.ID(), Queue: s.publisher.Queue(),
		Uploads: uploads, Settings: values,
	}
	if s.server != nil {
		card.URL, card.Token = s.server.URL(), s.server.Token()
	} else {
		card.Token = s.conn.Conn().Opts.Token
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

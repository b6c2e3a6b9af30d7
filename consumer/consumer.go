package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/jobs"
)

// Consumer pulls jobs from a queue and has them carried out.
type Consumer struct {
	cfg   Config
	stats map[durable]*counters
}

// New returns a consumer. Nothing is contacted before it is started.
func New(c Config) (*Consumer, error) {
	if c.Executor == nil {
		return nil, errors.New("consumer: no executor is given")
	}
	if c.JetStream != nil || c.Line != nil {
		if err := c.Queue.check(); err != nil {
			return nil, fmt.Errorf("consumer: %w", err)
		}
	}
	if err := c.reach(); err != nil {
		return nil, fmt.Errorf("consumer: %w", err)
	}
	stats := make(map[durable]*counters)
	for _, d := range c.consumed() {
		stats[d] = &counters{}
	}
	return &Consumer{cfg: c.withDefaults(), stats: stats}, nil
}

// StartConsume binds to the queue, starts one loop for each lane and kind and
// returns their handles. Without a queue there are none: it returns nil, on
// which every method of Handles works, and ErrNoQueue. The end of ctx aborts.
func (c *Consumer) StartConsume(ctx context.Context) (*Handles, error) {
	if c.cfg.js() == nil {
		return nil, ErrNoQueue
	}
	if err := EnsureStreams(ctx, c.cfg.js(), c.cfg.Queue); err != nil {
		return nil, fmt.Errorf("start consuming: %w", err)
	}
	loops := make([]*loop, 0, len(c.stats))
	shared := &line{link: c.cfg.Link}
	for _, d := range c.cfg.consumed() {
		l := c.newLoop(d)
		l.line = shared
		loops = append(loops, l)
	}
	w, err := c.prepare(ctx, loops)
	if err != nil {
		return nil, fmt.Errorf("start consuming: %w", err)
	}
	return launch(ctx, c.cfg, loops, w), nil
}

// prepare gives the loops their durable consumers, at once or, of an exclusive
// owner that may make them and has no messages for them, when their first one comes.
func (c *Consumer) prepare(ctx context.Context, loops []*loop) (*waker, error) {
	if c.cfg.Exclusive {
		if err := renew(ctx, c.cfg, loops); err != nil {
			return nil, err
		}
	}
	var w *waker
	if c.cfg.Exclusive && c.cfg.Queue.Create {
		var err error
		if w, err = newWaker(ctx, c.cfg, loops); err != nil {
			return nil, err
		}
	}
	for _, l := range loops {
		if l.mayWait() {
			continue
		}
		if err := l.rebind(ctx); err != nil {
			w.unsubscribe()
			return nil, err
		}
	}
	return w, nil
}

// Consume is StartConsume and Join: it returns when consuming has ended.
func (c *Consumer) Consume(ctx context.Context) error {
	h, err := c.StartConsume(ctx)
	if err != nil {
		return err
	}
	return h.Join(context.WithoutCancel(ctx))
}

func (c *Consumer) newLoop(d durable) *loop {
	l := &loop{
		durable: d, cfg: c.cfg, stats: c.stats[d],
		log:     c.cfg.Logger.Named(d.name()),
		share:   c.cfg.Budget.share(d),
		workers: c.cfg.Slots, batch: 1, batchBytes: c.cfg.BatchSize / 2, ahead: 0,
	}
	if d.kind == jobs.KindSave {
		l.workers, l.batch, l.ahead, l.beside = batchesAtOnce, c.cfg.Batch, c.cfg.Batch, c.cfg.Beside
	}
	l.bind = func(ctx context.Context) (bound, error) { return d.bind(ctx, c.cfg) }
	if c.cfg.Queue.Create {
		l.remake = func(ctx context.Context) error { return EnsureStreams(ctx, c.cfg.js(), c.cfg.Queue) }
	}
	letters := &Letters{js: c.cfg.js, q: c.cfg.Queue}
	l.bury = func(ctx context.Context, letter jobs.Letter) error {
		_, err := letters.Put(ctx, letter)
		return err
	}
	events := &Events{js: c.cfg.js, q: c.cfg.Queue}
	l.tell = events.Publish
	return l
}

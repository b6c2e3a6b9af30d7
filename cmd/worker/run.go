package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/storage"
)

// httpGrace is how long a running HTTP request may take to finish.
const httpGrace = 5 * time.Second

// listen is the flag of the HTTP listener.
type listen struct{ addr string }

func (l *listen) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.addr, "listen", "127.0.0.1:8080", "`ADDR` of the HTTP listener, or off")
}

func (a *app) runCommand() *cobra.Command {
	var l listen
	var kept retention
	var grace time.Duration
	var bindOnly bool
	var limits runLimits
	var sweep sweepFlags
	var takes consumes
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Consume jobs until SIGTERM",
		Long: `run owns the data directory, starts the embedded queue unless --nats names one,
and does jobs until SIGTERM or SIGINT: then it takes no more, finishes or
checkpoints what runs, hands back the rest and exits 0. What still runs when the
grace is over, or a second signal comes, is cancelled and handed back; then the exit
code is 1 and the error names it. Nothing is lost.

While the queue's server is away, or what it holds of the queue is gone, run stays
up, and /readyz says what it waits for. Streams and consumers that are gone are
made anew, unless --bind-only leaves that to worker provision.

The HTTP listener answers /livez, /readyz, /metrics, /jobs and /jobs/ID.`,
		Example: `  worker run
  worker run --store sqlite:/var/lib/specstar --listen 127.0.0.1:9090
  SPECSTAR_LISTEN=off worker run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if grace <= 0 {
				return usage("--grace %s: it must be more than 0", grace)
			}
			if bindOnly && a.global.nats == "" {
				return usage("--bind-only: it is for a server that --nats names; nobody else makes the embedded queue")
			}
			if err := limits.check(); err != nil {
				return err
			}
			if err := sweep.check(); err != nil {
				return err
			}
			if err := takes.check(a.global.nats); err != nil {
				return err
			}
			return a.run(cmd.Context(), l, sessionOptions{kept: &kept, sweep: sweep, grace: grace, limits: limits, takes: takes, bindOnly: bindOnly}, kept)
		},
	}
	l.register(cmd.Flags())
	kept.register(cmd.Flags())
	cmd.Flags().DurationVar(&grace, "grace", defaultGrace, "`DURATION` for which running jobs may finish after SIGTERM before they are handed back")
	cmd.Flags().BoolVar(&bindOnly, "bind-only", false, "make no streams and consumers on the server; see worker provision")
	limits.register(cmd.Flags())
	sweep.register(cmd.Flags())
	takes.register(cmd.Flags())
	return cmd
}

func (a *app) run(ctx context.Context, l listen, o sessionOptions, kept retention) error {
	if err := kept.check(); err != nil {
		return err
	}
	o.command, o.consume, o.exclusive = "run", true, true
	return a.withSession(ctx, o, func(ctx context.Context, s *session) error {
		server, err := s.serve(ctx, l.addr)
		if err != nil {
			return err
		}
		a.log.Info("started", zap.String("store", a.global.storeName()), zap.String("data", s.data),
			zap.String("namespace", s.queue.Namespace), zap.String("http", httpAddr(server)))
		return errors.Join(s.serveUntil(ctx), closeHTTP(ctx, server))
	})
}

// serveUntil waits for the end of ctx, or for consuming to end by itself.
func (s *session) serveUntil(ctx context.Context) error {
	select {
	case <-ctx.Done():
		s.worker.draining.Store(true)
		s.app.log.Info("draining")
		// The listener stays up while jobs finish, so that probes see "not ready".
		err := s.worker.stop(ctx)
		s.app.log.Info("stopped")
		return err
	case <-s.failed():
		return fmt.Errorf("consume jobs: %w", s.failure())
	case <-s.lost:
		return errOwnerGone
	}
}

// serve starts the HTTP listener, or returns nil when it is off.
func (s *session) serve(ctx context.Context, addr string) (*web.Server, error) {
	if addr == "off" {
		return nil, nil
	}
	return web.Start(ctx, addr, web.Config{
		Ledger:  s.store.Ledger(),
		Ready:   s.ready,
		Metrics: web.NewRegistry(s.store.Ledger(), s.worker.figures, s.worker.work.Collectors()...),
		Log:     s.app.log,
	})
}

func httpAddr(s *web.Server) string {
	if s == nil {
		return "off"
	}
	return s.Addr()
}

func closeHTTP(ctx context.Context, s *web.Server) error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpGrace)
	defer cancel()
	return s.Close(ctx)
}

// ready returns why jobs are not taken now, nil when they are.
func (s *session) ready(ctx context.Context) error {
	if s.worker.draining.Load() {
		return errors.New("draining")
	}
	for _, c := range []*consumer.Line{s.conn, s.pulls} {
		if status := c.Conn().Status(); status != nats.CONNECTED {
			return fmt.Errorf("queue: %s", status)
		}
	}
	if ts := s.worker.handles.Trouble(); len(ts) > 0 {
		return s.app.troubles(ts)
	}
	if _, err := s.store.Ledger().Count(ctx, storage.JobRunning, storage.JobDead); err != nil {
		return errors.New("store: it does not answer")
	}
	return nil
}

// troubles says what is wrong with the loops, at most a few of them.
func (a *app) troubles(ts []consumer.Trouble) error {
	const most = 3
	var all []string
	for _, t := range ts[:min(len(ts), most)] {
		t.Err = a.provisionHint(t.Err)
		all = append(all, fmt.Sprintf("%s (for %s)", t, time.Since(t.Since).Round(time.Second)))
	}
	if more := len(ts) - most; more > 0 {
		all = append(all, fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(all, "; "))
}

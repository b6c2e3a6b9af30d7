package scale

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/natsd"
)

// queueReady is how a queue says that it can be used; its address stands behind.
const queueReady = "queue at "

// ServeQueue runs a queue with its files in dir until ctx ends, and writes where it is to
// w. It is a process of its own, so that its processor time can be told from that of
// others.
func ServeQueue(ctx context.Context, dir string, w io.Writer) error {
	s, err := natsd.Start(dir, natsd.Options{Listen: true})
	if err != nil {
		return err
	}
	defer s.Shutdown()
	at := "nats://" + s.Token() + "@" + strings.TrimPrefix(s.URL(), "nats://")
	if _, err := fmt.Fprintln(w, queueReady+at); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// queue is the queue of the measurements.
type queue struct {
	url   string
	child *child // nil for one that was given
	nc    *nats.Conn
}

// openQueue connects to a queue of this machine, or starts one.
func openQueue(ctx context.Context, program, at, dir string) (q *queue, err error) {
	q = &queue{url: at}
	if at == "" {
		if q.child, err = startChild(program, []string{"bench", "queue", dir}, queueReady); err != nil {
			return nil, err
		}
		if err := q.child.await(ctx); err != nil {
			return nil, errors.Join(err, q.child.stop())
		}
		q.child.mu.Lock()
		_, q.url, _ = strings.Cut(q.child.last[len(q.child.last)-1], queueReady)
		q.child.mu.Unlock()
	}
	for one := range strings.SplitSeq(q.url, ",") {
		if u, err := url.Parse(one); err != nil || !isLoopback(u.Hostname()) {
			return nil, errors.Join(fmt.Errorf("queue: %w", errNotHere), q.close())
		}
	}
	if q.nc, err = nats.Connect(q.url, nats.Name("specstar-worker bench")); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to the queue: %w", err), q.close())
	}
	return q, nil
}

// pid is the queue's process, 0 for one that was given.
func (q *queue) pid() int {
	if q.child == nil {
		return 0
	}
	return q.child.pid()
}

// messages returns how many messages the streams of a namespace have taken so far.
func (q *queue) messages(ctx context.Context, namespace string) (n uint64, err error) {
	err = q.each(ctx, namespace, func(_ jetstream.JetStream, s *jetstream.StreamInfo) error {
		n += s.State.LastSeq
		return nil
	})
	return n, err
}

// drop removes the streams of a namespace.
func (q *queue) drop(ctx context.Context, namespace string) error {
	return q.each(ctx, namespace, func(js jetstream.JetStream, s *jetstream.StreamInfo) error {
		return js.DeleteStream(ctx, s.Config.Name)
	})
}

// each calls do with the streams of a namespace.
func (q *queue) each(ctx context.Context, namespace string, do func(jetstream.JetStream, *jetstream.StreamInfo) error) error {
	js, err := jetstream.New(q.nc)
	if err != nil {
		return err
	}
	all := js.ListStreams(ctx)
	var mine []*jetstream.StreamInfo
	for s := range all.Info() {
		if name := strings.TrimPrefix(s.Config.Name, "OBJ_"); strings.HasPrefix(name, "SPECSTAR_"+namespace+"_") {
			mine = append(mine, s)
		}
	}
	if err := all.Err(); err != nil {
		return fmt.Errorf("list the streams of the queue: %w", err)
	}
	for _, s := range mine {
		if err := do(js, s); err != nil {
			return fmt.Errorf("stream %s: %w", s.Config.Name, err)
		}
	}
	return nil
}

// close ends the connection, and the queue if it was started here.
func (q *queue) close() error {
	if q.nc != nil {
		q.nc.Close()
	}
	if q.child == nil {
		return nil
	}
	return q.child.stop()
}

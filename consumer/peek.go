package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Peek calls do with the body of every message that waits in a queue, and takes
// none of them. An empty namespace means the queues of all stores that nc's server
// holds. What comes or goes meanwhile may be missed. Messages are read one after
// the other, which takes a second for ten thousand.
func Peek(ctx context.Context, nc *nats.Conn, namespace string, do func(body []byte) error) error {
	if nc == nil {
		return ErrNoQueue
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("look into the queue: %w", err)
	}
	names, err := jobStreams(ctx, js, namespace)
	if err != nil {
		return fmt.Errorf("look into the queue: %w", err)
	}
	for _, name := range names {
		if err := peek(ctx, js, name, do); err != nil {
			return fmt.Errorf("look into the queue: stream %s: %w", name, err)
		}
	}
	return nil
}

// jobStreams returns the names of the streams of jobs.
func jobStreams(ctx context.Context, js jetstream.JetStream, namespace string) ([]string, error) {
	if namespace != "" {
		return []string{QueueConfig{Namespace: namespace}.StreamName()}, nil
	}
	before, after, _ := strings.Cut(QueueConfig{Namespace: "*"}.StreamName(), "*")
	var names []string
	list := js.StreamNames(ctx)
	for name := range list.Name() {
		if strings.HasPrefix(name, before) && strings.HasSuffix(name, after) {
			names = append(names, name)
		}
	}
	return names, list.Err()
}

func peek(ctx context.Context, js jetstream.JetStream, name string, do func([]byte) error) error {
	s, err := js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for next := uint64(1); ; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		next = m.Sequence + 1
		if err := do(m.Data); err != nil {
			return err
		}
	}
}

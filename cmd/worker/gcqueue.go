package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/internal/owner"
	"github.com/specstar-worker/worker/jobs"
)

// gcQueue is the queue whose messages a garbage collection looks at: what they
// would write is nowhere in the store yet.
type gcQueue struct {
	conn   *nats.Conn
	server *natsd.Server // nil when it is a server of its own
	// namespace is whose messages are looked at; empty for those of all stores of
	// the data directory, which may share the blobs.
	namespace string
}

// openGCQueue reaches the queue: a given server, or the one of the data directory,
// which is started without taking connections. It returns nil when there is none.
func (a *app) openGCQueue(data string) (*gcQueue, error) {
	if a.global.nats != "" {
		nc, err := nats.Connect(a.global.nats, nats.Name("specstar-worker"))
		if err != nil {
			return nil, &failure{Exit: exitUnavailable, Code: codeUnavailable, Message: "connect to " + maskURL(a.global.nats) + ": " + err.Error()}
		}
		namespace := a.global.namespace
		if namespace == "" {
			namespace = defaultNamespace
		}
		return &gcQueue{conn: nc, namespace: namespace}, nil
	}
	dir := filepath.Join(owner.Dir(data), "nats")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	server, err := natsd.Start(dir, natsd.Options{})
	if err != nil {
		return nil, err
	}
	nc, err := server.Connect()
	if err != nil {
		server.Shutdown()
		return nil, err
	}
	return &gcQueue{conn: nc, server: server}, nil
}

// joinGCQueue reaches the queue that another process runs.
func joinGCQueue(card owner.Card) (*gcQueue, error) {
	nc, err := nats.Connect(card.URL, nats.Token(card.Token), nats.Name("specstar-worker"))
	if err != nil {
		return nil, fmt.Errorf("connect to the queue of process %d: %w", card.PID, err)
	}
	return &gcQueue{conn: nc}, nil
}

// references marks what the waiting messages would write.
func (q *gcQueue) references(ctx context.Context, sources jobs.SourceOpener, contents jobs.Contents, mark func([]byte)) error {
	return consumer.Peek(ctx, q.conn, q.namespace, func(body []byte) error {
		mark(body)
		return jobs.References(ctx, body, sources, contents, mark)
	})
}

func (q *gcQueue) close() {
	q.conn.Close()
	if q.server != nil {
		q.server.Shutdown()
	}
}

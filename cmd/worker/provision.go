package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/render"
)

// provisionWait is how long a cluster may take to agree on what is made.
const provisionWait = 30 * time.Second

func (a *app) provisionCommand() *cobra.Command {
	var replicas int
	cmd := &cobra.Command{
		Use:   "provision",
		Short: "Make the streams and consumers of a queue on a NATS server",
		Long: `provision makes what is not there of the store's queue on the server that --nats
names: the streams of jobs, of dead letters and of events, a durable consumer for each
lane and kind, and the object store for uploaded archives. What is there is compared and never changed; a setting that
would lose or hold back jobs is refused and named.

Workers that run with --bind-only make none of this, so their credentials need no
right to. One that runs goes on within seconds when what was missing is there.`,
		Example: `  worker provision --nats nats://127.0.0.1:4222
  worker provision --nats nats://n1:4222,nats://n2:4222 --store postgres:///app --replicas 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.provision(cmd.Context(), replicas) },
	}
	cmd.Flags().IntVar(&replicas, "replicas", 1, "`N` servers of a cluster keep each stream: 1, 3 or 5")
	return cmd
}

// provisioned is the result.
type provisioned struct {
	Streams   []string `json:"streams"`
	Consumers int      `json:"consumers"`
}

func (a *app) provision(ctx context.Context, replicas int) (err error) {
	switch {
	case a.global.nats == "":
		return usage("--nats is missing: a worker without it makes its own queue")
	case replicas != 1 && replicas != 3 && replicas != 5:
		return usage("--replicas %d: it must be 1, 3 or 5", replicas)
	}
	s, err := a.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	nc, err := nats.Connect(a.global.nats, consumer.PublishOptions()...)
	if err != nil {
		return &failure{Exit: exitUnavailable, Code: codeUnavailable, Message: "connect to " + maskURL(a.global.nats) + ": " + err.Error()}
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	q := consumer.QueueConfig{Namespace: a.global.namespace, Store: s.ID(), Replicas: replicas}
	if q.Namespace == "" {
		q.Namespace = defaultNamespace
	}
	ctx, cancel := context.WithTimeout(ctx, provisionWait)
	defer cancel()
	if err := consumer.Provision(ctx, js, q); err != nil {
		return fmt.Errorf("provision the queue: %w", err)
	}
	made := provisioned{Streams: q.Streams(), Consumers: consumer.Durables()}
	if a.format == render.JSON || a.format == render.NDJSON {
		return render.Document(a.stdout, a.format, made)
	}
	_, err = fmt.Fprintf(a.stdout, "streams %s, %d consumers\n", strings.Join(made.Streams, ", "), made.Consumers)
	return err
}

// provisionHint adds to an error about what is not there which command makes it.
func (a *app) provisionHint(err error) error {
	if !errors.Is(err, consumer.ErrNotMade) {
		return err
	}
	flags := ""
	if a.global.namespace != "" {
		flags = " --namespace " + a.global.namespace
	}
	return fmt.Errorf("%w: make it with: worker provision --nats %s --store %s%s", err, maskURL(a.global.nats), a.global.storeName(), flags)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/storage"
)

// TestAServiceThatDoesNotAnswerIsUnavailable: the exit code tells scripts and
// supervisors that the same command may work later.
func TestAServiceThatDoesNotAnswerIsUnavailable(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{storage.ErrUnavailable, exitUnavailable},
		{nats.ErrTimeout, exitUnavailable},
		{context.DeadlineExceeded, exitUnavailable}, // a request to JetStream
		{errors.New("the stream is another store's"), exitError},
	} {
		if f := explain(fmt.Errorf("start consuming: %w", tc.err)); f.Exit != tc.want {
			t.Errorf("%v gave exit code %d (%s), want %d", tc.err, f.Exit, f.Code, tc.want)
		}
	}
}

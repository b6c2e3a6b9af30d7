package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
		{storage.ErrSetup, exitUnavailable},
		{errors.New("the stream is another store's"), exitError},
	} {
		if f := explain(fmt.Errorf("start consuming: %w", tc.err)); f.Exit != tc.want {
			t.Errorf("%v gave exit code %d (%s), want %d", tc.err, f.Exit, f.Code, tc.want)
		}
	}
}

// TestWhatAnOperatorMustMendHasItsCode: "unavailable" would have scripts try again.
func TestWhatAnOperatorMustMendHasItsCode(t *testing.T) {
	f := explain(fmt.Errorf("write: the role lacks a right: grant it: %w", storage.ErrSetup))
	if f.Code != codeSetup || f.Exit != exitUnavailable || !strings.Contains(f.Message, "grant it") {
		t.Errorf("%+v", f)
	}
}

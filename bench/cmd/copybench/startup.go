package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/specstar-worker/worker/bench/internal/command"
)

// startUpFloor is how long a load of one resource may take, in seconds: the start of
// the process, its tables, streams and consumers, and their end.
const startUpFloor = 0.15

// startUpRow is the outcome of loads of one resource into empty databases.
type startUpRow struct {
	Seconds float64   `json:"seconds"` // median of the rounds'
	Rounds  []float64 `json:"rounds"`
	Floor   float64   `json:"floor"`
}

// measureStartUp measures whole processes of the worker.
func measureStartUp(ctx context.Context, s *server, in inputs, o options) (*startUpRow, error) {
	row := &startUpRow{Floor: startUpFloor}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d of starts\n", round+1, o.rounds)
		took, err := in.takeStart(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("start-up: %w", err)
		}
		row.Rounds = append(row.Rounds, took.Seconds())
	}
	row.Seconds = command.Median(row.Rounds)
	return row, nil
}

func (in inputs) takeStart(ctx context.Context, s *server) (took time.Duration, err error) {
	r, err := prepare(ctx, s, contest{name: "start-up"}, in, false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	begin := time.Now()
	if err := r.worker(ctx, "load", in.one); err != nil {
		return 0, err
	}
	return time.Since(begin), nil
}

func (x *startUpRow) verdict() string {
	reached := "reached"
	if x.Seconds > x.Floor {
		reached = "not reached"
	}
	return fmt.Sprintf("%.0f ms %s", x.Floor*1000, reached)
}

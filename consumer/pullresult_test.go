package consumer

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

func TestResultsOfPulls(t *testing.T) {
	const room = 2 * minFetchBytes
	for _, tc := range []struct {
		asked, bytes, came, cameBytes int
		err                           error
		want                          PullResult
	}{
		{10, room, 10, 100, nil, PullFull},
		{10, room, 3, room - minFetchBytes + 1, nil, PullFull},
		{10, room, 3, 100, nil, PullPartial},
		{10, room, 0, 0, nil, PullEmpty},
		{10, room, 10, 100, errSilent, PullFailed},
	} {
		if got := pullResult(tc.asked, tc.bytes, tc.came, tc.cameBytes, tc.err); got != tc.want {
			t.Errorf("%+v: %s", tc, got)
		}
	}
}

// mute is a message whose acknowledgement gets lost.
type mute struct{ message }

func (mute) Ack() error                      { return errors.New("the connection is gone") }
func (mute) DoubleAck(context.Context) error { return context.DeadlineExceeded }

func TestAcknowledgementsThatFailAreCounted(t *testing.T) {
	for _, kind := range []jobs.Kind{jobs.KindSave, jobs.KindLoad} {
		l := &loop{durable: durable{jobs.LaneNormal, kind}, stats: &counters{}, log: zap.NewNop()}
		l.ack(t.Context(), mute{})
		if failed, acked := l.stats.ackFailed.Load(), l.stats.acked.Load(); failed != 1 || acked != 0 {
			t.Errorf("%s: %d failed, %d did not", kind, failed, acked)
		}
	}
}

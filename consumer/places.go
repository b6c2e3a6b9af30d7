package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// epochOf tells a stream from those of its name that were made before or after it:
// when it was made, in microseconds.
func epochOf(info *jetstream.StreamInfo) int64 { return info.Created.UnixMicro() }

// Epoch tells the stream of jobs as it was made.
func (p *Publisher) Epoch(ctx context.Context) (int64, error) {
	s, err := p.js().Stream(ctx, p.q.StreamName())
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", p.q.StreamName(), err)
	}
	return epochOf(s.CachedInfo()), nil
}

// Holds reports for each place whether the job's message is there. What is not in
// the stream of that epoch, or before its first message, costs no request. Of a
// stream that was put back from a backup others may have the number: the message
// tells whose it is.
func (p *Publisher) Holds(ctx context.Context, places []jobs.Place) ([]bool, error) {
	s, err := p.js().Stream(ctx, p.q.StreamName())
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", p.q.StreamName(), err)
	}
	info := s.CachedInfo()
	held := make([]bool, len(places))
	for i, at := range places {
		if at.Epoch != epochOf(info) || at.Sequence < info.State.FirstSeq {
			continue
		}
		m, err := s.GetMsg(ctx, at.Sequence)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
		case err != nil:
			return nil, fmt.Errorf("look for the message of job %s: %w", at.Job, err)
		default:
			id := cmp.Or(m.Header.Get(headerJob), m.Header.Get(jetstream.MsgIDHeader))
			held[i] = id == "" || id == at.Job // another client's may have none
		}
	}
	return held, nil
}

// Oldest returns when the first message that the queue holds was published, the zero
// time when it holds none.
func (p *Publisher) Oldest(ctx context.Context) (time.Time, error) {
	s, err := p.js().Stream(ctx, p.q.StreamName())
	if err != nil {
		return time.Time{}, fmt.Errorf("stream %s: %w", p.q.StreamName(), err)
	}
	if state := s.CachedInfo().State; state.Msgs > 0 {
		return state.FirstTime.UTC(), nil
	}
	return time.Time{}, nil
}

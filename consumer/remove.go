package consumer

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Remove takes the messages of jobs that have ended off the queue. One may be
// there still: a cancelled job's was never handed out, and the acknowledgement of
// a killed worker is lost. While the ledger has the job's row that does no harm;
// without the row the job would be done again. Messages on the given subjects are
// read one after the other, which takes a second for ten thousand.
func (p *Publisher) Remove(ctx context.Context, subjects []string, ended map[string]bool) error {
	s, err := p.js().Stream(ctx, p.q.StreamName())
	if err != nil {
		return fmt.Errorf("remove messages: %w", err)
	}
	for _, subject := range subjects {
		if err := removeFrom(ctx, s, subject, ended); err != nil {
			return fmt.Errorf("remove messages of %s: %w", subject, err)
		}
	}
	return nil
}

func removeFrom(ctx context.Context, s jetstream.Stream, subject string, ended map[string]bool) error {
	for next := uint64(1); ; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		next = m.Sequence + 1
		if !ended[m.Header.Get(headerJob)] && !ended[m.Header.Get(jetstream.MsgIDHeader)] {
			continue
		}
		// It may be acknowledged meanwhile, and gone.
		if err := s.DeleteMsg(ctx, m.Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return err
		}
	}
}

package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// Headers of an atomic batch.
const (
	headerBatchID     = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

const (
	// batchMin is from how many messages an atomic batch is worth its constant cost, a
	// store that the server makes for it. Of large messages, of batchMinBytes together,
	// batchMinLarge are: two are stored and synced by themselves for less.
	batchMin      = 64
	batchMinLarge = 3
	batchMinBytes = 256 << 10
	// batchMax is how many messages the server takes in one batch.
	batchMax = 1000
	// batchBytes bounds what the server holds in memory for a batch.
	batchBytes = 8 << 20
)

// batchLen returns how many of the messages go together.
func batchLen(messages []jobs.Message) int {
	size := 0
	for i, m := range messages {
		size += len(m.Body)
		if i == batchMax || i > 0 && size > batchBytes {
			return i
		}
	}
	return len(messages)
}

// worthBatch reports whether messages are to go as an atomic batch.
func worthBatch(messages []jobs.Message) bool {
	size := 0
	for _, m := range messages {
		size += len(m.Body)
	}
	return len(messages) >= batchMin || len(messages) >= batchMinLarge && size >= batchMinBytes
}

// publishBatch sends messages as one atomic batch and reports whether the acks say what
// became of it. One id that the server knows already refuses the whole batch; then, or
// when it knows no batches, or no answer came, nothing is lost by sending each message
// by itself.
func (p *Publisher) publishBatch(ctx context.Context, messages []jobs.Message, acks []jobs.Ack) bool {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	last, err := p.sendBatch(ctx, messages)
	switch {
	case err == nil:
		number(acks, last)
		return true
	case errors.Is(context.Cause(ctx), ErrForbidden):
		err = context.Cause(ctx)
	case !errors.Is(publishError(err), ErrQueueFull):
		return false
	}
	refuse(acks, publishError(err))
	return true
}

// errBatch: the server did not take a batch.
var errBatch = errors.New("the batch was not taken")

// sendBatch sends a batch and returns the number of its last message.
func (p *Publisher) sendBatch(ctx context.Context, messages []jobs.Message) (last uint64, err error) {
	nc, id := p.js().Conn(), uuid.NewString()
	for i, m := range messages {
		msg := p.message(m)
		msg.Header.Set(headerBatchID, id)
		msg.Header.Set(headerBatchSeq, strconv.Itoa(i+1))
		switch i {
		case len(messages) - 1:
			msg.Header.Set(headerBatchCommit, "1")
			return committed(nc.RequestMsgWithContext(ctx, msg))
		case 0:
			err = started(nc.RequestMsgWithContext(ctx, msg))
		default:
			err = nc.PublishMsg(msg)
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, errBatch
}

// started reads the answer to a batch's first message: empty when all is well.
func started(m *nats.Msg, err error) error {
	if err == nil && len(m.Data) > 0 {
		_, err = committed(m, nil)
	}
	return err
}

// committed reads the answer to a batch's last message: its number in the stream.
func committed(m *nats.Msg, err error) (last uint64, _ error) {
	if err != nil {
		return 0, err
	}
	var ack struct {
		Error    *jetstream.APIError `json:"error"`
		Sequence uint64              `json:"seq"`
		Count    int                 `json:"count"`
	}
	switch err := json.Unmarshal(m.Data, &ack); {
	case err != nil:
		return 0, err
	case ack.Error != nil:
		return 0, ack.Error
	case ack.Count == 0:
		return 0, errBatch
	}
	return ack.Sequence, nil
}

// number gives the messages of a batch their numbers: nothing comes between them.
func number(acks []jobs.Ack, last uint64) {
	n := uint64(len(acks))
	for i := range acks {
		if last >= n {
			acks[i].Sequence = last - n + 1 + uint64(i)
		}
	}
}

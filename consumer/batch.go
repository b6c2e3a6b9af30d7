package consumer

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/jobs"
)

// Headers of an atomic batch.
const (
	headerBatchID     = "Nats-Batch-Id"
	headerBatchSeq    = "Nats-Batch-Sequence"
	headerBatchCommit = "Nats-Batch-Commit"
)

const (
	// batchMin is from how many messages an atomic batch is worth its constant cost.
	batchMin = 64
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

// publishBatch sends messages as one atomic batch and reports whether the server
// took it. One id that it knows already refuses the whole batch; then, or when
// it knows no batches, or no answer came, nothing is lost by sending each message
// by itself.
func (p *Publisher) publishBatch(ctx context.Context, messages []jobs.Message, acks []jobs.Ack) bool {
	ctx, cancel := context.WithTimeout(ctx, p.wait)
	defer cancel()
	nc, id := p.js().Conn(), uuid.NewString()
	for i, m := range messages {
		msg := p.message(m)
		msg.Header.Set(headerBatchID, id)
		msg.Header.Set(headerBatchSeq, strconv.Itoa(i+1))
		switch i {
		case len(messages) - 1:
			msg.Header.Set(headerBatchCommit, "1")
			last, ok := committed(nc.RequestMsgWithContext(ctx, msg))
			if ok {
				number(acks, last)
			}
			return ok
		case 0:
			if !started(nc.RequestMsgWithContext(ctx, msg)) {
				return false
			}
		default:
			if nc.PublishMsg(msg) != nil {
				return false
			}
		}
	}
	return false
}

// started reads the answer to a batch's first message: empty when all is well.
func started(m *nats.Msg, err error) bool { return err == nil && len(m.Data) == 0 }

// committed reads the answer to a batch's last message: its number in the stream, and
// whether the batch was taken.
func committed(m *nats.Msg, err error) (last uint64, ok bool) {
	if err != nil {
		return 0, false
	}
	var ack struct {
		Error    *struct{} `json:"error"`
		Sequence uint64    `json:"seq"`
		Count    int       `json:"count"`
	}
	ok = json.Unmarshal(m.Data, &ack) == nil && ack.Error == nil && ack.Count > 0
	return ack.Sequence, ok
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

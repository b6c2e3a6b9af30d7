package jobs

import (
	"bytes"
	"context"

	"github.com/google/uuid"
)

// twin is a message that repeats another one of its batch.
type twin struct{ first, second *task }

// follow gives the second message of a pair the verdict of the first.
func (x *Executor) follow(ctx context.Context, p twin) {
	if !bytes.Equal(p.first.row.EnvelopeHash, p.second.row.EnvelopeHash) {
		x.differs(ctx, p.second)
		return
	}
	p.second.verdict = p.first.verdict
	if p.first.verdict.Action == ActionAck {
		p.second.verdict.Repeated = true
	}
}

func foldTwins(tasks []*task) ([]*task, []twin) {
	seen := make(map[uuid.UUID]*task, len(tasks))
	unique := make([]*task, 0, len(tasks))
	var twins []twin
	for _, t := range tasks {
		if first, ok := seen[t.row.ID]; ok {
			twins = append(twins, twin{first, t})
			continue
		}
		seen[t.row.ID] = t
		unique = append(unique, t)
	}
	return unique, twins
}

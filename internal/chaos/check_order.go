package chaos

import (
	"slices"
	"time"
)

// orderSlack is by how much the clocks of brokers may differ before a save that is
// older by them than it is counts as overtaken; workers have a slack, too.
const orderSlack = 300 * time.Millisecond

// value is a full-value save.
type value struct {
	job                   string
	invokedAt, acceptedAt time.Duration
}

// values are the full-value saves that were accepted, by token.
func (e *evidence) values() map[string]value {
	values := map[string]value{}
	for id, j := range e.jobs {
		for _, op := range j.ops {
			if j.accepted && op.Token != "" && op.Expected == "" && (op.Op == "upsert" || op.Op == "update") {
				values[op.Token] = value{id, j.invokedAt, j.acceptedAt}
			}
		}
	}
	return values
}

// valuesKeepTheirOrder (I3): no full-value save comes into force after one of the same
// resource that was submitted when it had been accepted already. It is superseded then,
// and that its token is nowhere is I2.
func (e *evidence) valuesKeepTheirOrder() {
	values := e.values()
	for i := range e.state.Resources {
		r := &e.state.Resources[i]
		var newest value
		for _, v := range slices.Backward(r.chain()) {
			x, ok := values[v.Token]
			if !ok {
				continue
			}
			if x.acceptedAt+orderSlack < newest.invokedAt {
				e.breaks("I3", "%s of job %s, accepted at %s, came into force after that of job %s, submitted at %s",
					v.Info.RevisionID, x.job, x.acceptedAt, newest.job, newest.invokedAt)
			}
			if x.invokedAt > newest.invokedAt {
				newest = x
			}
		}
	}
}

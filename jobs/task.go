package jobs

import (
	"cmp"
	"crypto/sha256"
	"errors"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// task is one delivery on its way to a verdict.
type task struct {
	delivery Delivery
	env      Envelope
	row      storage.Job
	err      error // why the message cannot be decoded
	attempt  int
	counted  bool   // the present attempt is in the ledger
	suspect  bool   // failed often: runs alone
	content  string // the blob that has the job, empty when its message does
	verdict  Verdict
	end      *storage.Job       // the row, once it was read and has ended
	stage    *Event             // of a long job that ended just now
	batch    *manager.SaveBatch // in which a save has ended just now
}

// open decodes a delivery and makes its ledger row.
func (x *Executor) open(d Delivery) *task {
	var env Envelope
	err := guard(func() (err error) { // others of the batch are not to blame
		env, err = x.decode(d.ContentType, d.Body)
		return err
	})
	text := cmp.Or(d.Job, d.MessageID, env.ID, d.Place)
	if bad := checkID(text); bad != nil {
		text, err = nameless(text), cmp.Or(err, bad)
	}
	if err == nil {
		err = cmp.Or(checkSubject(d.Subject, env.Kind()), checkContent(env, d, text))
	}
	if env.Time.IsZero() {
		env.Time = d.Published
	}
	hash := sha256.Sum256(d.Body)
	row := storage.Job{
		ID: ID(x.Store, text), Text: text, Model: env.Model, Lane: string(cmp.Or(env.Lane, LaneNormal)),
		User: env.User, Parent: env.Parent, State: storage.JobQueued, EnvelopeHash: hash[:],
		Queue: x.Queue, Subject: d.Subject, Epoch: d.Epoch, Sequence: d.Sequence, Origin: d.Origin, Created: d.Published,
	}
	switch {
	case env.Args != nil:
		row.Kind = string(env.Kind())
	case newerSchema(d.Body):
		row.Kind, row.Model = subjectKind(d.Subject), modelOf(d.Body)
	}
	t := &task{delivery: d, env: env, row: row, err: err}
	if c, is := env.Args.(Content); is {
		t.content = c.Blob
	}
	t.verdict = Verdict{ID: row.ID, Text: text, Kind: Kind(row.Kind), Model: row.Model, Message: hash}
	return t
}

// known reports whether the ledger may have a row of the job: its message was delivered
// before, or was published after the row was written.
func (t *task) known() bool {
	return t.delivery.Number > 1 || t.delivery.Job != "" || t.env.recorded()
}

// endRow returns the row, once it was read and has ended.
func (t *task) endRow() (row storage.Job) {
	if t.end != nil {
		row = *t.end
	}
	return row
}

// done ends the task with an acknowledgement.
func (t *task) done(state storage.JobState, repeated bool) {
	t.verdict.Action, t.verdict.State, t.verdict.Repeated = ActionAck, state, repeated
}

// ended ends the task as its final row says. The letter of a dead job is
// published again: the process may have died before it was.
func (t *task) ended(row storage.Job) {
	t.done(row.State, true)
	t.end = &row
	t.verdict.Attempt, t.verdict.Code = row.Attempt, row.ErrorCode
	if row.ErrorMessage != "" {
		t.verdict.Err = errors.New(row.ErrorMessage)
	}
	if row.State == storage.JobDead {
		if len(row.Envelope) == 0 {
			row.Envelope = t.delivery.Body
		}
		t.verdict.Action, t.verdict.Letter = ActionBury, new(LetterOf(row))
	}
}

// final returns the task's row as it is recorded when the job ends without effect.
func (t *task) final(state storage.JobState, code string, err error) storage.Job {
	row := t.row
	row.State, row.Attempt, row.Origin = state, min(t.attempt, 1), row.First() // the ledger counts
	row.ErrorCode, row.ErrorMessage = code, message(err)
	return row
}

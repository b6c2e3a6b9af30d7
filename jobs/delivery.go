package jobs

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Delivery is one message handed out by a queue.
type Delivery struct {
	// Job is the id of the job where it differs from MessageID: a job that is
	// queued again has a message id of its own. Empty otherwise.
	Job string
	// MessageID is the message's Nats-Msg-Id, empty when it has none.
	MessageID string
	// Place identifies the message within all queues: stream epoch and sequence.
	Place string
	// Epoch and Sequence are the same as [storage.Job] has them; 0 when unknown.
	Epoch    int64
	Sequence uint64
	// Origin is where the job's message was first, of one that was published again.
	Origin storage.Origin
	// Subject is where the message was published.
	Subject string
	// ContentType is the header of that name, which may be empty; see [DecodeAs].
	ContentType string
	// Body is the envelope, Headers are the message's; they are only read.
	Body    []byte
	Headers map[string][]string
	// Published is when the queue first took a message of the job.
	Published time.Time
	// Number is 1 on the first delivery of the message and grows with each.
	Number int
}

// Action is what is to be done with a message.
type Action int

// The actions that a verdict can ask for.
const (
	// ActionAck: the job has ended; the message is done with.
	ActionAck Action = iota
	// ActionRetry: hand the message out again after Verdict.After.
	ActionRetry
	// ActionPause: the store is down. Keep the message, and take no new ones, until
	// [Executor.Probe] answers; then it comes before those that followed it.
	ActionPause
	// ActionBury: keep Verdict.Letter among the dead letters, then acknowledge.
	ActionBury
)

// String returns the action's name.
func (a Action) String() string {
	switch a {
	case ActionAck:
		return "ack"
	case ActionRetry:
		return "retry"
	case ActionPause:
		return "pause"
	default:
		return "bury"
	}
}

// Waits reports whether the job is queued: nobody works on it and it has not ended.
func (v Verdict) Waits() bool { return v.State == storage.JobQueued }

// Verdict is the answer to one delivery.
type Verdict struct {
	Action Action
	// After is the delay before the next delivery.
	After time.Duration
	// ID and Text identify the job; Kind and Model are empty when unknown.
	ID    uuid.UUID
	Text  string
	Kind  Kind
	Model string
	// Message is the SHA-256 of the message's body.
	Message [sha256.Size]byte
	// State is where the job stands now.
	State storage.JobState
	// NotBefore is when a job comes again that was acknowledged though it has not ended:
	// the ledger keeps it until then.
	NotBefore time.Time
	// Repeated: the job had ended before this delivery.
	Repeated bool
	// Attempt is the number of attempts counted; 0 for a first delivery that went well.
	Attempt int
	// Operations is how many operations a save carried, Refused how many of them
	// the rules refused, Superseded how many came after a newer save.
	Operations, Refused, Superseded int
	// Code and Err say why the job was refused, died or will be retried. Err holds
	// no payload.
	Code string
	Err  error
	// Event tells of the job's end. It is to be published, with ActionAck and ActionBury,
	// before the message is acknowledged. Saves that were committed together have the same
	// one, which is published once for all of them.
	Event *Event
	// Letter is what is kept of a dead job, with ActionBury.
	Letter *Letter
}

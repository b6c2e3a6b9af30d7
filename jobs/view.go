package jobs

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// View is a job as users see it: `worker jobs list|show` and the /jobs route.
type View struct {
	JobID    string           `json:"job_id"`
	Kind     string           `json:"kind"`
	Model    string           `json:"model"`
	Lane     string           `json:"lane,omitzero"`
	State    storage.JobState `json:"state"`
	Attempt  int              `json:"attempt"`
	Progress ProgressView     `json:"progress"`
	Error    *ErrorView       `json:"error"`
	User     string           `json:"user,omitzero"`
	Parent   uuid.UUID        `json:"parent,omitzero"`
	Cancel   bool             `json:"cancel_requested,omitzero"`
	Outcome  json.RawMessage  `json:"outcome,omitempty"`
	Created  time.Time        `json:"created,omitzero"`
	// NotBefore is until when a queued job waits.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Unique is the key that no other unfinished job has.
	Unique   string    `json:"unique,omitzero"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// ProgressView is how far a job is; Total 0 means unknown. What comes after that is of
// running jobs, see [LiveView].
type ProgressView struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	// Stage is what the job is at; empty for a job that has none.
	Stage Stage `json:"stage,omitzero"`
	// Chunks are the parts of a job that is divided, nil for another one.
	Chunks *ChunksView `json:"chunks,omitempty"`
	// Rate is how many units were done a second: of a divided job in the last 30 seconds,
	// else since it was begun. 0 means unknown.
	Rate float64 `json:"rate,omitzero"`
	// Remaining is how many seconds the rest takes at that rate; 0 means unknown.
	Remaining int64 `json:"remaining_seconds,omitzero"`
	// Workers are those that ended a part of the job in the last 10 seconds, by name.
	Workers []WorkerView `json:"workers,omitempty"`
}

// ErrorView is why a job was refused, died or last failed.
type ErrorView struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Offset is the first byte of the bad frame when an archive was refused.
	Offset *int64 `json:"offset,omitempty"`
}

// ViewOf returns a ledger row as users see it.
func ViewOf(j storage.Job) View {
	v := View{
		JobID: cmp.Or(j.Text, j.ID.String()), Kind: j.Kind, Model: j.Model, Lane: j.Lane, State: j.State,
		Attempt: j.Attempt, Progress: ProgressView{Done: j.Done, Total: j.Total}, User: j.User,
		Parent: j.Parent, Cancel: j.Cancel && !j.State.Final(), Outcome: j.Outcome,
		Created: j.Created, Started: j.Started, Finished: j.Finished,
	}
	if v.Unique = j.Unique; j.State == storage.JobQueued {
		v.NotBefore = j.NotBefore
	}
	if j.State == storage.JobDone {
		v.Progress.Done = v.Progress.Total
	}
	if j.ErrorCode != "" || j.ErrorMessage != "" {
		v.Error = &ErrorView{Code: j.ErrorCode, Message: j.ErrorMessage}
		var place struct {
			Offset *int64 `json:"offset"`
		}
		if j.State == storage.JobRefused && json.Unmarshal(j.Outcome, &place) == nil {
			v.Error.Offset = place.Offset
		}
	}
	return v
}

package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Death is what is known of why a job died, beside its code and message: the
// outcome of a dead job's row.
type Death struct {
	// Class is what the last error meant, one of the Died constants.
	Class string `json:"class"`
	// SQLState is that of a database's answer, empty for other errors.
	SQLState string `json:"sqlstate,omitempty"`
	// Offset is the byte of the message, or of the archive, where the trouble is.
	Offset *int64 `json:"offset,omitempty"`
	// Worker is the version of the worker that gave the job up.
	Worker string `json:"worker,omitempty"`
	// Headers are those of the job's message, as far as they are worth keeping.
	Headers map[string][]string `json:"headers,omitempty"`
}

// The classes of deaths.
const (
	DiedUndecodable = "undecodable" // the message is no job
	DiedConflict    = "conflict"    // its id belongs to a job with other content
	DiedPoison      = "poison"      // the store cannot hold what the job writes
	DiedTransient   = "transient"   // every attempt failed for a reason that may pass
	DiedCrashed     = "crashed"     // no attempt came to an end
	DiedExpired     = "expired"     // it was not started in time
)

// maxHeaderBytes bounds what is kept of a message's headers, each of which counts as
// headerCost more than it says.
const (
	maxHeaderBytes = 4 << 10
	headerCost     = 32
)

// DeathOf returns why the job of a row died. That of one which an earlier version
// gave up is told by its code alone.
func DeathOf(row storage.Job) Death {
	var d Death
	if json.Unmarshal(row.Outcome, &d) != nil || d.Class == "" {
		d = Death{Class: deathClass(row.ErrorCode, nil)}
	}
	return d
}

// death returns the outcome of a job that dies of err.
func (x *Executor) death(t *task, code string, err error) []byte {
	_, _, state := Classify(err)
	d := Death{Class: deathClass(code, err), SQLState: state, Worker: x.Version, Headers: keptHeaders(t.delivery.Headers)}
	if e, ok := errors.AsType[*EnvelopeError](err); ok {
		d.Offset = &e.Offset
	} else if offset, ok := manager.OffsetOf(err); ok {
		d.Offset = &offset
	}
	out, _ := json.Marshal(d) // strings and numbers: cannot fail
	return out
}

func deathClass(code string, err error) string {
	class, _, _ := Classify(err)
	switch {
	case code == CodeEnvelope, code == CodeSchema:
		return DiedUndecodable
	case code == CodeDiffers:
		return DiedConflict
	case code == CodeExpired:
		return DiedExpired
	case code == CodeAttempts:
		return DiedCrashed
	case err != nil && class == ClassPoison, strings.HasPrefix(code, codeState), code == CodeUnreadable:
		return DiedPoison
	}
	return DiedTransient
}

// keptHeaders returns the headers of a message that tell something about the job:
// not those by which its publisher spoke to the server, nor ours, but its id.
func keptHeaders(all map[string][]string) map[string][]string {
	kept, room := map[string][]string{}, maxHeaderBytes
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, "Specstar-") || strings.HasPrefix(name, "Nats-") && name != "Nats-Msg-Id" {
			continue
		}
		for _, value := range all[name] {
			value = scrub(strings.ToValidUTF8(value, "?"))
			if room -= len(name) + len(value) + headerCost; room < 0 {
				return kept
			}
			kept[name] = append(kept[name], value)
		}
	}
	return kept
}

// kill records a job as dead, with its message, before its letter is published.
func (x *Executor) kill(ctx context.Context, t *task, code string, err error) {
	x.killAs(ctx, t, t.final(storage.JobDead, code, err), err)
}

func (x *Executor) killAs(ctx context.Context, t *task, row storage.Job, err error) {
	row.Envelope, row.Outcome = t.delivery.Body, x.death(t, row.ErrorCode, err)
	t.verdict.ID, t.verdict.Text = row.ID, row.Text
	if x.settleRow(ctx, t, row, err) {
		x.bury(ctx, t, row.ErrorCode, err)
	}
}

// bury ends a task whose job was recorded as dead with the letter of its row. When
// another worker had ended the job otherwise, that counts. A row that is gone was
// dropped meanwhile, by somebody who wants no letter.
func (x *Executor) bury(ctx context.Context, t *task, code string, err error) {
	row, gerr := x.Ledger.Get(context.WithoutCancel(ctx), t.verdict.ID)
	switch {
	case errors.Is(gerr, storage.ErrNotFound):
		t.done(storage.JobDead, false)
	case gerr != nil:
		t.again(ActionPause, 0, failureCode(gerr), gerr)
		return
	default:
		t.ended(row)
		t.verdict.Repeated = false
	}
	if t.verdict.State == storage.JobDead {
		t.verdict.Code, t.verdict.Err = code, err
	}
}

// differs gives up a message whose id belongs to another job. That job's row stays as
// it is; the message becomes a job of its own, which is dead.
func (x *Executor) differs(ctx context.Context, t *task) {
	err := &storage.JobDiffersError{ID: t.row.Text}
	row := t.final(storage.JobDead, CodeDiffers, err)
	row.Text = stranger(row.Text, row.EnvelopeHash)
	row.ID, row.Attempt = ID(x.Store, row.Text), 0
	x.killAs(ctx, t, row, err)
}

// stranger is the id of a message whose own is another job's.
func stranger(text string, hash []byte) string {
	suffix := ":" + hex.EncodeToString(hash[:8])
	return truncate(text, maxIDBytes-len(suffix)) + suffix
}

// nameless is the id of a message that has one which cannot be used.
func nameless(text string) string {
	hash := sha256.Sum256([]byte(text))
	return "nameless:" + hex.EncodeToString(hash[:16])
}

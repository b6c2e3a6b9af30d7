package manager

import (
	"errors"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// RefusedError says that the rules do not allow something. Nothing was changed
// and a repeat will be refused again as long as the store stays as it is.
type RefusedError struct {
	Code       Code
	Model      string
	ResourceID resource.ID // empty when no single resource is to blame
	Message    string
}

// Error returns the message, which names the thing and the reason.
func (e *RefusedError) Error() string { return e.Message }

// CodeOf returns the code under which err is reported to users and recorded in
// the ledger, when err is a refusal: a *[RefusedError], a *[storage.DuplicateError],
// a *[archive.Error], a *[storage.RecordError] or [storage.ErrUnusableName]. Any other error is a failure, to
// be tried again.
func CodeOf(err error) (Code, bool) {
	if e, ok := errors.AsType[*RefusedError](err); ok {
		return e.Code, true
	}
	if _, ok := errors.AsType[*storage.DuplicateError](err); ok {
		return CodeDuplicate, true
	}
	if e, ok := errors.AsType[*archive.Error](err); ok {
		return Code(e.Code), true
	}
	if _, ok := errors.AsType[*storage.RecordError](err); ok || errors.Is(err, storage.ErrUnusableName) {
		return CodeInvalid, true
	}
	return "", false
}

// OffsetOf returns the place of the bad frame when err is a refusal of an archive.
func OffsetOf(err error) (int64, bool) {
	if e, ok := errors.AsType[*archive.Error](err); ok {
		return e.Offset, true
	}
	return 0, false
}

// outcomeError turns the refusal that o records into an error; nil when o is none.
func outcomeError(model string, o Outcome) error {
	if o.Effect != EffectRefused {
		return nil
	}
	return &RefusedError{Code: o.Code, Model: model, ResourceID: o.ResourceID, Message: o.Message}
}

package jobs

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/manager"
)

// sound reports whether a save that could be written is sure to be taken by [Decode]. Of
// others, and in doubt, decoding tells, which takes as long as writing and says what is
// wrong. The rules are those of the decoder.
func (e *Envelope) sound() bool {
	s, is := e.Args.(Save)
	return is && e.Cause == nil && e.Model != "" && soundTexts(e.ID, e.Model, e.User, e.Unique) && checkID(e.ID) == nil &&
		(e.Lane == "" || e.Lane.valid()) && soundTime(e.Time) && e.Options.sound() && s.sound(e.Form == FormBinary)
}

func (o *Options) sound() bool {
	timeout := o.seconds()
	return soundTime(o.NotBefore) && soundTime(o.Expires) &&
		len(o.Unique) <= maxUniqueBytes && timeout >= 0 && timeout <= int64(MaxJobTimeout/time.Second) &&
		o.Attempts >= 0 && o.Attempts <= MaxJobAttempts &&
		(o.Expires.IsZero() || !storedTime(o.Expires).Before(storedTime(o.NotBefore)))
}

func (s *Save) sound(framed bool) bool {
	if len(s.Operations) == 0 || len(s.Operations) > MaxOperations || s.OnError != "" && s.OnError != OnErrorRefuse && s.OnError != OnErrorFail {
		return false
	}
	for i := range s.Operations {
		o := &s.Operations[i]
		if !soundOperation(o) || framed && (isEmpty(o.Data) || isEmpty(o.Patch)) {
			return false
		}
	}
	return true
}

func soundOperation(o *manager.Operation) bool {
	if status, set := o.Status.Get(); set && status != "" && !status.Valid() {
		return false
	}
	_, wrong := operationFault(o)
	return wrong == nil && soundTime(o.Time) &&
		soundTexts(string(o.ResourceID), string(o.RevisionID), string(o.ExpectedRevisionID), o.User)
}

// isEmpty reports whether a text is given that no JSON text is.
func isEmpty(text []byte) bool { return text != nil && len(text) == 0 }

// soundTexts reports whether texts are such as a message may have.
func soundTexts(texts ...string) bool {
	for _, s := range texts {
		if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) || strings.Contains(s, string(utf8.RuneError)) {
			return false
		}
	}
	return true
}

// Times between firstSound and lastSound, in seconds since 1970, are in the years 2 to
// 9998 in UTC: in whatever zone they are written, the year is one that a message may have.
var (
	firstSound = time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSound  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

func soundTime(t time.Time) bool {
	s := t.Unix()
	return t.IsZero() || s >= firstSound && s < lastSound
}

package jobs

import (
	"bytes"
	"fmt"
	"mime"
)

// Form is how a job is written as a message. Both forms say the same and are told
// apart by their first byte, so that a message needs no header; see docs/messages.md.
type Form string

// The forms, as the Content-Type header of a message has them.
const (
	// FormJSON is plain JSON, which any program can write; also what no header and the
	// empty Form mean.
	FormJSON Form = "application/json"
	// FormBinary has the payloads of operations as they are, behind a head in JSON.
	FormBinary Form = "application/vnd.specstar.job"
)

// FormOf returns the form of a message.
func FormOf(message []byte) Form {
	if bytes.HasPrefix(message, []byte{frameMark}) {
		return FormBinary
	}
	return FormJSON
}

// DecodeAs reads a message that comes with a Content-Type header, as [Decode] does.
// Any other type than that of the message is refused; an empty one says nothing.
func DecodeAs(contentType string, message []byte) (Envelope, error) {
	if contentType == "" || contentType == string(FormOf(message)) {
		return Decode(message)
	}
	named, _, err := mime.ParseMediaType(contentType)
	switch form := Form(named); {
	case err != nil || form != FormJSON && form != FormBinary:
		return Envelope{}, &EnvelopeError{Err: fmt.Errorf("content type %s is not known; use %s or %s", quoted(contentType), FormJSON, FormBinary)}
	case form != FormOf(message):
		return Envelope{}, &EnvelopeError{Err: fmt.Errorf("the message is not %s as its content type says", form)}
	}
	return Decode(message)
}

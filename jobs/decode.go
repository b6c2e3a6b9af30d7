package jobs

import (
	"fmt"
	"time"

	"github.com/google/uuid"
)

const rulesOff = "off"

// Codes of jobs that never ran or stopped for a reason of the queue.
const (
	CodeEnvelope     = "invalid_envelope" // the message is not a job
	CodeDiffers      = "job_differs"      // the id was used before with other content
	CodeAttempts     = "attempts_used_up" // failed [Config.MaxAttempts] times
	CodeModelUnknown = "model_unknown"    // no such model, and none is made by itself
	CodePanic        = "panic"            // the attempt panicked
	CodeShutdown     = "shutdown"         // the worker stopped; not counted
	CodeUnavailable  = "unavailable"      // the store was down; not counted
	CodeOrder        = "earlier_save"     // an earlier save of the resource comes first; not counted
	CodeCancelled    = "cancelled"        // ended by a user
	CodeFailed       = "failed"           // the attempt failed for another reason
)

// EnvelopeError says why a message is not a job.
type EnvelopeError struct {
	// Field is the path of the field concerned, "args.operations[3].op"; empty for
	// the message as a whole.
	Field string
	// Offset is the byte behind which the trouble was found.
	Offset int64
	Err    error
}

// Error names the field and the byte.
func (e *EnvelopeError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("message at byte %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("%s at byte %d: %v", e.Field, e.Offset, e.Err)
}

// Unwrap returns the reason.
func (e *EnvelopeError) Unwrap() error { return e.Err }

// Decode reads a message. It is strict: unknown and repeated fields, wrong
// types, a missing kind, a newer schema and exceeded limits are refused with an
// *EnvelopeError. Payloads share the memory of the message.
func Decode(message []byte) (Envelope, error) { return decode(message, MaxMessageBytes) }

// decode is Decode of a message of at most so many bytes.
func decode(message []byte, most int) (Envelope, error) {
	if len(message) > most {
		return Envelope{}, &EnvelopeError{Err: fmt.Errorf("%d bytes are more than %d", len(message), most)}
	}
	var e Envelope
	var d *decoder
	if FormOf(message) == FormBinary {
		head, behind, err := openFrame(message)
		if err != nil {
			return Envelope{}, err
		}
		e.Form = FormBinary
		d = newDecoder(head, frameStart, behind)
	} else {
		d = newDecoder(message, 0, nil)
	}
	raw, err := d.header(&e)
	if err != nil {
		return Envelope{}, err
	}
	if err := d.end(); err != nil {
		return Envelope{}, err
	}
	if err := checkModel(d, raw.kind, e.Model); err != nil {
		return Envelope{}, err
	}
	if raw.content != nil {
		raw.content.Of = raw.kind
		e.Args = *raw.content
		return e, d.behind.end()
	}
	behind := d.behind
	if e.Args, err = d.args(raw); err != nil {
		return e, err
	}
	return e, behind.end()
}

// rawArgs are the arguments before the kind is known, and where they begin.
type rawArgs struct {
	kind   Kind
	body   []byte
	offset int64
	// content is where the arguments are, nil when they are here.
	content *Content
}

func (d *decoder) header(e *Envelope) (rawArgs, error) {
	var raw rawArgs
	schema := 0
	err := d.object(func(key string) error {
		switch key {
		case "schema":
			if n, ok := d.digits(); ok {
				schema = int(n)
				return nil
			}
			return d.value(&schema)
		case "id":
			return d.text(&e.ID)
		case "kind":
			return d.word((*string)(&raw.kind))
		case "model":
			return d.word(&e.Model)
		case "user":
			return d.word(&e.User)
		case "time":
			return d.time(&e.Time)
		case "lane":
			return d.word((*string)(&e.Lane))
		case "parent":
			return d.uuid(&e.Parent)
		case "cause":
			e.Cause = new(Cause)
			return d.cause(e.Cause)
		case "rules":
			return d.rules(&e.RulesOff)
		case "content":
			raw.content = new(Content)
			return d.content(raw.content)
		case "args":
			var err error
			raw.body, err = d.raw()
			raw.offset = d.offset() - int64(len(raw.body))
			return err
		}
		return d.option(key, &e.Options)
	})
	if err != nil {
		return raw, err
	}
	return raw, d.checkHeader(schema, raw, e)
}

func (d *decoder) checkHeader(schema int, raw rawArgs, e *Envelope) error {
	switch {
	case schema < schemaFirst || schema > Schema:
		return d.fieldErrorf("schema", "must be %d or %d, is %d", schemaFirst, Schema, schema)
	case raw.kind == "":
		return d.fieldErrorf("kind", "is missing")
	case !raw.kind.valid():
		return d.fieldErrorf("kind", "%s is not known; use save, load, backfill or migrate; workers make chunks", quoted(raw.kind))
	case e.Lane == "":
		e.Lane = LaneNormal
	case !e.Lane.valid():
		return d.fieldErrorf("lane", "%s is not known; use high, normal or bulk", quoted(e.Lane))
	}
	switch {
	case raw.body == nil && raw.content == nil:
		return d.fieldErrorf("args", "is missing")
	case raw.body != nil && raw.content != nil:
		return d.fieldErrorf("content", "and args exclude each other")
	}
	if err := checkID(e.ID); err != nil {
		return d.fieldErrorf("id", "%w", err)
	}
	return e.Options.check(d)
}

func checkModel(d *decoder, k Kind, model string) error {
	switch {
	case k == KindSave && model == "":
		return d.fieldErrorf("model", "is missing")
	case k != KindSave && model != "":
		return d.fieldErrorf("model", "belongs to saves; name models in args.models")
	}
	return nil
}

func (d *decoder) rules(off *bool) error {
	var s string
	if err := d.text(&s); err != nil {
		return err
	}
	if s != rulesOff {
		return d.errorf("%s is not known; use %q or leave it out", quoted(s), rulesOff)
	}
	*off = true
	return nil
}

func (d *decoder) time(t *time.Time) error {
	if err := d.instant(t); err != nil {
		return err
	}
	*t = storedTime(*t)
	if y := t.Year(); y < 1 || y > 9999 {
		return d.errorf("year %d is not between 1 and 9999", y)
	}
	return nil
}

// storedTime returns a time as it is kept.
func storedTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func (d *decoder) instant(t *time.Time) error {
	text := d.plainText()
	if text == nil {
		var s string
		if err := d.anyText(&s); err != nil {
			return err
		}
		text = []byte(s)
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return d.errorf("%s is not a time as in RFC 3339", quoted(string(text)))
	}
	*t = at
	return nil
}

func (d *decoder) uuid(id *uuid.UUID) error {
	var s string
	if err := d.text(&s); err != nil {
		return err
	}
	parsed, err := uuid.Parse(s)
	if err != nil || len(s) != 36 {
		return d.errorf("%s is not a UUID", quoted(s))
	}
	*id = parsed
	return nil
}

// end refuses anything behind the message's one value.
func (d *decoder) end() error {
	if d.in.Space(); d.in.Pos < len(d.in.B) {
		return d.errorf("more follows behind the job")
	}
	return nil
}

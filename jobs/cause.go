package jobs

import (
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// MaxChain is how many rules may lead to a job, one by a job of another: what a job of
// the last one does starts nothing more.
const MaxChain = 5

// Cause is why a rule submitted a job.
type Cause struct {
	// Event is the event's id and Type its type.
	Event uuid.UUID `json:"event"`
	Type  EventType `json:"type"`
	// Rules are the rules that led to the job, each by a job of the one before it; the
	// last one submitted it.
	Rules []string `json:"rules"`
}

// Rule is the rule that submitted the job.
func (c *Cause) Rule() string { return c.Rules[len(c.Rules)-1] }

// CauseOf returns why a rule submitted the job of a row; nil when none did, or when the
// row does not have the job's message.
func CauseOf(row storage.Job) *Cause {
	if len(row.Envelope) == 0 {
		return nil
	}
	env, err := Decode(row.Envelope)
	if err != nil {
		return nil
	}
	return env.Cause
}

// chain returns the rules that led to the job.
func (e *Envelope) chain() []string {
	if e.Cause == nil {
		return nil
	}
	return e.Cause.Rules
}

// may reports whether a rule may start a job because of this one: none that led to it may,
// nor any when the chain is long enough.
func (e *Envelope) may(rule string) bool {
	chain := e.chain()
	return !e.RulesOff && len(chain) < MaxChain && !slices.Contains(chain, rule)
}

// cause reads why a job was submitted.
func (d *decoder) cause(c *Cause) error {
	err := d.object(func(key string) error {
		switch key {
		case "event":
			return d.uuid(&c.Event)
		case "type":
			return d.text((*string)(&c.Type))
		case "rules":
			return d.texts(&c.Rules, MaxChain)
		}
		return d.unknown()
	})
	switch {
	case err != nil:
		return err
	case c.Event == uuid.Nil:
		return d.fieldErrorf("event", "is missing")
	case len(c.Rules) == 0:
		return d.fieldErrorf("rules", "is missing")
	}
	return nil
}

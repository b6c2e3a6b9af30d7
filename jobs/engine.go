package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// engine submits the jobs that rules want because of events. It is safe for concurrent
// use. The id of such a job follows from event and rule, so that whoever looks at the
// event again submits nothing more.
type engine struct {
	store     uuid.UUID
	ledger    storage.Ledger
	submitter Submitter // nil: no rule acts
	// unfilledOf returns those of the models that have rows without rev_* fields.
	unfilledOf func(ctx context.Context, models []string) ([]string, error)
	user       string
	rules      []Rule
	acted      func(rule string, e *Event, job string, err error)
}

// newEngine returns the rules of an executor.
func newEngine(c Config) *engine {
	g := &engine{store: c.Store, ledger: c.Ledger, submitter: c.Submitter, user: c.RulesUser, rules: c.Rules, acted: c.RuleActed}
	if c.Backfiller != nil {
		g.unfilledOf = c.Backfiller.Unfilled
	}
	return g
}

// fire submits the jobs that rules want because of an event and returns how many there
// were: those that had been submitted before are not among them. from are the jobs that
// the event tells of; a rule acts when at least one of them lets it, and when there are
// none. After an error the event is to be looked at again.
func (g *engine) fire(ctx context.Context, e *Event, from ...*Envelope) (int, error) {
	if g.submitter == nil {
		return 0, nil
	}
	fired := 0
	for _, act := range []func(context.Context, *Event, []*Envelope) (int, error){g.fill, g.reindex, g.usersRules} {
		n, err := act(ctx, e, from)
		if fired += n; err != nil {
			return fired, err
		}
	}
	return fired, nil
}

// listens reports whether any rule may act on events of a type.
func (g *engine) listens(t EventType) bool {
	return g.submitter != nil && slices.ContainsFunc(g.rules, func(r Rule) bool { return matches(r.On.Types, string(t)) })
}

// usersRules has the user's rules act.
func (g *engine) usersRules(ctx context.Context, e *Event, from []*Envelope) (fired int, err error) {
	for i := range g.rules {
		r := &g.rules[i]
		chain, may := chainOf(r.Name, from)
		names, selected := r.On.selects(e, r.perModel())
		if !may || !selected {
			continue
		}
		jobsOf := []inserts{{event: e, models: names}}
		if r.perModel() {
			jobsOf = jobsOf[:0]
			for _, name := range names {
				jobsOf = append(jobsOf, inserts{event: e, model: name, models: []string{name}})
			}
		}
		for _, f := range jobsOf {
			n, err := g.one(ctx, r, f, chain)
			if fired += n; err != nil {
				return fired, err
			}
		}
	}
	return fired, nil
}

// one has one of the user's rules act.
func (g *engine) one(ctx context.Context, r *Rule, f inserts, chain []string) (int, error) {
	env, err := r.envelope(f)
	if err != nil {
		g.report(r.Name, f.event, "", err) // for this event there is no such job
		return 0, nil
	}
	if env.User == "" {
		env.User = f.event.User
	}
	key := ""
	if r.Debounce > 0 {
		if key = r.Key; key == "" && r.perModel() {
			key = "{" + placeModel + "}"
		}
		key = "rule:" + r.Name + ":" + f.text(key)
		if len(key) > maxUniqueBytes-8 {
			key = "rule:" + r.Name + ":" + uuid.NewSHA1(g.store, []byte(key)).String()
		}
	}
	if wait := r.Delay + r.Debounce; wait > 0 {
		env.NotBefore = storedTime(f.event.Time.Add(wait))
	}
	return g.submit(ctx, f.event, env, caused{rule: r.Name, part: f.model, chain: chain, key: key})
}

// caused is what is known of a job that a rule submits.
type caused struct {
	rule string
	// part tells it from other jobs of the same rule and event.
	part  string
	chain []string
	// key is that of a debounced job.
	key string
}

// submit submits a job and returns 1 when it is new.
func (g *engine) submit(ctx context.Context, e *Event, env Envelope, c caused) (int, error) {
	name := "rule " + c.rule
	if c.part != "" {
		name += " " + c.part
	}
	env.ID, env.Time, env.Parent = uuid.NewSHA1(e.ID, []byte(name)).String(), storedTime(e.Time), e.Row
	env.Cause = &Cause{Event: e.ID, Type: e.Type, Rules: c.chain}
	did, err := false, error(nil)
	if c.key != "" {
		did, err = g.debounced(ctx, env, c.key)
	} else {
		did, err = g.once(ctx, env)
	}
	switch {
	case err == nil && did:
		g.report(c.rule, e, env.ID, nil)
		return 1, nil
	case errors.Is(err, ErrDebounced):
		g.report(c.rule, e, "", err)
		return 0, nil
	case err == nil || isDiffers(err) || isExists(err): // somebody looked at the event before, or does the same
		return 0, nil
	case lasting(err):
		g.report(c.rule, e, env.ID, err)
		return 0, nil
	}
	return 0, fmt.Errorf("rule %s: %w", c.rule, err)
}

// lasting reports whether a job that was not taken would not be later, either.
func lasting(err error) bool {
	if _, is := errors.AsType[*TooLargeError](err); is {
		return true
	}
	if _, is := errors.AsType[*EnvelopeError](err); is {
		return true
	}
	_, refused := refusal(err)
	return refused
}

// once submits a job and reports whether it is new.
func (g *engine) once(ctx context.Context, env Envelope) (bool, error) {
	receipts, err := g.submitter.Submit(ctx, env)
	if err != nil {
		return false, err
	}
	return !receipts[0].Duplicate, nil
}

const (
	// debounceSlots is how many jobs of one key may be at work at the same time while
	// others wait.
	debounceSlots = 8
	// debounceTries is how often one slot is tried whose job has just ended.
	debounceTries = 3
)

// ErrDebounced says that a job of the rule waits already, which comes after the event, too.
var ErrDebounced = errors.New("a job of the rule waits already that will see the same")

// debounced submits a job; ErrDebounced says that one with the key waits that has not
// begun: what it will do comes after the event. One that has begun may have passed what the event tells of;
// then another one is to follow, under the next key.
func (g *engine) debounced(ctx context.Context, env Envelope, key string) (bool, error) {
	for slot := range debounceSlots {
		if env.Unique = key; slot > 0 {
			env.Unique += "+" + strconv.Itoa(slot)
		}
		for range debounceTries {
			did, err := g.once(ctx, env)
			exists, is := errors.AsType[*storage.JobExistsError](err)
			if !is {
				return did, err
			}
			row, err := g.ledger.Get(ctx, exists.Job)
			if err != nil && !errors.Is(err, storage.ErrNotFound) {
				return false, err
			}
			if err == nil && row.State == storage.JobQueued && row.Started.IsZero() {
				return false, ErrDebounced
			}
			if err == nil && !row.State.Final() {
				break
			}
		}
	}
	return false, fmt.Errorf("%d jobs with key %s are at work", debounceSlots, key)
}

func (g *engine) report(rule string, e *Event, job string, err error) {
	if g.acted != nil {
		g.acted(rule, e, job, err)
	}
}

// chainOf returns the rules that lead to a job which a rule submits because of others, and
// whether one of these lets it.
func chainOf(rule string, from []*Envelope) (chain []string, may bool) {
	for _, e := range from {
		if !e.may(rule) {
			continue
		}
		may = true
		for _, name := range e.chain() {
			if !slices.Contains(chain, name) {
				chain = append(chain, name)
			}
		}
	}
	chain = append(chain, rule)
	return chain[max(len(chain)-MaxChain, 0):], may || len(from) == 0
}

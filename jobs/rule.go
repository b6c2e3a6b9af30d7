package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Rule submits a job when an event tells of what it waits for.
type Rule struct {
	// Name tells the rule from others; it is part of the ids of its jobs.
	Name string
	// On selects the events.
	On Filter
	// Job is the message of the job, JSON without schema, id, time, parent and cause. In
	// its texts {model}, {models}, {job}, {event}, {type}, {kind}, {state} and {user} stand
	// for what the event says; {models}, which is an element of a list by itself, for as
	// many elements. With {model} in it there is a job for each model.
	Job json.RawMessage
	// Delay is how long after the event the job may begin.
	Delay time.Duration
	// Debounce, when not 0, has one job stand for all events that come until it begins,
	// which is that long after the first of them.
	Debounce time.Duration
	// Key says which events one job stands for: those with the same key. It may have
	// places like Job; by default it is the model when there is a job for each.
	Key string
}

// Filter selects events. Texts are patterns in which * stands for any characters; of a
// list one has to match, and an empty list takes everything.
type Filter struct {
	Types, Kinds, States, Models, Users []string
	// AtLeast and AtMost bound what the event counts, by name: a count that is not there is 0.
	AtLeast, AtMost Counts
}

// RuleError says what is wrong with a rule.
type RuleError struct {
	// Field is the path of the field, "job.args.models[0]".
	Field string
	Err   error
}

// Error names the field.
func (e *RuleError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *RuleError) Unwrap() error { return e.Err }

// The names of the rules that every worker has.
const (
	RuleFill    = "fill"    // rows that a load or a sweep found without rev_*
	RuleReindex = "reindex" // values at paths that a model's declaration indexes anew
)

// maxRuleName bounds the name of a rule.
const maxRuleName = 64

// CheckRules returns what is wrong with the first rule that is wrong, and which one that
// is: a *[RuleError].
func CheckRules(rules []Rule) (int, error) {
	names := []string{RuleFill, RuleReindex}
	for i := range rules {
		if slices.Contains(names, rules[i].Name) {
			return i, &RuleError{"name", fmt.Errorf("%s is the name of another rule", quoted(rules[i].Name))}
		}
		names = append(names, rules[i].Name)
		if err := rules[i].check(); err != nil {
			return i, err
		}
	}
	return 0, nil
}

func (r *Rule) check() error {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	switch {
	case r.Name == "":
		return &RuleError{"name", errors.New("is missing")}
	case len(r.Name) > maxRuleName || strings.ContainsFunc(r.Name, func(c rune) bool { return !plain(c) }):
		return &RuleError{"name", fmt.Errorf("%s is not 1 to %d letters, digits, dots and the signs - and _", quoted(r.Name), maxRuleName)}
	case r.Delay < 0:
		return &RuleError{"delay", errors.New("is negative")}
	case r.Debounce < 0:
		return &RuleError{"debounce", errors.New("is negative")}
	case r.Debounce > 0 && r.Delay > 0:
		return &RuleError{"delay", errors.New("and debounce exclude each other: debounce is a delay, too")}
	case r.Debounce == 0 && r.Key != "":
		return &RuleError{"key", errors.New("is for rules with debounce")}
	}
	if err := r.On.check(); err != nil {
		return err
	}
	return r.checkTemplate()
}

func (f *Filter) check() error {
	if len(f.Types)+len(f.Kinds)+len(f.States) == 0 {
		return &RuleError{"on", errors.New("names no type, kind or state: say which events start the job")}
	}
	for _, l := range []struct {
		field    string
		patterns []string
	}{{"type", f.Types}, {"kind", f.Kinds}, {"state", f.States}, {"model", f.Models}, {"user", f.Users}} {
		if slices.Contains(l.patterns, "") {
			return &RuleError{"on." + l.field, errors.New("is an empty text, which matches nothing")}
		}
	}
	return nil
}

// escaped is a pattern of ours as path.Match has it: only * is special.
func escaped(p string) string {
	return strings.NewReplacer(`\`, `\\`, `?`, `\?`, `[`, `\[`, "/", "\x01").Replace(p)
}

// matches reports whether one of the patterns matches a text, or there are none.
func matches(patterns []string, text string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(escaped(p), strings.ReplaceAll(text, "/", "\x01"))
		return err == nil && ok
	})
}

// selects returns the models of an event that the rule is about, and whether it is about
// the event. With each it is asked for models one by one, and what they count.
func (f *Filter) selects(e *Event, each bool) ([]string, bool) {
	if !matches(f.Types, string(e.Type)) || !matches(f.Kinds, string(e.Kind)) ||
		!matches(f.States, string(e.State)) || !matches(f.Users, e.User) {
		return nil, false
	}
	names := slices.DeleteFunc(e.ModelNames(), func(name string) bool {
		return !matches(f.Models, name) || each && !f.counts(e.Models[name], e)
	})
	if len(f.Models) > 0 && len(names) == 0 {
		return nil, false
	}
	return names, each && len(names) > 0 || !each && f.counts(e.Counts, e)
}

// counts reports whether counts are within the bounds.
func (f *Filter) counts(c Counts, e *Event) bool {
	count := func(name string) int64 {
		if name == "jobs" {
			return e.Jobs
		}
		return c[name]
	}
	for name, least := range f.AtLeast {
		if count(name) < least {
			return false
		}
	}
	for name, most := range f.AtMost {
		if count(name) > most {
			return false
		}
	}
	return true
}

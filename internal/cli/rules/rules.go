// Package rules reads the file of rules by which a worker turns events into jobs, YAML,
// see docs/events.md.
package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// Off is the value of --rules by which jobs start no others.
const Off = "off"

// maxBytes bounds a file of rules.
const maxBytes = 1 << 20

// ReadFile returns the rules of a file, in their order. What is wrong with them is told
// with file, line, column and field: an *[Error].
func ReadFile(path string) ([]jobs.Rule, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	rules, err := Parse(path, b)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return rules, nil
}

// Digest identifies what the value of --rules says, whatever the name of a file: two
// processes with the same rules have equal digests.
func Digest(value string) (string, error) {
	if value == "" || value == Off {
		return value, nil
	}
	rules, err := ReadFile(value)
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(rules)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8]), nil
}

// Error says what is wrong in a file of rules, and where.
type Error struct {
	File         string
	Line, Column int
	// Field is the path of the field, "rules[0].on.type"; empty when the text is no YAML.
	Field, Reason string
}

// Error is "file:line:column: field: reason".
func (e *Error) Error() string {
	field := e.Field
	if field != "" {
		field += ": "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", e.File, e.Line, e.Column, field, e.Reason)
}

// Parse is ReadFile for a text.
func Parse(file string, text []byte) ([]jobs.Rule, error) {
	t, err := parse(file, text)
	if err != nil {
		return nil, err
	}
	var rules []jobs.Rule
	err = t.object("", t.root, fields{"rules": func(path string, v any) error {
		return t.list(path, v, func(path string, v any) error {
			r, err := t.rule(path, v)
			rules = append(rules, r)
			return err
		})
	}})
	if err != nil {
		return nil, err
	}
	if i, err := jobs.CheckRules(rules); err != nil {
		field := ""
		if wrong, is := errors.AsType[*jobs.RuleError](err); is {
			field, err = "."+wrong.Field, wrong.Err
		}
		return nil, t.errorf(fmt.Sprintf("rules[%d]%s", i, field), "%v", err)
	}
	return rules, nil
}

// rule reads one rule.
func (t *tree) rule(path string, v any) (r jobs.Rule, err error) {
	return r, t.object(path, v, fields{
		"name":     t.text(&r.Name),
		"on":       func(path string, v any) error { return t.filter(path, v, &r.On) },
		"job":      func(path string, v any) error { return t.job(path, v, &r.Job) },
		"delay":    t.duration(&r.Delay),
		"debounce": t.duration(&r.Debounce),
		"key":      t.text(&r.Key),
	})
}

func (t *tree) filter(path string, v any, f *jobs.Filter) error {
	return t.object(path, v, fields{
		"type": t.texts(&f.Types), "kind": t.texts(&f.Kinds), "state": t.texts(&f.States), "model": t.texts(&f.Models), "user": t.texts(&f.Users),
		"at_least": t.counts(&f.AtLeast), "at_most": t.counts(&f.AtMost),
	})
}

// job keeps the message of a job as JSON.
func (t *tree) job(path string, v any, message *json.RawMessage) error {
	if _, is := v.(map[string]any); !is {
		return t.errorf(path, "a mapping is expected: the message of a job")
	}
	b, err := json.Marshal(v)
	if err != nil {
		return t.errorf(path, "%v", err)
	}
	*message = b
	return nil
}

func (t *tree) text(into *string) field {
	return func(path string, v any) error {
		s, is := v.(string)
		if !is || strings.ContainsRune(s, 0) {
			return t.errorf(path, "a text is expected")
		}
		*into = s
		return nil
	}
}

// texts reads a list of texts, or one text.
func (t *tree) texts(into *[]string) field {
	return func(path string, v any) error {
		if s, is := v.(string); is {
			*into = []string{s}
			return nil
		}
		return t.list(path, v, func(path string, v any) error {
			s, is := v.(string)
			if !is {
				return t.errorf(path, "a text is expected")
			}
			*into = append(*into, s)
			return nil
		})
	}
}

func (t *tree) counts(into *jobs.Counts) field {
	return func(path string, v any) error {
		m, is := v.(map[string]any)
		if !is {
			return t.errorf(path, "a mapping of names to numbers is expected")
		}
		*into = jobs.Counts{}
		for _, name := range slices.Sorted(maps.Keys(m)) {
			number, is := m[name].(json.Number)
			n, err := number.Int64()
			if !is || err != nil {
				return t.errorf(path+"."+name, "an integer is expected")
			}
			(*into)[name] = n
		}
		return nil
	}
}

func (t *tree) duration(into *time.Duration) field {
	return func(path string, v any) error {
		s, is := v.(string)
		d, err := time.ParseDuration(s)
		if !is || err != nil {
			return t.errorf(path, "a duration as 30s or 5m is expected")
		}
		*into = d
		return nil
	}
}

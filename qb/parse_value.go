package qb

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// kindNames say what is expected, for errors.
var kindNames = [...]string{
	KindText: "a text", KindNumber: "an integer", KindFlag: "true or false", KindTime: "a datetime (RFC 3339)",
}

// object is an object of the query, with the path that leads to it.
type object struct {
	path   string
	fields map[string]any
}

func asObject(path string, v any) (object, error) {
	fields, ok := v.(map[string]any)
	if !ok {
		return object{}, &ParseError{Path: path, Reason: "an object is expected"}
	}
	return object{path: path, fields: fields}, nil
}

// only refuses keys other than the given ones.
func (o object) only(known ...string) error {
	for _, k := range sortedKeys(o.fields) {
		if !slices.Contains(known, k) {
			return &ParseError{Path: o.path + "." + k, Reason: "the key is not known"}
		}
	}
	return nil
}

func (o object) text(key string) (string, error) {
	s, ok := o.fields[key].(string)
	if !ok {
		return "", &ParseError{Path: o.path + "." + key, Reason: "a text is expected"}
	}
	return s, nil
}

// refuse is the error for a condition's value.
func (o object) refuse(op Op, reason string) error {
	return &ParseError{
		Path:   o.path + ".value",
		Reason: fmt.Sprintf("%s (field_path %q, operator %s)", reason, o.fields["field_path"], op),
	}
}

// transform reports whether the condition is about the length of the value.
func (o object) transform() (bool, error) {
	switch t := o.fields["transform"]; t {
	case nil:
		return false, nil
	case "len":
		return true, nil
	default:
		return false, &ParseError{Path: o.path + ".transform", Reason: fmt.Sprintf("%v is not known", t)}
	}
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// list reads a list of operands.
func (p *parser) list(path string, v any) ([]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, &ParseError{Path: path, Reason: "a list is expected"}
	}
	if p.values += len(list); p.values > MaxValues {
		return nil, &ParseError{Path: path, Reason: fmt.Sprintf("more than %d values", MaxValues)}
	}
	return list, nil
}

// operands reads the operand of OpIn and OpNotIn. As in the original, nothing is in what
// is no list.
func (p *parser) operands(path string, v any) ([]any, error) {
	if _, ok := v.([]any); !ok {
		return []any{}, nil
	}
	return p.list(path, v)
}

func parseCount(path string, v any) (int, error) {
	text, _ := v.(json.Number)
	n, err := strconv.Atoi(string(text))
	switch {
	case err != nil:
		return 0, &ParseError{Path: path, Reason: "an integer is expected"}
	case n < 0:
		return 0, &ParseError{Path: path, Reason: fmt.Sprintf("%d is negative", n)}
	}
	return n, nil
}

// attrOperand turns a JSON value into an operand of an attribute of the kind;
// false when it equals no value of that kind. Numbers compare across their
// types and true is 1, as in Python.
func attrOperand(kind Kind, v any) (any, bool) {
	switch kind {
	case KindText:
		s, ok := v.(string)
		return s, ok
	case KindNumber:
		n, ok := parseInteger(v)
		return n, ok
	case KindFlag:
		n, ok := parseInteger(v)
		return n == 1, ok && (n == 0 || n == 1)
	case KindTime:
		t, ok := parseTime(v)
		return t, ok
	}
	return nil, false
}

// parseInteger reads an integer, also one written as a float or boolean.
func parseInteger(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		return number(v), true
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, true
		}
		f, err := v.Float64()
		return int64(f), err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53
	}
	return 0, false
}

// parseTime reads a datetime: text or {"$datetime": text}.
func parseTime(v any) (time.Time, bool) {
	if marked, ok := v.(map[string]any); ok && len(marked) == 1 {
		v = marked[markTime]
	}
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := resource.ParseTime(s)
	return t, err == nil
}

// dataOperand turns a JSON value into an operand for indexed data.
func dataOperand(path string, v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if f, above, far := farNumber(v); far && above == 0 {
			return f, nil
		} else if far {
			return struct{}{}, nil // equals nothing
		}
		return dataNumber(path, string(v))
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = dataOperand(path, e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		return dataObject(path, v)
	}
	return v, nil
}

// dataObject reads a map, or the operand that a marked object stands for.
func dataObject(path string, v map[string]any) (any, error) {
	if _, marked := v[markTime]; marked {
		t, ok := parseTime(v)
		if !ok {
			return nil, &ParseError{Path: path, Reason: "$datetime is not RFC 3339"}
		}
		return t, nil
	}
	if len(v) == 1 {
		if float, marked := v[markFloat]; marked {
			return markedFloat(path, float)
		}
		if v[markIncomparable] == true {
			return struct{}{}, nil
		}
		if literal, ok := v[markLiteral].(map[string]any); ok {
			return dataMembers(path, literal)
		}
	}
	return dataMembers(path, v)
}

// markedFloat reads the name of a float that JSON has no number for.
func markedFloat(path string, v any) (any, error) {
	switch v {
	case "nan":
		return math.NaN(), nil
	case "inf":
		return math.Inf(1), nil
	case "-inf":
		return math.Inf(-1), nil
	}
	return nil, &ParseError{Path: path, Reason: "$float is none of nan, inf, -inf"}
}

func dataMembers(path string, v map[string]any) (any, error) {
	out := make(map[string]any, len(v))
	for k, e := range v {
		var err error
		if out[k], err = dataOperand(path, e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// dataNumber keeps the lexical kind of a number.
func dataNumber(path, text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f, nil
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, &ParseError{Path: path, Reason: "the number " + text + " is out of range"}
	}
	return n, nil
}

package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// errNotUTF8 is of a text that JSON cannot hold; encoding/json would alter it.
var errNotUTF8 = errors.New("is not UTF-8")

func appendString(b []byte, s string) ([]byte, error) {
	if !utf8.ValidString(s) {
		return b, errNotUTF8
	}
	text, err := json.Marshal(s)
	return append(b, text...), err
}

// appendAny writes any value: a float stays one where it has no fraction, which
// encoding/json would write as an integer. Types that it does not know are written
// as encoding/json has them.
func appendAny(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(b, v)
	case float32, float64:
		return appendFloat(b, reflect.ValueOf(v))
	case []any:
		if v == nil {
			break
		}
		return anyPlan.appendList(b, reflect.ValueOf(v))
	case map[string]any:
		if v == nil {
			break
		}
		return anyPlan.appendMap(b, reflect.ValueOf(v))
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// anyPlan is of lists and maps of any values.
var anyPlan = &plan{elem: &plan{kind: planAny}}

// readAny reads any value: an integer as int64, or json.Number when it is larger,
// another number as float64.
func readAny(text json.RawMessage, v reflect.Value) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return err
	}
	value, err := withNumbers(value)
	if err != nil {
		return err
	}
	if value == nil {
		v.SetZero()
		return nil
	}
	v.Set(reflect.ValueOf(value))
	return nil
}

// withNumbers gives the numbers in a decoded value their types, in place.
func withNumbers(value any) (any, error) {
	var err error
	switch value := value.(type) {
	case json.Number:
		return numberOf(value)
	case []any:
		for i := range value {
			if value[i], err = withNumbers(value[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for key := range value {
			if value[key], err = withNumbers(value[key]); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func numberOf(n json.Number) (any, error) {
	if bytes.ContainsAny([]byte(n), ".eE") {
		f, err := n.Float64()
		if err != nil {
			return nil, fmt.Errorf("number %.40s: %w", n, err)
		}
		return f, nil
	}
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	return n, nil
}

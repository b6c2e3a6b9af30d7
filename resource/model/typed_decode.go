package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// Decode reads a stored payload into v, which must be settable. Fields that the
// payload lacks get their default, those without one keep their value; those that the
// type lacks are passed over.
func (t *Typed) Decode(stored []byte, v reflect.Value) error {
	text, err := payload.AppendJSON(nil, stored)
	if err != nil {
		return err
	}
	return t.root.read(text, v)
}

func (p *plan) read(text json.RawMessage, v reflect.Value) error {
	null := bytes.Equal(text, []byte("null"))
	switch p.kind {
	case planPointer:
		if null {
			v.SetZero()
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return p.elem.read(text, v.Elem())
	case planAny:
		return readAny(text, v)
	case planTime:
		return readTime(text, v)
	case planDuration:
		return readDuration(text, v)
	case planBinary:
		return readBinary(text, v)
	case planList:
		return p.readList(text, v)
	case planMap:
		return p.readMap(text, v)
	case planStruct:
		return p.readStruct(text, v)
	}
	return json.Unmarshal(text, v.Addr().Interface())
}

func (p *plan) readList(text json.RawMessage, v reflect.Value) error {
	var items []json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	v.Set(reflect.MakeSlice(v.Type(), len(items), len(items)))
	for i, item := range items {
		if err := p.elem.read(item, v.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func (p *plan) readMap(text json.RawMessage, v reflect.Value) error {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(items)))
	for key, item := range items {
		value := reflect.New(v.Type().Elem()).Elem()
		if err := p.elem.read(item, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), value)
	}
	return nil
}

func (p *plan) readStruct(text json.RawMessage, v reflect.Value) error {
	var items map[string]json.RawMessage
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	for _, f := range p.fields {
		item, ok := items[f.name]
		if !ok {
			item = f.def
		}
		if item == nil {
			continue
		}
		if err := f.plan.read(item, v.Field(f.index)); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return nil
}

// readTime reads a datetime or date; one without a zone is taken as UTC.
func readTime(text json.RawMessage, v reflect.Value) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", time.DateOnly}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, strings.Replace(s, " ", "T", 1)); err == nil {
			v.Set(reflect.ValueOf(at))
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a time", s)
}

func readDuration(text json.RawMessage, v reflect.Value) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	d, ok := parseDuration([]byte(s))
	if !ok {
		return fmt.Errorf("%.40q is not a duration", s)
	}
	const daysOfGo = math.MaxInt64 / int64(24*time.Hour)
	if d.days >= daysOfGo {
		return fmt.Errorf("%s is longer than Go's durations", s)
	}
	out := time.Duration(d.days)*24*time.Hour + time.Duration(d.seconds)*time.Second + time.Duration(d.micros)*time.Microsecond
	if d.negative {
		out = -out
	}
	v.SetInt(int64(out))
	return nil
}

func readBinary(text json.RawMessage, v reflect.Value) error {
	var in struct {
		FileID      string            `json:"file_id"`
		Size        int64             `json:"size"`
		ContentType opt.Value[string] `json:"content_type"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	v.Set(reflect.ValueOf(resource.Binary{FileID: in.FileID, Size: in.Size, ContentType: in.ContentType}))
	return nil
}

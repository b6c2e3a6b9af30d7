package model

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Encode returns a value of the type as JSON text, to be saved to the model.
func (t *Typed) Encode(v reflect.Value) ([]byte, error) { return t.root.append(nil, v) }

func (p *plan) append(b []byte, v reflect.Value) ([]byte, error) {
	switch p.kind {
	case planFloat:
		return appendFloat(b, v)
	case planString:
		return appendString(b, v.String())
	case planBytes:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes()), '"'), nil
	case planAny:
		return appendAny(b, v.Interface())
	case planTime:
		return append(zoned(v.Interface().(time.Time), p.layout).AppendFormat(append(b, '"'), p.layout), '"'), nil
	case planDuration:
		return append(durationOf(v.Interface().(time.Duration)).append(append(b, '"')), '"'), nil
	case planBinary:
		return appendBinary(b, v.Interface().(resource.Binary))
	case planPointer:
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return p.elem.append(b, v.Elem())
	case planList:
		return p.appendList(b, v)
	case planMap:
		return p.appendMap(b, v)
	case planStruct:
		return p.appendStruct(b, v)
	}
	text, err := json.Marshal(v.Interface())
	return append(b, text...), err
}

func (p *plan) appendList(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, '[')
	var err error
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = p.elem.append(b, v.Index(i)); err != nil {
			return b, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return append(b, ']'), nil
}

func (p *plan) appendMap(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	first := true
	for it := v.MapRange(); it.Next(); first = false {
		if !first {
			b = append(b, ',')
		}
		var err error
		if b, err = appendString(b, it.Key().String()); err != nil {
			return b, fmt.Errorf("key %.40q %w", it.Key(), err)
		}
		b = append(b, ':')
		if b, err = p.elem.append(b, it.Value()); err != nil {
			return b, fmt.Errorf("%s: %w", it.Key(), err)
		}
	}
	return append(b, '}'), nil
}

func (p *plan) appendStruct(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	for i, f := range p.fields {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return b, err
		}
		b = append(append(b, name...), ':')
		if b, err = f.plan.append(b, v.Field(f.index)); err != nil {
			return b, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return append(b, '}'), nil
}

// zoned returns t in UTC when the layout has its zone and cannot say it: offsets are
// in whole minutes.
func zoned(t time.Time, layout string) time.Time {
	if _, offset := t.Zone(); offset%60 != 0 && layout != time.DateOnly {
		return t.UTC()
	}
	return t
}

// appendFloat writes a float so that it is read as one, and keeps the sign of zero.
func appendFloat(b []byte, v reflect.Value) ([]byte, error) {
	f := v.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, fmt.Errorf("%v has no form in JSON", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, v.Type().Bits())
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(b, text...), nil
}

func appendBinary(b []byte, v resource.Binary) ([]byte, error) {
	out := struct {
		FileID      string `json:"file_id"`
		Size        int64  `json:"size"`
		ContentType string `json:"content_type,omitempty"`
	}{v.FileID, v.Size, v.ContentType.Or("")}
	text, err := json.Marshal(out)
	return append(b, text...), err
}

// durationOf splits a duration, to the microsecond.
func durationOf(d time.Duration) duration {
	out := duration{negative: d < 0}
	micros := d.Microseconds()
	if out.negative {
		micros = -micros
	}
	const day = secondsOfDay * 1_000_000
	out.days, micros = micros/day, micros%day
	out.seconds, out.micros = micros/1_000_000, micros%1_000_000
	return out
}

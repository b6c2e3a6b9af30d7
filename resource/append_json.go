package resource

import (
	"encoding/base64"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/specstar-worker/worker/opt"
)

func (m Meta) appendJSON(b []byte) []byte {
	b = appendStrField(append(b, '{'), "current_revision_id", m.CurrentRevisionID)
	b = appendStrField(b, "resource_id", m.ResourceID)
	b = appendNullableField(b, "schema_version", m.SchemaVersion)
	b = strconv.AppendInt(appendKey(b, "total_revision_count"), int64(m.TotalRevisionCount), 10)
	b = appendTimeField(b, "created_time", m.CreatedTime)
	b = appendTimeField(b, "updated_time", m.UpdatedTime)
	b = appendStrField(b, "created_by", m.CreatedBy)
	b = appendStrField(b, "updated_by", m.UpdatedBy)
	b = strconv.AppendBool(appendKey(b, "is_deleted"), m.IsDeleted)
	if x, ok := m.IndexedData.Get(); ok {
		b = x.AppendJSON(appendKey(b, "indexed_data"))
	}
	return append(m.Rev.appendJSON(b), '}')
}

func (r RevMeta) appendJSON(b []byte) []byte {
	if v, ok := r.Status.Get(); ok {
		b = appendStrField(b, "rev_status", v)
	}
	if v, ok := r.CreatedBy.Get(); ok {
		b = appendStrField(b, "rev_created_by", v)
	}
	if v, ok := r.UpdatedBy.Get(); ok {
		b = appendStrField(b, "rev_updated_by", v)
	}
	if v, ok := r.CreatedTime.Get(); ok {
		b = appendTimeField(b, "rev_created_time", v)
	}
	if v, ok := r.UpdatedTime.Get(); ok {
		b = appendTimeField(b, "rev_updated_time", v)
	}
	return b
}

func (i RevisionInfo) appendJSON(b []byte) []byte {
	b = append(encodeUUID(append(appendKey(append(b, '{'), "uid"), '"'), i.UID), '"')
	b = appendStrField(b, "resource_id", i.ResourceID)
	b = appendStrField(b, "revision_id", i.RevisionID)
	b = appendNullableField(b, "parent_revision_id", i.ParentRevisionID)
	if v, ok := i.ParentSchemaVersion.Get(); ok {
		b = appendNullableField(b, "parent_schema_version", fromPointer(v))
	}
	b = appendNullableField(b, "schema_version", i.SchemaVersion)
	if v, ok := i.DataHash.Get(); ok {
		b = appendStrField(b, "data_hash", v)
	}
	b = appendStrField(b, "status", i.Status)
	b = appendTimeField(b, "created_time", i.CreatedTime)
	b = appendTimeField(b, "updated_time", i.UpdatedTime)
	b = appendStrField(b, "created_by", i.CreatedBy)
	return append(appendStrField(b, "updated_by", i.UpdatedBy), '}')
}

// appendKey appends the comma, if one is due, a key that needs no escape and
// the colon.
func appendKey(b []byte, key string) []byte {
	b = append(appendComma(b), '"')
	return append(append(b, key...), '"', ':')
}

// appendComma appends a comma unless an object or array was just opened.
func appendComma(b []byte) []byte {
	if c := b[len(b)-1]; c == '{' || c == '[' {
		return b
	}
	return append(b, ',')
}

func appendStrField[S ~string](b []byte, key string, v S) []byte {
	return appendJSONString(appendKey(b, key), string(v))
}

func appendNullableField[S ~string](b []byte, key string, o opt.Value[S]) []byte {
	if v, ok := o.Get(); ok {
		return appendStrField(b, key, v)
	}
	return append(appendKey(b, key), "null"...)
}

func appendTimeField(b []byte, key string, t time.Time) []byte {
	return append(AppendTime(append(appendKey(b, key), '"'), t), '"')
}

// appendJSONString escapes quote, backslash and control characters and nothing
// else, as the original does.
func appendJSONString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	done := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(append(b, s[done:i]...), '\\')
		done = i + 1
		switch c {
		case '"', '\\':
			b = append(b, c)
		case '\n':
			b = append(b, 'n')
		case '\t':
			b = append(b, 't')
		case '\r':
			b = append(b, 'r')
		case '\b':
			b = append(b, 'b')
		case '\f':
			b = append(b, 'f')
		default:
			b = append(b, 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0x0f])
		}
	}
	return append(append(b, s[done:]...), '"')
}

// appendJSONFloat writes the shortest digits that read back as v: fixed notation
// for 1e-5 <= |v| < 1e16 and always with a fraction, an exponent without sign
// and padding otherwise; null for what JSON cannot hold.
func appendJSONFloat(b []byte, v float64) []byte {
	abs := math.Abs(v)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(b, "null"...)
	case abs == math.Trunc(abs) && abs < 1e16:
		return append(strconv.AppendFloat(b, v, 'f', -1, 64), '.', '0')
	case abs >= 1e-5 && abs < 1e16:
		return strconv.AppendFloat(b, v, 'f', -1, 64)
	}
	var buf [32]byte
	for _, c := range strconv.AppendFloat(buf[:0], v, 'e', -1, 64) {
		padding := c == '0' && (b[len(b)-1] == '-' || b[len(b)-1] == 'e')
		if c != '+' && !padding {
			b = append(b, c)
		}
	}
	return b
}

// appendJSONValue appends a value of one of the types of [Indexed.Lookup].
func appendJSONValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case uint64:
		return strconv.AppendUint(b, v, 10)
	case float64:
		return appendJSONFloat(b, v)
	case string:
		return appendJSONString(b, v)
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(b, '"'), v), '"')
	case time.Time:
		return append(AppendTime(append(b, '"'), v), '"')
	case []any:
		b = append(b, '[')
		for _, e := range v {
			b = appendJSONValue(appendComma(b), e)
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = append(appendJSONString(appendComma(b), key), ':')
			b = appendJSONValue(b, v[key])
		}
		return append(b, '}')
	default:
		return append(b, "null"...)
	}
}

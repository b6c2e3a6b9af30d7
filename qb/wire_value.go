package qb

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// The objects that stand for operands which JSON does not have.
const (
	markTime         = "$datetime"
	markFlags        = "$flags"
	markFloat        = "$float"
	markIncomparable = "$incomparable"
	markLiteral      = "$literal"
)

// value writes an operand.
func (w *wire) value(v any) {
	switch v := v.(type) {
	case nil:
		w.b = append(w.b, "null"...)
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case int64:
		w.b = strconv.AppendInt(w.b, v, 10)
	case uint64:
		w.b = strconv.AppendUint(w.b, v, 10)
	case float64:
		w.float(v)
	case string:
		w.text(v)
	case time.Time:
		w.mark(markTime, func() { w.text(w.timeText(v)) })
	case Flags:
		w.mark(markFlags, func() { w.value(uint64(v)) })
	case []any:
		w.list(v)
	case map[string]any:
		w.object(v)
	default:
		w.mark(markIncomparable, func() { w.value(true) })
	}
}

// float keeps a float one when it is read, and says in words what JSON has no number
// for.
func (w *wire) float(v float64) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		w.mark(markFloat, func() { w.text(formatFloat(v)) })
		return
	}
	w.b = jsonlex.AppendFloat(w.b, v)
}

func (w *wire) list(list []any) {
	w.b = append(w.b, '[')
	for _, v := range list {
		w.comma()
		w.value(v)
	}
	w.b = append(w.b, ']')
}

// object writes a map; one that could be taken for a mark is marked itself.
func (w *wire) object(m map[string]any) {
	marked := false
	for k := range m {
		marked = marked || strings.HasPrefix(k, "$")
	}
	if marked {
		w.mark(markLiteral, func() { w.members(m) })
		return
	}
	w.members(m)
}

func (w *wire) members(m map[string]any) {
	w.b = append(w.b, '{')
	for _, k := range slices.Sorted(maps.Keys(m)) {
		w.key(k)
		w.value(m[k])
	}
	w.b = append(w.b, '}')
}

// mark writes an object of one member.
func (w *wire) mark(name string, value func()) {
	w.b = append(w.b, '{')
	w.key(name)
	value()
	w.b = append(w.b, '}')
}

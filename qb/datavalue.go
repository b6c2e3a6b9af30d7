package qb

import (
	"cmp"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// dataValue turns an operand into the forms that indexed data has, see [jsonView],
// and times, which are compared with texts.
func dataValue(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, uint64, float64, string, time.Time:
		return v
	case []byte:
		return jsonView(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = dataValue(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = dataValue(e)
		}
		return out
	}
	return dataValueOfKind(reflect.ValueOf(v))
}

func dataValueOfKind(v reflect.Value) any {
	switch {
	case v.Kind() == reflect.Bool:
		return v.Bool()
	case v.Kind() == reflect.String:
		return v.String()
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return v.Uint()
	case v.CanFloat():
		return v.Float()
	case v.Kind() == reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = dataValue(v.Index(i).Interface())
		}
		return out
	}
	return struct{}{} // equals nothing
}

// lengthOf is Python's len.
func lengthOf(v any) (any, bool) {
	switch v := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), true
	case []any:
		return int64(len(v)), true
	case map[string]any:
		return int64(len(v)), true
	}
	return nil, false
}

func listHolds(list []any, v any) bool {
	return slices.ContainsFunc(list, func(e any) bool { return equalData(e, v) })
}

// equalData is Python's ==.
func equalData(a, b any) bool {
	switch x := a.(type) {
	case nil:
		return b == nil
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equalData)
	case map[string]any:
		y, ok := b.(map[string]any)
		return ok && maps.EqualFunc(x, y, equalData)
	}
	order, ok := orderData(a, b)
	return ok && order == 0
}

// orderData is the order of two values of one type, or of a text and a time operand;
// false when there is none.
func orderData(a, b any) (int, bool) {
	switch x := a.(type) {
	case bool, int64, uint64, float64:
		if rankOf(b) == rankOf(a) {
			return orderNumbers(a, b)
		}
	case string:
		return orderText(x, b)
	case time.Time:
		order, ok := orderText(b, x)
		return -order, ok
	case []any:
		if y, ok := b.([]any); ok {
			return orderLists(x, y)
		}
	}
	return 0, false
}

// orderText is the order of a and the text or time b, when a is a text.
func orderText(a, b any) (int, bool) {
	text, ok := a.(string)
	if !ok {
		return 0, false
	}
	switch b := b.(type) {
	case string:
		return strings.Compare(text, b), true
	case time.Time:
		return orderTimeText(text, b)
	}
	return 0, false
}

// orderLists compares the first elements that differ, else the lengths.
func orderLists(a, b []any) (int, bool) {
	for i := range min(len(a), len(b)) {
		if !equalData(a[i], b[i]) {
			return orderData(a[i], b[i])
		}
	}
	return cmp.Compare(len(a), len(b)), true
}

// orderNumbers compares across types without loss; true is 1. NaN has no order.
func orderNumbers(a, b any) (int, bool) {
	x, y := plainNumber(a), plainNumber(b)
	f, isF := x.(float64)
	g, isG := y.(float64)
	if isF && f != f || isG && g != g {
		return 0, false
	}
	if isF && isG {
		return cmp.Compare(f, g), true
	}
	if i, ok := x.(int64); ok {
		if j, ok := y.(int64); ok {
			return cmp.Compare(i, j), true
		}
	}
	return bigNumber(x).Cmp(bigNumber(y)), true
}

func plainNumber(v any) any {
	if b, ok := v.(bool); ok {
		return number(b)
	}
	return v
}

func bigNumber(v any) *big.Float {
	switch v := v.(type) {
	case int64:
		return new(big.Float).SetInt64(v)
	case uint64:
		return new(big.Float).SetUint64(v)
	case float64:
		return new(big.Float).SetFloat64(v)
	}
	return new(big.Float)
}

// rankOf is the place of a value's type in a sort by indexed data.
func rankOf(v any) int {
	switch v.(type) {
	case nil:
		return 0
	case bool, int64, uint64, float64:
		return 1
	case string:
		return 2
	case []any:
		return 3
	case map[string]any:
		return 4
	}
	return 5
}

// compareData orders any two values for a sort.
func compareData(a, b any) int {
	if order := cmp.Compare(rankOf(a), rankOf(b)); order != 0 {
		return order
	}
	if x, ok := a.([]any); ok {
		return slices.CompareFunc(x, b.([]any), compareData)
	}
	order, _ := orderData(a, b)
	return order
}

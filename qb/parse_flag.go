package qb

import "encoding/json"

// flagLeaf reads the operand of OpExists, OpIsNull and OpIsNA, which is true or false.
// The original takes any other value, too: exists asks whether it is truthy, but where
// is_null and isna answer with the value itself, that is neither true nor false. Alone
// and in a group of the kind or, such an answer does not select; to the groups and and
// not it is as good as true, which asTrue says. leaf makes a condition of an operator
// and true or false.
func flagLeaf(op Op, v any, asTrue bool, leaf func(Op, bool) Cond) Cond {
	if flag, ok := v.(bool); ok {
		return leaf(op, flag)
	}
	switch op {
	case OpExists:
		return leaf(op, truthy(v))
	case OpIsNull:
		return nullLeaf(v, asTrue, leaf)
	}
	return naLeaf(v, asTrue, leaf)
}

// nullLeaf is is_null of a value that is not boolean: it is the answer where the value is null.
func nullLeaf(v any, asTrue bool, leaf func(Op, bool) Cond) Cond {
	null, given := leaf(OpIsNull, true), leaf(OpIsNull, false)
	switch {
	case v == nil:
		return leaf(OpNotIn, false) // of nothing: unknown of null
	case truthy(v) && asTrue:
		return null
	case truthy(v):
		return And{null, given} // never
	case asTrue:
		return Or{null, given}
	}
	return given
}

// naLeaf is isna of a value that is not boolean: it is the answer where the value is missing, and
// elsewhere compared with true or false.
func naLeaf(v any, asTrue bool, leaf func(Op, bool) Cond) Cond {
	there, missing := leaf(OpExists, true), leaf(OpExists, false)
	n, isNumber := parseInteger(v)
	switch {
	case v == nil:
		return And{leaf(OpIsNull, true), leaf(OpIsNull, false)}
	case isNumber && n == 1 && asTrue:
		return leaf(OpIsNA, true)
	case isNumber && n == 1:
		return And{there, leaf(OpIsNA, true)}
	case isNumber && n == 0 && asTrue:
		return Or{missing, leaf(OpIsNA, false)}
	case isNumber && n == 0:
		return leaf(OpIsNA, false)
	case asTrue:
		return missing
	}
	return And{there, missing} // never
}

// truthy is Python's bool of a JSON value.
func truthy(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}

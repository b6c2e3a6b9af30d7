package qb

import (
	"encoding/json"
	"strconv"
)

// Flags are bits, as an operand of [DataField.Contains]: an integer contains them
// when it has all of them. It is what the original does with a Flag of Python,
// such as the actions of permission entries; a plain integer is compared as text
// instead. In a list the integer itself is looked for, and a text must contain
// its digits. Compared by anything but Contains, Flags are the integer.
//
// In JSON they are {"$flags": 65}.
type Flags uint64

// operand is the operand that stands for v in a comparison.
func (f Flags) operand(op Op) any {
	if op == OpContains {
		return f
	}
	return dataValue(uint64(f))
}

// in reports whether the value has all the bits.
func (f Flags) in(v any) bool {
	switch v := v.(type) {
	case bool:
		return f.of(uint64(number(v)))
	case int64:
		return f.of(uint64(v)) // a negative one has all its upper bits, as in Python
	case uint64:
		return f.of(v)
	case []any:
		return listHolds(v, uint64(f))
	}
	return matchText(OpContains, pythonText(v), pythonText(uint64(f)))
}

func (f Flags) of(bits uint64) bool { return uint64(f)&bits == uint64(f) }

// parseFlags reads the operand {"$flags": bits}.
func parseFlags(path string, v map[string]any, op Op) (any, error) {
	text, _ := v[markFlags].(json.Number)
	bits, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil || len(v) != 1 {
		return nil, &ParseError{Path: path, Reason: "$flags is not an integer of bits"}
	}
	return Flags(bits).operand(op), nil
}

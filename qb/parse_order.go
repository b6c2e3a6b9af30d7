package qb

import (
	"encoding/json"
	"math/big"
	"regexp"
)

// farNumber returns the float next to an integer beyond 64 bits, and the sign of what
// the integer is above it. No value of indexed data is between both.
func farNumber(v any) (f float64, above int, ok bool) {
	text, ok := v.(json.Number)
	if !ok {
		return 0, 0, false
	}
	n, ok := new(big.Int).SetString(string(text), 10)
	if !ok || n.IsInt64() || n.IsUint64() {
		return 0, 0, false
	}
	whole := new(big.Float).SetInt(n)
	f, _ = whole.Float64()
	return f, whole.Cmp(big.NewFloat(f)), true
}

// farLeaf is a condition on a value of the indexed data whose operand is such a number.
func farLeaf(c DataComparison, v any) (DataComparison, bool) {
	f, above, ok := farNumber(v)
	if !ok {
		return c, false
	}
	switch c.op {
	case OpContains, OpStartsWith, OpEndsWith:
		c.value = string(v.(json.Number))
	case OpRegex:
		c.pattern = regexp.MustCompile(string(v.(json.Number)))
	case OpGt, OpGte, OpLt, OpLte:
		c.value = f
		c.op = past(c.op, above)
	default:
		return c, false
	}
	return c, true
}

// past is the order that stands for that with an operand which is above the given one,
// equal to it or below it, when nothing is between them.
func past(op Op, above int) Op {
	switch {
	case above > 0:
		return map[Op]Op{OpGt: OpGt, OpGte: OpGt, OpLt: OpLte, OpLte: OpLte}[op]
	case above < 0:
		return map[Op]Op{OpGt: OpGte, OpGte: OpGte, OpLt: OpLt, OpLte: OpLt}[op]
	}
	return op
}

// orderLeaf is an order between a number or flag and a number that the attribute cannot
// hold, such as total_revision_count above 2.5; false when the operand is no number.
func orderLeaf(c Comparison, v any) (Cond, bool) {
	text, ok := v.(json.Number)
	if !ok {
		return nil, false
	}
	operand, _, err := big.ParseFloat(string(text), 10, 128, big.ToNearestEven)
	if err != nil {
		return nil, false
	}
	switch c.attr.Kind() {
	case KindFlag:
		return flagOrder(c, operand), true
	case KindNumber:
		return numberOrder(c, operand), true
	}
	return nil, false
}

// flagOrder lists the flags that are in order: false is 0, true is 1.
func flagOrder(c Comparison, operand *big.Float) Cond {
	values := []any{}
	for _, flag := range []bool{false, true} {
		if matchOrder(c.op, new(big.Float).SetInt64(number(flag)).Cmp(operand)) {
			values = append(values, flag)
		}
	}
	return Comparison{attr: c.attr, op: OpIn, values: values}
}

// numberOrder compares with an integer next to the operand.
func numberOrder(c Comparison, operand *big.Float) Cond {
	n, _ := operand.Int64() // the next one towards zero, or the largest or smallest
	c.op = past(c.op, operand.Cmp(new(big.Float).SetInt64(n)))
	c.values = []any{n}
	return c
}

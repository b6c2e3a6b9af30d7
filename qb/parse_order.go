package qb

import (
	"encoding/json"
	"math/big"
)

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

// numberOrder compares with the next integer below or above.
func numberOrder(c Comparison, operand *big.Float) Cond {
	n, accuracy := operand.Int64()
	whole := new(big.Float).SetInt64(n)
	switch {
	case accuracy == big.Exact:
	case whole.Cmp(operand) < 0 && (c.op == OpGte || c.op == OpLt): // n+1 is above, or n is the largest
		c.op = map[Op]Op{OpGte: OpGt, OpLt: OpLte}[c.op]
	case whole.Cmp(operand) > 0 && (c.op == OpGt || c.op == OpLte): // n-1 is below, or n is the smallest
		c.op = map[Op]Op{OpGt: OpGte, OpLte: OpLt}[c.op]
	}
	c.values = []any{n}
	return c
}

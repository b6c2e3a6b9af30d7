package sqlgen

import (
	"math"
	"math/big"
	"strconv"

	"github.com/specstar-worker/worker/qb"
)

// Whole numbers up to these are told apart by a database as [qb.Match] does. PostgreSQL
// has numbers as decimals, and a float there is the shortest one that reads back equal:
// up to 2^53 that is the float itself, where it is whole, so that integers and floats
// compare; above, the decimal of a float may be another integer. SQLite has a float as it
// is, and an integer when it has 64 bits with a sign.
const (
	largestPostgreSQL = 1 << 53
	largestSQLite     = 1 << 63
)

// number is an operand that numbers are compared with.
type number struct {
	value any // int64, uint64 or finite float64
	// from and to are the numbers around a value that is not exact: what is below or
	// above them is below or above the value.
	from, to float64
	exact    bool
}

// numberOf returns the number that an operand is: true is 1. It is false of what is no
// number, of NaN and of the infinities.
func numberOf(d Dialect, v any) (number, bool) {
	var size float64
	switch x := v.(type) {
	case bool:
		v = boolInt(x)
	case int64:
		size = float64(x)
	case uint64:
		size = float64(x)
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return number{}, false
		}
		if size = x; x == 0 {
			v = int64(0) // be it negative
		}
	default:
		return number{}, false
	}
	n := number{value: v, exact: true}
	if d == PostgreSQL && math.Abs(size) > largestPostgreSQL || d == SQLite && size >= largestSQLite {
		n.exact = false
		n.from, n.to = around(size, math.Inf(-1)), around(size, math.Inf(1))
	}
	return n, true
}

// around is a float a little way towards another.
func around(f, towards float64) float64 {
	for range 4 {
		f = math.Nextafter(f, towards)
	}
	return f
}

// numberArg adds a number as a parameter; a float stands for its shortest decimal.
func (c *compiler) numberArg(v any) string {
	if c.dialect == SQLite {
		if n, ok := v.(uint64); ok {
			if n > math.MaxInt64 {
				return c.arg(float64(n))
			}
			return c.arg(int64(n))
		}
		return c.arg(v)
	}
	return c.arg(decimal(v)) + "::numeric"
}

// decimal is a number as PostgreSQL has it.
func decimal(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return strconv.FormatFloat(v.(float64), 'g', -1, 64)
}

// comparedNumber returns the bounds of a comparison with a number. compare is SQL that is
// true of numbers alone.
func (c *compiler) comparedNumber(n number, op qb.Op, compare func(symbol, operand string) string) bounds {
	if n.exact {
		return exactly(compare(symbols[op], c.numberArg(n.value)))
	}
	c.note("numbers near %s are compared by the program", decimal(n.value))
	may, must := n.from, n.to
	symbol := ">"
	if op == qb.OpLt || op == qb.OpLte {
		may, must, symbol = n.to, n.from, "<"
	}
	return bounds{may: c.beyond(symbol, may, compare), must: c.beyond(symbol, must, compare)}
}

// beyond compares with a float, which may be an infinity.
func (c *compiler) beyond(symbol string, f float64, compare func(symbol, operand string) string) string {
	if math.IsInf(f, 0) {
		if math.IsInf(f, 1) == (symbol == ">") {
			return never
		}
		f = math.Copysign(math.MaxFloat64, f)
		symbol += "="
	}
	return compare(symbol, c.numberArg(f))
}

// numberForms returns the JSON texts of the numbers and booleans that equal a number. They
// are sure to when the number is exact.
func numberForms(d Dialect, n number) []string {
	forms := []string{jsonText(n.value)}
	whole, _ := new(big.Float).SetString(decimal(n.value))
	if f, isFloat := n.value.(float64); isFloat {
		whole = big.NewFloat(f)
	}
	if !whole.IsInt() {
		return forms
	}
	i, _ := whole.Int(nil)
	switch {
	case i.Sign() == 0:
		forms = append(forms, "false")
	case i.IsInt64() && i.Int64() == 1:
		forms = append(forms, "true")
	}
	f, accuracy := new(big.Float).SetInt(i).Float64()
	if d == PostgreSQL && n.exact {
		return forms // 1 is 1.0 there
	}
	if _, isFloat := n.value.(float64); isFloat && (i.IsInt64() || i.IsUint64()) {
		forms = append(forms, i.String())
	} else if !isFloat && accuracy == big.Exact {
		forms = append(forms, jsonText(f))
	}
	if i.Sign() == 0 {
		forms = append(forms, "-0.0")
	}
	return forms
}

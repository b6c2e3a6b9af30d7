package qb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// leafOf parses a condition alone; place has %s where it stands.
func leafOf(t *testing.T, place, field, op, value string) qb.Cond {
	t.Helper()
	leaf := fmt.Sprintf(`{"field_path":%q,"operator":%q,"value":%s}`, field, op, value)
	q, err := qb.ParseQuery([]byte(`{"conditions":[` + fmt.Sprintf(place, leaf) + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return q.Where
}

const (
	alone = `%s`
	inAnd = `{"operator":"and","conditions":[%s]}`
	inOr  = `{"operator":"or","conditions":[%s]}`
	inNot = `{"operator":"not","conditions":[%s]}`
)

// TestAnswersThatAreNeitherTrueNorFalse: is_null and isna of a value that is not boolean
// answer with it where the original does, which selects in the groups and and not alone.
func TestAnswersThatAreNeitherTrueNorFalse(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{"null": nil, "set": "x"})
	if err != nil {
		t.Fatal(err)
	}
	m := resource.Meta{IndexedData: opt.Of(x)}
	for _, tc := range []struct {
		op, value, place string
		want             string // for a value that is null, set and missing
	}{
		{"exists", `1`, alone, "yyn"},
		{"exists", `""`, alone, "nny"},
		{"exists", `null`, alone, "nny"},
		{"exists", `0.0`, alone, "nny"},
		{"exists", `{"a":1}`, alone, "yyn"},
		{"is_null", `1`, alone, "nnu"},
		{"is_null", `1`, inAnd, "ynu"},
		{"is_null", `"x"`, inOr, "nnu"},
		{"is_null", `[1]`, inNot, "nyu"},
		{"is_null", `0`, alone, "nyu"},
		{"is_null", `[]`, inAnd, "yyu"},
		{"is_null", `""`, inNot, "nnu"},
		{"is_null", `null`, alone, "uyu"},
		{"isna", `1`, alone, "ynn"},
		{"isna", `1.0`, inAnd, "yny"},
		{"isna", `0`, inOr, "nyn"},
		{"isna", `0`, inAnd, "nyy"},
		{"isna", `null`, alone, "nnu"},
		{"isna", `"x"`, alone, "nnn"},
		{"isna", `2`, inAnd, "nny"},
	} {
		got := ""
		for _, field := range []string{"null", "set", "missing"} {
			got += map[any]string{true: "y", false: "n", nil: "u"}[truthOf(m, leafOf(t, tc.place, field, tc.op, tc.value))]
		}
		if got != tc.want {
			t.Errorf("%s %s in %s is %s, want %s", tc.op, tc.value, tc.place, got, tc.want)
		}
	}
}

// TestOperandsOfOtherTypes are conditions on attributes that the typed fields cannot make.
func TestOperandsOfOtherTypes(t *testing.T) {
	m := filled
	m.IsDeleted = true
	for _, tc := range []struct {
		field, op, value string
		want             any
	}{
		{"created_time", "starts_with", `"2024-03-01 12:00:00.123456+00:00"`, true},
		{"created_time", "contains", `{"$datetime":"2024-03-01T12:00:00.123456Z"}`, true},
		{"created_time", "contains", `{"$datetime":"2024-03-01T20:00:00.123456+08:00"}`, false},
		{"created_time", "contains", `3`, true},
		{"created_time", "regex", `"^2024-0[2-4]"`, true},
		{"created_time", "ends_with", `"Z"`, false},
		{"is_deleted", "contains", `"ru"`, true},
		{"is_deleted", "starts_with", `true`, true},
		{"is_deleted", "eq", `"true"`, false},
		{"total_revision_count", "regex", `2`, true},
		{"total_revision_count", "contains", `2.0`, false},
		{"created_by", "contains", `null`, false},
		{"created_by", "in", `"alice"`, false},
		{"created_by", "not_in", `"alice"`, true},
		{"schema_version", "not_in", `5`, nil},
		{"schema_version", "contains", `5`, nil},
		{"total_revision_count", "gt", `1.5`, true},
		{"total_revision_count", "gte", `2.5`, false},
		{"total_revision_count", "lt", `2.5`, true},
		{"total_revision_count", "lte", `1.5`, false},
		{"total_revision_count", "gt", `-2.5`, true},
		{"total_revision_count", "lte", `-2.5`, false},
		{"total_revision_count", "lt", `1e300`, true},
		{"total_revision_count", "gt", `123456789012345678901234567890`, false},
		{"total_revision_count", "gte", `-1e300`, true},
		{"total_revision_count", "lt", `-1e300`, false},
		{"is_deleted", "gt", `0.5`, true},
		{"is_deleted", "lt", `2`, true},
		{"is_deleted", "gte", `1.5`, false},
	} {
		if got := truthOf(m, leafOf(t, alone, tc.field, tc.op, tc.value)); got != tc.want {
			t.Errorf("%s %s %s is %v, want %v", tc.field, tc.op, tc.value, got, tc.want)
		}
	}
}

// TestIntegersBeyond64Bits have no value of the indexed data between them and the next float.
func TestIntegersBeyond64Bits(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{"f": 1e20, "max": uint64(1<<64 - 1), "min": int64(-1 << 63), "s": "12345678901234567890123", "l": []any{1e20}})
	if err != nil {
		t.Fatal(err)
	}
	m := resource.Meta{IndexedData: opt.Of(x)}
	for _, tc := range []struct {
		field, op, value string
		want             any
	}{
		{"f", "eq", `100000000000000000000`, true},
		{"f", "eq", `100000000000000000001`, false},
		{"f", "ne", `100000000000000000001`, true},
		{"f", "in", `[100000000000000000000,1]`, true},
		{"f", "lt", `100000000000000000001`, true},
		{"f", "gte", `100000000000000000001`, false},
		{"f", "gt", `99999999999999999999`, true},
		{"f", "lte", `99999999999999999999`, false},
		{"f", "lte", `100000000000000000000`, true},
		{"max", "lt", `18446744073709551616`, true},
		{"min", "gt", `-9223372036854775809`, true},
		{"min", "gt", `-9223372036854776000`, true},
		{"max", "gt", "-1" + strings.Repeat("0", 400), true},
		{"max", "lt", "1" + strings.Repeat("0", 400), true},
		{"s", "contains", `2345678901234567890123`, true},
		{"s", "starts_with", `2345678901234567890123`, false},
		{"s", "gt", `18446744073709551616`, nil},
		{"l", "eq", `[100000000000000000000]`, true},
	} {
		if got := truthOf(m, leafOf(t, alone, tc.field, tc.op, tc.value)); got != tc.want {
			t.Errorf("%s %s %s is %v, want %v", tc.field, tc.op, tc.value, got, tc.want)
		}
	}
}

// TestTextsOfAttributes writes conditions that only JSON and expressions have.
func TestTextsOfAttributes(t *testing.T) {
	for text, want := range map[string]bool{
		`created_time starts with '2024-03-01 12'`: true,
		`created_time contains '13:'`:              false,
		`not (is_deleted ends with 'e')`:           false,
		`total_revision_count matches '^[2-4]$'`:   true,
		`created_time like '2024-__-01%'`:          true,
		`is_deleted like 'False'`:                  true,
		`is_deleted icontains 'FAL'`:               true,
		`rev_created_time starts with '2024'`:      true,
	} {
		c, err := qb.ParseWhere(text, qb.WhereOptions{})
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := qb.ParseWhere(qb.Format(c), qb.WhereOptions{})
		if err != nil {
			t.Errorf("%s: printed as %s: %v", text, qb.Format(c), err)
			continue
		}
		if got := qb.Match(filled, c); got != want || qb.Match(filled, again) != want {
			t.Errorf("%s is %t", text, got)
		}
	}
}

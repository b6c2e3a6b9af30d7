package qb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/qb"
)

func TestWhereRefusesWithThePlace(t *testing.T) {
	for _, tc := range []struct {
		text   string
		column int
		says   string
	}{
		{``, 1, "a condition is expected, the text ends here"},
		{`rev_status > 5`, 14, "rev_status holds text, 5 is a number"},
		{`total_revision_count = 'x'`, 24, "total_revision_count holds whole numbers, 'x' is a text"},
		{`total_revision_count = 1.5`, 24, "holds whole numbers, 1.5 is a number"},
		{`is_deleted = 1`, 14, "is_deleted holds true or false, 1 is a number"},
		{`created_time > 'monday'`, 16, "created_time holds times, 'monday' is a text; write 2024-03-01,"},
		{`created_time > 2024-13-01`, 16, "2024-13-01 is no time"},
		{`created_time contains 5`, 23, "contains takes a text"},
		{`created_time > last 7 days`, 14, "has no end"},
		{`created_time in last 0 days`, 22, "a whole number from 1"},
		{`created_time in last 7 weeks`, 24, "days, hours or minutes is expected, here is weeks"},
		{`rev_status in this week`, 15, "rev_status holds text, this is a period"},
		{`rev_stats = 'draft'`, 1, `"rev_stats" is no attribute; did you mean rev_status?`},
		{`status = 'draft'`, 1, `did you mean rev_status? indexed data is written data.status`},
		{`price > 10`, 1, `"price" is no attribute; indexed data is written data.price`},
		{`indexed_data.price > 10`, 1, `write data.price`},
		{`rev_status = draft`, 14, `a text is written in quotes: 'draft'`},
		{`rev_status = created_by`, 14, `created_by is an attribute`},
		{`rev_status = null`, 14, `write rev_status is null`},
		{`data.price = null`, 14, `write data.price is null`},
		{`rev_status`, 11, `a comparison is expected behind rev_status, the text ends here`},
		{`length(data.a)`, 15, `a comparison is expected`},
		{`data.price 10`, 12, `here is 10`},
		{`data = 1`, 1, `write data.price`},
		{`data. = 1`, 5, `a name is expected behind the dot`},
		{`data[1] = 1`, 6, `a key in quotes is expected`},
		{`5 < data.price`, 1, `its value comes last`},
		{`'draft' = rev_status`, 1, `its value comes last`},
		{`data.a = 1 && data.b = 2`, 12, `write and`},
		{`data.a = 1 data.b = 2`, 12, `and, or, or the end is expected, here is data.b`},
		{`!is_deleted`, 1, `write not`},
		{`data.a =~ 'x'`, 8, `write matches`},
		{`data.a not = 1`, 12, `a comparison that can be negated`},
		{`data.a = `, 10, `a value is expected, the text ends here`},
		{`data.a = 'x`, 10, `the text has no closing '`},
		{`data.a = r"x`, 11, `the text has no closing "`},
		{`data.a matches '^\d+$'`, 18, `\d is no escape; a backslash is written \\, and in r'…' there are no escapes`},
		{`data.a matches '('`, 16, "the pattern is not one of RE2: missing closing ): '('"},
		{`data.a like '%a` + strings.Repeat("%a", qb.MaxPattern) + "'", 13, "bytes is longer than 65536"},
		{`data.a matches r'(?=x)'`, 16, "RE2"},
		{`data.a matches 5`, 16, "matches takes a text, 5 is a number"},
		{`data.a icontains today`, 18, "here is a period"},
		{`data.a = 5x`, 10, "5x is no number"},
		{`data.a = 1.`, 10, "1. is no number"},
		{`data.a = 123456789012345678901234567890`, 10, "out of range"},
		{`data.a = {a: 1, a: 2}`, 17, "the key 'a' is repeated"},
		{`data.a = {1: 2}`, 11, "a key is expected"},
		{`data.a in (1, 2`, 16, "',' or ')' is expected, the text ends here"},
		{`data.a in 5`, 11, "'(' is expected"},
		{`data.a in (1 2)`, 14, "',' or ')' is expected"},
		{`data.a = [today]`, 11, "here is a period"},
		{`data.a has flags -1`, 18, "flags are a whole number"},
		{`created_by has flags 1`, 22, "created_by has no flags"},
		{`length(length(data.a)) > 1`, 8, "a length has no length"},
		{`length(created_by) > 'x'`, 22, "length(created_by) is a number, 'x' is a text"},
		{`length(data.a) > '1'`, 18, "length(data.a) is a number, '1' is a text"},
		{`data.a is 5`, 11, "compared with ="},
		{`data.a is great`, 11, "a state is expected"},
		{`created_time is empty`, 17, "only a text is empty"},
		{`created_by is true`, 15, "created_by holds text"},
		{`data.a between 1`, 17, "and is expected"},
		{`data.a starts 'x'`, 15, "with is expected"},
		{`data.a does contain 'x'`, 13, "not is expected"},
		{`(data.a = 1`, 12, "')' is expected"},
		{`data.a = 1)`, 11, "and, or, or the end is expected"},
		{`data.a = 1 and`, 15, "a condition is expected"},
		{`and data.a = 1`, 1, "a condition is expected, here is and"},
		{`data.zoë = 'x' or data.é = #`, 28, "'#' has no meaning here"},
		{"data.a = '\xff'", 11, "not UTF-8"},
		{"data.a = \xff", 10, "not UTF-8"},
		{strings.Repeat("(", qb.MaxDepth+1), qb.MaxDepth + 1, "nested deeper than 16"},
		{strings.Repeat("not ", qb.MaxDepth+1), 4*qb.MaxDepth + 1, "nested deeper than 16"},
		{`data.a = ` + strings.Repeat("[", 70), 75, "nested too deep"},
		{strings.Repeat("true or ", qb.MaxNodes+1) + "true", 2054, "more than 256 conditions"},
		{`data.a in (` + strings.Repeat("1,", qb.MaxValues) + "1)", 20012, "more than 10000 values"},
		{strings.Repeat(" ", qb.MaxBytes+1), 1, "longer than"},
	} {
		_, err := qb.ParseWhere(tc.text, whereOptions)
		e, ok := errors.AsType[*qb.WhereError](err)
		if !ok {
			t.Errorf("%.60s: %v, want an error of where", tc.text, err)
			continue
		}
		if e.Column != tc.column || !strings.Contains(e.Error(), tc.says) {
			t.Errorf("%.60s\n%v\nwant column %d and %q", tc.text, e, tc.column, tc.says)
		}
		if lines := strings.Split(e.Caret(), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[1], "^") {
			t.Errorf("%.60s is shown as\n%s", tc.text, e.Caret())
		}
	}
}

func TestCaretIsUnderThePlace(t *testing.T) {
	for text, want := range map[string]string{
		"rev_status = 'draft' and\n\tdata.日本 > today + 1": " data.日本 > today + 1\n                   ^",
		"data.a = '" + strings.Repeat("x", 100) + "' and b = 1 or " + strings.Repeat("data.c or ", 10): "…" +
			strings.Repeat("x", 54) + "' and b = 1 or data.c or data.c or data.c or data.c or data.c or d…\n" + strings.Repeat(" ", 61) + "^",
	} {
		_, err := qb.ParseWhere(text, qb.WhereOptions{})
		e, ok := errors.AsType[*qb.WhereError](err)
		if !ok {
			t.Fatal(err)
		}
		if got := e.Caret(); got != want {
			t.Errorf("%s\nis shown as\n%s\nwant\n%s", e, got, want)
		}
	}
	_, err := qb.ParseWhere("is_deleted\nand x", qb.WhereOptions{})
	if err == nil || !strings.HasPrefix(err.Error(), "where: line 2, column 5: ") {
		t.Errorf("the second line is told by %v", err)
	}
}

package qb_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// taipei is a zone that UTC's days do not begin with.
var taipei = time.FixedZone("", 8*3600)

// whereOptions are those of the tests: a Friday.
var whereOptions = qb.WhereOptions{Now: noon, Zone: taipei}

func ExampleParseWhere() {
	c, err := qb.ParseWhere(`rev_status = 'draft' and data.price > 10`, qb.WhereOptions{})
	fmt.Println(qb.Format(c), err)
	_, err = qb.ParseWhere(`rev_status > 5`, qb.WhereOptions{})
	fmt.Println(err)
	if e, ok := errors.AsType[*qb.WhereError](err); ok {
		fmt.Println(e.Caret())
	}
	// Output:
	// rev_status = 'draft' and data.price > 10 <nil>
	// where: column 14: rev_status holds text, 5 is a number
	// rev_status > 5
	//              ^
}

// TestWhereMeansTheSameAsTheBuilders parses expressions; want is printed to compare.
func TestWhereMeansTheSameAsTheBuilders(t *testing.T) {
	price, tags := qb.Data("price"), qb.Data("tags")
	at := time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)
	day := func(d int) time.Time { return time.Date(2024, 3, d, 0, 0, 0, 0, taipei) }
	micro := time.Microsecond
	for text, want := range map[string]qb.Cond{
		// attributes
		`rev_status = 'draft'`:               qb.RevStatus().Eq(resource.Draft),
		`rev_status == "draft"`:              qb.RevStatus().Eq(resource.Draft),
		`rev_status != 'draft'`:              qb.RevStatus().Ne(resource.Draft),
		`rev_status<>'draft'`:                qb.RevStatus().Ne(resource.Draft),
		`total_revision_count>=2`:            qb.TotalRevisionCount().Gte(2),
		`total_revision_count < 2.0`:         qb.TotalRevisionCount().Lt(2),
		`created_by IN ('a', 'b')`:           qb.CreatedBy().In("a", "b"),
		`created_by in []`:                   qb.CreatedBy().In(),
		`created_by NOT in ('a')`:            qb.CreatedBy().NotIn("a"),
		`created_by contains 'a'`:            qb.CreatedBy().Contains("a"),
		`created_by does not contain 'a'`:    qb.Not{qb.CreatedBy().Contains("a")},
		`resource_id starts with 'task:'`:    qb.ResourceID().StartsWith("task:"),
		`resource_id not ends with '1'`:      qb.Not{qb.ResourceID().EndsWith("1")},
		`created_by matches r'^\w+$'`:        qb.CreatedBy().Matches(regexp.MustCompile(`^\w+$`)),
		`created_by imatches '^a'`:           qb.CreatedBy().Matches(regexp.MustCompile(`(?i)^a`)),
		`schema_version is null`:             qb.SchemaVersion().IsNull(true),
		`schema_version is not null`:         qb.SchemaVersion().IsNull(false),
		`rev_status is unset`:                qb.RevStatus().IsUnset(),
		`rev_status is not missing`:          qb.RevStatus().IsNA(false),
		`rev_status exists`:                  qb.RevStatus().Exists(true),
		`rev_status does not exist`:          qb.RevStatus().Exists(false),
		`is_deleted`:                         qb.IsDeleted().Eq(true),
		`not is_deleted`:                     qb.Not{qb.IsDeleted().Eq(true)},
		`is_deleted is false`:                qb.IsDeleted().Eq(false),
		`is_deleted = false`:                 qb.IsDeleted().Eq(false),
		`created_by is empty`:                qb.Or{qb.CreatedBy().Eq(""), qb.CreatedBy().IsNull(true)},
		`created_by is truthy`:               qb.And{qb.CreatedBy().IsNull(false), qb.CreatedBy().Ne("")},
		`created_by between 'a' and 'b'`:     qb.And{qb.CreatedBy().Gte("a"), qb.CreatedBy().Lte("b")},
		`created_by not between 'a' and 'b'`: qb.Not{qb.CreatedBy().Gte("a"), qb.CreatedBy().Lte("b")},
		`created_by = 'it''s' or created_by = 'it\'s' or created_by = "it's"`: qb.Or{
			qb.CreatedBy().Eq("it's"), qb.CreatedBy().Eq("it's"), qb.CreatedBy().Eq("it's"),
		},
		`created_by = 'a\n\t\r\\\x41\u00e9\u{1f409}'`: qb.CreatedBy().Eq("a\n\t\r\\Aé🐉"),
		`created_by = r'a\n''' `:                      qb.CreatedBy().Eq(`a\n'`),

		// indexed data
		`data.price > 10`:                     price.Gt(10),
		`data.price = -1.5e3`:                 price.Eq(-1500.0),
		`data.price = +1`:                     price.Eq(1),
		`data.price = 18446744073709551615`:   price.Eq(uint64(1<<64 - 1)),
		`data.price = 1.0`:                    price.Eq(1.0),
		`data.price = true`:                   price.Eq(true),
		`data.address.city = 'Bern'`:          qb.Data("address.city").Eq("Bern"),
		`data.first-name = 'Ada'`:             qb.Data("first-name").Eq("Ada"),
		`data["any 'key'"] = 'x'`:             qb.Data("any 'key'").Eq("x"),
		`data [ 'a.b' ] = 'x'`:                qb.Data("a.b").Eq("x"),
		`data[''] = 1`:                        qb.Data("").Eq(1),
		`data.tags contains 'red'`:            tags.Contains("red"),
		`data.tags contains null`:             tags.Contains(nil),
		`data.tags = ['a', 1, [], {}]`:        tags.Eq([]any{"a", 1, []any{}, map[string]any{}}),
		`data.tags = {a: 1, "b c": null}`:     tags.Eq(map[string]any{"a": 1, "b c": nil}),
		`data.tags in ('a', ['b'])`:           tags.In("a", []any{"b"}),
		`length(data.tags) > 2`:               tags.Len().Gt(2),
		`len(data["tags"]) in (1, 2)`:         tags.Len().In(1, 2),
		`data.mask has flags 65`:              qb.Data("mask").Contains(qb.Flags(65)),
		`data.mask has flag 0`:                qb.Data("mask").Contains(qb.Flags(0)),
		`data.price is null`:                  price.IsNull(true),
		`data.price is missing`:               price.IsNA(true),
		`data.price exists`:                   price.Exists(true),
		`data.price not exists`:               price.Exists(false),
		`data.price is true`:                  price.Eq(true),
		`data.price is not false`:             qb.Not{price.Eq(false)},
		`data.price is falsy`:                 qb.Not{price.IsNull(false), price.Ne(false), price.Ne(0), price.Ne(""), price.Ne([]any{})},
		`data.price`:                          qb.And{price.IsNull(false), price.Ne(false), price.Ne(0), price.Ne(""), price.Ne([]any{})},
		`data.name icontains 'a.b'`:           qb.Data("name").Matches(regexp.MustCompile(`(?i)a\.b`)),
		`data.name istarts with 'a'`:          qb.Data("name").Matches(regexp.MustCompile(`(?i)^a`)),
		`data.name iends with 'a'`:            qb.Data("name").Matches(regexp.MustCompile(`(?i)a$`)),
		`data.name like 'a%'`:                 qb.Data("name").StartsWith("a"),
		`data.name like '%a'`:                 qb.Data("name").EndsWith("a"),
		`data.name like '%a%'`:                qb.Data("name").Contains("a"),
		`data.name is blank`:                  qb.Or{qb.Data("name").Eq(""), qb.Data("name").IsNull(true), qb.Data("name").Matches(regexp.MustCompile(`^\s*$`))},
		`data exists`:                         qb.HasIndexed{},
		`data does not exist`:                 qb.Not{qb.HasIndexed{}},
		`data.data exists and data.and = 'x'`: qb.And{qb.Data("data").Exists(true), qb.Data("and").Eq("x")},

		// times
		`created_time = '2024-03-01T10:00:00Z'`:              qb.CreatedTime().Eq(at),
		`created_time = 2024-03-01T10:00:00Z`:                qb.CreatedTime().Eq(at),
		`created_time = time('2024-03-01T18:00:00')`:         qb.CreatedTime().Eq(at.In(taipei)),
		`created_time = '2024-03-01 18:00'`:                  qb.CreatedTime().Eq(at.In(taipei)),
		`created_time = naive('2024-03-01T10:00:00')`:        qb.CreatedTime().Eq(at.In(resource.Naive)),
		`created_time = time(1709287200000000)`:              qb.CreatedTime().Eq(at),
		`created_time >= 2024-03-01`:                         qb.CreatedTime().Gte(day(1)),
		`created_time < '2024-03-01'`:                        qb.CreatedTime().Lt(day(1)),
		`created_time <= 2024-03-01`:                         qb.CreatedTime().Lte(day(2).Add(-micro)),
		`created_time > time('2024-03-01')`:                  qb.CreatedTime().Gt(day(2).Add(-micro)),
		`created_time = 2024-03-01`:                          qb.CreatedTime().Between(day(1), day(2).Add(-micro)),
		`created_time != 2024-03-01`:                         qb.Not{qb.CreatedTime().Between(day(1), day(2).Add(-micro))},
		`created_time between 2024-03-01 and 2024-03-02`:     qb.CreatedTime().Between(day(1), day(3).Add(-micro)),
		`created_time in (2024-03-01, 2024-03-01T10:00:00Z)`: qb.Or{qb.CreatedTime().Between(day(1), day(2).Add(-micro)), qb.CreatedTime().In(at)},
		`created_time not in (2024-03-01)`:                   qb.Not{qb.CreatedTime().Between(day(1), day(2).Add(-micro))},
		`created_time = '2024-03'`:                           qb.CreatedTime().Between(day(1), day(32).Add(-micro)),
		`created_time = 2024-03`:                             qb.CreatedTime().Between(day(1), day(32).Add(-micro)),
		`created_time = '2024'`:                              qb.CreatedTime().ThisYear(noon.In(taipei)),
		`created_time < now`:                                 qb.CreatedTime().Lt(noon.In(taipei)),
		`rev_created_time this week`:                         qb.RevCreatedTime().ThisWeek(noon.In(taipei), time.Monday),
		`rev_created_time = today`:                           qb.RevCreatedTime().Today(noon.In(taipei)),
		`rev_created_time is today`:                          qb.RevCreatedTime().Today(noon.In(taipei)),
		`rev_created_time is not today`:                      qb.Not{qb.RevCreatedTime().Today(noon.In(taipei))},
		`rev_created_time yesterday`:                         qb.RevCreatedTime().Yesterday(noon.In(taipei)),
		`rev_created_time in last 7 days`:                    qb.RevCreatedTime().LastDays(noon.In(taipei), 7),
		`rev_created_time last 2 hours`:                      qb.RevCreatedTime().Gte(noon.Add(-2 * time.Hour).In(taipei)),
		`rev_created_time This Month`:                        qb.RevCreatedTime().ThisMonth(noon.In(taipei)),
		`rev_created_time in this year`:                      qb.RevCreatedTime().ThisYear(noon.In(taipei)),
		`rev_created_time not in this year`:                  qb.Not{qb.RevCreatedTime().ThisYear(noon.In(taipei))},
		`rev_created_time in last week`:                      qb.RevCreatedTime().ThisWeek(noon.In(taipei).AddDate(0, 0, -7), time.Monday),
		`rev_created_time in last month`:                     qb.RevCreatedTime().ThisMonth(noon.In(taipei).AddDate(0, -1, 0)),
		`rev_created_time < this month`:                      qb.RevCreatedTime().Lt(day(1)),
		`data.due = tomorrow`:                                qb.And{qb.Data("due").Gte(day(2)), qb.Data("due").Lte(day(3).Add(-micro))},
		`data.due >= 2024-03-01T10:00:00Z`:                   qb.Data("due").Gte(at),
		`data.due >= '2024-03-01'`:                           qb.Data("due").Gte("2024-03-01"),

		// operators
		`data.a = 1 or data.b = 2 and data.c = 3`:               qb.Or{qb.Data("a").Eq(1), qb.And{qb.Data("b").Eq(2), qb.Data("c").Eq(3)}},
		`(data.a = 1 or data.b = 2) AND not data.c = 3`:         qb.And{qb.Or{qb.Data("a").Eq(1), qb.Data("b").Eq(2)}, qb.Not{qb.Data("c").Eq(3)}},
		`not (data.a = 1 and data.b = 2)`:                       qb.Not{qb.Data("a").Eq(1), qb.Data("b").Eq(2)},
		`not not data.a = 1`:                                    qb.Not{qb.Not{qb.Data("a").Eq(1)}},
		`true`:                                                  qb.And{},
		`not true or false`:                                     qb.Or{qb.Not{}, qb.Or{}},
		"((\tdata.a = 1\n))":                                    qb.Data("a").Eq(1),
		`data.a between 1 and 2 and data.b not between 1 and 2`: qb.And{qb.And{qb.Data("a").Gte(1), qb.Data("a").Lte(2)}, qb.Not{qb.Data("b").Gte(1), qb.Data("b").Lte(2)}},
	} {
		c, err := qb.ParseWhere(text, whereOptions)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, want := qb.Format(c), qb.Format(want); got != want {
			t.Errorf("%s\nis   %s\nwant %s", text, got, want)
		}
	}
}

func TestLikeIsTheOriginals(t *testing.T) {
	for pattern, want := range map[string]string{
		"alice": "alice", "al%": "alice,alx", "%e": "alice,eve", "%li%": "alice", "a_i%": "alice", "a%e": "alice", "%": "alice,alx,eve,a.b",
		"a.b": "a.b", "a_b": "a.b", "A%": "", "": "",
	} {
		c, err := qb.ParseWhere(`created_by like '`+pattern+`'`, qb.WhereOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"alice", "alx", "eve", "a.b"} {
			if qb.Match(resource.Meta{CreatedBy: name}, c) {
				got = append(got, name)
			}
		}
		if strings.Join(got, ",") != want {
			t.Errorf("like %q finds %v, want %s", pattern, got, want)
		}
	}
}

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
		{`created_time contains 'x'`, 14, "created_time holds times, contains is about texts"},
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
		{`data.a matches '('`, 16, "missing closing )"},
		{`data.a matches r'(?=x)'`, 16, "RE2"},
		{`data.a matches 5`, 16, "matches takes a text, 5 is a number"},
		{`data.a icontains today`, 18, "here is a period"},
		{`data.a = 5x`, 10, "5x is no number"},
		{`data.a = 1.`, 10, "1. is no number"},
		{`data.a = 123456789012345678901234567890`, 10, "out of range"},
		{`data.a = {a: 1, a: 2}`, 17, "the key 'a' is repeated"},
		{`data.a = {1: 2}`, 11, "a key is expected"},
		{`data.a in (1, 2`, 16, ", is expected, the text ends here"},
		{`data.a in 5`, 11, "( is expected"},
		{`data.a in (1 2)`, 14, ", is expected"},
		{`data.a = [today]`, 11, "here is a period"},
		{`data.a has flags -1`, 18, "flags are a whole number"},
		{`created_by has flags 1`, 22, "created_by has no flags"},
		{`length(created_by) > 1`, 8, "created_by has no length here"},
		{`length(data.a) > '1'`, 18, "length(data.a) is a number, '1' is a text"},
		{`data.a is 5`, 11, "compared with ="},
		{`data.a is great`, 11, "a state is expected"},
		{`created_time is empty`, 17, "only a text is empty"},
		{`created_by is true`, 15, "created_by holds text"},
		{`data.a between 1`, 17, "and is expected"},
		{`data.a starts 'x'`, 15, "with is expected"},
		{`data.a does contain 'x'`, 13, "not is expected"},
		{`(data.a = 1`, 12, ") is expected"},
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

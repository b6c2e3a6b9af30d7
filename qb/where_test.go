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
		`created_by is empty`:                qb.CreatedBy().IsEmpty(),
		`created_by is truthy`:               qb.CreatedBy().IsTruthy(),
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
		`length(created_by) = 3`:              qb.CreatedBy().Len().Eq(3),
		`len(data["tags"]) in (1, 2)`:         tags.Len().In(1, 2),
		`data.mask has flags 65`:              qb.Data("mask").Contains(qb.Flags(65)),
		`data.mask has flag 0`:                qb.Data("mask").Contains(qb.Flags(0)),
		`data.price is null`:                  price.IsNull(true),
		`data.price is missing`:               price.IsNA(true),
		`data.price exists`:                   price.Exists(true),
		`data.price not exists`:               price.Exists(false),
		`data.price is true`:                  price.Eq(true),
		`data.price is not false`:             qb.Not{price.Eq(false)},
		`data.price is falsy`:                 price.IsFalsy(),
		`data.price`:                          price.IsTruthy(),
		`data.name icontains 'a.b'`:           qb.Data("name").IContains("a.b"),
		`data.name istarts with 'a'`:          qb.Data("name").IStartsWith("a"),
		`data.name iends with 'a'`:            qb.Data("name").IEndsWith("a"),
		`data.name like 'a%'`:                 qb.Data("name").StartsWith("a"),
		`data.name like '%a'`:                 qb.Data("name").EndsWith("a"),
		`data.name like '5'`:                  qb.Data("name").Like("5"),
		`created_by like 'a'`:                 qb.CreatedBy().Eq("a"),
		`created_by like '_a%b'`:              qb.CreatedBy().Like("_a%b"),
		`total_revision_count is truthy`:      qb.TotalRevisionCount().IsTruthy(),
		`rev_created_time is falsy`:           qb.RevCreatedTime().IsFalsy(),
		`data.name like '%a%'`:                qb.Data("name").Contains("a"),
		`data.name is blank`:                  qb.Data("name").IsBlank(),
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
		`not true or false`:                                     qb.Or{qb.Not{qb.And{}}, qb.Or{}},
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

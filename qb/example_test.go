package qb_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// The clock and the calendar are given: now in the zone whose days are meant.
func Example() {
	zone, err := qb.Zone("+8")
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2024, 3, 1, 2, 0, 0, 0, zone)
	q := qb.Where(
		qb.RevStatus().Eq("draft"),
		qb.RevUpdatedBy().In("alice", "bob"),
		qb.RevCreatedTime().Today(now),
		qb.Data("address.city").IStartsWith("os"),
	).OrderBy(qb.RevCreatedTime().Desc()).Page(20, 0)
	fmt.Println(qb.Format(q.Where))
	// Output:
	// rev_status = 'draft' and rev_updated_by in ('alice', 'bob') and rev_created_time >= 2024-03-01T00:00:00+08:00 and rev_created_time <= 2024-03-01T23:59:59.999999+08:00 and data.address.city matches '(?i)^os'
}

func ExampleQuery_MarshalJSON() {
	since := time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC)
	q := qb.Where(qb.RevStatus().In("draft"), qb.RevCreatedTime().Gte(since), qb.Data("age").Gt(30)).Page(10, 0)
	b, err := json.Marshal(q)
	fmt.Println(string(b), err)
	// Output:
	// {"rev_created_time_start":"2024-03-01T00:00:00Z","rev_statuses":["draft"],"conditions":[{"type":"DataSearchCondition","field_path":"age","operator":"gt","value":30}],"limit":10} <nil>
}

func ExampleQuery_Or() {
	drafts := qb.Where(qb.RevStatus().Eq("draft")).OrderBy(qb.UpdatedTime().Desc()).Page(10, 0)
	mine := qb.Where(qb.CreatedBy().Eq("alice"))
	q := drafts.Or(mine).Exclude(qb.IsDeleted().IsTrue())
	fmt.Println(q)
	// Output:
	// (rev_status = 'draft' or created_by = 'alice') and not is_deleted = true sort -updated_time limit 10
}

func ExampleTextField_Like() {
	for _, name := range []string{"Alice", "Alan", "Bob"} {
		fmt.Println(name, qb.Match(resource.Meta{CreatedBy: name}, qb.CreatedBy().Like("Al_n%")))
	}
	// Output:
	// Alice false
	// Alan true
	// Bob false
}

package sqlgen_test

import (
	"fmt"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

func ExampleSelect() {
	q := qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevCreatedTime().Desc()).Page(10, 0)
	text, args, err := sqlgen.Select(sqlgen.SQLite, "person_meta", "data", q)
	fmt.Println(text)
	fmt.Println(args, err)
	// Output:
	// SELECT data FROM "person_meta" WHERE (rev_status = ?) ORDER BY rev_created_time DESC, resource_id DESC LIMIT ?
	// [draft 10] <nil>
}

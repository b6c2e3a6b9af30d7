package sqlgen_test

import (
	"fmt"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

func ExampleCompile() {
	q := qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevCreatedTime().Desc()).Page(10, 0)
	p, err := sqlgen.Compile(sqlgen.SQLite, "person_meta", "data", q)
	fmt.Println(p.SQL)
	fmt.Println(p.Args, p.Exact, p.Order, err)
	// Output:
	// SELECT data FROM "person_meta" WHERE rev_status = ?1 ORDER BY rev_created_time DESC, resource_id DESC LIMIT ?2
	// [draft 10] true exact <nil>
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// search is one question, as the store and as a statement by hand ask it.
type search struct {
	name string
	// most is how many times as long as by hand the store may take, 0 for no goal.
	most float64
	// query is what the store is asked in the ith call.
	query func(i int) qb.Query
	// count asks for the number of metas only.
	count bool
	// hand is the statement over the table hand, and args what it takes.
	hand string
	args func(i int) []any
	// beside is what the store is asked instead of a statement by hand.
	beside func(i int) qb.Query
	// indexed is measured when the declared indexes are there, the others before.
	indexed bool
}

// declared are the indexes that are asked for.
var declared = []storage.Index{
	{Keys: []storage.IndexKey{{Attr: qb.AttrRevCreatedTime}}},
	{Equal: "price"},
	{Keys: []storage.IndexKey{{Path: "price"}}},
}

// goal is how many times as long as a statement by hand a search may take.
const goal = 2

// page is how many metas a search returns.
const page = 50

// handTable is a copy of the metas with the best index for each statement by hand.
var handTable = []string{
	`CREATE TABLE hand AS SELECT * FROM item_meta`,
	`CREATE INDEX ON hand (rev_status, rev_updated_by, rev_created_time DESC, resource_id DESC)`,
	`CREATE INDEX ON hand (rev_status, rev_created_time DESC, resource_id DESC)`,
	`CREATE INDEX ON hand (rev_updated_by, rev_created_time DESC, resource_id DESC)`,
	`CREATE INDEX ON hand (rev_created_time DESC, resource_id DESC)`,
	`CREATE INDEX ON hand (rev_updated_time DESC, resource_id DESC)`,
	`CREATE INDEX ON hand (rev_status)`,
	`CREATE INDEX ON hand ((indexed_data -> 'price'))`,
	`CREATE INDEX ON hand (((indexed_data -> 'price')::numeric) DESC, resource_id DESC)`,
	`VACUUM ANALYZE hand`,
}

func newest(conds ...qb.Cond) qb.Query {
	return qb.Where(conds...).OrderBy(qb.RevCreatedTime().Desc()).Page(page, 0)
}

// searches are what is measured.
func (t *store) searches() []search {
	stable := newest(qb.RevStatus().Eq(resource.Stable))
	found := slices.Concat(searchesOfAttributes, searchesOfData, []search{{
		name: fmt.Sprintf("status, newest 50 behind %d, beside the first 50", t.depth), most: goal,
		query: func(int) qb.Query { return stable.From(t.deep) }, beside: func(int) qb.Query { return stable },
	}})
	return slices.DeleteFunc(found, func(s search) bool { return !strings.Contains(s.name, t.cases) })
}

// searchesOfAttributes are served by the indexes that every model has, but for the last
// ones.
var searchesOfAttributes = []search{
	{
		name: "status and user, newest 50", most: goal,
		query: func(i int) qb.Query { return newest(qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedBy().Eq(user(i))) },
		hand:  `SELECT data FROM hand WHERE rev_status = 'draft' AND rev_updated_by = $1 ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
		args:  func(i int) []any { return []any{user(i)} },
	},
	{
		name: "status and user, oldest 50", most: goal,
		query: func(i int) qb.Query {
			return qb.Where(qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedBy().Eq(user(i))).OrderBy(qb.RevCreatedTime().Asc()).Page(page, 0)
		},
		hand: `SELECT data FROM hand WHERE rev_status = 'draft' AND rev_updated_by = $1 ORDER BY rev_created_time, resource_id LIMIT 50`,
		args: func(i int) []any { return []any{user(i)} },
	},
	{
		name: "status, newest 50", most: goal,
		query: func(int) qb.Query { return newest(qb.RevStatus().Eq(resource.Draft)) },
		hand:  `SELECT data FROM hand WHERE rev_status = 'draft' ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
	},
	{
		name: "two statuses and user, newest 50", most: goal,
		query: func(i int) qb.Query {
			return newest(qb.RevStatus().In(resource.Draft, resource.Stable), qb.RevUpdatedBy().Eq(user(i)))
		},
		hand: `SELECT data FROM hand WHERE rev_status IN ('draft', 'stable') AND rev_updated_by = $1 ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
		args: func(i int) []any { return []any{user(i)} },
	},
	{
		name: "two statuses, newest 50", most: goal,
		query: func(int) qb.Query { return newest(qb.RevStatus().In(resource.Draft, resource.Stable)) },
		hand:  `SELECT data FROM hand WHERE rev_status IN ('draft', 'stable') ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
	},
	{
		name:  "user, newest 50",
		query: func(i int) qb.Query { return newest(qb.RevUpdatedBy().Eq(user(i))) },
		hand:  `SELECT data FROM hand WHERE rev_updated_by = $1 ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
		args:  func(i int) []any { return []any{user(i)} },
	},
	{
		name:  "all, newest 50",
		query: func(int) qb.Query { return newest() },
		hand:  `SELECT data FROM hand ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
	},
	{
		name:  "all, last changed 50",
		query: func(int) qb.Query { return qb.Query{}.OrderBy(qb.RevUpdatedTime().Desc()).Page(page, 0) },
		hand:  `SELECT data FROM hand ORDER BY rev_updated_time DESC, resource_id DESC LIMIT 50`,
	},
	{
		name: "count of a status and user", most: goal, count: true,
		query: func(i int) qb.Query {
			return qb.Where(qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedBy().Eq(user(i)))
		},
		hand: `SELECT count(*) FROM hand WHERE rev_status = 'draft' AND rev_updated_by = $1`,
		args: func(i int) []any { return []any{user(i)} },
	},
	{
		name: "count of a status", most: goal, count: true,
		query: func(int) qb.Query { return qb.Where(qb.RevStatus().Eq(resource.Draft)) },
		hand:  `SELECT count(*) FROM hand WHERE rev_status = 'draft'`,
	},
}

func priceOf(i int) int64 { return int64(i * 37 % prices) }

// searchesOfData are with and without a declared index.
var searchesOfData = []search{
	{
		name:  "price equal",
		query: func(i int) qb.Query { return qb.Where(qb.Data("price").Eq(priceOf(i))).Page(page, 0) },
		hand:  `SELECT data FROM hand WHERE indexed_data -> 'price' = to_jsonb($1::bigint) ORDER BY resource_id LIMIT 50`,
		args:  func(i int) []any { return []any{priceOf(i)} },
	},
	{
		name: "price equal, declared index", most: goal, indexed: true,
		query: func(i int) qb.Query { return qb.Where(qb.Data("price").Eq(priceOf(i))).Page(page, 0) },
		hand:  `SELECT data FROM hand WHERE indexed_data -> 'price' = to_jsonb($1::bigint) ORDER BY resource_id LIMIT 50`,
		args:  func(i int) []any { return []any{priceOf(i)} },
	},
	{
		name: "highest prices", query: func(int) qb.Query { return qb.Query{}.OrderBy(qb.Data("price").Desc()).Page(page, 0) },
		hand: `SELECT data FROM hand ORDER BY ((indexed_data -> 'price')::numeric) DESC, resource_id DESC LIMIT 50`,
	},
	{
		name: "highest prices, declared index", most: goal, indexed: true,
		query: func(int) qb.Query { return qb.Query{}.OrderBy(qb.Data("price").Desc()).Page(page, 0) },
		hand:  `SELECT data FROM hand ORDER BY ((indexed_data -> 'price')::numeric) DESC, resource_id DESC LIMIT 50`,
	},
	{
		name: "all, newest 50, declared index", most: goal, indexed: true,
		query: func(int) qb.Query { return newest() },
		hand:  `SELECT data FROM hand ORDER BY rev_created_time DESC, resource_id DESC LIMIT 50`,
	},
}

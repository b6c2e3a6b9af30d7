package permission_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// Rights are entries in the store; the catalog asks for each operation.
func ExampleNewACL() {
	ctx := context.Background()
	catalog := manager.NewCatalog(memory.New(), nil, manager.Options{})
	if _, err := catalog.Declare(ctx, storage.ModelInfo{Name: "note"}); err != nil {
		panic(err)
	}

	acl := permission.NewACL(catalog, permission.Config{})
	entries, err := acl.ResourceManager(ctx)
	if err != nil {
		panic(err)
	}
	_, err = entries.Using(manager.Scope{User: acl.RootUser()}).Create(ctx, manager.Operation{Data: permission.Entry{
		Subject: "ann", Object: opt.Of("note"), Action: manager.ActionCreate | manager.ActionRead,
	}.ACL()})
	if err != nil {
		panic(err)
	}

	notes, err := catalog.WithHandlers(permission.Handler(acl)).Open(ctx, "note")
	if err != nil {
		panic(err)
	}
	for _, user := range []string{"ann", "bob"} {
		_, err := notes.Using(manager.Scope{User: user}).Create(ctx, manager.Operation{ResourceID: "note:1", Data: []byte(`{"text":"hello"}`)})
		fmt.Println(user, err)
	}
	// Output:
	// ann <nil>
	// bob Permission denied for user 'bob' to perform 'create' on 'note'
}

// Models can have rules of their own; a function is a checker, too.
func ExampleByModel() {
	office := permission.CheckerFunc(func(_ context.Context, c *permission.Context) (permission.Result, error) {
		if h := c.Time.Hour(); h < 8 || h > 17 {
			return permission.Deny, nil
		}
		return permission.NotApplicable, nil
	})
	checker := permission.ByModel{
		Models: map[string]permission.Checker{
			"salary": permission.RootOnly{},
			"draft": permission.ActionBased{
				{Actions: manager.ActionOwner, Checker: permission.Ownership{}},
				{Actions: manager.ActionCreate, Checker: permission.AllowAll{}},
			},
		},
		Else: permission.Composite{office, permission.AllowAll{}},
	}
	noon := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []permission.Context{
		{Model: "salary", Action: manager.ActionGet, User: "ann", Time: noon},
		{Model: "draft", Action: manager.ActionCreate, User: "ann", Time: noon},
		{Model: "note", Action: manager.ActionGet, User: "ann", Time: noon},
		{Model: "note", Action: manager.ActionGet, User: "ann", Time: noon.Add(9 * time.Hour)},
	} {
		r, err := checker.Check(context.Background(), &c)
		fmt.Println(c.Model, r, err)
	}
	// Output:
	// salary deny <nil>
	// draft allow <nil>
	// note allow <nil>
	// note deny <nil>
}

// quota limits how many operations a user may do; the limits are records of
// its own, {"user": …, "most": …}, that only root changes.
type quota struct {
	*permission.StoreBacked[map[string]int]
}

func (q quota) Check(ctx context.Context, c *permission.Context) (permission.Result, error) {
	if r, own, err := q.Own(c); own {
		return r, err
	}
	limits, err := q.Index(ctx, c)
	switch {
	case err != nil:
		return permission.Deny, err
	case limits[c.User] > 0:
		return permission.Allow, nil
	}
	return q.Otherwise(), nil
}

// A checker with records of its own.
func ExampleStoreBacked() {
	ctx := context.Background()
	catalog := manager.NewCatalog(memory.New(), nil, manager.Options{})
	q := quota{permission.NewStoreBacked(catalog, permission.Kind[map[string]int]{
		Model: "quota",
		Check: func(data []byte) error { _, _, err := limit(data); return err },
		Index: func(records permission.Records) (map[string]int, error) {
			limits := map[string]int{}
			for r, err := range records {
				if err != nil {
					return nil, err
				}
				user, most, err := limit(r.Data)
				if err != nil {
					return nil, err
				}
				limits[user] = most
			}
			return limits, nil
		},
	}, permission.Config{})}
	own, err := q.ResourceManager(ctx)
	if err != nil {
		panic(err)
	}
	for _, data := range []string{`{"user":"ann","most":3}`, `{"user":"bob"}`} {
		_, err = own.Using(manager.Scope{User: "root"}).Create(ctx, manager.Operation{ResourceID: "quota:1", Data: []byte(data)})
		fmt.Println(err)
	}
	for _, user := range []string{"ann", "bob"} {
		fmt.Println(q.Check(ctx, &permission.Context{User: user, Model: "note", Action: manager.ActionGet}))
	}
	// Output:
	// <nil>
	// permission entry quota:1: most is missing
	// allow <nil>
	// deny <nil>
}

func limit(data []byte) (string, int, error) {
	var r struct {
		User string
		Most int
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return "", 0, err
	}
	if r.Most == 0 {
		return "", 0, errors.New("most is missing")
	}
	return r.User, r.Most, nil
}

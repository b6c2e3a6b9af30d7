package permission_test

import (
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// The texts are what the original stores for such records.
func TestRecordsHaveTheBytesOfTheOriginal(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want string
	}{
		{entry("u", "doc", manager.ActionCreate|manager.ActionUpdate, "").ACL(), `{"subject":"u","object":"doc","action":65,"effect":"allow"}`},
		{entry("u", "", manager.ActionRead, deny, 3).ACL(), `{"subject":"u","object":null,"action":30,"order":3,"effect":"deny"}`},
		{entry("u", "", manager.ActionRead, allow).RBAC(), `{"type":"RBACPermissionEntry","subject":"u","object":null,"action":30,"effect":"allow"}`},
		{member("u", "g").RBAC(), `{"type":"RoleMembership","subject":"u","group":"g"}`},
		{member("u<é\u2028>", "g&", 3).RBAC(), "{\"type\":\"RoleMembership\",\"subject\":\"u<é\u2028>\",\"group\":\"g&\",\"order\":3}"},
	} {
		got, err := payload.Canonical(resource.JSON, c.data)
		if err != nil || string(got) != c.want {
			t.Errorf("%s, %v; want %s", got, err, c.want)
		}
	}
}

// Entries decide alike in either encoding.
func TestEntriesInMsgpack(t *testing.T) {
	c := inMemory(t)
	if _, err := c.Declare(t.Context(), storage.ModelInfo{Name: permission.RBACModel, Encoding: resource.Msgpack}); err != nil {
		t.Fatal(err)
	}
	rbac := permission.NewRBAC(c, permission.Config{})
	write(t, rbac, entry("g", "doc", get, allow, 1).RBAC(), member("bob", "g", 2).RBAC())
	if got := ask(t, rbac, "bob", get, "doc", ""); got != allow {
		t.Error(got)
	}
}

func TestActionsOfEntriesAreThoseOfTheOriginal(t *testing.T) {
	for data, want := range map[string]permission.Result{
		`{"subject":"bob","object":"doc","action":-1}`:                            allow, // all bits, in Python
		`{"subject":"bob","object":"doc","action":-3}`:                            deny,  // all but get
		`{"subject":"bob","object":"doc","action":-65536}`:                        deny,
		`{"subject":"bob","object":"doc","action":2,"more":[1]}`:                  allow,
		`{"subject":"bob","object":"doc","action":2,"effect":"deny","order":1}`:   deny,
		`{"subject":"bob","object":"doc","action":65536}`:                         "error",
		`{"subject":"bob","object":"doc","action":2.0}`:                           "error",
		`{"subject":"bob","object":"doc","action":true}`:                          "error",
		`{"subject":"bob","object":"doc"}`:                                        "error",
		`{"subject":"bob","object":5,"action":2}`:                                 "error",
		`{"subject":"bob","object":"doc","action":2,"effect":"maybe"}`:            "error",
		`{"subject":"bob","object":"doc","action":2,"order":"first"}`:             "error",
		`{"subject":"bob","object":"doc","action":2,"order":9223372036854775808}`: "error",
	} {
		c := inMemory(t)
		m, err := c.Declare(t.Context(), storage.ModelInfo{Name: permission.ACLModel})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Create(t.Context(), manager.Operation{Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, permission.NewACL(c, permission.Config{}), "bob", get, "doc", ""); got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		}
	}
}

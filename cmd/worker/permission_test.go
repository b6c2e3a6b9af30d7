package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// entriesACL lets ann do everything with notes but see note:secret, and bob read
// and list them.
const entriesACL = `{"op":"create","data":{"subject":"ann","object":"note","action":65535,"effect":"allow"}}
{"op":"create","data":{"subject":"ann","object":"note:secret","action":30,"effect":"deny"}}
{"op":"create","data":{"subject":"bob","object":"note","action":62,"effect":"allow"}}
`

// permitted makes a store with notes and entries of who may do what with them.
func permitted(t *testing.T) (store string) {
	t.Helper()
	store = "sqlite:" + filepath.Join(t.TempDir(), "data")
	root := []string{"--from", "-", "--store", store, "--permission", "acl", "--trust-publishers", "--user", "root"}
	cliIn(t, entriesACL, append([]string{"save", "ACLPermission"}, root...)...).ok(t)
	cliIn(t, `{"op":"create","resource_id":"note:secret","data":{"by":"root"}}`, append([]string{"save", "note"}, root...)...).ok(t)
	return store
}

// as adds the flags with which a user uses the store.
func as(user, store string, args ...string) []string {
	return append(args, "--store", store, "--permission", "acl", "--user", user, "-o", "json")
}

func TestCommandsActWithTheRightsOfTheirUser(t *testing.T) {
	store := permitted(t)
	var sum saveResult
	lines := `{"op":"create","resource_id":"note:1","data":{"by":"ann"}}
{"op":"update","resource_id":"note:1","data":{"by":"bob"},"user":"bob"}
{"op":"update","resource_id":"note:1","data":{"by":"root"},"user":"root"}
`
	r := cliIn(t, lines, as("ann", store, "save", "note", "--from", "-")...)
	r.into(t, &sum)
	if r.code != exitPartly || sum.Done != 1 || sum.Refused != 2 || len(sum.Errors) != 2 {
		t.Fatalf("save: %d %+v", r.code, sum)
	}
	for i, want := range []string{"Permission denied for user 'bob' to perform 'update' on 'note'", "--trust-publishers"} {
		if e := sum.Errors[i]; e.Line != i+2 || e.Code != "forbidden" || !strings.Contains(e.Message, want) {
			t.Errorf("%+v, want %s", e, want)
		}
	}

	archive := filepath.Join(t.TempDir(), "notes.acbak")
	cli(t, as("ann", store, "dump", "--out", archive, "--model", "note")...).ok(t)
	for _, c := range []struct {
		args    []string
		allowed []string // users; root always
	}{
		{[]string{"get", "note", "note:1"}, []string{"ann", "bob"}},
		{[]string{"get", "note", "note:1", "--revision", "note:1:1"}, []string{"ann", "bob"}},
		{[]string{"get", "note", "note:secret"}, []string{"bob"}},
		{[]string{"get", "ACLPermission", "x"}, nil},
		{[]string{"revisions", "note", "note:1"}, []string{"ann", "bob"}},
		{[]string{"search", "note"}, []string{"ann", "bob"}},
		{[]string{"count", "note"}, []string{"ann", "bob"}},
		{[]string{"search", "ACLPermission"}, nil},
		{[]string{"count", "ACLPermission"}, nil},
		{[]string{"dump", "--out", os.DevNull, "--model", "note"}, []string{"ann"}},
		{[]string{"dump", "--out", os.DevNull}, nil},
		{[]string{"verify"}, nil},
		{[]string{"plan", archive}, []string{"ann"}},
		{[]string{"gc"}, nil},
		{[]string{"backfill", "note"}, []string{"ann"}},
		{[]string{"load", archive, "--on-duplicate", "skip"}, []string{"ann"}},
		{[]string{"load", archive, "--on-duplicate", "skip", "--model", "note"}, []string{"ann"}},
	} {
		for _, user := range []string{"root", "ann", "bob", "cyn"} {
			args := as(user, store, c.args...)
			if user == "root" {
				args = append(args, "--trust-publishers")
			}
			r := cli(t, args...)
			if want := user == "root" && c.args[len(c.args)-1] != "x" || slices.Contains(c.allowed, user); want != (r.code == exitOK) {
				t.Errorf("%s as %s: exit %d: %s", strings.Join(c.args, " "), user, r.code, r.stdout)
				continue
			}
			if r.code != exitOK && user != "root" {
				f := r.refusal(t)
				if f.Code != "forbidden" || !strings.Contains(f.Message, "user '"+user+"'") || !strings.Contains(f.Message, "--user") {
					t.Errorf("%s as %s: %+v", strings.Join(c.args, " "), user, f)
				}
			}
		}
	}
}

func TestListingsOfCommandsShowWhatTheirUserMaySee(t *testing.T) {
	store := permitted(t)
	cliIn(t, `{"op":"create","resource_id":"note:1","data":{}}`, as("ann", store, "save", "note", "--from", "-")...).ok(t)
	for user, want := range map[string]struct {
		ids    string
		count  int
		models string
	}{
		"root": {"note:1 note:secret", 2, "ACLPermission note"},
		"ann":  {"note:1", 1, ""}, // she may not see all notes
		"bob":  {"note:1 note:secret", 2, "note"},
		"cyn":  {"", 0, ""},
	} {
		var metas []struct {
			ID string `json:"resource_id"`
		}
		if r := cli(t, as(user, store, "search", "note")...); r.code == exitOK {
			r.into(t, &metas)
		}
		var ids []string
		for _, m := range metas {
			ids = append(ids, m.ID)
		}
		var n struct{ Count int }
		if r := cli(t, as(user, store, "count", "note")...); r.code == exitOK {
			r.into(t, &n)
		}
		var rows []modelRow
		cli(t, as(user, store, "models")...).into(t, &rows)
		var names []string
		for _, r := range rows {
			names = append(names, r.Name)
		}
		if got := strings.Join(ids, " "); got != want.ids || n.Count != want.count || strings.Join(names, " ") != want.models {
			t.Errorf("%s sees %q, counts %d, models %q; want %+v", user, got, n.Count, names, want)
		}
	}
	out := filepath.Join(t.TempDir(), "ann.acbak")
	var sum struct {
		Models map[string]struct{ Metas int }
	}
	cli(t, as("ann", store, "dump", "--out", out, "--model", "note")...).into(t, &sum)
	if sum.Models["note"].Metas != 2 { // the deny is about reading, not about dumps
		t.Errorf("%+v", sum)
	}
}

func TestAWorkerChecksTheJobsOfItsQueue(t *testing.T) {
	store := permitted(t)
	p := startRun(t, strings.TrimPrefix(store, "sqlite:"), "--permission", "acl")
	save := func(user string, flags ...string) result {
		return cliIn(t, `{"op":"upsert","resource_id":"note:1","data":{"by":"`+user+`"}}`,
			append([]string{"save", "note", "--from", "-", "--store", store, "--user", user, "-o", "json"}, flags...)...)
	}
	for user, want := range map[string]int{"ann": exitOK, "bob": exitPartly, "root": exitPartly, "ACLPermission": exitPartly} {
		r := save(user)
		if r.code != want || want == exitPartly && !strings.Contains(r.stdout, `"forbidden"`) {
			t.Errorf("%s: exit %d: %s", user, r.code, r.stdout)
		}
	}
	r := cliIn(t, entriesACL, "save", "ACLPermission", "--from", "-", "--store", store, "--user", "ann", "-o", "json")
	if r.code != exitPartly || !strings.Contains(r.stdout, "--trust-publishers") {
		t.Errorf("entries: exit %d: %s", r.code, r.stdout)
	}
	for _, flags := range [][]string{{"--permission", "rbac"}, {"--permission", "acl", "--trust-publishers"}, {"--permission", "acl", "--root-user", "ann"}, {"--permission", "off"}} {
		if f := save("ann", flags...).refusal(t); f.Code != codeOwned || !strings.Contains(f.Message, flags[len(flags)-2]) && !strings.Contains(f.Message, flags[len(flags)-1]) {
			t.Errorf("%s: %+v", flags, f)
		}
	}
	save("ann", "--permission", "acl").ok(t)
	p.signal(syscall.SIGTERM)
	p.wait().ok(t)
}

func TestPermissionSettingsAreNotIgnored(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--permission", "ldap"}, "off, acl or rbac"},
		{[]string{"--permission", "acl", "--permission-policy", "lax"}, "strict or permissive"},
		{[]string{"--permission-policy", "strict"}, "--permission acl or rbac"},
		{[]string{"--trust-publishers"}, "--permission acl or rbac"},
		{[]string{"--root-user", "boss"}, "--permission acl or rbac"},
		{[]string{"--permission", "rbac", "--root-user", ""}, "--root-user is empty"},
		{[]string{"--permission", "rbac", "--permission-max-age", "-1s"}, "negative"},
	} {
		r := cli(t, append([]string{"models", "-o", "json", "--store", "memory:"}, c.args...)...)
		if f := r.refusal(t); r.code != exitUsage || !strings.Contains(f.Message, c.want) {
			t.Errorf("%s: exit %d: %+v", c.args, r.code, f)
		}
	}
	var settings []setting
	cli(t, "config", "--permission", "rbac", "--user", "ann", "-o", "json").into(t, &settings)
	got := map[string]string{}
	for _, s := range settings {
		got[s.Name] = s.Value
	}
	if got["permission"] != "rbac" || got["user"] != "ann" || got["root-user"] != "root" || got["permission-policy"] != "strict" {
		t.Errorf("%v", got)
	}
}

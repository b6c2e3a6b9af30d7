package postgres

import (
	"strings"
	"testing"
)

func TestABadConnectionStringIsRefusedWithoutItsPassword(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:secret@h:port/db":            "port",
		"postgres://u:secret@h/db?sslmode=never":   "sslmode",
		"postgres://u:sec/ret@h/db":                "percent-encode",
		"postgres://u:12/secret@h/db":              "percent-encode",
		"postgres://u:sec%zzret@h/db":              "percent-encoded",
		"postgres://h/db?password=secret%zz":       "percent-encode",
		"postgres://h/db?pass%77ord=secret&port=x": "port",
		"host=h port=x password=secret":            "percent-encode",
		"postgres://u:secret@h/db?layout=mine":     "native or sqlalchemy",
		"postgres://h/db?pool_max_conns=1":         "at least 2",
	} {
		err := Config{DSN: dsn}.Check()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%s) = %v; want it to say %q", dsn, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "ret@")) {
			t.Errorf("Check(%s) shows a password: %v", dsn, err)
		}
	}
	for _, dsn := range []string{"postgres://", "postgres://u:p%40w@h/db?host=/run/pg", "postgres://h1:1,h2:2/db?layout=sqlalchemy", "dbname=x user=a@b"} {
		if err := (Config{DSN: dsn}).Check(); err != nil {
			t.Errorf("Check(%s) = %v", dsn, err)
		}
	}
}

func TestTheSchemaIsThatOfTheConfiguration(t *testing.T) {
	pool, _, err := Config{DSN: "postgres://h/db?search_path=a", Schema: `my "own"`}.parse()
	if err != nil {
		t.Fatal(err)
	}
	if got := pool.ConnConfig.RuntimeParams["search_path"]; got != `"my ""own"""` {
		t.Fatalf("search_path = %s", got)
	}
}

package pgtest

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEachDatabaseIsWhatItIsSaidToBe looks at the order of texts, the zone and the
// server of each.
func TestEachDatabaseIsWhatItIsSaidToBe(t *testing.T) {
	const look = `SELECT concat_ws(' ', 'a' < 'B', current_setting('timezone'), current_setting('server_version_num')::int / 10000 > 15,
		(SELECT count(*) FROM pg_tables WHERE schemaname = 'public'))`
	want := []string{"f UTC f 0"}
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		want = append(want, "t Asia/Taipei f 0", "f UTC t 0")
	}
	var got []string
	Each(t, func(t *testing.T, dsn string) { got = append(got, value(t, connect(t, dsn), look)) })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("databases (-want +got):\n%s", d)
	}
}

func TestAForeignOrderAndZone(t *testing.T) {
	conn := connect(t, DatabaseWith(t, Abroad(t)))
	if got := value(t, conn, `SELECT concat_ws(' ', 'a' < 'B', current_setting('timezone'))`); got != "t Asia/Taipei" {
		t.Errorf("order and zone are %s", got)
	}
}

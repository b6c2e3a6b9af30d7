package postgres

import "testing"

// The outcome of a transaction is found out also while all connections are taken by
// others that want to know theirs.
func TestOutcomeNeedsNoConnectionOfThePool(t *testing.T) {
	f := openSwept(t, Config{Connections: 2})
	var id string
	err := f.write(t.Context(), "try", func(t *tx) error {
		id = t.id
		_, err := t.exec(`CREATE TABLE tried ()`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		conn, err := f.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
	}
	status, run, err := f.statusOf(t.Context(), id)
	if err != nil || status != "committed" || run == "" {
		t.Errorf("the transaction is %q in run %q of the server, %v", status, run, err)
	}
}

package check

// Guarantee is one of the numbered promises of package storage.
type Guarantee struct {
	Number int
	Title  string
}

// titles are the guarantees as package storage names them, from number 1.
var titles = [...]string{
	"Durability", "Visibility", "Atomicity", "Isolation", "Order", "Iteration", "Cancellation", "Errors", "Truth", "Keys",
	"Numbers", "Effect once", "Claims", "Loads", "Jobs", "Queries", "Snapshots", "Blobs", "Models", "Fidelity",
	"Unknown outcome", "Lock order",
}

// Guarantees returns all guarantees, by number.
func Guarantees() []Guarantee {
	all := make([]Guarantee, len(titles))
	for i, title := range titles {
		all[i] = Guarantee{Number: i + 1, Title: title}
	}
	return all
}

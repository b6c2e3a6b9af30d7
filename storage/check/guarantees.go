package check

// Guarantee is one of the numbered promises of package storage.
type Guarantee struct {
	Number int
	Title  string
}

// titles are the guarantees as package storage names them, by number.
var titles = [...]string{
	1: "Durability", 2: "Visibility", 3: "Atomicity", 4: "Isolation", 5: "Order", 6: "Iteration", 7: "Cancellation",
	8: "Errors", 9: "Truth", 10: "Keys", 11: "Numbers", 12: "Effect once", 13: "Claims", 14: "Loads", 15: "Jobs",
	16: "Queries", 17: "Snapshots", 18: "Blobs", 19: "Models", 20: "Fidelity", 21: "Unknown outcome", 22: "Lock order",
	23: "Purge", 24: "Unique", 25: "Age", 26: "Garbage", 27: "Sweep", 28: "Marks", 30: "Waiting", 31: "Unique jobs", 32: "Pages",
	33: "Suspended jobs", 34: "Plans", 35: "Planned chunks", 40: "Audit", 41: "Ranges",
}

// Guarantees returns all guarantees, by number.
func Guarantees() []Guarantee {
	var all []Guarantee
	for number, title := range titles {
		if title != "" {
			all = append(all, Guarantee{Number: number, Title: title})
		}
	}
	return all
}

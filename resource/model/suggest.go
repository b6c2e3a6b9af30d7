package model

import "fmt"

// nearest returns the name that is most like name, worded to end a sentence;
// nothing when none is.
func nearest(name string, names []string) string {
	best, distance := "", (len(name)+2)/3
	for _, n := range names {
		if d := editDistance(name, n, distance); d <= distance && d < len(n) && (best == "" || d < distance) {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", quote(best))
}

// editDistance is how many bytes must be changed, added, removed or swapped with
// their neighbour to make b of a; any number above limit when it is more.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > maxSuggested {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// maxSuggested is the longest name that is compared with others.
const maxSuggested = 64

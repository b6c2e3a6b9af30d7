package jobs

import "runtime"

// openTogether is how many bytes of messages are worth a goroutine of their own.
const openTogether = 64 << 10

// openAll decodes deliveries, many of them on all processors.
func (x *Executor) openAll(deliveries []Delivery) []*task {
	tasks := make([]*task, len(deliveries))
	all := 0
	for i := range deliveries {
		all += len(deliveries[i].Body)
	}
	share := max(all/runtime.GOMAXPROCS(0), openTogether)
	var g together
	for rest, into := deliveries, tasks; len(rest) > 0; {
		n := leading(rest, share)
		some, opened := rest[:n], into[:n]
		rest, into = rest[n:], into[n:]
		open := func() {
			for i, d := range some {
				opened[i] = x.open(d)
			}
		}
		if len(rest) == 0 {
			open()
		} else {
			g.Go(open)
		}
	}
	g.Wait()
	return tasks
}

// leading returns how many of the first deliveries are of so many bytes together.
func leading(deliveries []Delivery, bytes int) int {
	n := 0
	for had := 0; n < len(deliveries) && had < bytes; n++ {
		had += len(deliveries[n].Body)
	}
	return n
}

//go:build race

package sim

func init() { schedules = 300 }

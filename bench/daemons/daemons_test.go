package daemons

import "testing"

// What grows is told apart from what merely settles.
func TestGrown(t *testing.T) {
	var c Churned
	for i := range 16 {
		s := Sample{MemoryMiB: 10, Goroutines: float64(100 + 100*i), Files: 50}
		if i < 4 {
			s.MemoryMiB = 100 // while it starts
		}
		c.Series = append(c.Series, s)
	}
	grown := c.Grown()
	if grown["memory"] != 1 || grown["files"] != 1 || grown["streams"] != 0 {
		t.Errorf("what did not grow is %v", grown)
	}
	if got := grown["goroutines"]; got < 2 {
		t.Errorf("goroutines grew to %g", got)
	}
}

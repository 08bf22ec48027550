package daemons

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/google/pprof/profile"
)

// Share is how much of a profile was spent in a function itself, without what
// it called.
type Share struct {
	Function string  `json:"function"`
	Share    float64 `json:"share"` // 0 to 1
}

// topShares reads a CPU profile, and returns the n functions with most samples.
func topShares(path string, n int) ([]Share, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	parsed, err := profile.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("daemons: profile: %w", err)
	}
	spent, total := make(map[string]int64), int64(0)
	for _, sample := range parsed.Sample {
		// The last value of a CPU profile is time; the first location is the
		// innermost, and so is its first line.
		value := sample.Value[len(sample.Value)-1]
		total += value
		name := "?"
		if len(sample.Location) > 0 && len(sample.Location[0].Line) > 0 {
			name = sample.Location[0].Line[0].Function.Name
		}
		spent[name] += value
	}
	shares := make([]Share, 0, len(spent))
	for name, value := range spent {
		shares = append(shares, Share{name, float64(value) / float64(max(1, total))})
	}
	slices.SortFunc(shares, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(a.Function, b.Function))
	})
	return shares[:min(n, len(shares))], nil
}

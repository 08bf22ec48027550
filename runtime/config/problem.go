package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Key    string `json:"key,omitempty"`    // the setting, if it is about one
	Origin string `json:"origin,omitempty"` // file:line, env NAME, flag --name or default
	Line   int    `json:"line,omitempty"`   // in the file, from 1; 0 if not of a file
	Text   string `json:"text"`             // what is wrong and what is allowed
}

// String returns the problem on one line.
func (p Problem) String() string {
	var parts []string
	for _, part := range []string{p.Origin, p.Key, p.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Problems is everything that is wrong, in the order of the sources. As an
// error it wraps [ErrInvalid].
type Problems []Problem

var _ error = Problems{}

// Error returns one line for each problem.
func (p Problems) Error() string {
	lines := []string{ErrInvalid.Error()}
	for _, problem := range p {
		lines = append(lines, problem.String())
	}
	return strings.Join(lines, "\n  ")
}

// Unwrap returns [ErrInvalid].
func (p Problems) Unwrap() error { return ErrInvalid }

// orNil keeps an empty list from becoming a non-nil error.
func (p Problems) orNil() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// reason returns an error's text without the name of its sentinel, which a
// Problem would repeat on every line.
func reason(err error) string {
	if errors.Is(err, ErrValue) {
		return strings.TrimPrefix(err.Error(), ErrValue.Error()+": ")
	}
	return err.Error()
}

// suggest returns " (did you mean X?)" for the choice that looks most like
// text, or nothing when none does.
func suggest(text string, choices []string) string {
	best, bestDistance := "", 1<<30
	for _, choice := range choices {
		// Someone who writes the last part of a key alone meant the key.
		_, name, dotted := strings.Cut(choice, ".")
		d := distance(text, choice)
		if dotted && name == text {
			d = 0
		}
		if d < bestDistance {
			best, bestDistance = choice, d
		}
	}
	if bestDistance > max(2, len(text)/4) {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distanceTextMax bounds the work of distance: nothing longer is a typo.
const distanceTextMax = 64

// distance counts the letters that must be inserted, removed, replaced or
// swapped with their neighbour to make b of a. Source: optimal string
// alignment, a restricted Damerau-Levenshtein distance.
func distance(a, b string) int {
	if len(a) > distanceTextMax || len(b) > distanceTextMax {
		return distanceTextMax
	}
	var before []int // the row for i-2
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = slices.Min([]int{replace, last[j] + 1, row[j-1] + 1})
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

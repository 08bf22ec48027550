package plan

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors of the package. Problems wraps ErrInvalid.
var (
	// ErrInvalid reports a scenario with something wrong in it.
	ErrInvalid = errors.New("plan: bad scenario")
	// ErrUnknown reports a scenario that is neither a built-in nor a file.
	ErrUnknown = errors.New("plan: no such scenario")
	// ErrOverride reports an override whose path leads nowhere.
	ErrOverride = errors.New("plan: bad override")
)

// Position is a place in a scenario file, lines and columns from 1. Line 0 is
// not in a file: File then names the override.
type Position struct {
	File         string
	Line, Column int
}

func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong.
type Problem struct {
	Position
	Text string
}

func (p Problem) String() string { return p.Position.String() + ": " + p.Text }

// Problems are all things that are wrong with a scenario, in the order of
// the file, overrides first.
type Problems []Problem

// Error lists all, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns ErrInvalid.
func (p Problems) Unwrap() error { return ErrInvalid }

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.File, b.File))
	})
}

package format

import "slices"

// intervals is a set of numbers kept as sorted, disjoint, not adjacent
// intervals, so that a set without gaps costs one.
type intervals []interval

type interval struct{ from, to uint64 } // to is not in it

// has reports whether n is in the set.
func (s intervals) has(n uint64) bool {
	for _, i := range s {
		if n >= i.from && n < i.to {
			return true
		}
	}
	return false
}

// add puts from..to-1 into the set; false, and nothing is changed, when one
// of them is in it already.
func (s *intervals) add(from, to uint64) bool {
	at := 0
	for at < len(*s) && (*s)[at].to <= from {
		at++
	}
	if at < len(*s) && (*s)[at].from < to {
		return false
	}
	*s = slices.Insert(*s, at, interval{from, to})
	if at+1 < len(*s) && (*s)[at+1].from == to {
		(*s)[at].to = (*s)[at+1].to
		*s = slices.Delete(*s, at+1, at+2)
	}
	if at > 0 && (*s)[at-1].to == from {
		(*s)[at-1].to = (*s)[at].to
		*s = slices.Delete(*s, at, at+1)
	}
	return true
}

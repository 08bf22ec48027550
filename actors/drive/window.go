package drive

import (
	"slices"
	"strings"

	"github.com/noisefs/noisefs/messages"
)

// window is a sorted run of the changed names of one directory: all that are
// greater than after, up to and with last; or to the end. The index keeps
// names under keyed hashes, in no order, so that a window is made by reading
// all of them once and keeping the smallest.
type window struct {
	after string
	last  string // the greatest name covered; no meaning when whole
	whole bool   // covers to the end
	names []dentry
	ready bool // all pages were read

	limit int
	// touched holds the names that a commit set while pages were read: what
	// a page says of them may be older.
	touched map[string]bool
}

// dentry is a changed name: an inode number, or 0 for a whiteout.
type dentry struct {
	name string
	ino  uint64
}

func newWindow(after string, limit int) *window {
	return &window{after: after, whole: true, limit: limit, touched: make(map[string]bool)}
}

// covers reports whether names right after a name are in the window.
func (w *window) covers(name string) bool {
	return w.ready && name >= w.after && (w.whole || name < w.last)
}

// from returns the names greater than name; the window covers it.
func (w *window) from(name string) []dentry {
	i, found := w.find(name)
	if found {
		i++
	}
	return w.names[i:]
}

func (w *window) find(name string) (int, bool) {
	return slices.BinarySearchFunc(w.names, name, func(d dentry, name string) int {
		return strings.Compare(d.name, name)
	})
}

// addPage takes a page of rows, in any order.
func (w *window) addPage(rows []messages.Row) error {
	for _, row := range rows {
		name := string(row.Key)
		if name <= w.after || !w.whole && name > w.last || w.touched[name] {
			continue
		}
		ino, err := decodeDentry(row.Value)
		if err != nil {
			return err
		}
		w.names = append(w.names, dentry{name, ino})
	}
	// Sorting only when the excess is as large as the window keeps the work
	// per name logarithmic.
	if len(w.names) > 2*w.limit {
		w.trim()
	}
	return nil
}

// finish ends the reading.
func (w *window) finish() {
	w.trim()
	w.ready = true
	w.touched = nil
}

// trim sorts and keeps the smallest names.
func (w *window) trim() {
	slices.SortFunc(w.names, func(a, b dentry) int { return strings.Compare(a.name, b.name) })
	w.names = slices.CompactFunc(w.names, func(a, b dentry) bool { return a.name == b.name })
	if len(w.names) > w.limit {
		clear(w.names[w.limit:])
		w.names = w.names[:w.limit]
		w.whole, w.last = false, w.names[w.limit-1].name
	}
}

// set notes what a commit made of a name; nil: no row.
func (w *window) set(name string, value []byte) {
	if !w.ready {
		w.touched[name] = true
	}
	if name <= w.after || !w.whole && name > w.last {
		return
	}
	i, found := w.index(name)
	if value == nil {
		if found {
			w.names = slices.Delete(w.names, i, i+1)
		}
		return
	}
	ino, err := decodeDentry(value)
	if err != nil {
		panic(err) // we encoded it
	}
	if found {
		w.names[i].ino = ino
		return
	}
	w.names = slices.Insert(w.names, i, dentry{name, ino})
}

// index finds a name also while the names are in no order yet.
func (w *window) index(name string) (int, bool) {
	if w.ready {
		return w.find(name)
	}
	i := slices.IndexFunc(w.names, func(d dentry) bool { return d.name == name })
	if i < 0 {
		return len(w.names), false
	}
	return i, true
}

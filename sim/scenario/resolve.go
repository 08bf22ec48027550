package scenario

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
)

const (
	// resolvesMax is how often reading back is tried when actors panic or the
	// disk errs meanwhile.
	resolvesMax = 50
	resolvePage = 5
)

// Resolve reads back everything of the worker, and decides whether the
// command that was under way has happened. It breaks the run if what is
// there is neither the state before nor the state after it.
func (w *Worker) Resolve(s *Session) {
	for range resolvesMax {
		err := w.resolve(s)
		if err == nil {
			return
		}
		if !w.house.tolerates(err) {
			s.Broken("%s: reading back: %v (%q)", w.Name, err, err.Code)
		}
		s.Sleep(10 * time.Millisecond)
	}
	s.Broken("%s: nothing can be read back", w.Name)
}

func (w *Worker) resolve(s *Session) *messages.Error {
	actual, err := w.snapshot(s, At("/"+w.Name))
	if err != nil {
		return err
	}
	shares, err := w.shares(s)
	if err != nil {
		return err
	}
	why := w.now.differs(actual, shares)
	if why != "" && w.next != nil {
		whyNext := w.next.differs(actual, shares)
		if whyNext == "" {
			w.now, why = w.next, ""
		} else {
			why += "; nor is it what the last command made: " + whyNext
		}
	}
	if why != "" {
		s.Broken("%s: what was acknowledged is not there: %s", w.Name, why)
	}
	w.next = nil
	return w.readAll(s)
}

// snapshot lists a directory and all below it, without contents.
func (w *Worker) snapshot(
	s *Session, target messages.Target,
) (map[string]messages.Info, *messages.Error) {
	all := make(map[string]messages.Info)
	var visit func(below string) *messages.Error
	visit = func(below string) *messages.Error {
		at := target
		at.Path = path.Join(target.Path, below)
		infos, err := s.List(at, resolvePage)
		if err != nil {
			return err
		}
		for _, info := range infos {
			name := path.Join(below, info.Name)
			all[name] = info
			if info.Type == messages.TypeDirectory {
				if err := visit(name); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return all, visit("")
}

// shares returns the links of this worker that the node keeps.
func (w *Worker) shares(s *Session) ([]messages.SharedLink, *messages.Error) {
	all, err := s.Shares()
	var mine []messages.SharedLink
	for _, l := range all {
		if l.Name == w.Name || strings.HasPrefix(l.Path, "/"+w.Name+"/") {
			mine = append(mine, l)
		}
	}
	return mine, err
}

// differs tells what is there and should not be, or the other way round; ""
// if all is as it should be. A link that is not known takes the one that is
// there and nobody knows.
func (st *state) differs(
	actual map[string]messages.Info, shares []messages.SharedLink,
) string {
	if why := sameTree(st.root, actual); why != "" {
		return why
	}
	there := make(map[messages.Link]bool, len(shares))
	for _, l := range shares {
		there[l.Link] = true
	}
	unknown := -1
	for i, l := range st.links {
		switch {
		case !l.Known:
			unknown = i
		case !there[l.Link]:
			return "a link is not kept"
		default:
			delete(there, l.Link)
		}
	}
	switch {
	case unknown < 0 && len(there) == 0:
		return ""
	case unknown < 0:
		return fmt.Sprintf("%d links are kept that should not be", len(there))
	case len(there) != 1:
		return fmt.Sprintf("%d links are kept for one whose reply was lost", len(there))
	}
	for link := range there {
		st.links[unknown].Link, st.links[unknown].Known = link, true
	}
	return ""
}

// sameTree tells how what is there differs from an item's entries, or "".
func sameTree(root *Item, actual map[string]messages.Info) string {
	why := ""
	left := len(actual)
	root.visit("", func(at string, item *Item) {
		info, ok := actual[at]
		if ok {
			left--
		}
		switch {
		case why != "":
		case !ok:
			why = fmt.Sprintf("%s is missing", at)
		default:
			if differs := item.differs(info); differs != "" {
				why = fmt.Sprintf("%s %s", at, differs)
			}
		}
	})
	if why == "" && left != 0 {
		why = fmt.Sprintf("%d names are there that should not be", left)
	}
	return why
}

// readAll reads every file, by its path and below the links.
func (w *Worker) readAll(s *Session) *messages.Error {
	if err := w.readTree(s, At("/"+w.Name), w.now.root); err != nil {
		return err
	}
	for _, l := range w.now.links {
		target := Below(l.Link, "")
		if !l.Item.isDir() {
			if err := w.readRange(s, target, l.Item, 0, len(l.Item.Data)+1); err != nil {
				return err
			}
			continue
		}
		if err := w.compareDirectory(s, target, l.Item); err != nil {
			return err
		}
		if err := w.readTree(s, target, l.Item); err != nil {
			return err
		}
	}
	return nil
}

func (w *Worker) readTree(s *Session, target messages.Target, root *Item) *messages.Error {
	var failed *messages.Error
	root.visit("", func(at string, item *Item) {
		if failed != nil || item.Type != messages.TypeFile {
			return
		}
		file := target
		file.Path = path.Join(target.Path, at)
		failed = w.readRange(s, file, item, 0, len(item.Data)+1)
	})
	return failed
}

func (w *Worker) compareDirectory(
	s *Session, target messages.Target, root *Item,
) *messages.Error {
	actual, err := w.snapshot(s, target)
	if err != nil {
		return err
	}
	if why := sameTree(root, actual); why != "" {
		s.Broken("%s: a directory is not what was stored: %s", w.Name, why)
	}
	return nil
}

// readRange reads a range and compares it byte by byte.
func (w *Worker) readRange(
	s *Session, target messages.Target, item *Item, offset, length int,
) *messages.Error {
	statted, err := s.Stat(target)
	if err != nil {
		return err
	}
	if differs := item.differs(statted.Info); differs != "" {
		s.Broken("%s: a file %s", w.Name, differs)
	}
	got, err := s.Read(statted.Content, offset, length)
	if err != nil {
		return err
	}
	from := min(offset, len(item.Data))
	want := item.Data[from:min(len(item.Data), offset+length)]
	if at := wrongByte(got, want); at >= 0 {
		s.Broken("%s: %d bytes from %d of %d: byte %d of %d is wrong",
			w.Name, len(got), offset, len(item.Data), at, len(want))
	}
	return nil
}

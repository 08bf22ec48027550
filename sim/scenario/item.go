package scenario

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Item is a file, directory or symlink of the model.
type Item struct {
	Type    messages.FileType
	Data    []byte // of a file; never written to
	Target  string // of a symlink
	Attr    messages.Attributes
	Entries map[string]*Item // of a directory
}

// NewDirectory makes an empty directory.
func NewDirectory() *Item {
	return &Item{
		Type: messages.TypeDirectory, Entries: make(map[string]*Item),
		Attr: messages.Attributes{Mode: 0o755, ModTime: time.Unix(1, 0).UTC()},
	}
}

// NewFile makes a file.
func NewFile(data []byte, attr messages.Attributes) *Item {
	return &Item{Type: messages.TypeFile, Data: data, Attr: attr}
}

func (i *Item) isDir() bool { return i.Type == messages.TypeDirectory }

// clone copies an item and all below it.
func (i *Item) clone() *Item {
	c := *i
	if i.isDir() {
		c.Entries = make(map[string]*Item, len(i.Entries))
		for name, entry := range i.Entries {
			c.Entries[name] = entry.clone()
		}
	}
	return &c
}

func (i *Item) names() []string { return slices.Sorted(maps.Keys(i.Entries)) }

// visit calls each for all below an item, in order, directories first.
func (i *Item) visit(at string, each func(at string, item *Item)) {
	for _, name := range i.names() {
		below := path.Join(at, name)
		each(below, i.Entries[name])
		i.Entries[name].visit(below, each)
	}
}

// count returns how many items are below an item.
func (i *Item) count() int {
	n := 0
	i.visit("", func(string, *Item) { n++ })
	return n
}

// find returns what is at a path below i, or a code.
func (i *Item) find(at string) (*Item, messages.Code) {
	for _, name := range splitPath(at) {
		if !i.isDir() {
			return nil, messages.CodeNotDirectory
		}
		if i = i.Entries[name]; i == nil {
			return nil, messages.CodeNotFound
		}
	}
	return i, 0
}

// parent returns the directory that a path names a place in.
func (i *Item) parent(at string) (dir *Item, name string, code messages.Code) {
	above, name := path.Split(at)
	dir, code = i.find(above)
	if code == 0 && !dir.isDir() {
		code = messages.CodeNotDirectory
	}
	return dir, name, code
}

// place puts an item at a path, as the node should.
func (i *Item) place(at string, item *Item, replace bool) messages.Code {
	dir, name, code := i.parent(at)
	if code != 0 {
		return code
	}
	if there := dir.Entries[name]; there != nil {
		switch {
		case !replace || there.isDir() != item.isDir():
			return messages.CodeExists
		case there.isDir() && len(there.Entries) > 0:
			return messages.CodeNotEmpty
		}
	}
	dir.Entries[name] = item
	return 0
}

// remove removes a name.
func (i *Item) remove(at string, recursive bool) messages.Code {
	dir, name, code := i.parent(at)
	if code != 0 {
		return code
	}
	there := dir.Entries[name]
	switch {
	case there == nil:
		return messages.CodeNotFound
	case there.isDir() && len(there.Entries) > 0 && !recursive:
		return messages.CodeNotEmpty
	}
	delete(dir.Entries, name)
	return 0
}

// rename moves what is at a path.
func (i *Item) rename(from, to string, replace bool) messages.Code {
	dir, name, code := i.parent(from)
	if code != 0 {
		return code
	}
	moved := dir.Entries[name]
	switch {
	case moved == nil:
		return messages.CodeNotFound
	case from == to:
		return 0
	case strings.HasPrefix(to, from+"/") && !moved.isDir():
		return messages.CodeNotDirectory
	case strings.HasPrefix(to, from+"/"):
		return messages.CodeInvalid
	}
	if code := i.place(to, moved, replace); code != 0 {
		return code
	}
	delete(dir.Entries, name)
	return 0
}

func splitPath(at string) []string {
	return strings.FieldsFunc(at, func(r rune) bool { return r == '/' })
}

// differs tells what an entry has that the model has not, or "". Of a
// directory only that it is one: its time moves with its names.
func (i *Item) differs(info messages.Info) string {
	switch {
	case i.Type != info.Type:
		return fmt.Sprintf("is a %s, want a %s", info.Type, i.Type)
	case i.isDir():
		return ""
	case i.Type == messages.TypeSymlink && info.Target != i.Target:
		return "leads elsewhere"
	case i.Type == messages.TypeFile && info.Size != uint64(len(i.Data)):
		return fmt.Sprintf("has %d bytes, want %d", info.Size, len(i.Data))
	case info.Mode != i.Attr.Mode || !info.ModTime.Equal(i.Attr.ModTime):
		return fmt.Sprintf("has mode %o of %s, want %o of %s",
			info.Mode, info.ModTime, i.Attr.Mode, i.Attr.ModTime)
	}
	return ""
}

// wrongByte returns the first place where two contents differ, or -1.
func wrongByte(got, want []byte) int {
	if bytes.Equal(got, want) {
		return -1
	}
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	return n
}

package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/noisefs/noisefs/runtime/atomicfile"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Set writes one setting into the TOML file at path, which is made if it is
// not there. Every other byte of the file stays: comments, order, spacing,
// line ends. The file is replaced atomically and durably; a symbolic link
// stays one. Callers hold the repository's lock.
//
// Errors: [ErrUnknownKey]; [ErrValue]; [Problems] when the file is not TOML
// or the setting does not fit to the others; [ErrEdit] when the setting is
// written in a way that cannot be edited (a list, an inline table); those of
// the disk. Problems that the file had before are no reason to refuse.
func Set(path, key, value string) error {
	f, known := fieldsByKey()[key]
	if !known {
		return fmt.Errorf("%w: %s%s", ErrUnknownKey, shorten(key), suggest(key, keys()))
	}
	if err := f.check(value); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	path, perm, err := target(path)
	if err != nil {
		return err
	}
	before, err := readFile(path)
	if err != nil {
		return err
	}
	after, err := edit(before, f, value)
	if err != nil {
		return err
	}
	if err := newProblems(before, after, filepath.Base(path)).orNil(); err != nil {
		return err
	}
	return atomicfile.Replace(path, after, perm)
}

// target follows symbolic links to the file that is to be replaced, and
// returns the permissions it shall have.
func target(path string) (string, fs.FileMode, error) {
	resolved, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, 0o600, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("config: set: %w", err)
	}
	info, err := os.Stat(resolved)
	if err != nil {
		return "", 0, fmt.Errorf("config: set: %w", err)
	}
	return resolved, info.Mode().Perm(), nil
}

// edit returns data with the setting changed, and proves that nothing else
// did.
func edit(data []byte, f field, value string) ([]byte, error) {
	doc := parse(data)
	if doc.broken {
		return nil, doc.problems
	}
	out, err := doc.replace(f, literal(f, value))
	if err != nil {
		return nil, err
	}
	got, want := parse(out), slices.Clone(doc.entries)
	if got.broken {
		return nil, ErrEdit
	}
	i := slices.IndexFunc(want, func(e entry) bool { return e.key == f.key })
	if i < 0 {
		i = slices.IndexFunc(got.entries, func(e entry) bool { return e.key == f.key })
		if i < 0 || i > len(want) {
			return nil, ErrEdit
		}
		want = slices.Insert(want, i, entry{key: f.key})
	}
	same := slices.EqualFunc(got.entries, want, func(a, b entry) bool {
		return a.key == b.key && (a.key == f.key || a.kind == b.kind && a.text == b.text)
	})
	// Compared as the setting reads it: 0x40 and 64 are the same.
	check := Default()
	if !same || f.set(check, got.entries[i].text) != nil ||
		f.text(check) != normal(f, value) {
		return nil, ErrEdit
	}
	return out, nil
}

// normal returns value, which was checked, as text prints it.
func normal(f field, value string) string {
	c := Default()
	if f.set(c, value) != nil {
		return value
	}
	return f.text(c)
}

// replace puts text in the place of the setting's value, or adds the
// setting: after the last line of its table, after its neighbours when they
// are written as group.name, or in a new table at the end.
func (d *document) replace(f field, text string) ([]byte, error) {
	group, name := f.split()
	neighbour := -1
	for _, e := range d.entries {
		if e.key == f.key {
			if e.kind == unstable.Array || e.end <= e.start {
				return nil, ErrEdit
			}
			return slices.Concat(d.data[:e.start], []byte(text), d.data[e.end:]), nil
		}
		if strings.HasPrefix(e.key, group+".") {
			neighbour = max(neighbour, d.lineEnd(e.end))
		}
	}
	newline := "\n"
	if strings.Contains(string(d.data), "\r\n") {
		newline = "\r\n"
	}
	for _, s := range d.sections {
		if s.name == group {
			return d.insert(s.end, name+" = "+text+newline, newline), nil
		}
	}
	if neighbour >= 0 {
		return d.insert(neighbour, group+"."+name+" = "+text+newline, newline), nil
	}
	table := "[" + group + "]" + newline + name + " = " + text + newline
	if len(d.data) > 0 {
		table = newline + table
	}
	return d.insert(len(d.data), table, newline), nil
}

// insert puts whole lines at offset, which is the start of a line or the end
// of a file whose last line may lack its end.
func (d *document) insert(offset int, lines, newline string) []byte {
	if offset > 0 && d.data[offset-1] != '\n' {
		lines = newline + lines
	}
	return slices.Concat(d.data[:offset], []byte(lines), d.data[offset:])
}

// literal writes value as TOML: plain digits bare, all else as a string.
func literal(f field, value string) string {
	if f.kind == kindText || f.kind == kindChoice {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	value = strings.TrimSpace(value)
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && f.kind != kindDuration &&
		f.kind != kindRate {
		return strconv.FormatInt(n, 10) // TOML has no leading zeros
	}
	if share, err := strconv.ParseFloat(value, 64); err == nil && f.kind == kindShare {
		return formatShare(share)
	}
	return `"` + value + `"`
}

// newProblems returns the problems of after that before did not have,
// wherever they stand now.
func newProblems(before, after []byte, name string) Problems {
	type what struct{ key, text string }
	had := make(map[what]int)
	for _, p := range check(before, name) {
		had[what{p.Key, p.Text}]++
	}
	var fresh Problems
	for _, p := range check(after, name) {
		w := what{p.Key, p.Text}
		if had[w] == 0 {
			fresh = append(fresh, p)
		} else {
			had[w]--
		}
	}
	return fresh
}

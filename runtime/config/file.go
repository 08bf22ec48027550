package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// fileSizeMax bounds config.toml in bytes.
const fileSizeMax = 1 << 20

// entry is one value of a TOML file.
type entry struct {
	key   string // dotted
	line  int    // of the key, from 1
	kind  unstable.Kind
	text  string // of a string or number, as field.set takes it
	start int    // where the value's bytes are in the file
	end   int
}

// section is one [table] of a TOML file, or what stands before the first.
type section struct {
	name string
	end  int // the end of its last line that says something
}

// document is a TOML file whose syntax is right.
type document struct {
	data     []byte
	entries  []entry
	sections []section
	problems Problems // of structure; not of keys and values
	broken   bool     // not TOML: nothing but the one problem is known
}

// readFile returns the file's bytes, and none if there is no file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("config: open: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileSizeMax+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("config: read: %w", err)
	}
	if len(data) > fileSizeMax {
		return nil, fmt.Errorf("%w: %s is larger than %s",
			ErrInvalid, path, FormatSize(fileSizeMax))
	}
	return data, nil
}

// parse reads TOML. A mistake of syntax is the only problem then reported.
func parse(data []byte) document {
	data = data[:len(data):len(data)] // unstable.Parser computes with the capacity
	doc := document{data: data, sections: []section{{}}}
	// The full decoder finds what a look at the syntax alone would not:
	// keys and tables that are defined twice.
	var ignored map[string]any
	if err := toml.Unmarshal(data, &ignored); err != nil {
		doc.problems, doc.broken = Problems{syntaxProblem(err)}, true
		return doc
	}
	var parser unstable.Parser
	parser.Reset(data)
	var table []string
	for parser.NextExpression() {
		node := parser.Expression()
		switch node.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = doc.addTable(node)
		case unstable.KeyValue:
			doc.addValue(table, node)
			// Parser trims nothing behind the value but what it read.
			last := &doc.sections[len(doc.sections)-1]
			last.end = doc.lineEnd(int(node.Raw.Offset + node.Raw.Length))
		}
	}
	if err := parser.Error(); err != nil {
		doc.problems, doc.broken = Problems{syntaxProblem(err)}, true
	}
	return doc
}

// syntaxProblem takes the message of an error without the excerpt of the
// file: it may be anything that someone pasted.
func syntaxProblem(err error) Problem {
	p := Problem{Text: "not TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	var at *toml.DecodeError
	if errors.As(err, &at) {
		p.Line, _ = at.Position()
	}
	return p
}

// addTable begins a section and returns its name's parts.
func (d *document) addTable(node *unstable.Node) []string {
	var table []string
	end := 0
	line := 0
	for it := node.Key(); it.Next(); {
		key := it.Node()
		table = append(table, string(key.Data))
		end = int(key.Raw.Offset + key.Raw.Length)
		line = d.line(key)
	}
	name := strings.Join(table, ".")
	known := false
	var names []string
	for _, g := range groups() {
		known = known || g[0] == name
		names = append(names, g[0])
	}
	if node.Kind == unstable.ArrayTable {
		d.problems = append(d.problems, Problem{Line: line, Text: "[[" + shorten(name) +
			"]] is a list of tables; settings stand in plain tables, [group]"})
	} else if !known {
		d.problems = append(d.problems, Problem{Line: line, Text: "unknown table [" +
			shorten(name) + "]" + suggest(name, names)})
	}
	d.sections = append(d.sections, section{name: name, end: d.lineEnd(end)})
	return table
}

// addValue notes a key and its value, or those inside an inline table.
func (d *document) addValue(table []string, node *unstable.Node) {
	parts := append([]string(nil), table...)
	line := 0
	for it := node.Key(); it.Next(); {
		parts = append(parts, string(it.Node().Data))
		line = d.line(it.Node())
	}
	value := node.Value()
	if value.Kind == unstable.InlineTable {
		for it := value.Children(); it.Next(); {
			if it.Node().Kind == unstable.KeyValue {
				d.addValue(parts, it.Node())
			}
		}
		return
	}
	e := entry{
		key: strings.Join(parts, "."), line: line, kind: value.Kind, text: string(value.Data),
		start: int(value.Raw.Offset), end: int(value.Raw.Offset + value.Raw.Length),
	}
	if value.Kind == unstable.Integer {
		e.text = decimal(e.text)
	} else if value.Kind == unstable.Float {
		e.text = strings.ReplaceAll(e.text, "_", "")
	}
	d.entries = append(d.entries, e)
}

// decimal turns a TOML integer (0x40, 1_000, +5) into plain digits.
func decimal(text string) string {
	n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, 64)
	if err != nil {
		return text // the setting's own check refuses it
	}
	return strconv.FormatInt(n, 10)
}

func (d *document) line(node *unstable.Node) int {
	return 1 + bytes.Count(d.data[:node.Raw.Offset], []byte("\n"))
}

// lineEnd returns the offset behind the line that offset is in.
func (d *document) lineEnd(offset int) int {
	if i := bytes.IndexByte(d.data[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(d.data)
}

// apply writes the entries into c. name is what origins call the file.
func (d *document) apply(c *Config, name string) Problems {
	var problems Problems
	add := func(line int, key, text string) {
		problems = append(problems, Problem{
			Key: key, Line: line, Origin: fileOrigin(name, line), Text: text,
		})
	}
	for _, p := range d.problems {
		add(p.Line, p.Key, p.Text)
	}
	byKey := fieldsByKey()
	for _, e := range d.entries {
		f, known := byKey[e.key]
		switch {
		case !known && d.inUnknownTable(e.key):
			// Said once, for the table.
		case !known:
			add(e.line, shorten(e.key), "unknown setting"+suggest(e.key, keys()))
		case e.kind != unstable.String && e.kind != unstable.Integer && e.kind != unstable.Float:
			add(e.line, e.key, "want text or a number (allowed: "+f.allowed()+")")
		default:
			if err := f.set(c, e.text); err != nil {
				add(e.line, e.key, reason(err))
				continue
			}
			c.origins[e.key] = fileOrigin(name, e.line)
		}
	}
	return problems
}

// inUnknownTable reports whether the key stands in a table that was already
// complained about.
func (d *document) inUnknownTable(key string) bool {
	for _, s := range d.sections {
		if s.name != "" && strings.HasPrefix(key, s.name+".") && !isGroup(s.name) {
			return true
		}
	}
	return false
}

func isGroup(name string) bool {
	for _, g := range groups() {
		if g[0] == name {
			return true
		}
	}
	return false
}

// fileOrigin names a place in a file as compilers do.
func fileOrigin(name string, line int) string {
	if line == 0 {
		return name
	}
	return name + ":" + strconv.Itoa(line)
}

// shorten shows an unknown name, which may be long or strange.
func shorten(name string) string {
	quoted := quote(name)
	if quoted == `"`+name+`"` {
		return name
	}
	return quoted
}

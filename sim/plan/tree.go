package plan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// depthMax bounds the nesting of a scenario; four levels are in use.
const depthMax = 16

// form is what a node of the tree is.
type form uint8

const (
	formText    form = iota // a scalar in quotes
	formPlain               // a scalar without
	formMapping             // keys and values
	formList
)

// node is a value of a scenario file and where it stands.
type node struct {
	at      Position
	form    form
	text    string  // of a scalar
	entries []entry // of a mapping, in the order of the file
	items   []*node // of a list
}

// entry is a key with its value.
type entry struct {
	key   string
	at    Position
	value *node
}

func (n *node) find(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// builder makes the tree of a file.
type builder struct {
	file     string
	problems Problems
}

// parseTree parses YAML. Of a file that is no YAML it knows the first
// problem only.
func parseTree(file string, data []byte) (*node, Problems) {
	b := &builder{file: file}
	parsed, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		at, text := Position{file, 1, 1}, err.Error()
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			at, text = b.at(syntax.GetToken()), syntax.GetMessage()
		}
		return nil, Problems{{at, text}}
	}
	var bodies []ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		return nil, Problems{{Position{file, 1, 1}, "the file is empty"}}
	case len(bodies) > 1:
		return nil, Problems{{b.at(bodies[1].GetToken()), "a second document: one is a scenario"}}
	}
	tree := b.build(bodies[0], depthMax)
	if tree != nil && tree.form != formMapping {
		b.problem(tree.at, "a scenario is keys with values")
	}
	return tree, b.problems
}

func (b *builder) at(t *token.Token) Position {
	if t == nil || t.Position == nil {
		return Position{b.file, 1, 1}
	}
	return Position{b.file, t.Position.Line, t.Position.Column}
}

func (b *builder) problem(at Position, format string, args ...any) {
	b.problems = append(b.problems, Problem{at, fmt.Sprintf(format, args...)})
}

// build returns nil, with a problem noted, for what a scenario cannot hold.
func (b *builder) build(from ast.Node, depth int) *node {
	at := b.at(from.GetToken())
	if depth == 0 {
		b.problem(at, "nested more than %d deep", depthMax)
		return nil
	}
	switch from := from.(type) {
	case *ast.MappingNode:
		return b.mapping(at, from.Values, depth)
	case *ast.MappingValueNode:
		return b.mapping(at, []*ast.MappingValueNode{from}, depth)
	case *ast.SequenceNode:
		list := &node{at: at, form: formList}
		for _, value := range from.Values {
			if item := b.build(value, depth-1); item != nil {
				list.items = append(list.items, item)
			}
		}
		return list
	case *ast.StringNode:
		kind := from.GetToken().Type
		if kind == token.SingleQuoteType || kind == token.DoubleQuoteType {
			return &node{at: at, form: formText, text: from.Value}
		}
		return &node{at: at, form: formPlain, text: from.Value}
	case *ast.LiteralNode:
		return &node{at: at, form: formText, text: from.Value.Value}
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &node{at: at, form: formPlain, text: from.GetToken().Value}
	case *ast.NullNode:
		b.problem(at, "there is no value here")
	default:
		b.problem(at, "a scenario uses no YAML %s", strings.ToLower(from.Type().String()))
	}
	return nil
}

func (b *builder) mapping(at Position, values []*ast.MappingValueNode, depth int) *node {
	n := &node{at: at, form: formMapping}
	for i, value := range values {
		key, keyAt := value.Key.GetToken().Value, b.at(value.Key.GetToken())
		if i == 0 {
			n.at = keyAt
		}
		switch value.Key.(type) {
		case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		default:
			b.problem(keyAt, "a key is a word")
			continue
		}
		if n.find(key) != nil {
			b.problem(keyAt, "%s is set a second time", key)
			continue
		}
		if child := b.build(value.Value, depth-1); child != nil {
			n.entries = append(n.entries, entry{key, keyAt, child})
		}
	}
	return n
}

// Override replaces the value of one key. Flag is how the user wrote it, for
// problems with it; Path is dotted, with numbers from 0 for the items of
// lists, and Value is written as in the file.
type Override struct{ Flag, Path, Value string }

// override replaces a value in the tree, and adds mappings on the way there
// where the file left them out.
func (n *node) override(o Override) error {
	at := Position{File: o.Flag}
	value := &node{at: at, form: formPlain, text: o.Value}
	parts := strings.Split(o.Path, ".")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case n.form == formList:
			index, err := strconv.Atoi(part)
			if err != nil || index < 0 || index >= len(n.items) {
				return fmt.Errorf("%w: %s: %s has the items 0 to %d, not %q", ErrOverride, o.Flag,
					strings.Join(parts[:i], "."), len(n.items)-1, part)
			}
			if last {
				n.items[index] = value
				return nil
			}
			n = n.items[index]
		case n.form != formMapping:
			return fmt.Errorf("%w: %s: %s has no keys", ErrOverride, o.Flag,
				strings.Join(parts[:i], "."))
		case last:
			n.set(part, at, value)
			return nil
		default:
			child := n.find(part)
			if child == nil {
				child = &node{at: at, form: formMapping}
				n.set(part, at, child)
			}
			n = child
		}
	}
	return nil
}

func (n *node) set(key string, at Position, value *node) {
	for i := range n.entries {
		if n.entries[i].key == key {
			n.entries[i].value, n.entries[i].at = value, at
			return
		}
	}
	n.entries = append(n.entries, entry{key, at, value})
}

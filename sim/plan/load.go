package plan

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"strings"
)

// fileBytesMax bounds a scenario file.
const fileBytesMax = 1 << 20

//go:embed builtin/*.yaml
var builtin embed.FS

// Builtins returns the names of the built-in scenarios, sorted.
func Builtins() []string {
	entries, err := builtin.ReadDir("builtin")
	if err != nil {
		panic(fmt.Sprintf("plan: embedded files: %v", err))
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".yaml")
	}
	return names
}

// Load reads a scenario: a built-in, when it is named like one, else a file.
// ErrUnknown when there is neither; Problems, ErrOverride.
func Load(name string, overrides ...Override) (*Plan, error) {
	if data, err := builtin.ReadFile(path.Join("builtin", name+".yaml")); err == nil {
		return Parse(name+".yaml", data, overrides...)
	}
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %q is no file, and the built-ins are %s", ErrUnknown, name,
			strings.Join(Builtins(), ", "))
	}
	if err != nil {
		return nil, fmt.Errorf("plan: read scenario: %w", err)
	}
	p, err := Parse(name, data, overrides...)
	if err != nil {
		return nil, err
	}
	if matrix := p.Network.Matrix; matrix != "" && !filepath.IsAbs(matrix) {
		p.Network.Matrix = filepath.Join(filepath.Dir(name), matrix)
	}
	return p, nil
}

func readFile(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, fileBytesMax+1))
	if err == nil && len(data) > fileBytesMax {
		err = Problems{{Position{name, 1, 1}, fmt.Sprintf("longer than %d bytes", fileBytesMax)}}
	}
	return data, err
}

// Parse reads a scenario from data; file is what problems call it.
func Parse(file string, data []byte, overrides ...Override) (*Plan, error) {
	tree, problems := parseTree(file, data)
	if tree == nil {
		return nil, problems
	}
	for _, o := range overrides {
		if err := tree.override(o); err != nil {
			return nil, err
		}
	}
	p := Default()
	d := &decoder{problems: problems, places: map[string]Position{}}
	d.value(tree, reflect.ValueOf(&p).Elem(), "", "")
	c := checker{d, &p}
	c.check()
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems
	}
	return &p, nil
}

package runtime_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// modulePath is what our own imports begin with.
const modulePath = "github.com/noisefs/noisefs/"

// fileLinesMax bounds a source file: over it, there is a second subject.
const fileLinesMax = 500

// topFolders are the only folders at the top that hold Go packages.
var topFolders = []string{
	"actors", "bench", "cluster", "cmd", "fuse", "messages", "runtime", "sim",
}

// rule forbids imports. in is a folder prefix; deny lists import path
// prefixes; except lists folder prefixes that the rule leaves out, and
// allow import path prefixes that are fine although denied.
type rule struct {
	in, reason          string
	deny, except, allow []string
}

var rules = []rule{
	{
		in: "messages", deny: []string{modulePath}, allow: []string{modulePath + "messages"},
		reason: "messages is the leaf that everybody speaks; it knows nobody",
	},
	{
		in: "runtime/format", deny: []string{modulePath}, allow: []string{modulePath + "messages"},
		reason: "codecs are pure: bytes in, values out",
	},
	{
		in: "actors", deny: []string{modulePath},
		allow: []string{
			modulePath + "messages", modulePath + "runtime/format",
			modulePath + "runtime/placement", modulePath + "runtime/port",
			modulePath + "runtime/shell",
		},
		reason: "an actor knows messages, codecs, ports and the shell, and no other actor",
	},
	{
		in: "actors", deny: []string{
			"os", "net", "sync", "math/rand", "crypto/rand", "github.com/libp2p",
			"github.com/ipfs/boxo", "github.com/hanwen/go-fuse",
		},
		reason: "an actor reaches the world through ports, so that the simulation can be the world",
	},
	{
		in: "", deny: []string{"github.com/asynkron/protoactor-go"},
		except: []string{"runtime/shell", "runtime/tree", "bench"},
		reason: "Proto.Actor is an implementation detail of the shell",
	},
	{
		in: "", deny: []string{"github.com/asynkron/protoactor-go/"},
		allow:  []string{"github.com/asynkron/protoactor-go/actor"},
		reason: "Proto.Actor's other packages read the clock and open sockets",
	},
	{
		in: "", deny: []string{"github.com/libp2p", "github.com/ipfs/boxo"},
		except: []string{"cluster", "bench"},
		reason: "the wire is an adapter",
	},
	{
		in: "", deny: []string{"github.com/hanwen/go-fuse"}, except: []string{"fuse", "bench"},
		reason: "the mount is an adapter",
	},
	{
		in: "sim", deny: []string{modulePath + "cluster", modulePath + "runtime/host"},
		reason: "the deterministic world has no clock, disk or wire of its own",
	},
	{
		in: "runtime/node", deny: []string{
			modulePath + "cluster", modulePath + "sim", modulePath + "runtime/host",
		},
		reason: "the same node runs on real and on simulated ports",
	},
	{
		in: "runtime/port", deny: []string{modulePath},
		allow:  []string{modulePath + "messages", modulePath + "runtime/port"},
		reason: "a port is a contract, not an implementation",
	},
	{
		in: "fuse", deny: []string{modulePath + "actors"},
		reason: "the mount talks to the node through node.Client",
	},
}

// source is a Go file of the project.
type source struct {
	path string // slash-separated, from the root
	file *ast.File
	fset *token.FileSet
}

func (s source) dir() string  { return filepath.ToSlash(filepath.Dir(s.path)) }
func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

func (s source) at(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.fset.Position(n.Pos()).Line)
}

// readSources parses every Go file below the project's root.
func readSources(t *testing.T) []source {
	t.Helper()
	var sources []source
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if name == "testdata" || (strings.HasPrefix(name, ".") && name != "..") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		sources = append(sources, source{filepath.ToSlash(rel), file, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sources) < 20 {
		t.Fatalf("found %d Go files: the walk is broken", len(sources))
	}
	return sources
}

// within reports whether dir is folder or below it. The empty folder is the
// root of everything.
func within(dir, folder string) bool {
	return folder == "" || dir == folder || strings.HasPrefix(dir, folder+"/")
}

// matches reports whether an import path is prefix or below it.
func matches(importPath, prefix string) bool {
	return importPath == strings.TrimSuffix(prefix, "/") ||
		strings.HasPrefix(importPath, strings.TrimSuffix(prefix, "/")+"/")
}

func (r rule) broken(dir, importPath string) bool {
	in := func(folder string) bool { return within(dir, folder) }
	is := func(prefix string) bool { return matches(importPath, prefix) }
	return within(dir, r.in) && !slices.ContainsFunc(r.except, in) &&
		slices.ContainsFunc(r.deny, is) && !slices.ContainsFunc(r.allow, is)
}

func TestImportRules(t *testing.T) {
	for _, s := range readSources(t) {
		if s.isTest() {
			continue
		}
		for _, spec := range s.file.Imports {
			importPath, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rules {
				if r.broken(s.dir(), importPath) {
					t.Errorf("%s imports %s: %s", s.at(spec), importPath, r.reason)
				}
			}
		}
	}
}

func TestImportRulesCatch(t *testing.T) {
	tests := []struct {
		dir, importPath string
		want            bool
	}{
		{"actors/store", modulePath + "actors/drive", true},
		{"actors/store", modulePath + "messages", false},
		{"actors/store", "os", true},
		{"actors/store", "math/rand/v2", true},
		{"actors/store", "crypto/sha256", false},
		{"messages", modulePath + "runtime/format", true},
		{"runtime/format", modulePath + "runtime/port", true},
		{"runtime/node", modulePath + "sim", true},
		{"runtime/node", modulePath + "runtime/api", false},
		{"sim/disk", modulePath + "runtime/host", true},
		{"cmd/noisefs", "github.com/asynkron/protoactor-go/actor", true},
		{"runtime/shell", "github.com/asynkron/protoactor-go/remote", true},
		{"runtime/shell", "github.com/asynkron/protoactor-go/actor", false},
		{"runtime/api", "github.com/libp2p/go-libp2p", true},
		{"fuse", modulePath + "actors/drive", true},
	}
	for _, test := range tests {
		got := slices.ContainsFunc(rules, func(r rule) bool {
			return r.broken(test.dir, test.importPath)
		})
		if got != test.want {
			t.Errorf("%s importing %s: broken = %v, want %v", test.dir, test.importPath, got, test.want)
		}
	}
}

func TestTopFolders(t *testing.T) {
	for _, s := range readSources(t) {
		top, _, nested := strings.Cut(s.path, "/")
		if !nested || !slices.Contains(topFolders, top) {
			t.Errorf("%s: Go packages live in %v and nowhere else", s.path, topFolders)
		}
	}
}

// bannedFolderNames say nothing about what lives there.
var bannedFolderNames = []string{"util", "utils", "common", "types", "helpers", "misc", "shared"}

func TestFoldersAndFiles(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range readSources(t) {
		for _, part := range strings.Split(s.dir(), "/") {
			if slices.Contains(bannedFolderNames, part) {
				t.Errorf("%s: a folder named %q belongs to nobody", s.path, part)
			}
		}
		if lines := s.fset.Position(s.file.FileEnd).Line; !s.isTest() && lines > fileLinesMax {
			t.Errorf("%s has %d lines, more than %d: find its second subject",
				s.path, lines, fileLinesMax)
		}
		if s.isTest() {
			continue
		}
		if !documented[s.dir()] {
			documented[s.dir()] = false
		}
		if s.file.Doc != nil && s.file.Name.Name != "main" {
			want := "Package " + s.file.Name.Name + " "
			documented[s.dir()] = documented[s.dir()] || strings.HasPrefix(s.file.Doc.Text(), want)
		} else if s.file.Doc != nil {
			documented[s.dir()] = true
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment that begins with \"Package <name> \"", dir)
		}
	}
}

// bannedTime is what actors must not call of package time.
var bannedTime = []string{
	"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
}

func TestActorsDoNotReachTheWorld(t *testing.T) {
	for _, s := range readSources(t) {
		if s.isTest() || !within(s.dir(), "actors") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: an actor starts no goroutine: use Workers", s.at(n))
			case *ast.SelectStmt, *ast.SendStmt, *ast.ChanType:
				t.Errorf("%s: an actor uses no channels: send messages", s.at(n))
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" &&
					slices.Contains(bannedTime, n.Sel.Name) {
					t.Errorf("%s: an actor's time is env.Clock, not time.%s", s.at(n), n.Sel.Name)
				}
			}
			return true
		})
	}
}

// TestActorsAnswerEverything proves that the switch of each actor names every
// member of its sealed interface in messages.
func TestActorsAnswerEverything(t *testing.T) {
	members := map[string][]string{} // marker method, as forStore → type names
	named := map[string]map[string]bool{}
	for _, s := range readSources(t) {
		if s.dir() == "messages" {
			collectMarkers(s.file, members)
		}
		if !s.isTest() && within(s.dir(), "actors") {
			if named[s.dir()] == nil {
				named[s.dir()] = map[string]bool{}
			}
			collectCases(s.file, named[s.dir()])
		}
	}
	if len(members) == 0 {
		t.Fatal("no sealed interface found in messages")
	}
	for marker, types := range members {
		dir := "actors/" + strings.ToLower(strings.TrimPrefix(marker, "for"))
		if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(dir))); err != nil {
			t.Errorf("messages has %s, but there is no %s", marker, dir)
			continue
		}
		for _, name := range types {
			if !named[dir][name] {
				t.Errorf("%s has no case for messages.%s", dir, name)
			}
		}
	}
}

func collectMarkers(file *ast.File, members map[string][]string) {
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv == nil || !strings.HasPrefix(f.Name.Name, "for") {
			continue
		}
		if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
			members[f.Name.Name] = append(members[f.Name.Name], receiver.Name)
		}
	}
}

func collectCases(file *ast.File, named map[string]bool) {
	ast.Inspect(file, func(n ast.Node) bool {
		clause, ok := n.(*ast.CaseClause)
		if !ok {
			return true
		}
		for _, expr := range clause.List {
			if sel, ok := expr.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "messages" {
					named[sel.Sel.Name] = true
				}
			}
		}
		return true
	})
}

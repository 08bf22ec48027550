package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/runtime/api"
)

// TestJSONKeepsEveryByteOfNames stores, lists, describes, shares, gets and
// removes under names that are no UTF-8, and reads them back out of what
// --json printed.
func TestJSONKeepsEveryByteOfNames(t *testing.T) {
	if testing.Short() {
		t.Skip("command lines are tested without -short")
	}
	newRepository(t)
	const name, target = "not utf-8 \xff\xfe", "to \x80"
	source := filepath.Join(t.TempDir(), "source \xf0")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(source, name), []byte("x"), 0o600); err != nil {
		t.Skipf("the file system takes no such names: %v", err)
	}
	if err := os.Symlink(target, filepath.Join(source, "link")); err != nil {
		t.Fatal(err)
	}
	const place = "/place \xc3"
	out := filepath.Join(t.TempDir(), "out \xee")
	dry := []string{"rm", "-r", "--dry-run", "--json", place}
	for _, test := range []struct {
		args []string
		want map[string]string // fields, one for each line at least
	}{
		{
			[]string{"put", "-r", "--json", source, "--to", place},
			map[string]string{"source": source, "path": place},
		},
		{[]string{"stat", "--json", place + "/" + name}, map[string]string{"name": name}},
		{[]string{"stat", "--json", place + "/link"}, map[string]string{"target": target}},
		{[]string{"ls", "--json", place}, map[string]string{"name": name, "target": target}},
		{[]string{"share", "--json", place}, map[string]string{"path": place}},
		{[]string{"share", "--list", "--json"}, map[string]string{"path": place}},
		{[]string{"get", "--json", "-o", out, place + "/" + name}, map[string]string{"output": out}},
		{dry, map[string]string{"path": place}},
	} {
		t.Run(strings.Join(test.args[:2], " "), func(t *testing.T) {
			printed := must(t, "", test.args...)
			found := map[string]bool{}
			decoder := json.NewDecoder(strings.NewReader(printed))
			for decoder.More() {
				var fields map[string]json.RawMessage
				if err := decoder.Decode(&fields); err != nil {
					t.Fatalf("%q: %v", printed, err)
				}
				for field, want := range test.want {
					var got api.Text
					if json.Unmarshal(fields[field], &got) == nil && string(got) == want {
						found[field] = true
					}
				}
			}
			if len(found) != len(test.want) {
				t.Errorf("of %q only %v was printed: %s", test.want, found, printed)
			}
		})
	}
}

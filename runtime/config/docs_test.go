package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// The page is made of the declarations, so it cannot say anything else.
func TestDocsAreUpToDate(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "configuration.md")
	want := markdown()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/configuration.md is stale (%v): go test ./runtime/config -update", err)
	}
}

const markdownHead = `# Configuration

<!-- Generated from runtime/config: go test ./runtime/config -update -->

What suits one user and not another is a setting, and so is every bound of a node that is
alone. A setting has a key such as ` + "`cache.memory_bytes`" + ` and
takes its value from four sources, each over the one before:

1. its default;
2. ` + "`config.toml`" + ` in the repository, where it is ` + "`memory_bytes`" + ` in the table ` +
	"`[cache]`" + `;
3. the environment, ` + "`NOISEFS_CACHE_MEMORY_BYTES`" + ` (empty counts as not set);
4. the command line, ` + "`--option cache.memory_bytes=64MiB`" + `; some have a flag of their own.

` + "`noisefs config show`" + ` prints every value and where it came from, ` +
	"`noisefs config check`" + `
lists what is wrong in a file, and ` + "`noisefs config set KEY VALUE`" + ` changes one line
and keeps the rest, comments included. An unknown key is an error.

Sizes are ` + "`4096`, `64MiB` (1024s) or `50GB` (1000s)" + `, durations ` +
	"`300ms`, `10s`, `1h30m`" + `, shares ` + "`0.5` or `50%`" + `.
In TOML everything but a plain number is quoted. Changes count from the next start.

There are no secrets in the configuration: passphrases come from a prompt, a file or a command.
`

func markdown() string {
	var b strings.Builder
	b.WriteString(markdownHead)
	for _, g := range groups() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", g[0], g[1])
		for _, f := range fields() {
			if group, _ := f.split(); group == g[0] {
				writeField(&b, f)
			}
		}
	}
	return b.String()
}

func writeField(b *strings.Builder, f field) {
	fallback := "empty"
	if f.fallback != "" {
		fallback = "`" + f.fallback + "`"
	}
	fmt.Fprintf(b, "\n### %s\n\n%s\n\n", f.key, f.does)
	fmt.Fprintf(b, "- default: %s\n", fallback)
	if f.unit != "" {
		fmt.Fprintf(b, "- unit: %s\n", f.unit)
	}
	fmt.Fprintf(b, "- allowed: %s\n", f.allowed())
	fmt.Fprintf(b, "- cost of raising or changing it: %s\n", f.costs)
	option := "--option " + f.key + "=…"
	if f.flag != "" {
		option = "--" + f.flag
	}
	fmt.Fprintf(b, "- `%s`, `%s`\n", f.env(), option)
}

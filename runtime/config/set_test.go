package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSetKeepsTheRest(t *testing.T) {
	for _, test := range []struct{ name, before, key, value, after string }{
		{"NewFile", "", "cache.memory_bytes", "32MiB", "[cache]\nmemory_bytes = \"32MiB\"\n"},
		{
			"Replace", "# a\n[cache]  # b\n  memory_bytes=1048576   # c\n", "cache.memory_bytes",
			"2097152", "# a\n[cache]  # b\n  memory_bytes=2097152   # c\n",
		},
		{
			"ReplaceText", "[log]\nlevel = 'info' # c\nformat = \"json\"\n", "log.level", "warn",
			"[log]\nlevel = \"warn\" # c\nformat = \"json\"\n",
		},
		{
			"ReplaceMultiline", "[api]\nsocket = '''\\\n/a'''\n# end\n", "api.socket", `/b "c" \d`,
			"[api]\nsocket = \"/b \\\"c\\\" \\\\d\"\n# end\n",
		},
		{
			"AddToTable", "[log]\nlevel = \"warn\" # c\n\n# about the cache\n[cache]\n", "log.format",
			"json", "[log]\nlevel = \"warn\" # c\nformat = \"json\"\n\n# about the cache\n[cache]\n",
		},
		{
			"AddToEmptyTable", "[log] # c\n[cache]\n", "log.format", "json",
			"[log] # c\nformat = \"json\"\n[cache]\n",
		},
		{
			"AddTable", "[log]\nlevel = \"warn\"", "workers.cpu", "02",
			"[log]\nlevel = \"warn\"\n\n[workers]\ncpu = 2\n",
		},
		{
			"AddAtEndWithoutNewline", "[log]\nlevel = \"warn\"", "log.format", "json",
			"[log]\nlevel = \"warn\"\nformat = \"json\"\n",
		},
		{
			"Dotted", "log.level = \"warn\" # c\n[cache]\n", "log.format", "json",
			"log.level = \"warn\" # c\nlog.format = \"json\"\n[cache]\n",
		},
		{
			"InlineTable", "log = { level = \"warn\", format = 'text' }\n", "log.format", "json",
			"log = { level = \"warn\", format = \"json\" }\n",
		},
		{
			"CRLF", "[log]\r\nlevel = \"warn\" # c\r\n", "log.format", "json",
			"[log]\r\nlevel = \"warn\" # c\r\nformat = \"json\"\r\n",
		},
		{
			"Share", "[storage]\n", "storage.compact_dead_share", "0.250",
			"[storage]\ncompact_dead_share = 0.25\n",
		},
		{
			"Percent", "[storage]\n", "storage.compact_dead_share", "25%",
			"[storage]\ncompact_dead_share = \"25%\"\n",
		},
		{"Duration", "", "daemon.lock_wait", "0", "[daemon]\nlock_wait = \"0\"\n"},
		{"EmptyText", "[metrics]\nlisten='a:1'", "metrics.listen", "", "[metrics]\nlisten=\"\""},
		{
			"OtherProblemsStay", "[log]\nlevel = \"loud\"\n[nonsense]\nx = 1\n", "log.format", "json",
			"[log]\nlevel = \"loud\"\nformat = \"json\"\n[nonsense]\nx = 1\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(newRepo(t, test.before), FileName)
			if err := Set(path, test.key, test.value); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.after, string(got)); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestSetRefuses(t *testing.T) {
	for _, test := range []struct {
		name, before, key, value string
		want                     error
		text                     string
	}{
		{"UnknownKey", "", "cache.memry_bytes", "1", ErrUnknownKey, "did you mean cache.memory_bytes?"},
		{"BadValue", "", "cache.memory_bytes", "lots", ErrValue, "cache.memory_bytes"},
		{"OutOfBounds", "", "node.asks_max", "0", ErrValue, "allowed: 16 to 1048576"},
		{"TooFewForATree", "", "splitter.sessions_max", "1", ErrValue, "a large file in it another"},
		{"ControlCharacter", "", "api.socket", "a\nb", ErrValue, "not plain text"},
		{"NotTOML", "[cache\n", "log.level", "warn", ErrInvalid, "not TOML"},
		{"List", "[log]\nlevel = [1]\n", "log.level", "warn", ErrEdit, ""},
		{"InlineTable", "log = { level = 'warn' }\n", "log.format", "json", ErrEdit, ""},
		{"TableAsValue", "log = 5\n", "log.format", "json", ErrEdit, ""},
		{
			"Misfit", "[cache]\n", "storage.segment_bytes", "1GiB", ErrInvalid,
			"storage.reserve_bytes: 256MiB is less than",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(newRepo(t, test.before), FileName)
			err := Set(path, test.key, test.value)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, want %v with %q", err, test.want, test.text)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != test.before {
				t.Errorf("the file was changed to %q, %v", got, err)
			}
		})
	}
}

func TestSetKeepsLinkAndPermissions(t *testing.T) {
	real := filepath.Join(t.TempDir(), "dotfiles.toml")
	if err := os.WriteFile(real, []byte("[log]\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), FileName)
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if err := Set(link, "log.level", "warn"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(link); err != nil || got != real {
		t.Errorf("the link is gone: %q, %v", got, err)
	}
	info, err := os.Stat(real)
	if err != nil || info.Mode().Perm() != 0o640 || info.Size() == 6 {
		t.Errorf("got %v, %v, want a longer file with mode 0640", info, err)
	}
}

// validText draws a text that the setting may have.
func validText(t *rapid.T, f field) string {
	switch f.kind {
	case kindChoice:
		return rapid.SampledFrom(f.choices).Draw(t, "choice")
	case kindText:
		switch f.key {
		case "metrics.listen":
			return rapid.SampledFrom([]string{"", ":1", "[::1]:9100"}).Draw(t, "listen")
		case "network.listen", "network.bootstrap", "network.ipfs_peers":
			return rapid.SampledFrom([]string{"", "/a", " /a/b  /c "}).Draw(t, "multiaddrs")
		}
		return rapid.StringMatching(`[ -~äß"'\\]{0,20}`).Draw(t, "text")
	case kindShare:
		return formatShare(rapid.Float64Range(0.05, 1).Draw(t, "share"))
	}
	low, high := f.bounds()
	n := rapid.Int64Range(low, high).Draw(t, "n")
	switch f.kind {
	case kindBytes:
		return FormatSize(n)
	case kindDuration:
		return FormatDuration(time.Duration(n))
	}
	return formatCount(int(n))
}

// However a file came about, Set changes one setting and nothing else.
func TestSetChangesOneSettingOnly(t *testing.T) {
	dir := t.TempDir()
	all := fields()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, FileName)
		start := rapid.SampledFrom([]string{
			"", "# only a comment", "\n\n", "cache.memory_bytes = 0\n", "[log]\nlevel='info'\n",
			"workers = {cpu = 1}\r\n[storage]\r\n",
		}).Draw(t, "start")
		if err := os.WriteFile(path, []byte(start), 0o600); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			f := rapid.SampledFrom(all).Draw(t, "field")
			value := validText(t, f)
			before := Default()
			old, _ := os.ReadFile(path)
			oldDoc := parse(old)
			_ = oldDoc.apply(before, FileName)
			err := Set(path, f.key, value)
			now, readErr := os.ReadFile(path)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if err != nil {
				if string(now) != string(old) {
					t.Fatalf("refused %s = %q, yet changed the file", f.key, value)
				}
				if !errors.Is(err, ErrEdit) && !errors.Is(err, ErrInvalid) {
					t.Fatalf("%s = %q: %v", f.key, value, err)
				}
				continue
			}
			if err := f.set(before, value); err != nil {
				t.Fatal(err)
			}
			after := Default()
			nowDoc := parse(now)
			_ = nowDoc.apply(after, FileName)
			if diff := cmp.Diff(before, after, ignoreOrigins()); diff != "" {
				t.Fatalf("%s = %q in %q: want -, got +:\n%s", f.key, value, old, diff)
			}
			if strings.Count(string(now), "#") < strings.Count(start, "#") {
				t.Fatal("a comment is gone")
			}
		}
	})
}

func FuzzParseConfig(f *testing.F) {
	f.Add("[cache]\nmemory_bytes = '64MiB'\n", uint8(6), "32MiB")
	f.Add("log = { level = \"warn\" }\r\n", uint8(1), "5")
	f.Add("a.b.c = [1, {x = 2}]\n[[t]]\n", uint8(0), "strict")
	f.Add("[storage]\nquota_bytes = 0x40_00\ncompact_dead_share = 1e-1", uint8(4), "50%")
	all := fields()
	f.Fuzz(func(t *testing.T, text string, which uint8, value string) {
		c := Default()
		doc := parse([]byte(text))
		problems := doc.apply(c, FileName)
		for _, p := range problems {
			if p.Text == "" || strings.ContainsAny(p.String(), "\n\x1b") {
				t.Fatalf("a problem that does not print on one line: %q", p.String())
			}
		}
		// Whatever was refused is not in the configuration.
		if err := c.Validate(); err != nil && c.conflicts().orNil() == nil {
			t.Fatalf("a value out of bounds got in: %v", err)
		}
		target := all[int(which)%len(all)]
		if target.check(value) != nil {
			return
		}
		edited, err := edit([]byte(text), target, value)
		if err != nil {
			return
		}
		again := Default()
		editedDoc := parse(edited)
		_ = editedDoc.apply(again, FileName)
		if err := target.set(c, value); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again, ignoreOrigins()); diff != "" {
			t.Fatalf("editing %q changed more than %s:\n%s", text, target.key, diff)
		}
	})
}

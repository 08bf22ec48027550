package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// newRepo returns a folder with this config.toml.
func newRepo(tb testing.TB, text string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func ignoreOrigins() cmp.Option { return cmpopts.IgnoreUnexported(Config{}) }

func TestDefaultsAreValidAndDocumented(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, f := range fields() {
		for _, name := range []string{"key " + f.key, "env " + f.env(), "flag " + f.flagName()} {
			if seen[name] {
				t.Errorf("%s is declared twice", name)
			}
			seen[name] = true
		}
		group, name := f.split()
		if !isGroup(group) || name == "" {
			t.Errorf("%s is in no group", f.key)
		}
		if !strings.HasSuffix(f.does, ".") || f.costs == "" || f.unit == "" && f.kind != kindChoice {
			t.Errorf("%s is not documented", f.key)
		}
		if f.kind != kindText && f.kind != kindChoice && f.kind != kindShare {
			if low, high := f.bounds(); low >= high {
				t.Errorf("%s has no room between its bounds", f.key)
			}
		}
		c := Default()
		if got := f.text(c); f.set(c, got) != nil || f.text(c) != got {
			t.Errorf("%s: %q does not read back", f.key, got)
		}
	}
}

// Every field of the struct is a setting, and no two settings share one.
func TestSettingsAndStructAreTheSame(t *testing.T) {
	c := Default()
	places := make(map[any]string)
	for _, f := range fields() {
		if other, taken := places[f.place(c)]; taken {
			t.Errorf("%s and %s write to one field", f.key, other)
		}
		places[f.place(c)] = f.key
	}
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		group := v.Field(i)
		if group.Kind() != reflect.Struct {
			continue
		}
		for j := range group.NumField() {
			key, ok := places[group.Field(j).Addr().Interface()]
			if !ok {
				t.Errorf("%s.%s is no setting", v.Type().Field(i).Name, group.Type().Field(j).Name)
				continue
			}
			want := strings.ToLower(v.Type().Field(i).Name + "." + group.Type().Field(j).Name)
			if got := strings.ReplaceAll(key, "_", ""); got != want {
				t.Errorf("%s stands in field %s", key, want)
			}
		}
	}
}

func TestZeroConfigIsInvalid(t *testing.T) {
	var c Config
	if err := c.Validate(); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}

func TestLoadTakesSourcesInRisingOrder(t *testing.T) {
	dir := newRepo(t, `# the whole file
reader.open_files_max = 11
[cache]
memory_bytes = "32MiB" # less
[storage]
profile = "strict"
quota_bytes = 50_000_000_000
compact_dead_share = 0.25
segment_bytes = 0x4000000
[daemon]
lock_wait = '3s'
`)
	env := []string{
		"PATH=/bin", "NOISEFS_REPO=/elsewhere", "NOISEFS_CACHE_MEMORY_BYTES=16MiB",
		"NOISEFS_STORAGE_PROFILE=thrifty", "NOISEFS_DAEMON_LOCK_WAIT=", "NOISEFS_LOG_LEVEL=debug",
	}
	flags := map[string]string{"profile": "balanced", "metrics": "127.0.0.1:9100"}
	c, err := Load(dir, env, flags)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Reader.OpenFilesMax = 11
	want.Cache.MemoryBytes = 16 << 20
	want.Storage.QuotaBytes = 50e9
	want.Storage.CompactDeadShare = 0.25
	want.Storage.SegmentBytes = 64 << 20
	want.Daemon.LockWait = 3 * time.Second
	want.Log.Level = "debug"
	want.Metrics.Listen = "127.0.0.1:9100"
	if diff := cmp.Diff(want, c, ignoreOrigins()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	origins := make(map[string]string)
	for _, s := range c.Show() {
		if s.Origin != "default" {
			origins[s.Key] = s.Value + " from " + s.Origin
		}
	}
	wantOrigins := map[string]string{
		"reader.open_files_max":      "11 from config.toml:2",
		"cache.memory_bytes":         "16MiB from env NOISEFS_CACHE_MEMORY_BYTES",
		"storage.profile":            "balanced from flag --profile",
		"storage.quota_bytes":        "50GB from config.toml:7",
		"storage.compact_dead_share": "0.25 from config.toml:8",
		"storage.segment_bytes":      "64MiB from config.toml:9",
		"daemon.lock_wait":           "3s from config.toml:11",
		"log.level":                  "debug from env NOISEFS_LOG_LEVEL",
		"metrics.listen":             "127.0.0.1:9100 from flag --metrics",
	}
	if diff := cmp.Diff(wantOrigins, origins); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestLoadWithoutAFile(t *testing.T) {
	c, err := Load(t.TempDir(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, ignoreOrigins()); diff != "" {
		t.Error(diff)
	}
}

func TestLoadTellsEverythingThatIsWrong(t *testing.T) {
	dir := newRepo(t, `[cache]
memory_bytes = "7 apples"

[storag]
anything = 1
[reader]
open_files_max = 0
open_file_max = 3
read_ahead_max_chunks = [1, 2]
[storage]
profile = "strikt"
compact_dead_share = nan
[daemon]
lock_wait = 10
[log]
secret_pasted_here = "hunter2-canary"
`)
	env := []string{"NOISEFS_CACHE_MEMROY_BYTES=1", "NOISEFS_INDEX_CACHE_BYTES=1", "NOISEFS_REPO=x"}
	flags := map[string]string{"log-levle": "info", "workers-cpu": "many", "metrics": "nowhere"}
	_, err := Load(dir, env, flags)
	if !errors.Is(err, ErrInvalid) {
		t.Fatalf("got %v, want ErrInvalid", err)
	}
	want := `config: invalid configuration
  config.toml:4: unknown table [storag] (did you mean storage?)
  config.toml:2: cache.memory_bytes: "7 apples": unknown unit "apples", ` +
		`want for example MiB or GB (allowed: 1MiB to 1PiB, or 0: no blocks are kept in memory)
  config.toml:7: reader.open_files_max: "0" is out of bounds (allowed: 1 to 1048576)
  config.toml:8: reader.open_file_max: unknown setting (did you mean reader.open_files_max?)
  config.toml:9: reader.read_ahead_max_chunks: want text or a number ` +
		`(allowed: 1 to 4096, or 0: no read-ahead)
  config.toml:11: storage.profile: "strikt" is not allowed (did you mean strict?) ` +
		`(allowed: balanced, strict, thrifty)
  config.toml:12: storage.compact_dead_share: "nan" is not a share, such as 0.5 or 50% ` +
		`(allowed: 0.05 to 1)
  config.toml:14: daemon.lock_wait: "10" is not a duration, such as 10s or 1h30m ` +
		`(allowed: 1ms to 1h, or 0: does not wait)
  config.toml:16: log.secret_pasted_here: unknown setting
  env NOISEFS_CACHE_MEMROY_BYTES: unknown setting (did you mean NOISEFS_CACHE_MEMORY_BYTES?)
  env NOISEFS_INDEX_CACHE_BYTES: index.cache_bytes: "1" is out of bounds (allowed: 1MiB to 1TiB)
  flag --workers-cpu: workers.cpu: "many" is not a whole number of 0 or more ` +
		`(allowed: 1 to 1024, or 0: one per core)
  flag --metrics: metrics.listen: "nowhere" is not host:port, such as 127.0.0.1:9100
  flag --log-levle: unknown setting (did you mean log-level?)`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the value of an unknown key is shown")
	}
}

func TestSettingsMustFitTogether(t *testing.T) {
	for flags, want := range map[string]string{
		"storage-segment-bytes=512MiB": "storage.reserve_bytes: 256MiB is less than " +
			"storage.segment_bytes, 512MiB",
		"storage-quota-bytes=64MiB":           "storage.quota_bytes: 64MiB is less than",
		"randomizer-reuse-pool-blocks=70":     "randomizer.reuse_pool_blocks: 70 is not more than",
		"randomizer-reuse-distance-chunks=4k": "not a whole number",
	} {
		name, value, _ := strings.Cut(flags, "=")
		_, err := Load(t.TempDir(), nil, map[string]string{name: value})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", flags, err, want)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"[cache\n":                         "config.toml:1: not TOML",
		"\n\n[cache]\nmemory_bytes = \n":   "config.toml:4: not TOML",
		"[cache]\na=1\n[cache]\n":          "config.toml:3: not TOML",
		"[api]\nsocket='a'\nsocket='b'\n":  "config.toml:3: not TOML",
		"x = \"\xff\"\n":                   "config.toml:1: not TOML",
		"[[cache]]\n":                      "config.toml:1: [[cache]] is a list of tables",
		"cache = 5\n":                      "config.toml:1: cache: unknown setting",
		"memory_bytes = 5\n":               "did you mean cache.memory_bytes?",
		"\"caché\" = 1\n":                  `config.toml:1: "cach\u00e9": unknown setting`,
		"[api]\nsocket = \"a\\u0000b\"\n":  "config.toml:2: api.socket: not plain text",
		"[api]\nsocket = 2020-01-01\n":     "config.toml:2: api.socket: want text",
		"[log]\nlevel = true\n":            "config.toml:2: log.level: want text",
		"cache = { memory_bytes = true }":  "config.toml:1: cache.memory_bytes: want text",
		"[storage]\nquota_bytes = -5\n":    "config.toml:2: storage.quota_bytes",
		"[workers]\ncpu = 1.5\n":           "config.toml:2: workers.cpu",
		"[pack]\nfile_bytes_max='65KiB'\n": "allowed: 1 to 64KiB, or 0: nothing is packed",
	} {
		_, err := Load(newRepo(t, text), nil, nil)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
		problems, err := Check(filepath.Join(newRepo(t, text), FileName))
		if err != nil || len(problems) == 0 || problems[0].Line == 0 {
			t.Errorf("%q: Check found %v, %v", text, problems, err)
		}
	}
}

func TestCheck(t *testing.T) {
	path := filepath.Join(newRepo(t, "[storage]\nquota_bytes = \"20MiB\"\n[x]\n"), FileName)
	problems, err := Check(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
	}
	want := []string{
		"config.toml:2: storage.quota_bytes: 20MiB is less than storage.segment_bytes, 128MiB",
		"config.toml:3: unknown table [x]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if problems, err := Check(filepath.Join(t.TempDir(), FileName)); err != nil || problems != nil {
		t.Errorf("a missing file: got %v, %v", problems, err)
	}
	if _, err := Check(t.TempDir()); err == nil {
		t.Error("a folder passes as a file")
	}
	huge := filepath.Join(newRepo(t, strings.Repeat("#\n", fileSizeMax)), FileName)
	if _, err := Check(huge); !errors.Is(err, ErrInvalid) {
		t.Errorf("a huge file: got %v, want ErrInvalid", err)
	}
}

func TestShowReadsBackAsFlags(t *testing.T) {
	flags := make(map[string]string)
	byKey := make(map[string]string)
	for _, f := range Flags() {
		byKey[f.Key] = f.Name
	}
	for _, s := range Default().Show() {
		if byKey[s.Key] == "" {
			t.Errorf("%s has no flag", s.Key)
		}
		flags[byKey[s.Key]] = s.Value
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	}
	c, err := Load(t.TempDir(), nil, flags)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), c, ignoreOrigins()); diff != "" {
		t.Error(diff)
	}
}

func TestSlogLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
		"error": slog.LevelError, "": slog.LevelInfo,
	} {
		if got := (Log{Level: text}).SlogLevel(); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestSuggest(t *testing.T) {
	for text, want := range map[string]string{
		"cache.memory_byte":  " (did you mean cache.memory_bytes?)",
		"cahce.memory_bytes": " (did you mean cache.memory_bytes?)",
		"reuse_max":          " (did you mean randomizer.reuse_max?)",
		"wholly.different":   "",
		"":                   "",
	} {
		if got := suggest(text, keys()); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3},
		{"ca", "abc", 3},
		{strings.Repeat("x", 99), "x", distanceTextMax},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

var envName = regexp.MustCompile(`^NOISEFS_[A-Z]+(_[A-Z]+)+$`)

func TestEnvironmentNames(t *testing.T) {
	for _, f := range fields() {
		if !envName.MatchString(f.env()) {
			t.Errorf("%s has the environment variable %s", f.key, f.env())
		}
	}
	// Names that other parts of the program use must not look misspelt.
	for _, name := range []string{"NOISEFS_REPO", "NOISEFS_PASSPHRASE_FILE", "NOISEFS_LOG_FILE"} {
		if _, err := Load(t.TempDir(), []string{name + "=x"}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func ExampleLoad() {
	_, err := Load("/nowhere", nil, map[string]string{"log-level": "loud"})
	fmt.Println(err)
	// Output:
	// config: invalid configuration
	//   flag --log-level: log.level: "loud" is not allowed (allowed: debug, info, warn, error)
}

package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

const (
	// smallFileBytes is the size up to which every byte of a file is tried.
	smallFileBytes = 256
	// samplesOfFile is how many bytes of a larger file are tried, beside its
	// first and last ones.
	samplesOfFile = 12
)

// Where records lie in a segment: see the docs of runtime/blockstore.
const (
	packHeaderBytes   = 32
	recordHeaderBytes = 64
	packRecordBytes   = recordHeaderBytes + 128<<10
)

// damage is a repository that is damaged again and again, always beginning
// with the same files.
type damage struct {
	*testing.T
	files   map[string][]byte // of the sound repository, by path below it
	targets []messages.Target
	want    []string // their digests
	scratch string
}

// newDamage makes a repository with files of every kind of storing.
func newDamage(t *testing.T, seed uint64) *damage {
	t.Helper()
	d := &damage{T: t, scratch: fastTempDir(t)}
	dir := filepath.Join(t.TempDir(), "repo")
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	opened, err := openQuietly(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	d.fill(opened, seed)
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	d.files = readFolder(t, dir)
	return d
}

func (d *damage) fill(client node.Client, seed uint64) {
	d.Helper()
	ctx := d.Context()
	for i, size := range []int{0, 10, 90_000, 300_000} {
		path := fmt.Sprintf("/file%d", i)
		_, err := client.PutFile(ctx, bytes.NewReader(randomBytes(seed+uint64(i), size)),
			node.PutOptions{Attributes: toilAttributes, Place: messages.Place{Path: path}})
		if err != nil {
			d.Fatal(err)
		}
		d.targets = append(d.targets, messages.Target{Path: path})
	}
	_, err := client.PutTree(ctx, newToilTree(seed), node.PutOptions{
		Attributes: toilAttributes, Place: messages.Place{Path: "/tree"},
	})
	if err != nil {
		d.Fatal(err)
	}
	link, err := client.Share(ctx, "/")
	if err != nil {
		d.Fatal(err)
	}
	d.targets = append(d.targets, messages.Target{Path: "/tree"}, messages.Target{Link: &link})
	for _, target := range d.targets {
		digest, err := digestAt(ctx, client, target)
		if err != nil {
			d.Fatal(err)
		}
		d.want = append(d.want, digest)
	}
}

// names are those of the sound files, in order, so that every run is alike.
func (d *damage) names() []string { return slices.Sorted(maps.Keys(d.files)) }

func readFolder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if err == nil {
			files[below], err = os.ReadFile(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// try writes the repository with some files changed (nil: missing), and uses
// it. Whatever it returns must be what was stored, or an error. It reports
// whether anybody noticed the change.
func (d *damage) try(what string, changed map[string][]byte) (noticed bool) {
	d.Helper()
	dir := filepath.Join(d.scratch, "repo")
	if err := os.RemoveAll(dir); err != nil {
		d.Fatal(err)
	}
	for name, data := range d.files {
		if replacement, ok := changed[name]; ok {
			data = replacement
		}
		if _, ok := changed[name]; ok && data == nil {
			continue
		}
		writeBelow(d.T, dir, name, data)
	}
	for name, data := range changed {
		if _, ok := d.files[name]; !ok {
			writeBelow(d.T, dir, name, data)
		}
	}
	opened, err := openQuietly(d.Context(), dir)
	if err != nil {
		d.checkError(what+": open", err)
		return true
	}
	defer func() { _ = opened.Close() }() // of damaged files, which may fail
	for i, target := range d.targets {
		got, err := digestAt(d.Context(), opened, target)
		switch {
		case err != nil:
			noticed = true
			d.checkError(what+": read", err)
		case got != d.want[i]:
			d.Errorf("%s: target %d reads as wrong bytes", what, i)
		}
	}
	report, err := opened.Verify(d.Context(), nil)
	switch {
	case err != nil:
		d.checkError(what+": verify", err)
	case report.ProblemCount == 0 && noticed:
		d.Errorf("%s: something cannot be read, and verify finds nothing", what)
	case report.ProblemCount == 0:
		return false
	case len(report.Problems) == 0 || report.Problems[0].Reason == "":
		d.Errorf("%s: verify finds a problem and does not name it", what)
	}
	return true
}

func writeBelow(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkError refuses errors that tell nothing.
func (d *damage) checkError(what string, err error) {
	d.Helper()
	switch code := exitCode(err); code {
	case exitCorrupt, exitNewer, exitNotFound, exitPassphrase, exitUsage:
	default:
		d.Errorf("%s: exit code %d: %v", what, code, err)
	}
}

// meaningless tells of a file that it carries no data: it may be changed
// without anybody noticing.
func meaningless(name string) bool {
	base := filepath.Base(name)
	return name == "lock" || base == "ballast" || base == "LOCK"
}

// mayHeal tells whether a changed byte may go unnoticed since what it says
// stands elsewhere too, or is not needed any more.
func mayHeal(name string, at int) bool {
	base := filepath.Base(name)
	switch filepath.Ext(name) {
	case ".pack": // headers stand in the .index again
		return at < packHeaderBytes || (at-packHeaderBytes)%packRecordBytes < recordHeaderBytes
	case ".index": // it is made again from the .pack
		return true
	case ".log": // an empty one; that nothing was cut off is what the mark tells
		return strings.HasPrefix(name, "index/")
	}
	return name == "blocks/format" || // stands there twice
		name == "repo.json" || // its id is for people
		base == "mark" || // is ignored when it is torn
		strings.HasPrefix(base, "OPTIONS-") || strings.HasPrefix(base, "MANIFEST-") // old ones
}

func TestFlippedBytes(t *testing.T) {
	d := newDamage(t, 1)
	rng := rand.New(rand.NewPCG(1, 2))
	noticed, healed := 0, 0
	for _, name := range d.names() {
		sound := d.files[name]
		if meaningless(name) || len(sound) == 0 {
			continue
		}
		for _, at := range offsets(rng, name, len(sound)) {
			flipped := bytes.Clone(sound)
			flipped[at] ^= 1 << rng.IntN(8)
			what := fmt.Sprintf("%s: byte %d of %d flipped", name, at, len(sound))
			switch {
			case d.try(what, map[string][]byte{name: flipped}):
				noticed++
			case mayHeal(name, at):
				healed++
			default:
				t.Errorf("%s: nobody noticed", what)
			}
		}
	}
	t.Logf("%d flips were noticed, %d did no harm", noticed, healed)
}

// offsets chooses which bytes of a file to flip.
func offsets(rng *rand.Rand, name string, size int) []int {
	samples := samplesOfFile
	if testing.Short() {
		samples /= 4
	}
	var at []int
	if size <= smallFileBytes && (name == "vault.json" || os.Getenv("NOISEFS_SOAK") != "") {
		for i := range size {
			at = append(at, i)
		}
		return at
	}
	for _, i := range []int{0, 31, 32, size / 2, size - 1} {
		at = append(at, min(i, size-1))
	}
	for range samples {
		at = append(at, rng.IntN(size))
	}
	return at
}

func TestTruncatedAndMissingFiles(t *testing.T) {
	d := newDamage(t, 2)
	noticed, healed := 0, 0
	for _, name := range d.names() {
		sound := d.files[name]
		if meaningless(name) {
			continue
		}
		changes := map[string][]byte{
			"missing": nil, "longer": append(bytes.Clone(sound), make([]byte, 100)...),
		}
		for _, size := range []int{0, 1, len(sound) / 2, len(sound) - 1} {
			if size < len(sound) && size >= 0 {
				changes[fmt.Sprintf("cut to %d of %d", size, len(sound))] = sound[:size:size]
			}
		}
		for how, changed := range changes {
			if d.try(name+": "+how, map[string][]byte{name: changed}) {
				noticed++
				continue
			}
			healed++
			if changed != nil && how != "longer" && !mayHeal(name, len(changed)) {
				t.Errorf("%s: %s: nobody noticed", name, how)
			}
		}
	}
	t.Logf("%d changes were noticed, %d did no harm", noticed, healed)
}

func TestSwappedBlocks(t *testing.T) {
	d := newDamage(t, 3)
	for name, sound := range d.files {
		if filepath.Ext(name) != ".pack" {
			continue
		}
		count := (len(sound) - packHeaderBytes) / packRecordBytes
		if count < 4 {
			t.Fatalf("only %d records to swap", count)
		}
		record := func(data []byte, i, skip int) []byte {
			return data[packHeaderBytes+i*packRecordBytes+skip : packHeaderBytes+(i+1)*packRecordBytes]
		}
		for _, skip := range []int{0, recordHeaderBytes} { // whole records, and their blocks only
			for i := range count - 1 {
				swapped := bytes.Clone(sound)
				copy(record(swapped, i, skip), record(sound, i+1, skip))
				copy(record(swapped, i+1, skip), record(sound, i, skip))
				what := fmt.Sprintf("records %d and %d swapped without %d bytes", i, i+1, skip)
				if !d.try(what, map[string][]byte{name: swapped}) && skip > 0 {
					t.Errorf("%s: nobody noticed", what)
				}
			}
		}
	}
}

func TestMixedRepositories(t *testing.T) {
	one, two := newDamage(t, 4), newDamage(t, 5)
	for _, part := range []string{"index/", "blocks/", "vault.json"} {
		changed := map[string][]byte{}
		for name := range one.files {
			if strings.HasPrefix(name, part) {
				changed[name] = nil
			}
		}
		for name, data := range two.files {
			if strings.HasPrefix(name, part) {
				changed[name] = data
			}
		}
		if !one.try(part+" of another repository", changed) {
			t.Errorf("%s of another repository: nobody noticed", part)
		}
	}
	// Single files of the index, which have the same names in both.
	for name, data := range two.files {
		if _, both := one.files[name]; both && strings.HasPrefix(name, "index/") &&
			!meaningless(name) && !bytes.Equal(data, one.files[name]) {
			if !one.try(name+" of another repository", map[string][]byte{name: data}) {
				t.Errorf("%s of another repository: nobody noticed", name)
			}
		}
	}
}

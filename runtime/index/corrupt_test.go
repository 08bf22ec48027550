package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// files reads every file under dir. The engine may remove some meanwhile.
func files(tb testing.TB, disk vfs.FS, dir string) map[string][]byte {
	tb.Helper()
	found := map[string][]byte{}
	names, err := disk.List(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, name := range names {
		full := path.Join(dir, name)
		info, err := disk.Stat(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			tb.Fatal(err)
		}
		if info.IsDir() {
			maps.Copy(found, files(tb, disk, full))
			continue
		}
		if data, ok := readFile(tb, disk, full); ok {
			found[full] = data
		}
	}
	return found
}

func readFile(tb testing.TB, disk vfs.FS, name string) (data []byte, ok bool) {
	tb.Helper()
	file, err := disk.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		tb.Fatal(err)
	}
	data, err = io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil {
		tb.Fatal(err)
	}
	return data, true
}

// diskOf makes a disk with the given files.
func diskOf(tb testing.TB, files map[string][]byte) *vfs.MemFS {
	tb.Helper()
	disk := vfs.NewMem()
	for name, data := range files {
		if err := disk.MkdirAll(path.Dir(name), 0o700); err != nil {
			tb.Fatal(err)
		}
		file, err := disk.Create(name, vfs.WriteCategoryUnspecified)
		if err != nil {
			tb.Fatal(err)
		}
		_, err = file.Write(slices.Clone(data))
		if err = errors.Join(err, file.Close()); err != nil {
			tb.Fatal(err)
		}
	}
	return disk
}

// smallIndex returns the files of an index with rows in table files, and in
// the log too unless it was closed cleanly.
func smallIndex(tb testing.TB, clean bool) (map[string][]byte, string) {
	tb.Helper()
	disk := vfs.NewCrashableMem()
	options := smallOptions(disk)
	x := createIndex(tb, "/index", options)
	for i := range 40 {
		err := x.Commit(port.Txn{Durable: true, Changes: []port.Change{
			{Op: port.OpInsert, Row: testRow(i), Value: fmt.Append(nil, "value ", i)},
			{
				Op:  port.OpInsert,
				Row: port.RowKey{Table: port.TableSlotA, Key: fmt.Append(nil, i)},
			},
		}})
		if err != nil {
			tb.Fatal(err)
		}
		if i == 20 {
			if err := x.engine.db.Flush(); err != nil {
				tb.Fatal(err)
			}
		}
	}
	want, err := dump(x)
	if err != nil {
		tb.Fatal(err)
	}
	left := vfs.FS(disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))}))
	if err := x.Close(); err != nil {
		tb.Fatal(err)
	}
	if clean {
		left = disk
	}
	return files(tb, left, "/index"), want
}

// dump returns everything that can be asked of the small index, or the
// first error.
func dump(x *Index) (string, error) {
	var out strings.Builder
	rows, err := x.Verify(context.Background())
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&out, rows)
	for i := range 42 {
		values, err := x.Get([]port.RowKey{
			testRow(i), {Table: port.TableSlotA, Key: fmt.Append(nil, i)},
		})
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%d %q %v\n", i, values[0], values[1] != nil)
	}
	all, next, err := x.Scan(port.TableInodes, []byte("g"), nil, 1000)
	if err != nil || next != nil {
		return "", errors.Join(err, fmt.Errorf("next %x", next))
	}
	lines := make([]string, len(all))
	for i, r := range all {
		lines[i] = fmt.Sprintf("%q=%q", r.Key, r.Value)
	}
	slices.Sort(lines)
	fmt.Fprintln(&out, lines)
	return out.String(), nil
}

// readDamaged opens and reads an index, and returns the error that it gave.
func readDamaged(tb testing.TB, damaged map[string][]byte, keys Keys) (string, error) {
	tb.Helper()
	x, err := Open("/index", keys, smallOptions(diskOf(tb, damaged)))
	if err != nil {
		return "", err
	}
	got, err := dump(x)
	return got, errors.Join(err, x.Close())
}

// Whatever byte is flipped in whatever file: the index says so, or gives
// what it held before. In small files every byte, in large ones a sample.
func TestFlippedByte(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(fmt.Sprintf("Clean=%v", clean), func(t *testing.T) {
			whole, want := smallIndex(t, clean)
			checkSame(t, whole, want)
			names := slices.Sorted(maps.Keys(whole))
			for _, name := range names {
				flipFile(t, whole, name, want, clean)
			}
		})
	}
}

// flipsPerFile is how many bytes of a large file are tried.
const flipsPerFile = 80

func flipFile(t *testing.T, whole map[string][]byte, name, want string, clean bool) {
	data := whole[name]
	step := 1
	if len(data) > 2*flipsPerFile {
		step = len(data) / flipsPerFile
	}
	found, harmless := 0, 0
	for i := 0; i < len(data); i += step {
		flipped := slices.Clone(data)
		flipped[i] ^= 1 << (i % 8)
		damaged := maps.Clone(whole)
		damaged[name] = flipped
		got, err := readDamaged(t, damaged, testKeys)
		switch {
		case err != nil:
			found++
			if !errors.Is(err, port.ErrIndexCorrupt) && !errors.Is(err, port.ErrIndexNewer) &&
				!errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s, byte %d: %v, want ErrIndexCorrupt", name, i, err)
			}
		case got != want:
			t.Errorf("%s, byte %d: wrong contents without an error:\n%s\nwant\n%s",
				name, i, got, want)
		default:
			harmless++
		}
	}
	t.Logf("%-60s %6d bytes: %4d found, %4d harmless", name, len(data), found, harmless)
	if strings.HasSuffix(name, ".sst") && found == 0 {
		t.Errorf("%s: no flip was noticed", name)
	}
}

// A file that is missing, empty or cut short, likewise.
func TestTruncatedFile(t *testing.T) {
	for _, clean := range []bool{true, false} {
		whole, want := smallIndex(t, clean)
		for name, data := range whole {
			for _, size := range []int{-1, 0, 1, len(data) / 2, len(data) - 1} {
				if size >= len(data) {
					continue
				}
				damaged := maps.Clone(whole)
				delete(damaged, name)
				if size >= 0 {
					damaged[name] = data[:size]
				}
				got, err := readDamaged(t, damaged, testKeys)
				if err == nil && got != want {
					t.Errorf("clean %v, %s cut to %d of %d: wrong contents without an error",
						clean, name, size, len(data))
				}
			}
		}
	}
}

// A row that is moved, or comes from another generation, does not open.
func TestSwappedRows(t *testing.T) {
	disk := vfs.NewMem()
	x := createIndex(t, "/index", smallOptions(disk))
	defer func() {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}()
	mustInsert(t, x, 0, 2)
	at := func(i int) []byte {
		names, err := newNamer(&testKeys.Names)
		if err != nil {
			t.Fatal(err)
		}
		key := names.key(testRow(i))
		return key[:]
	}
	raw := func(i int) []byte {
		value, closer, err := x.engine.db.Get(at(i))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = closer.Close() }()
		return slices.Clone(value)
	}
	first := raw(0)
	check := func(what string, value []byte) {
		t.Helper()
		if err := x.engine.db.Set(at(1), value, nil); err != nil {
			t.Fatal(err)
		}
		_, getErr := x.Get([]port.RowKey{testRow(1)})
		_, _, scanErr := x.Scan(port.TableInodes, []byte("g"), nil, 10)
		_, verifyErr := x.Verify(t.Context())
		matchErr := x.Commit(port.Txn{Changes: []port.Change{
			{Op: port.OpMatch, Row: testRow(1), Value: []byte("x")},
		}})
		for _, err := range []error{getErr, scanErr, verifyErr, matchErr} {
			if !errors.Is(err, port.ErrIndexCorrupt) {
				t.Errorf("%s: %v, want ErrIndexCorrupt", what, err)
			}
		}
	}
	own := raw(1)
	check("another row's value", first)
	check("no value", nil)
	check("a short value", own[:10])
	if err := x.engine.db.Set(at(1), own, nil); err != nil {
		t.Fatal(err)
	}
	wantRows(t, x, 0, 2)
	if err := x.Purge(); err != nil {
		t.Fatal(err)
	}
	wantRows(t, x, 0, 2)
	check("its own value of an older generation", own)
}

func TestWrongKeys(t *testing.T) {
	whole, _ := smallIndex(t, true)
	for name, keys := range map[string]Keys{
		"Names":  {Names: messages.Secret{9}, Values: testKeys.Values},
		"Values": {Names: testKeys.Names, Values: messages.Secret{9}},
		"Both":   {Names: testKeys.Values, Values: testKeys.Names},
	} {
		_, err := readDamaged(t, whole, keys)
		if !errors.Is(err, port.ErrIndexCorrupt) || !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s: %v, want ErrWrongKey", name, err)
		}
	}
	for name, keys := range map[string]Keys{
		"Zero": {}, "NoValues": {Names: messages.Secret{1}},
		"Same": {Names: messages.Secret{1}, Values: messages.Secret{1}},
	} {
		if x, err := Create("/x", keys, smallOptions(vfs.NewMem())); err == nil {
			t.Errorf("%s: keys were accepted", name)
			_ = x.Close()
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	whole, _ := smallIndex(t, true)
	pointer := string(whole["/index/CURRENT"])
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"Newer":         {strings.Replace(pointer, " 1\n", " 2\n", 1), port.ErrIndexNewer},
		"MuchNewer":     {"noisefs-index 4000000000\nwhatever that means", port.ErrIndexNewer},
		"ZeroVersion":   {strings.Replace(pointer, " 1\n", " 0\n", 1), port.ErrIndexCorrupt},
		"LeadingZero":   {strings.Replace(pointer, " 1\n", " 01\n", 1), port.ErrIndexCorrupt},
		"NotAnIndex":    {"hello\n", port.ErrIndexCorrupt},
		"Empty":         {"", port.ErrIndexCorrupt},
		"Trailing":      {pointer + "x", port.ErrIndexCorrupt},
		"UpperCase":     {strings.ToUpper(pointer), port.ErrIndexCorrupt},
		"NoSuchDirFile": {pointer[:17] + strings.Repeat("ab", 16) + "\n", port.ErrIndexCorrupt},
	} {
		damaged := maps.Clone(whole)
		damaged["/index/CURRENT"] = []byte(tt.text)
		if _, err := readDamaged(t, damaged, testKeys); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	if _, err := Open("/nowhere", testKeys, smallOptions(vfs.NewMem())); !errors.Is(
		err, fs.ErrNotExist) {
		t.Errorf("no index: %v", err)
	}
	if _, err := Create("/index", testKeys, smallOptions(diskOf(t, whole))); !errors.Is(
		err, fs.ErrExist) {
		t.Errorf("create over an index: %v", err)
	}
	dir := t.TempDir()
	x := createIndex(t, dir, smallOptions(nil))
	if _, err := Open(dir, testKeys, smallOptions(nil)); !errors.Is(err, ErrLocked) {
		t.Errorf("open twice: %v", err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	bad := smallOptions(vfs.NewMem())
	bad.CacheBytes = -1
	if _, err := Open("/index", testKeys, bad); err == nil {
		t.Error("a negative cache was accepted")
	}
}

// readOnly is a file system mounted read-only.
type readOnly struct{ vfs.FS }

func (readOnly) Create(string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, syscall.EROFS
}

func (readOnly) OpenReadWrite(
	string, vfs.DiskWriteCategory, ...vfs.OpenOption,
) (vfs.File, error) {
	return nil, syscall.EROFS
}

func (readOnly) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, syscall.EROFS
}
func (readOnly) Lock(string) (io.Closer, error) { return nil, syscall.EROFS }
func (readOnly) Remove(string) error            { return syscall.EROFS }
func (readOnly) RemoveAll(string) error         { return syscall.EROFS }
func (readOnly) Rename(string, string) error    { return syscall.EROFS }
func (readOnly) Link(string, string) error      { return syscall.EROFS }

func (d readOnly) MkdirAll(dir string, _ fs.FileMode) error {
	if _, err := d.Stat(dir); err == nil {
		return nil
	}
	return syscall.EROFS
}

func TestReadOnlyDisk(t *testing.T) {
	for _, clean := range []bool{true, false} {
		whole, want := smallIndex(t, clean)
		disk := diskOf(t, whole)
		x := openIndex(t, "/index", smallOptions(readOnly{disk}))
		if got, err := dump(x); err != nil || got != want {
			t.Errorf("clean %v: reading: %v, same: %v", clean, err, got == want)
		}
		if err := insertRow(x, 100, true); !errors.Is(err, port.ErrDiskReadOnly) {
			t.Errorf("clean %v: writing: %v", clean, err)
		}
		if err := x.Purge(); !errors.Is(err, port.ErrDiskReadOnly) {
			t.Errorf("clean %v: purge: %v", clean, err)
		}
		if err := x.Close(); err != nil { // nothing was lost
			t.Errorf("clean %v: close: %v", clean, err)
		}
		if !sameFiles(files(t, disk, "/index"), whole) {
			t.Errorf("clean %v: reading changed files", clean)
		}
	}
	_, err := Create("/index", testKeys, smallOptions(readOnly{vfs.NewMem()}))
	if !errors.Is(err, port.ErrDiskReadOnly) {
		t.Errorf("create: %v", err)
	}
}

func checkSame(t *testing.T, whole map[string][]byte, want string) {
	t.Helper()
	if got, err := readDamaged(t, whole, testKeys); err != nil || got != want {
		t.Fatalf("undamaged: %v, same: %v", err, got == want)
	}
}

func sameFiles(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			return false
		}
	}
	return true
}

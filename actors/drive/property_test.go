package drive_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
)

// machine runs random commands against a node and the model.
type machine struct {
	*house
	rt    *rapid.T
	model *model

	links []knownLink
	next  byte // of the bytes of the next file

	collecting bool // a collection runs alongside
}

// knownLink is a link, and what it opens.
type knownLink struct {
	link  messages.Link
	item  *item
	kept  bool
	alone bool // stored without a path
}

var pathNames = []string{"a", "b", "c", "dd", "e", "ff", "g", "hhhhhhhhhhhhhhhh"}

// path draws a path: mostly one that is there, or could be.
func (m *machine) path(label string) string {
	if rapid.IntRange(0, 3).Draw(m.rt, label+" new") > 0 {
		all := m.model.root.paths("/")
		path := rapid.SampledFrom(all).Draw(m.rt, label)
		if rapid.Bool().Draw(m.rt, label+" below") {
			path += rapid.SampledFrom(pathNames).Draw(m.rt, label+" name") + "/"
		}
		return path
	}
	depth := rapid.IntRange(0, 3).Draw(m.rt, label+" depth")
	var b strings.Builder
	for range depth {
		b.WriteString("/" + rapid.SampledFrom(pathNames).Draw(m.rt, label))
	}
	return b.String() + "/"
}

func (m *machine) bytes(label string) []byte {
	size := rapid.SampledFrom([]int{0, 1, 64, 65, 200, 512, 513, 1024, 1025, 3000, 9000}).
		Draw(m.rt, label)
	m.next++
	data := bytes.Repeat([]byte{m.next}, size)
	if m.next%2 == 0 { // so that some do not compress
		for i := range data {
			data[i] = byte(uint32(i) * 2654435761 >> 13 * uint32(m.next))
		}
	}
	return data
}

// agree compares the drive's answer with the model's.
func (m *machine) agree(what string, err *messages.Error, code messages.Code) {
	var got messages.Code
	if err != nil {
		got = err.Code
	}
	if got != code {
		m.rt.Fatalf("%s: the drive says %v (%v), the model %v", what, got, err, code)
	}
}

func (m *machine) mkdir(rt *rapid.T) {
	path, parents := m.path("path"), rapid.Bool().Draw(rt, "parents")
	before := m.model.root.clone()
	code := m.model.mkdir(path, parents)
	if code != 0 {
		m.model.root = before
	}
	_, err := m.result(mkdir(path, parents))
	m.agree("mkdir "+path, err, code)
}

func (m *machine) putFile(rt *rapid.T) {
	data := m.bytes("size")
	name := rapid.SampledFrom([]string{"", "x", "yy"}).Draw(rt, "name")
	i := &item{kind: messages.TypeFile, data: data, mode: attributes(name).Mode}
	if rapid.IntRange(0, 4).Draw(rt, "alone") == 0 {
		link, err := m.put(data, name, messages.Place{})
		m.agree("put", err, 0)
		m.learn(link, i, "")
		return
	}
	place := messages.Place{Path: m.path("path"), Replace: rapid.Bool().Draw(rt, "replace")}
	if place.Path == "/" {
		place.Path = "/a"
	}
	code := m.model.place(place.Path, i, place.Replace)
	_, err := m.put(data, name, place)
	m.agree("put "+place.Path, err, code)
}

func (m *machine) rename(rt *rapid.T) {
	from, to := m.path("from"), m.path("to")
	replace := rapid.Bool().Draw(rt, "replace")
	code := m.model.rename(from, to, replace)
	_, err := m.result(rename(from, to, replace))
	m.agree("rename "+from+" "+to, err, code)
}

func (m *machine) remove(rt *rapid.T) {
	path, recursive := m.path("path"), rapid.Bool().Draw(rt, "recursive")
	code := m.model.remove(path, recursive)
	_, err := m.result(remove(path, recursive))
	m.agree("remove "+path, err, code)
}

// learn notes a link that is kept now.
func (m *machine) learn(link messages.Link, i *item, path string) {
	for n := range m.links {
		if m.links[n].link == link {
			m.links[n].kept = true
			m.links[n].alone = m.links[n].alone || path == ""
			return
		}
	}
	m.links = append(m.links, knownLink{link, i.clone(), true, path == ""})
}

func (m *machine) share(*rapid.T) {
	path := m.path("path")
	at, code := m.model.find(splitNames(path))
	if code == 0 && at.kind == messages.TypeSymlink {
		code = messages.CodeInvalid
	}
	reply, err := m.result(share(path))
	m.agree("share "+path, err, code)
	if err == nil {
		m.learn(reply.(messages.Shared).Link, at, path)
	}
}

func (m *machine) importOne(rt *rapid.T) {
	known, ok := m.keptLink(rt)
	if !ok {
		return
	}
	path := m.path("path")
	code := m.model.place(path, known.item.clone(), false)
	_, err := m.result(importLink(known.link, path))
	m.agree("import "+path, err, code)
}

func (m *machine) unshareOne(rt *rapid.T) {
	if len(m.links) == 0 {
		return
	}
	known := &m.links[rapid.IntRange(0, len(m.links)-1).Draw(rt, "link")]
	code := messages.CodeNotFound
	if known.kept {
		code = 0
	}
	_, err := m.result(unshare(known.link))
	m.agree("unshare", err, code)
	known.kept, known.alone = false, false
}

// keptLink draws a link whose blocks are there for certain.
func (m *machine) keptLink(rt *rapid.T) (knownLink, bool) {
	var all []knownLink
	for _, known := range m.links {
		if known.kept {
			all = append(all, known)
		}
	}
	if len(all) == 0 {
		return knownLink{}, false
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(rt, "link")], true
}

// putTree stores a tree at a path or alone.
func (m *machine) putTree(rt *rapid.T) {
	root := m.tree(rt, 3)
	path := ""
	if rapid.IntRange(0, 3).Draw(rt, "placed") > 0 {
		path = m.path("path")
	}
	b := m.openTree()
	collecting := rapid.IntRange(0, 4).Draw(rt, "collecting") == 0
	b.directory(m.house, root, func() {
		if collecting && !m.collecting && rapid.IntRange(0, 9).Draw(rt, "now") == 0 {
			m.client.Must(store.Role, func(c messages.Call) messages.Command {
				return messages.Collect{Call: c}
			})
		}
	})
	var code messages.Code
	if path != "" {
		code = m.model.place(path, root.clone(), false)
	}
	link, err := b.finish(m.house, "tree", root.mode, messages.Place{Path: path})
	m.agree("put -r "+path, err, code)
	if err == nil && path == "" {
		m.learn(link, root, "")
	}
}

// tree draws a tree.
func (m *machine) tree(rt *rapid.T, depth int) *item {
	dir := newDirectory(uint32(rapid.IntRange(0, 0o7777).Draw(rt, "mode")))
	for range rapid.IntRange(0, 6).Draw(rt, "entries") {
		name := rapid.SampledFrom(pathNames).Draw(rt, "name")
		switch kind := rapid.IntRange(0, 5).Draw(rt, "kind"); {
		case kind == 0 && depth > 0, kind == 1 && depth > 0:
			dir.entries[name] = m.tree(rt, depth-1)
		case kind == 2:
			dir.entries[name] = &item{kind: messages.TypeSymlink, target: "to/" + name, mode: 0o777}
		default:
			dir.entries[name] = &item{kind: messages.TypeFile, data: m.bytes("size"), mode: 0o644}
		}
	}
	return dir
}

func (m *machine) powerCut(*rapid.T) { m.crash() }

func (m *machine) panicDrive(rt *rapid.T) {
	m.world.PanicAt("drive", rapid.IntRange(1, 3).Draw(rt, "n"))
	m.result(stat("/"))
	m.result(stat("/"))
	m.result(stat("/"))
}

// collect frees what nothing needs: all checks after it prove that nothing
// else went, and a second run that nothing was left.
func (m *machine) collect(*rapid.T) {
	// Until a tuple is committed its blocks are kept: let that come through.
	if err := m.world.Run(time.Second); err != nil {
		m.rt.Fatalf("%v", err)
	}
	m.client.Must(store.Role, func(c messages.Call) messages.Command {
		return messages.Collect{Call: c}
	})
	again := m.client.Must(store.Role, func(c messages.Call) messages.Command {
		return messages.Collect{Call: c, DryRun: true}
	}).(messages.Collected)
	if again.FreedBlocks != 0 {
		m.rt.Fatalf("a second collection would free %d blocks", again.FreedBlocks)
	}
}

// collectAlongside lets names change while a collection runs.
func (m *machine) collectAlongside(rt *rapid.T) {
	m.collecting = true
	defer func() { m.collecting = false }()
	running := m.client.Start(store.Role, func(c messages.Call) messages.Command {
		return messages.Collect{Call: c}
	})
	changes := []func(*rapid.T){
		m.mkdir, m.rename, m.rename, m.remove, m.share, m.importOne, m.putFile, m.putTree,
		m.changeFile,
	}
	for range rapid.IntRange(1, 6).Draw(rt, "changes") {
		rapid.SampledFrom(changes).Draw(rt, "change")(rt)
	}
	if failed, ok := running.Wait().(messages.Failed); ok {
		rt.Fatalf("a collection among changes failed: %v", failed.Err)
	}
}

// checkNames compares names, types, sizes and modes with the model.
func (m *machine) checkNames(*rapid.T) {
	m.compare(messages.Target{Path: "/"}, m.model.root, false)
}

// checkAll compares all bytes too, and reads every kept link.
func (m *machine) checkAll(rt *rapid.T) {
	m.compare(messages.Target{Path: "/"}, m.model.root, true)
	var kept []messages.Link
	for _, known := range m.links {
		if known.kept {
			link := known.link
			m.compare(messages.Target{Link: &link}, known.item, true)
			kept = append(kept, link)
		}
	}
	m.checkShares(kept)
	files, size := m.model.root.count()
	for _, known := range m.links {
		if known.alone {
			f, s := known.item.count()
			files, size = files+f, size+s
		}
	}
	_ = rt
	walked := m.walk(messages.BeginWalk{})
	if walked.files > files || len(walked.broken) > 0 {
		m.rt.Fatalf("a walk saw %d files of %d, broken: %v", walked.files, files, walked.broken)
	}
}

func (m *machine) checkShares(want []messages.Link) {
	var got []messages.Link
	var after []byte
	for {
		listed := m.must(func(c messages.Call) messages.Command {
			return messages.ListShares{Call: c, After: after, Limit: 2}
		}).(messages.SharesListed)
		for _, s := range listed.Shares {
			got = append(got, s.Link)
		}
		if after = listed.Next; after == nil {
			break
		}
	}
	compareLinks := func(a, b messages.Link) int { return a.Root.D.Compare(b.Root.D) }
	slices.SortFunc(got, compareLinks)
	slices.SortFunc(want, compareLinks)
	if !slices.Equal(got, want) {
		m.rt.Fatalf("%d links are listed, want %d", len(got), len(want))
	}
}

func (m *machine) compare(target messages.Target, want *item, content bool) {
	statted := m.must(statTarget(target)).(messages.Statted)
	info := statted.Info
	_, size := want.count()
	if want.kind == messages.TypeFile && info.Size != size {
		m.rt.Fatalf("%s has %d bytes, want %d", target.Path, info.Size, size)
	}
	if info.Type != want.kind || info.Mode != want.mode || info.Target != want.target {
		m.rt.Fatalf("%s is a %s of mode %o, want a %s of %o", target.Path,
			info.Type, info.Mode, want.kind, want.mode)
	}
	if want.kind == messages.TypeFile && content {
		if got := m.read(statted.Content); !bytes.Equal(got, want.data) {
			m.rt.Fatalf("%s has other bytes", target.Path)
		}
	}
	if !want.isDir() {
		return
	}
	var got []string
	for _, info := range m.names(target, 3) {
		got = append(got, info.Name)
		if entry := want.entries[info.Name]; entry == nil || entry.kind != info.Type ||
			entry.mode != info.Mode || entry.kind == messages.TypeFile &&
			info.Size != uint64(len(entry.data)) {
			m.rt.Fatalf("%s lists an entry wrongly: %s", target.Path, info.Name)
		}
	}
	if !slices.Equal(got, want.names()) {
		m.rt.Fatalf("%s lists %q, want %q", target.Path, got, want.names())
	}
	for _, name := range want.names() {
		below := target
		below.Path = strings.TrimSuffix(target.Path, "/") + "/" + name
		m.compare(below, want.entries[name], content)
	}
}

// TestNamespaceIsAsTheModel runs random commands with restarts and power
// cuts in between.
func TestNamespaceIsAsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSettings(rapid.Uint64().Draw(rt, "seed"))
		s.panics = true
		s.drive.WindowMax = rapid.IntRange(1, 8).Draw(rt, "window")
		s.drive.RowsMax = rapid.IntRange(1, 40).Draw(rt, "rows")
		s.drive.ScanRows = rapid.IntRange(1, 8).Draw(rt, "scan")
		s.drive.WalkReadsMax = rapid.IntRange(1, 3).Draw(rt, "reads")
		s.drive.DecodedNodesMax = rapid.IntRange(1, 8).Draw(rt, "nodes")
		m := &machine{house: newHouse(rt, s), rt: rt, model: newModel()}
		rt.Repeat(map[string]func(*rapid.T){
			"mkdir": m.mkdir, "putFile": m.putFile, "putTree": m.putTree,
			"changeFile": m.changeFile,
			"rename":     m.rename, "rename2": m.rename, "remove": m.remove,
			"share": m.share, "import": m.importOne, "unshare": m.unshareOne,
			"powerCut": m.powerCut, "panic": m.panicDrive, "collect": m.collect,
			"collectAlongside": m.collectAlongside, "collectAlongside2": m.collectAlongside,
			"checkAll": m.checkAll,
			"":         m.checkNames,
		})
		m.checkAll(rt)
		if panics := m.world.Panics(); len(panics) > 0 {
			rt.Fatalf("%s panicked on %s: %v\n%s", panics[0].Actor, panics[0].Message,
				panics[0].Value, fmt.Sprint(panics[0].At))
		}
		m.stop()
	})
}

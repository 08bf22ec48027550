package node

import (
	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/runtime/tree"
)

// The roles that clients ask.
const (
	roleStore      = store.Role
	roleCache      = cache.Role
	roleReader     = reader.Role
	roleRandomizer = randomizer.Role
	roleSplitter   = splitter.Role
	roleDrive      = drive.Role
)

// Spec declares the supervision tree of a node. Children start in this
// order and stop in reverse.
func Spec(c Config) tree.Spec {
	spec := tree.Spec{Children: []tree.ChildSpec{storeSpec(c)}}
	if c.Network != nil {
		spec.Children = append(spec.Children, c.Network.choosing(c)...)
	}
	spec.Children = append(spec.Children, cacheSpec(c))
	spec.Children = append(spec.Children, filesSpecs(c)...)
	if c.Network != nil {
		spec.Children = append(spec.Children, c.Network.spreading(c)...)
	}
	return spec
}

func storeSpec(c Config) tree.ChildSpec {
	spec := tree.ChildSpec{
		Role: roleStore, Doc: "the node's own blocks: what is kept and why; quota, collector, verify",
		New:        store.New(c.Store, c.Params),
		NeedsLater: []string{roleCache, roleReader, roleRandomizer, roleSplitter, roleDrive},
	}
	if c.Network != nil {
		spec.NeedsLater = append(spec.NeedsLater, rolePopularity, roleReplication)
	}
	return spec
}

func cacheSpec(c Config) tree.ChildSpec {
	spec := tree.ChildSpec{
		Role: roleCache, Doc: "blocks from memory, else from the store; single flight",
		New: cache.New(c.Cache, c.Params), Needs: []string{roleStore},
	}
	if c.Network != nil {
		spec.Doc = "blocks from memory, else from the store, else from the network; single flight"
		spec.Needs = append(spec.Needs, roleFetcher)
	}
	return spec
}

// filesSpecs are the actors that know of files.
func filesSpecs(c Config) []tree.ChildSpec {
	return []tree.ChildSpec{
		{
			Role: roleReader, Doc: "block refs and ranges to bytes; read-ahead",
			New: reader.New(c.Reader, c.Params), Needs: []string{roleCache},
		},
		{
			Role: roleRandomizer, Doc: "chooses A and B; owns the pool and its rules",
			New: randomizer.New(c.Randomizer, c.Params),
		},
		{
			Role: roleSplitter, Doc: "bytes to chunks to tuples, behind one window",
			New:   splitter.New(c.Splitter, c.Params),
			Needs: []string{roleStore, roleCache, roleRandomizer},
		},
		{
			Role: roleDrive, Doc: "names, trees and packs; the one writer of the namespace",
			New:   drive.New(c.Drive, c.Params),
			Needs: []string{roleReader, roleSplitter},
		},
	}
}

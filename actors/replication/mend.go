package replication

import "github.com/noisefs/noisefs/messages"

// mend has a block read whose stored bytes are damaged: whoever reads it finds
// right ones elsewhere and has the store write them anew. Meanwhile this node
// goes on saying that it holds it. Beyond MendsMax a block waits until it is
// found damaged once more.
func (c *core) mend(w *watch) {
	if w.mending || w.dropping || c.mends >= c.cfg.MendsMax {
		return
	}
	w.mending = true
	c.mends++
	c.out.mends = append(c.out.mends, w)
}

// rottenReplicas takes in that blocks could not be served.
func (c *core) rottenReplicas(cids []messages.CID) {
	for _, cid := range cids {
		if w := c.watched[cid]; w != nil && w.replica {
			c.mend(w)
		}
	}
}

// mended takes in that a damaged block was had anew, or why not. As long as
// this node says that it holds a block that nobody can read, nobody brings it
// anew: so a replica that is not to be had is given up.
func (c *core) mended(w *watch, err *messages.Error) {
	w.mending = false
	c.mends--
	switch {
	case err == nil:
		c.count.mended++
	case err.Code == messages.CodeUnavailable, err.Code == messages.CodeCorrupt:
		if c.watched[w.cid] == w && w.replica && !w.dropping && w.promising == 0 {
			w.dropping = true
			c.out.drops = append(c.out.drops, w)
		}
	}
}

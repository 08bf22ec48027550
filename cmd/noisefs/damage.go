package main

import "github.com/spf13/cobra"

// damageHelp says what is lost with each part of a repository. That what it
// says of a lost index works is tested in runtime/repo.
const damageHelp = `When a disk fails, or files of a repository are deleted, this is what is lost,
and what is not. Stop the daemon, and copy the repository's folder (~/.noisefs)
before you try anything.

Some blocks are damaged ('noisefs repo verify' says which)
  Lost: the files that need them, if no other node holds these blocks.
  Not lost: all others. Damage is never returned as data: 'noisefs get' names the
  block and fails with 6.
  To do: when the node is one of many, start 'noisefs daemon' and get the file
  again: what others hold is fetched from them. Else put the file again from where
  it came from, 'noisefs rm' the damaged one, and 'noisefs repo gc'. Then run
  'noisefs repo verify' again.

The index is damaged or gone (the folder "index")
  Lost: the names in the drive, the list of what was shared, and which blocks have
  served as randomizers. It cannot be made again from the blocks, since nothing in
  them tells what they are.
  Not lost: the blocks. A link opens what it names as long as its blocks are
  anywhere, so links that you gave away, or kept in a file, still work; other nodes
  serve the blocks that they hold to whoever has such a link.
  To do: put back a copy of the whole folder from a backup, if there is one. Else
  make a new repository, give it the old blocks, and import the links that are left
  into it before anything else:

      mv ~/.noisefs ~/.noisefs.old
      noisefs init
      rm -r ~/.noisefs/blocks && cp -a ~/.noisefs.old/blocks ~/.noisefs/
      noisefs import @LINKFILE /old

  Blocks that nothing imported needs are freed by the next 'noisefs repo gc'.

The vault is damaged or gone ("vault.json")
  Lost: everything in this repository, unless there is a copy of that file: the key
  of the index is in there. For the blocks, and for links, the same holds as above.

Before that happens: 'noisefs share /' prints a link to the whole drive as it is.
Kept in a file elsewhere, it brings everything back, as long as the blocks are
here or on other nodes; who has it can read everything.
`

func newDamageCommand() *cobra.Command {
	return &cobra.Command{
		Use: "damage", Short: "What is lost when a repository is damaged, and what to do", Long: damageHelp,
	}
}

package cache

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// Role is the cache's name among its siblings.
const Role = "cache"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("cache: bad configuration")

// Config bounds the cache.
type Config struct {
	// MemoryBytes bounds the block bytes kept in memory; 0 keeps none. It is
	// rounded down to whole blocks. Raising it costs that much memory and
	// saves reads of randomizers that many files share.
	MemoryBytes int64

	// LoadsMax bounds the blocks being loaded from the store, or fetched, at
	// one time, [messages.LoadMax] or more. Each holds a block of memory until
	// it is handed on. Blocks that nobody has are given up late: with Network
	// it should be several times what a person reads at a time.
	LoadsMax int

	// AsksMax bounds the asks that wait; one more is CodeOverload.
	AsksMax int

	// Network has blocks that are not stored here fetched from other nodes.
	Network bool

	// KeepFetched offers what was fetched to the store, as the cache's tier on
	// disk. It needs Network.
	KeepFetched bool
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	switch {
	case c.MemoryBytes < 0:
		return fmt.Errorf("%w: MemoryBytes is %d, want 0 or more", ErrConfig, c.MemoryBytes)
	case c.LoadsMax < messages.LoadMax:
		return fmt.Errorf("%w: LoadsMax is %d, want %d or more",
			ErrConfig, c.LoadsMax, messages.LoadMax)
	case c.AsksMax < 1:
		return fmt.Errorf("%w: AsksMax is %d, want 1 or more", ErrConfig, c.AsksMax)
	case c.KeepFetched && !c.Network:
		return fmt.Errorf("%w: KeepFetched without Network", ErrConfig)
	}
	return nil
}

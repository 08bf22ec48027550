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

	// LoadsMax bounds the blocks being loaded from the store at one time,
	// [messages.LoadMax] or more. Each holds a block of memory until it is
	// handed on.
	LoadsMax int

	// AsksMax bounds the asks that wait; one more is CodeOverload.
	AsksMax int
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
	}
	return nil
}

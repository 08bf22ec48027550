package config

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// kind is how the text of a setting is read.
type kind int

const (
	kindBytes    kind = iota + 1 // *int64; 64MiB, 50GB, 4096
	kindRate                     // *int64 per second; 10MB/s
	kindCount                    // *int
	kindDuration                 // *time.Duration; 10s
	kindShare                    // *float64, 0..1; 0.5 or 50%
	kindChoice                   // *string; one of choices
	kindText                     // *string
)

// field declares one setting: all that the program and its documentation
// know about it.
type field struct {
	key      string // group.name, as in TOML
	flag     string // command-line flag, without dashes; empty: made of key
	kind     kind
	unit     string   // what a plain number counts
	fallback string   // the default, as text
	low      string   // least and most allowed, as text; of numbers only
	high     string   //
	lowSince string   // why it cannot be less than low, where that is no matter of taste
	zero     string   // what 0 or empty means; then it is allowed below low
	choices  []string // of kindChoice
	valid    func(string) error
	does     string
	costs    string // what raising or changing it costs
	place    func(*Config) any
}

// textSizeMax bounds a setting's text in bytes.
const textSizeMax = 4096

// split returns the TOML table and the name in it.
func (f *field) split() (group, name string) {
	group, name, _ = strings.Cut(f.key, ".")
	return group, name
}

// env returns the environment variable of the setting.
func (f *field) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(f.key, ".", "_"))
}

// flagName returns the command-line flag, without dashes.
func (f *field) flagName() string {
	if f.flag != "" {
		return f.flag
	}
	return strings.NewReplacer(".", "-", "_", "-").Replace(f.key)
}

// number reads the text of a number of any kind but share, in its unit.
func (f *field) number(text string) (int64, error) {
	switch f.kind {
	case kindBytes:
		return ParseSize(text)
	case kindRate:
		return ParseRate(text)
	case kindDuration:
		d, err := ParseDuration(text)
		return int64(d), err
	default:
		n, err := parseCount(text)
		return int64(n), err
	}
}

// check reports whether the setting may have this text. Errors wrap
// [ErrValue] and tell the value and what is allowed.
func (f *field) check(text string) error {
	switch f.kind {
	case kindChoice:
		if !slices.Contains(f.choices, text) {
			hint := suggest(text, f.choices)
			return fmt.Errorf("%w: %s is not allowed%s (allowed: %s)",
				ErrValue, quote(text), hint, f.allowed())
		}
		return nil
	case kindText:
		return f.checkText(text)
	case kindShare:
		return f.checkShare(text)
	}
	n, err := f.number(text)
	if err != nil {
		return fmt.Errorf("%w (allowed: %s)", err, f.allowed())
	}
	if n == 0 && f.zero != "" {
		return nil
	}
	low, high := f.bounds()
	switch {
	case n < low && f.lowSince != "":
		return fmt.Errorf("%w: %s is out of bounds (allowed: %s): %s",
			ErrValue, quote(text), f.allowed(), f.lowSince)
	case n < low || n > high:
		return fmt.Errorf("%w: %s is out of bounds (allowed: %s)",
			ErrValue, quote(text), f.allowed())
	}
	return nil
}

// bounds returns low and high as numbers. Every declaration is tried by a
// test, so an error here is a lost invariant.
func (f *field) bounds() (low, high int64) {
	low, err := f.number(f.low)
	if err != nil {
		panic("config: lower bound of " + f.key + ": " + err.Error())
	}
	high, err = f.number(f.high)
	if err != nil {
		panic("config: upper bound of " + f.key + ": " + err.Error())
	}
	return low, high
}

func (f *field) checkShare(text string) error {
	value, err := ParseShare(text)
	if err != nil {
		return fmt.Errorf("%w (allowed: %s)", err, f.allowed())
	}
	low, lowErr := ParseShare(f.low)
	high, highErr := ParseShare(f.high)
	if lowErr != nil || highErr != nil {
		panic("config: bounds of " + f.key)
	}
	if value < low || value > high {
		return fmt.Errorf("%w: %s is out of bounds (allowed: %s)",
			ErrValue, quote(text), f.allowed())
	}
	return nil
}

func (f *field) checkText(text string) error {
	if len(text) > textSizeMax || !utf8.ValidString(text) ||
		strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%w: not plain text of at most %d bytes", ErrValue, textSizeMax)
	}
	if text == "" || f.valid == nil {
		return nil
	}
	return f.valid(text)
}

// set checks text and writes it into c.
func (f *field) set(c *Config, text string) error {
	if err := f.check(text); err != nil {
		return err
	}
	switch place := f.place(c).(type) {
	case *string:
		*place = text
		return nil
	case *float64:
		value, err := ParseShare(text)
		*place = value
		return err
	case *int:
		n, err := parseCount(text)
		*place = n
		return err
	case *int64:
		n, err := f.number(text)
		*place = n
		return err
	case *time.Duration:
		d, err := ParseDuration(text)
		*place = d
		return err
	}
	panic("config: " + f.key + " has a type of no kind")
}

// text returns the value in c as text that set reads back exactly.
func (f *field) text(c *Config) string {
	switch place := f.place(c).(type) {
	case *string:
		return *place
	case *float64:
		return formatShare(*place)
	case *int:
		return formatCount(*place)
	case *time.Duration:
		return FormatDuration(*place)
	case *int64:
		if f.kind == kindRate {
			return FormatRate(*place)
		}
		return FormatSize(*place)
	}
	panic("config: " + f.key + " has a type of no kind")
}

// allowed says in words what the setting may be.
func (f *field) allowed() string {
	switch f.kind {
	case kindChoice:
		return strings.Join(f.choices, ", ")
	case kindText:
		return f.zero
	}
	bounds := f.low + " to " + f.high
	if f.zero != "" {
		bounds += ", or 0: " + f.zero
	}
	return bounds
}

// quote shows a value that may be long or strange.
func quote(text string) string {
	const shownMax = 60
	if len(text) > shownMax {
		return strconv.QuoteToASCII(text[:shownMax]) + "..."
	}
	return strconv.QuoteToASCII(text)
}

// socketPathMax is the longest path of a unix socket that every system
// takes: sun_path has 104 bytes on BSD and macOS, 108 on Linux, one of them
// for the final NUL.
const socketPathMax = 103

func validSocket(path string) error {
	if len(path) > socketPathMax {
		return fmt.Errorf("%w: a socket's path has at most %d bytes, this one has %d",
			ErrValue, socketPathMax, len(path))
	}
	return nil
}

func validListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%w: %s is not host:port, such as 127.0.0.1:9100",
			ErrValue, quote(address))
	}
	return nil
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/format"
)

const jsonHelp = `With --json a command prints its result as one JSON document, or, where there may
be many results, as one JSON value a line.

A name, path or target of a symlink is a string when its bytes are UTF-8. Other
bytes, which JSON cannot write, are an object with their base64 (RFC 4648, with
padding), so that none is lost and no two names look alike:

  {"name": "report.pdf", ...}
  {"name": {"base64": "bm90IHV0Zi04IP8="}, ...}

Sizes are in bytes, modes are octal as in "0644", and times are RFC 3339.
`

// printJSON prints one JSON document.
func printJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// printJSONLine prints one JSON value on a line of its own.
func printJSONLine(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// bytesText writes a size for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}

// entryJSON is an entry as --json shows it.
type entryJSON struct {
	Name    api.Text  `json:"name"`
	Type    string    `json:"type"`
	Size    uint64    `json:"size"`
	Mode    string    `json:"mode"`
	ModTime time.Time `json:"modTime"`
	Target  api.Text  `json:"target,omitempty"`
}

func toEntryJSON(name string, info messages.Info) entryJSON {
	return entryJSON{
		Name: api.Text(name), Type: info.Type.String(), Size: info.Size,
		Mode: fmt.Sprintf("%04o", info.Mode), ModTime: info.ModTime,
		Target: api.Text(info.Target),
	}
}

// modeText writes a mode as ls -l does.
func modeText(t messages.FileType, mode uint32) string {
	text := []byte("-rwxrwxrwx")
	switch t {
	case messages.TypeDirectory:
		text[0] = 'd'
	case messages.TypeSymlink:
		text[0] = 'l'
	}
	for i := range 9 {
		if mode&(1<<(8-i)) == 0 {
			text[1+i] = '-'
		}
	}
	special := func(bit uint32, at int, on, off byte) {
		if mode&bit == 0 {
			return
		}
		if text[at] == 'x' {
			text[at] = on
		} else {
			text[at] = off
		}
	}
	special(0o4000, 3, 's', 'S')
	special(0o2000, 6, 's', 'S')
	special(0o1000, 9, 't', 'T')
	return string(text)
}

// quoteName makes a name safe to show on one line of a terminal: names may
// hold any byte but / and NUL, also those that a terminal obeys.
func quoteName(name string) string {
	for _, r := range name {
		if !strconv.IsPrint(r) || r == utf8.RuneError {
			return strconv.Quote(name)
		}
	}
	return name
}

// harmless writes out what a terminal would obey, but for ends of lines. The
// system's errors quote names as they are, and names may come with a link.
func harmless(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// linkText writes a link out. Only results on stdout carry one.
func linkText(link messages.Link) (string, error) {
	text, err := format.FormatLink(link)
	if err != nil {
		return "", fmt.Errorf("write link: %w", err)
	}
	return text, nil
}
